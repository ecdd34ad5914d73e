"""Copy something of what is shown into the clipboard, through the terminal (OSC 52)."""

from __future__ import annotations

from tui.screens.actions.runs import Doing
from tui.screens.dialogs import Choice, Dialog
from tui.widgets.runs.run_list import RunList


class Copying(Doing):
    """A screen with a ``RunList`` whose rows can be copied."""

    def action_copy(self) -> None:
        """Ask what to copy, and copy it."""
        from tui.report.text_tables import FORMATS
        from tui.views.run_table import cells_of, headings_of

        row = self.row
        if row is None:
            self._refuse("Nothing to copy", "There is nothing under the cursor.")
            return
        runs = self.query_one(RunList)
        table, head = cells_of(runs.rows, runs.shown), headings_of(runs.shown)
        texts = {"the row": "  ".join(cell for cell in cells_of([row], runs.shown)[0] if cell)}
        if row.run is not None:
            texts["the path of the run's folder"] = str(
                (self.project.folder / self.project.runs / row.run).absolute()
            )
        texts |= self._commands()
        texts |= {f"the list as {name}": write(head, table) for name, write in FORMATS.items()}
        keys = {"the row": "r", "the path of the run's folder": "p", "the command that repeats it": "c",
                "the command that goes on with it": "g", "the list as Markdown": "m", "the list as LaTeX": "l",
                "the list as CSV": "v"}  # fmt: skip
        choices = [Choice(keys[what], what, what) for what in texts]

        def chosen(what: str | None) -> None:
            if what is not None:
                self.app.copy_to_clipboard(texts[what])
                self.notify(f"Copied {what}.", markup=False, timeout=3)

        self.app.push_screen(Dialog("Copy", "Into the terminal's clipboard:", choices), chosen)

    def _commands(self) -> dict[str, str]:
        from tui.views.shell_commands import repeat_command, resume_command

        row, status, config = self.row, self.focused_run, self.snapshot.config
        if row is None:
            return {}
        experiment = config.experiments.get(row.experiment) if config is not None else None
        made = self.snapshot.configs.get(row.run or "", {})
        seed = status.seed if status is not None else None
        repeat = repeat_command(row.experiment, experiment, made, seed, self.project)
        commands = {"the command that repeats it": repeat}
        if status is not None and (resume := resume_command(status, self.project)) is not None:
            commands["the command that goes on with it"] = resume
        return commands
