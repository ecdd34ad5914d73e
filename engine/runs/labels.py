"""The tags and the note of a run: changes by users in ``labels.json``, laid over those of its experiment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from engine.runs.store import Run, RunInfo, StoreError
from engine.system import lock
from engine.system.files import DAMAGED, read_small, write_atomic

MAX_TAG = 64
"""Characters of a tag."""
MAX_TAGS = 64
MAX_NOTE = 64 * 1024
"""Characters of a note."""
WAIT_S = 2.0
"""Seconds to wait for another process that changes the same labels."""


class LabelChanges(msgspec.Struct, kw_only=True, omit_defaults=True):
    """labels.json: the changes to the experiment's own tags and notes."""

    v: int = 1
    added: list[str] = []
    removed: list[str] = []
    """Tags of the experiment that this run lacks."""
    note: str | None = None
    """None for the experiment's own notes."""


class Labels(msgspec.Struct, kw_only=True, frozen=True):
    """A run's tags, in the order in which they were added, and its note. Both are unchecked text from a file."""

    tags: tuple[str, ...] = ()
    notes: str = ""


def labels_of(run: Run, info: RunInfo | None = None) -> Labels:
    """Return a run's labels; damaged files count as empty, and no error is raised.

    Args:
        run: The run.
        info: The content of run.json; None to read it.
    """
    own, overlay = _own(run, info), _overlay(run)
    tags = [tag for tag in own.tags if tag not in overlay.removed] + overlay.added
    notes = own.notes if overlay.note is None else overlay.note
    return Labels(tags=tuple(_usable(tags)), notes=notes[:MAX_NOTE])


def change_tags(run: Run, add: Collection[str] = (), remove: Collection[str] = ()) -> Labels:
    """Give a run tags and take others from it; return its labels then.

    Raises:
        StoreError: A tag is invalid, the tags are too many, or the folder cannot be written.
    """
    for tag in add:
        if why := wrong_tag(tag):
            raise StoreError(f"{tag!r} is no tag: {why}")
    own = set(_own(run, None).tags)

    def change(overlay: LabelChanges) -> None:
        kept = [tag for tag in overlay.added if tag not in remove]
        overlay.added = list(dict.fromkeys([*kept, *(tag for tag in add if tag not in own)]))
        hidden = [tag for tag in (*overlay.removed, *remove) if tag in own and tag not in add]
        overlay.removed = list(dict.fromkeys(hidden))
        if len(own) + len(overlay.added) > MAX_TAGS:
            raise StoreError(f"{run.id} would have more than {MAX_TAGS} tags")

    return _change(run, change)


def change_note(run: Run, note: str) -> Labels:
    """Replace a run's note, by an empty one too; return its labels then.

    Raises:
        StoreError: It is too long, or the folder cannot be written.
    """
    if len(note) > MAX_NOTE:
        raise StoreError(f"a note has at most {MAX_NOTE:,} characters, not {len(note):,}")

    def change(overlay: LabelChanges) -> None:
        overlay.note = note

    return _change(run, change)


def wrong_tag(tag: str) -> str:
    """Return what is wrong with a tag, empty for a valid one."""
    if not tag or len(tag) > MAX_TAG:
        return f"it has from 1 to {MAX_TAG} characters"
    if not tag.isprintable() or any(c.isspace() or c == "," for c in tag):
        return "it has no spaces, commas and control characters"
    if tag[0] in "+-":
        return "it does not begin with + or -"
    return ""


def _usable(tags: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(tag for tag in tags if tag and len(tag) <= MAX_TAG))[:MAX_TAGS]


def _own(run: Run, info: RunInfo | None) -> Labels:
    """Return the valid tags and notes of the experiment."""
    try:
        config: dict[str, Any] = (info or run.info()).config
    except StoreError:
        return Labels()
    tags, notes = config.get("tags"), config.get("notes")
    texts = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return Labels(tags=tuple(_usable(texts)), notes=notes if isinstance(notes, str) else "")


def _overlay(run: Run) -> LabelChanges:
    try:
        return msgspec.json.decode(read_small(run.path / "labels.json"), type=LabelChanges)
    except DAMAGED:
        return LabelChanges()


def _change(run: Run, change: Callable[[LabelChanges], None]) -> Labels:
    try:
        with lock.hold_folder(run.path, WAIT_S):
            overlay = _overlay(run)
            change(overlay)
            write_atomic(run.path / "labels.json", msgspec.json.encode(overlay))
    except lock.LockHeld:
        raise StoreError(f"{run.id}: another process is changing its labels") from None
    except OSError as error:
        raise StoreError(f"{run.id}: its labels cannot be written: {error.strerror}: {run.path}") from None
    except UnicodeEncodeError:
        raise StoreError(f"{run.id}: its labels have to be UTF-8 text") from None
    return labels_of(run)
