"""Copy something of what is shown into the clipboard, through the terminal (OSC 52)."""

from __future__ import annotations

from engine.text import printable
from tui.screens.actions.target import Board
from tui.screens.dialogs import Choice, Dialog


class CopyActions:
    """Copies the row that is meant, or the list that it is in."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def action_copy(self) -> None:
        """Ask what to copy, and copy it."""
        from tui.report.latex_and_csv_syntax import FORMATS
        from tui.views.run_list_as_table import cells_of, headings_of
        from tui.views.shell_commands import at_command

        board, row = self._board, self._board.row
        if row is None:
            board.refuse("Nothing to copy", "There is nothing under the cursor.")
            return
        runs = board.run_list
        table, head = cells_of(runs.rows, runs.visible_columns), headings_of(runs.visible_columns)
        cells = cells_of([row], runs.visible_columns)[0]
        texts = {"the row": printable("  ".join(cell for cell in cells if cell))}
        if row.run is not None:
            folder = board.project.folder / board.project.runs / row.run
            texts["the path of the run's folder"] = str(folder.absolute())
        texts |= {what: printable(command) for what, command in self._commands().items()}
        if board.snapshot.past is not None:
            texts["the command that shows this moment"] = at_command(
                board.snapshot.past.moment, board.project
            )
        texts |= {f"the list as {name}": write(head, table) for name, write in FORMATS.items()}
        keys = {"the row": "r", "the path of the run's folder": "p", "the command that repeats it": "c",
                "the command that goes on with it": "g", "the command that shows this moment": "t",
                "the list as Markdown": "m", "the list as LaTeX": "l",
                "the list as CSV": "v"}  # fmt: skip
        choices = [Choice(keys[what], what, what) for what in texts]

        def chosen(what: str | None) -> None:
            if what is not None:
                board.terminal.copy_to_clipboard(texts[what])
                board.say(f"Copied {what}.", 3)

        board.ask(Dialog("Copy", "Into the terminal's clipboard:", choices), chosen)

    def _commands(self) -> dict[str, str]:
        from tui.views.shell_commands import repeat_command, resume_command

        board = self._board
        row, status, config = board.row, board.focused_run, board.snapshot.config
        if row is None:
            return {}
        experiment = config.experiments.get(row.experiment) if config is not None else None
        made = board.snapshot.configs.get(row.run or "", {})
        seed = status.seed if status is not None else None
        repeat = repeat_command(row.experiment, experiment, made, seed, board.project)
        commands = {"the command that repeats it": repeat}
        if status is not None and (resume := resume_command(status, board.project)) is not None:
            commands["the command that goes on with it"] = resume
        return commands
