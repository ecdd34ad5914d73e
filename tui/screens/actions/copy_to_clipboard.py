"""Copy something of what is shown into the clipboard, through the terminal (OSC 52)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from engine.errors import UserError
from engine.text import printable
from tui.screens.actions.screen_protocol import Board
from tui.screens.dialogs import Choice, Dialog
from tui.state.messages import Failed, Succeeded

MOMENT = "the command that shows this moment"
LIST_MARKDOWN, LIST_CSV = "the list as Markdown", "the list as CSV"
RESULTS: Mapping[str, Literal["md", "latex"]] = {
    "the results as LaTeX, for a paper": "latex",
    "the results as Markdown": "md",
}
"""What is made of the runs' files, with intervals and footnotes, as `vitui export --table` has it."""
KEYS = {
    "the row": "r", "the path of the run's folder": "p", "the command that repeats it": "c",
    "the command that goes on with it": "g", MOMENT: "a", **dict(zip(RESULTS, "lm", strict=True)),
    LIST_MARKDOWN: "t", LIST_CSV: "v",
}  # fmt: skip


class CopyActions:
    """Copies the row that is meant, or the list that it is in."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def action_copy(self) -> None:
        """Ask what to copy, and copy it."""
        from engine.text import markdown_table
        from tui.report.latex_and_csv_syntax import as_csv
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
        past = board.snapshot.past
        if past is not None:
            texts[MOMENT] = at_command(past.moment, board.project)
        texts |= {LIST_MARKDOWN: markdown_table(head, table), LIST_CSV: as_csv(head, table)}
        made = RESULTS if past is None else {}  # of the files as they are now
        choices = [Choice(key, what, what) for what, key in KEYS.items() if what in texts or what in made]

        def chosen(what: str | None) -> None:
            if what is None:
                return
            if what in RESULTS:
                self._copy_results(what)
            else:
                board.terminal.copy_to_clipboard(texts[what])
                board.say(f"Copied {what}.", 3)

        board.ask(Dialog("Copy", "Into the terminal's clipboard:", choices), chosen)

    def _copy_results(self, what: str) -> None:
        """Copy the table of results of what is overlaid, else of what is listed; it is made in a thread."""
        board, config = self._board, self._board.snapshot.config
        title = "It cannot be copied"
        if config is None:
            board.refuse(title, "experiments.toml cannot be read.")
            return
        listed = [row.experiment for row in board.run_list.rows if row.experiment]
        runs = board.snapshot.by_id
        overlaid = {
            runs[name].experiment for name in board.run_list.overlaid & board.visible_runs if name in runs
        }
        names = [name for name in listed if name in overlaid] or listed
        board.say("Making the table …", 2)

        def work() -> None:
            from tui.report.export_tables import results_text

            try:
                text = results_text(config, board.store, names, RESULTS[what])
            except (UserError, OSError) as error:
                board.report(Failed(title, str(error)))
            else:
                board.terminal.copy_to_clipboard(text)
                board.report(Succeeded(f"Copied {what}."))

        board.start(work)

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
