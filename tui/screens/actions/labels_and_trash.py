"""What the dashboard does for runs that are there, as `engine tag`, `note` and `rm`, and what takes back a deed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from engine.runs.labels import Labels, change_note, change_tags, labels_of, wrong_tag
from engine.runs.metadata import RunMetadata
from engine.runs.status import LIVE, Status
from engine.runs.store import Run, StoreError
from engine.runs.trash import restore, throw_away
from engine.text import clean
from tui.screens.actions.bulk_action import (
    count_text,
    do_each,
    names_of_meant,
    no_run,
    of_marked_rows,
    who_is_meant,
)
from tui.screens.actions.screen_protocol import Target, situation_of
from tui.screens.dialogs import Choice, Dialog
from tui.screens.line_prompt import Prompt
from tui.views.run_names import run_label

NEWLINE = " ⏎ "
"""What stands for the end of a line where a note of several is written in one."""


class LabelActions:
    """Tags, notes and throws away the runs that are meant, and brings back what was thrown away."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def action_tag(self) -> None:
        """Ask for the tags of the runs that are meant."""
        runs = situation_of(self._target).meant
        if not runs:
            self._target.refuse("Nothing to tag", no_run(self._target))
            return
        labels = [self._said_of(status) for status in runs]
        common = [
            tag
            for tag in labels[0].tags
            if not wrong_tag(tag) and all(tag in of_run.tags for of_run in labels)
        ]
        text = "Tags, with spaces between them" + (
            "; here are those that all have." if len(runs) > 1 else "."
        )
        text += f" +TAG adds one to what there is, -TAG takes one off.{self._all_named(runs)}"
        all_tags = sorted(
            {
                tag
                for metadata in self._target.snapshot.metadata.values()
                for tag in metadata.labels.tags
                if not wrong_tag(tag)
            }
        )
        value = "".join(f"{tag} " for tag in common)

        def chosen(line: str | None) -> None:
            add, remove = tag_changes(line or "", common)
            if line is not None and (add or remove):
                self._tag(runs, add, remove)

        self._target.ask(Prompt(f"Tags of {_named(runs)}", text, value, all_tags, _wrong_tags), chosen)

    def _tag(self, runs: Sequence[Status], add: Sequence[str], remove: Sequence[str]) -> None:
        what = " ".join([*(f"+{tag}" for tag in add), *(f"-{tag}" for tag in remove)])
        before: dict[str, tuple[str, ...]] = {}

        def change(status: Status) -> str:
            run = self._run(status)
            tags = labels_of(run).tags
            change_tags(run, add, remove)
            before[status.run] = tags
            return f"{_called(status)}: {what}"

        def change_back(status: Status) -> str:
            tags = before[status.run]
            come = [tag for tag in remove if tag in tags]
            change_tags(self._run(status), come, [tag for tag in add if tag not in tags])
            return f"{_called(status)}: tags as before"

        self._change(runs, change, change_back, before, ("The tags", "be changed"), what)
        self._target.unmark()

    def action_note(self) -> None:
        """Ask for a note on the runs that are meant."""
        runs = situation_of(self._target).meant
        if not runs:
            self._target.refuse("Nothing to note", no_run(self._target))
            return
        notes = {self._said_of(status).notes for status in runs}
        value = NEWLINE.join(map(clean, notes.pop().splitlines())) if len(notes) == 1 else ""
        text = (
            "What is to be known of it." if len(runs) == 1 else "All of them get it, in the place of theirs."
        )

        text += self._all_named(runs)

        def chosen(line: str | None) -> None:
            if line is not None and line != value:
                self._note(runs, "\n".join(part.strip() for part in line.split(NEWLINE.strip())).strip())

        self._target.ask(Prompt(f"Note on {_named(runs)}", text, value), chosen)

    def _note(self, runs: Sequence[Status], note: str) -> None:
        what = "noted" if note else "no note any more"
        before: dict[str, str] = {}

        def change(status: Status) -> str:
            run = self._run(status)
            notes = labels_of(run).notes
            change_note(run, note)
            before[status.run] = notes
            return f"{_called(status)}: {what}"

        def change_back(status: Status) -> str:
            run = self._run(status)
            if labels_of(run).notes != note:
                raise StoreError(f"the note on {_called(status)} was changed since")
            change_note(run, before[status.run])
            return f"{_called(status)}: the note is as before"

        self._change(runs, change, change_back, before, ("The note", "be written"), what)
        self._target.unmark()

    def _change(
        self, runs: Sequence[Status], change: Callable[[Status], str], change_back: Callable[[Status], str],
        before: Collection[str], title: tuple[str, str], what: str,
    ) -> None:  # fmt: skip
        """Change the labels of runs, and remember how that is taken back.

        Args:
            runs: The runs.
            change: Changes those of one, and returns how it went.
            change_back: Changes them back.
            before: The ids of the runs that were changed.
            title: What cannot be done, before and behind the word for that.
            what: What is done, in words.
        """
        target, thing = self._target, " cannot ".join(title)

        def take_back() -> None:
            changed = [status for status in runs if status.run in before]
            target.do(f"{thing} back", lambda: do_each(changed, change_back, "{} runs are as before".format))

        def work() -> str:
            try:
                return do_each(runs, change, lambda count: f"{count} runs: {what}")
            finally:
                if before:
                    target.deeds.add(f"{_named(runs)}: {what}", take_back)

        target.do(thing, work)

    def action_throw_away(self) -> None:
        """Ask whether to move the runs that are meant into the trash."""
        runs = situation_of(self._target).meant
        if not runs:
            self._target.refuse("Nothing to throw away", no_run(self._target))
            return
        if busy := next((status for status in runs if status.state in LIVE | {"queued"}), None):
            how = "waits in the queue" if busy.state == "queued" else f"is {busy.state}"
            self._target.refuse("Not thrown away", f"{_called(busy)} {how}; . stops it.")
            return
        they, them = ("They go", "them") if len(runs) > 1 else ("It goes", "it")
        where = f"{they} to runs/.trash; u brings {them} back."
        text = "\n".join([*who_is_meant(self._target, runs), where])
        choices = [Choice("enter", "move to the trash", value=True)]

        def chosen(yes: bool | None) -> None:
            if yes:
                self._target.do("Not all could be thrown away", lambda: self._throw_away(runs))
                self._target.unmark()

        count = count_text(runs) if len(runs) > 1 else "this run"
        self._target.ask(Dialog(f"Throw {count} away?", text, choices), chosen)

    def _throw_away(self, runs: Sequence[Status]) -> str:
        from engine.remote.verbs import why_not_thrown_away

        gone: list[str] = []

        def throw(status: Status) -> str:
            if status.on and (why := why_not_thrown_away(self._run(status))):
                raise StoreError(why)
            throw_away(self._target.store, self._run(status))
            gone.append(status.run)
            return f"{_called(status)} is in the trash; u brings it back"

        try:
            return do_each(runs, throw, in_the_trash)
        finally:
            if gone:
                self._target.deeds.add(f"{count_text(runs)} thrown away", partial(self._bring_back, gone))

    def action_undo(self) -> None:
        """Take back what was done last, or say what that was and why it stays."""
        deeds = self._target.deeds
        if (deed := deeds.pop()) is None:
            self._target.refuse("Nothing to take back", "`engine rm --list` shows the trash.")
        elif deed.take_back is not None:
            deed.take_back()
        else:
            before = f"; u again takes back: {deeds.before}" if deeds.before else ""
            self._target.refuse("Not taken back", f"{deed.words}: {deed.cure}{before}")

    def _bring_back(self, names: list[str]) -> None:
        """Bring runs back from the trash."""

        def bring_back() -> str:
            count = len(names)
            while names:
                restore(self._target.store, names.pop())
            return "the run is back" if count == 1 else f"{count} runs are back"

        self._target.do("Not all could be brought back", bring_back)

    def _all_named(self, runs: Sequence[Status]) -> str:
        """Return a sentence on which runs are meant, where it is not one alone."""
        if len(runs) < 2:
            return ""
        names = ", ".join(names_of_meant(self._target, runs))
        return " ".join([f" Of {len(runs)} runs: {names}.", *of_marked_rows(self._target)])

    def _said_of(self, status: Status) -> Labels:
        return self._target.snapshot.metadata.get(status.run, RunMetadata()).labels

    def _run(self, status: Status) -> Run:
        return Run(self._target.project.runs / status.run)


def in_the_trash(count: int) -> str:
    """Return that so many runs are in the trash, and what brings them back."""
    are, them = ("run is", "it") if count == 1 else ("runs are", "them")
    return f"{count} {are} in the trash; u brings {them} back"


def _called(status: Status) -> str:
    return f"{status.experiment} {run_label(status)}"


def _named(runs: Sequence[Status]) -> str:
    return _called(runs[0]) if len(runs) == 1 else f"{len(runs)} runs"


def tag_changes(line: str, common: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the tags that a line adds and those that it takes off, where these ones are there.

    A plain word is a tag that stays or comes; one that is no longer in the line goes. ``+TAG`` and ``-TAG`` are as for
    `engine tag`: a line of them alone leaves all other tags as they are.
    """
    words = line.split()
    plus, minus = ({word[1:]: None for word in words if word[1:] and word[0] == sign} for sign in "+-")
    plain = [word for word in words if not (word[1:] and word[0] in "+-")]
    kept = [*(plain if plain or not (plus or minus) else common), *plus]
    add = [tag for tag in dict.fromkeys(kept) if tag not in common and tag not in minus]
    return add, [*minus, *(tag for tag in common if tag not in kept and tag not in minus)]


def _wrong_tags(line: str) -> str:
    tags = ((tag, tag[1:] if tag[1:] and tag[0] in "+-" else tag) for tag in line.split())
    wrong = ((word, why) for word, tag in tags if (why := wrong_tag(tag)))
    return next((f"{word} is no tag: {why}" for word, why in wrong), "")
