"""What the dashboard does to experiments.toml: open it in an editor, or an experiment of it in the form."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import Literal

from textual.app import SuspendNotSupported
from textual.screen import Screen

from engine.config.sample_experiment import SAMPLE_EXPERIMENT
from engine.errors import UserError
from tui.screens.actions.screen_protocol import Target
from tui.screens.app_protocol import Host
from tui.screens.dialogs import Choice, Dialog
from tui.state.messages import Failed
from tui.terminal.key_queue import OPENING


class ConfigActions:
    """Changes the experiment that is meant, or begins the file.

    Args:
        target: The screen that says which is meant.
        host: The same screen, whose snapshots say what is wrong with the file.
    """

    def __init__(self, target: Target, host: Host) -> None:
        self._target = target
        self._host = host

    def action_edit(self) -> None:
        """Ask how to change the experiment under the cursor."""
        from tui.terminal.external_editor import editor_command

        name, config = self._meant(), self._target.project.config
        command = editor_command(os.environ, config, 1)
        begins = not config.exists()
        choices = [Choice("enter", f"write a first experiment into {config}", "begin")] if begins else []
        if command:
            choices.append(Choice("v" if begins else "enter", f"open {config} in {command[0]}", "editor"))
        if name is not None:
            choices += [Choice("c", "copy it under another name", "clone")]
            choices += [Choice("f", "change it in a form", "form")]
        if not choices:
            self._target.refuse(
                "Nothing to edit", "No experiment here, and neither $VISUAL nor $EDITOR is set."
            )
            return
        text = "" if command or begins else "Neither $VISUAL nor $EDITOR is set."
        title = f"Begin {config}?" if begins else f"Edit {name or config}?"

        def chosen(answer: Literal["begin", "editor", "clone", "form"] | None) -> None:
            if answer == "begin":
                self._begin()
            elif answer == "editor":
                self._open_editor(name)
            elif answer is not None and name is not None:
                self._open_form(name, clone=answer == "clone")

        self._target.ask(Dialog(title, text, choices), chosen)

    def action_new(self) -> None:
        """Copy the experiment that is meant, or the first one, in the form; where there is no file, begin it."""
        config, known = self._target.project.config, self._target.snapshot.config
        if not config.exists():
            self._begin()
            return
        if (name := self._meant() or next(iter(known.experiments if known else ()), None)) is not None:
            self._open_form(name, clone=True)
        else:
            self._target.refuse("No new experiment", f"{config} has none that can be copied; e opens it.")

    def action_check(self) -> None:
        """Read the file, and show its mistakes and what is odd about it."""
        from engine.config.loader import check_notes, load_config
        from engine.config.validate import ConfigError

        target = self._target

        def work() -> None:
            try:
                notes = check_notes(load_config(target.project.config))
            except ConfigError:
                notes = []  # the page has its mistakes
            except (UserError, OSError) as error:
                target.report(Failed("It cannot be checked", str(error)))
                return
            target.ask_from_thread(self._mistake_page(notes))

        target.start(work, OPENING)

    def action_mistakes(self) -> None:
        """Show what is wrong with the file."""
        self._target.ask(self._mistake_page())

    def _mistake_page(self, notes: Sequence[str] = ()) -> Screen[None]:
        from tui.screens.mistake_list import MistakeScreen
        from tui.terminal.external_editor import editor_command

        has_editor = editor_command(os.environ, self._target.project.config, 1) is not None
        edit = self._open_editor_at if has_editor else self._open_form_at
        return MistakeScreen(
            self._host, None if self._target.readonly else edit, notes, has_editor=has_editor
        )

    def _open_editor_at(self, line: int) -> None:
        self._open_editor(None, line)

    def _open_form_at(self, line: int) -> None:
        """Show the experiment of a line in the form, at the key of that line."""
        from engine.config.editor import EditError, read, setting_at
        from tui.screens.experiment_form import FormScreen
        from tui.views.experiment_form_rows import Form

        path = self._target.project.config

        def work() -> None:
            try:
                text = read(path)
                name, key = setting_at(text, line)
                form = None if name is None else Form(path, text, name).counted()
            except (EditError, ValueError) as error:
                self._target.report(Failed("It cannot be edited", str(error)))
                return
            if form is None:
                message = f"Line {line} is of no experiment, and the form has those alone."
                message += " With $VISUAL or $EDITOR set, e opens the file there."
                self._target.report(Failed("No editor here", message))
            else:
                self._target.ask_from_thread(FormScreen(form, key))

        self._target.start(work, OPENING)

    def _begin(self) -> None:
        """Write the configuration that a project begins with; one that has come meanwhile is left as it is."""
        try:
            with self._target.project.config.open("x", encoding="utf-8") as file:
                file.write(SAMPLE_EXPERIMENT)
        except OSError as error:
            self._target.refuse("It cannot be written", f"{self._target.project.config}: {error.strerror}")

    def _meant(self) -> str | None:
        """Return the experiment under the cursor, if the configuration has it."""
        row, config = self._target.row, self._target.snapshot.config
        return row.experiment if row is not None and config and row.experiment in config.experiments else None

    def _open_editor(self, name: str | None, at: int = 1) -> None:
        """Lend the terminal to an editor, at an experiment or a line, until it is left."""
        from engine.config.editor import EditError, line_of, read
        from tui.terminal.external_editor import editor_command

        path = self._target.project.config
        try:
            with self._target.terminal.suspend():
                line = line_of(read(path), name) if name is not None and path.exists() else at
                command = editor_command(os.environ, path, line)
                assert command is not None  # noqa: S101  the dialog has offered it
                done = subprocess.run(command, check=False, env=os.environ)
        except SuspendNotSupported:
            self._target.refuse(
                "No editor here", "This terminal cannot be lent to an editor; f opens the form."
            )
        except (EditError, OSError) as error:
            self._target.ask(Dialog("The editor cannot be opened", str(error), []))
        else:
            if done.returncode:
                self._target.refuse(
                    "The editor failed", f"{command[0]} ended with exit code {done.returncode}."
                )

    def _open_form(self, name: str, *, clone: bool) -> None:
        """Read the file in a thread, then show the form."""
        from engine.config.editor import EditError, read
        from tui.screens.experiment_form import FormScreen
        from tui.views.experiment_form_rows import NAME, Form, free_name

        path = self._target.project.config

        def work() -> None:
            try:
                form = Form(path, read(path), name)
                form = (form.with_value(NAME, free_name(form)) if clone else form).counted()
            except (EditError, ValueError) as error:
                self._target.report(Failed("It cannot be edited", str(error)))
            else:
                self._target.ask_from_thread(FormScreen(form))

        self._target.start(work, OPENING)
