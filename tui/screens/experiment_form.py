"""The form: an experiment's keys as rows, changed in place, judged at once, saved whole."""

from __future__ import annotations

from typing import ClassVar, Literal

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from engine.config import editor
from engine.config.editor import EditError, StaleError
from engine.config.setting_choices import choices, starting_with
from engine.text import clean
from tui.keymap.bindings import bindings
from tui.screens.dialogs import Choice, Dialog
from tui.terminal.dismissal import ClosesOnce
from tui.text import mistake
from tui.views.experiment_form_rows import NAME, Form
from tui.widgets.completing_input import CompletingInput, completion_line
from tui.widgets.form_list import FormList
from tui.widgets.key_bar import KeyBar
from tui.widgets.message_row import Foot
from tui.widgets.text_box import TextBox


class ValueBox(CompletingInput):
    """The box for a value, over its row."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("ValueBox")


class FormScreen(ClosesOnce, Screen[None]):
    """Changes one experiment, or makes a copy of it.

    Args:
        form: What is to be changed.
        key: The key that the cursor begins on; empty for the first that is wrong, or else the first.
    """

    DEFAULT_CSS = """
    FormScreen {
        background: $background;
        & #form-body { layers: below above; height: 1fr; border: round $foreground 22%; padding: 0 1;
                       border-title-style: bold; border-title-color: $foreground;
                       border-subtitle-color: $foreground 75%; }
        & #form-body:focus-within { border: round $primary 70%; }
        & FormList { layer: below; }
        & #form-value { layer: above; display: none; height: 1; border: none; padding: 0; background: $panel; }
        & #form-value.-shown { display: block; }
        & #form-help { height: 3; padding: 0 2; color: $foreground 75%; }
        & #form-search { display: none; height: 1; border: none; padding: 0 2; background: $panel; }
        & #form-search.-shown { display: block; }
        & #form-mistakes { height: auto; max-height: 8; padding: 0 2; color: $error; display: none; }
        & #form-mistakes.-shown { display: block; }
        & #form-mistakes.-notes { color: $warning; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("FormScreen")

    def __init__(self, form: Form, key: str = "") -> None:
        super().__init__()
        self.form = form
        self._key = key

    def compose(self) -> ComposeResult:
        """Rows over what is wrong with them."""
        with Container(id="form-body"):
            yield FormList()
            yield ValueBox(self._complete, id="form-value")
        yield TextBox(placeholder="words of a key or of what it means", id="form-search", compact=True)
        yield Static(id="form-help", markup=False)
        yield Static(id="form-mistakes", markup=False)
        yield Foot()

    def on_mount(self) -> None:
        """Show the form; a copy begins with its name."""
        self._show(self.form)
        self.query_one(FormList).focus()
        if key := self._key or self.form.mistaken_key:
            self.call_after_refresh(self.query_one(FormList).go_to, key)  # its rows have their places then
        if self.form.new_name is not None:
            self.call_after_refresh(self.action_name)

    # ---- showing

    def _show(self, form: Form) -> None:
        self.query_one(FormList).show(form.entries)
        what = f"copy of {form.experiment}" if form.new_name is not None else form.experiment
        self.query_one("#form-body").border_title = Content(
            clean(f"{form.path}: {what}{' *' if form.is_changed else ''}")
        )
        self._show_mistakes(form)
        self._say_help()

    def _show_mistakes(self, form: Form) -> None:
        """Show what is wrong with a form, or else what is odd about it."""
        mistakes = self.query_one("#form-mistakes", Static)
        lines = [f"✗ {mistake(line)}" for line in form.mistakes] or [
            f"note: {clean(line)}" for line in form.notes
        ]
        mistakes.set_class(bool(lines), "-shown")
        mistakes.set_class(not form.mistakes, "-notes")
        mistakes.update("\n".join(lines))

    @on(FormList.Moved)
    def _say_help(self) -> None:
        entry = self.query_one(FormList).entry
        is_unknown = entry is not None and entry.source == "unknown"
        self.query_one(KeyBar).wording = {"inherit": "Take it out"} if is_unknown else {}
        if entry is not None and not self._box.has_class("-shown"):
            more_choices = [
                choice for choice in choices(entry.key, self.form.values) if choice not in entry.help
            ]
            more = f" ({', '.join(more_choices)})" if more_choices else ""
            lines = [entry.meaning, f"{entry.help}{more}"] if entry.meaning else [f"{entry.help}{more}"]
            if is_unknown:
                lines.append(f"{f'enter takes it for {entry.meant}, ' * bool(entry.meant)}d takes it out")
            self.query_one("#form-help", Static).update(
                clean(f"{entry.key}: {lines[0]}") + "".join(f"\n{clean(line)}" for line in lines[1:])
            )

    @on(Input.Changed, "#form-value")
    @on(CompletingInput.Offered)
    def _offer(self) -> None:
        box, entry = self._box, self.query_one(FormList).entry
        if box.has_class("-shown") and entry is not None:
            offers = completion_line(box.before, box.offers(), box.chosen)
            help_text = (
                Text.assemble("tab: ", offers)
                if offers.plain.strip()
                else f"{entry.help}; empty: use default"
            )
            self.query_one("#form-help", Static).update(help_text)

    @on(Input.Changed, "#form-value")
    def _check_value(self, message: Input.Changed) -> None:
        """Find out in a thread what would be wrong with the value as it is typed now, then say it."""
        entry, typed = self.query_one(FormList).entry, message.value
        if entry is None or not self._box.has_class("-shown"):
            return
        form = self.form if typed.strip() == entry.value else self.form.with_value(entry.key, typed)

        def work() -> None:
            self.app.call_from_thread(self._checked, form.counted(), typed)

        self.run_worker(work, thread=True, group="checks", exclusive=True, exit_on_error=False)

    def _checked(self, form: Form, typed: str) -> None:
        if self.is_attached and self._box.has_class("-shown") and self._box.value == typed:
            self._show_mistakes(form)

    def action_search(self) -> None:
        """List only keys that have the words which are written."""
        box = self.query_one("#form-search", Input)
        box.add_class("-shown")
        box.focus()

    @on(Input.Changed, "#form-search")
    def _search(self, message: Input.Changed) -> None:
        self.query_one(FormList).search(message.value)

    @on(Input.Submitted, "#form-search")
    def _found(self) -> None:
        self.query_one(FormList).focus()

    def _end_search(self) -> bool:
        """List all keys again; return whether there was a search."""
        box = self.query_one("#form-search", Input)
        if not box.has_class("-shown"):
            return False
        box.value = ""
        box.remove_class("-shown")
        self.query_one(FormList).search("")
        self.query_one(FormList).focus()
        return True

    @property
    def _box(self) -> CompletingInput:
        return self.query_one("#form-value", CompletingInput)

    def _complete(self, text: str, cursor: int) -> list[str]:
        entry = self.query_one(FormList).entry
        return [] if entry is None else starting_with(text[:cursor], choices(entry.key, self.form.values))

    # ---- changing

    @on(FormList.Picked)
    def action_edit(self) -> None:
        """Change the value under the cursor where it stands."""
        rows, box = self.query_one(FormList), self._box
        entry = rows.entry
        if entry is None or box.has_class("-shown"):
            return
        if entry.source == "unknown":
            if entry.meant:
                self.query_one(FormList).go_to(entry.meant)
                self._judge(self.form.taken_for(entry))
            return
        if not entry.value.isprintable():
            self.notify(
                "It has characters that a line cannot show; change it in an editor.", severity="warning"
            )
            return
        offset, width = rows.value_place
        box.styles.offset, box.styles.width = (offset.x, offset.y), width
        box.add_class("-shown")
        box.value = entry.value
        box.selection = Selection(0, len(entry.value))  # the first letter replaces it, an arrow key keeps it
        box.focus()
        self._offer()

    def action_name(self) -> None:
        """Name a copy."""
        self.query_one(FormList).go_to(NAME)
        self.call_after_refresh(self.action_edit)

    def action_inherit(self) -> None:
        """Take the key under the cursor out of the experiment: it has what its defaults or its recipe say."""
        if (entry := self.query_one(FormList).entry) is not None:
            self._change(entry.key, "")

    @on(Input.Submitted, "#form-value")
    def _submitted(self, message: Input.Submitted) -> None:
        entry = self.query_one(FormList).entry
        self._close_box()
        if entry is not None and message.value.strip() != entry.value:
            self._change(entry.key, message.value)

    def _close_box(self) -> None:
        self._box.remove_class("-shown")
        self.query_one(FormList).focus()
        self._show_mistakes(self.form)
        self._say_help()

    def _change(self, key: str, text: str) -> None:
        self._judge(self.form.with_value(key, text))

    def _judge(self, form: Form) -> None:
        """Find out in a thread what is wrong with the form as it is now, then show it."""
        self.form = form

        def work() -> None:
            self.app.call_from_thread(self._judged, form.counted())

        self.run_worker(work, thread=True, group="actions", exit_on_error=False)

    def _judged(self, form: Form) -> None:
        if form is self.form and self.is_attached:
            self._show(form)

    # ---- leaving

    def action_save(self) -> None:
        """Write the file, unless something is wrong with it or it is no longer the one that was read."""
        form = self.form
        if self._box.has_class("-shown"):
            self._box.post_message(Input.Submitted(self._box, self._box.value))
            self.notify("Taken; ctrl+s once more saves.", timeout=3)
            return
        if not form.is_changed:
            self.notify("Nothing has been changed.", timeout=3)
            return

        def work() -> None:
            if form.mistakes:
                self.app.call_from_thread(
                    self.notify, "Not saved: see what is wrong below.", severity="error"
                )
                return
            try:
                editor.save(form.path, form.text, form.edited)
            except StaleError as error:
                self.app.call_from_thread(self._stale, str(error))
            except EditError as error:
                self.app.call_from_thread(self.app.push_screen, Dialog("It is not saved", str(error), []))
            else:
                self.app.call_from_thread(self._saved, form)

        self.run_worker(work, thread=True, group="actions", exit_on_error=False)

    def _saved(self, form: Form) -> None:
        name = form.new_name or form.experiment
        self.app.notify(f"{clean(name)} is saved in {form.path}", markup=False, timeout=4)
        self.dismiss(None)

    def _stale(self, error: str) -> None:
        def chosen(answer: Literal["load"] | None) -> None:
            if answer is not None:
                self._load_anew()

        text = "What is changed here can be laid over what it says now."
        self.app.push_screen(
            Dialog(error, text, [Choice("l", "load it anew; the changes stay", "load")]), chosen
        )

    def _load_anew(self) -> None:
        form = self.form

        def work() -> None:
            try:
                text = editor.read(form.path)
                new = Form(form.path, text, form.experiment, form.new_name, form.changes).counted()
            except (EditError, ValueError) as error:
                self.app.call_from_thread(self.app.push_screen, Dialog("It cannot be loaded", str(error), []))
            else:
                self.app.call_from_thread(self._judge, new)

        self.run_worker(work, thread=True, group="actions", exit_on_error=False)

    def action_back(self) -> None:
        """Out of the value, the search or the form; what was changed is not thrown away on one key."""
        if self._box.has_class("-shown"):
            self._close_box()
            return
        if self._end_search():
            return
        if not self.form.is_changed:
            self.dismiss(None)
            return

        def chosen(answer: Literal["save", "drop"] | None) -> None:
            if answer == "save":
                self.action_save()
            elif answer == "drop":
                self.dismiss(None)

        choices = [Choice("s", "save", "save"), Choice("d", "discard changes", "drop")]
        self.app.push_screen(Dialog("Leave the form?", "What was changed is not saved.", choices), chosen)
