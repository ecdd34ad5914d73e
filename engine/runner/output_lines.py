"""Parts what a program prints into objects with an event, and text, however it is cut into blocks.

::

    blocks ──lines without "event"──────────────────────────> text
       └─────lines with it ──objects──> an event? ──no──────> text
                                            └──yes──> taken

Memory is bounded: text is passed on as it comes, whole lines together. An unfinished line is passed on after half a
second, up to where an object may have begun; that is waited for.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.events import MAX_LINE
from engine.runner.json_in_output import Printed, find, why_none, without_escapes

BLOCK = 64 * 1024
"""Bytes of an unfinished line beyond which its text does not wait for its end."""
PATIENCE_S = 0.5
"""Seconds for which an unfinished line waits for its end."""
MARKS = (b'"event"', b"'event'")
"""Without one of these a line has no event, and does not look as if it had one."""
LONGEST_LOOKED_AT = 64 * 1024
"""Characters of a line without an event that are looked at for why it has none."""


class OutputLines:
    """Parts a program's output into objects that are events, and the rest, which is passed on as it is.

    Args:
        hear: Takes an object with an event, and returns whether it is used.
        pass_on: Takes all other bytes, in their order.
        refuse: Called with why a line looks like an event and is none.
    """

    def __init__(
        self,
        hear: Callable[[Printed], bool],
        pass_on: Callable[[bytes], None],
        refuse: Callable[[str], None],
    ) -> None:
        self._hear, self._pass_on, self._refuse = hear, pass_on, refuse
        self._unfinished = bytearray()
        self._begun = 0.0
        """When something was last added to the unfinished line, or it began."""
        self._seen = False
        """Whether all of the unfinished line has been looked at: it is an object without its end."""
        self._is_open = False
        """Whether the unfinished line begins with an object without its end."""
        self._in_passed_line = False
        """Whether the line that goes on is the rest of an object that was given up."""

    @property
    def waits(self) -> bool:
        """Whether an unfinished line is to be looked at, once it has waited."""
        return bool(self._unfinished) and not self._seen

    def feed(self, data: bytes, now: float) -> None:
        """Take the next bytes, at a time in seconds."""
        if self._in_passed_line:
            end = data.find(b"\n") + 1
            self._pass_on(data[: end or len(data)])
            if not end:
                return
            self._in_passed_line, data = False, data[end:]
        if not data:
            return
        if not self._unfinished or self._seen:
            self._begun = now
        self._seen = False
        if end := data.rfind(b"\n") + 1:
            whole = bytes(self._unfinished) + data[:end]
            self._unfinished, self._begun, self._is_open = bytearray(data[end:]), now, False
            self._take(whole)
        else:
            self._unfinished += data
        if len(self._unfinished) > BLOCK and not self._is_open:
            self._sift()
        if len(self._unfinished) > MAX_LINE:
            self._give_up()

    def look(self, now: float) -> None:
        """Pass on what is text of an unfinished line that has waited for ``PATIENCE_S``."""
        if self.waits and now - self._begun >= PATIENCE_S:
            self._sift()

    def finish(self) -> None:
        """Take what is unfinished as a line: nothing follows it."""
        line = bytes(self._unfinished)
        self._unfinished.clear()
        if line:
            self._take(line)

    def _give_up(self) -> None:
        """Pass on an object that is longer than any event, and what comes of its line."""
        line = bytes(self._unfinished)
        self._unfinished.clear()
        self._in_passed_line, self._is_open = True, False
        if MARKS[0] in line:
            self._refuse(TOO_LONG)
        self._pass_on(line)

    def _take(self, text: bytes) -> None:
        """Take whole lines: the objects of those that have any, the rest as it is."""
        marks, passed, at = _Marks(text), 0, 0
        while (mark := marks.after(at)) >= 0:
            begin, end = text.rfind(b"\n", 0, mark) + 1, text.find(b"\n", mark) + 1 or len(text)
            line = text[begin:end]
            left = self._left_of(line)
            if left is not line:
                if before := text[passed:begin] + left:
                    self._pass_on(before)
                passed = end
            at = end
        if passed < len(text):
            self._pass_on(text[passed:])

    def _left_of(self, line: bytes) -> bytes:
        """Return what is left of a line once its events are taken: the line itself where none is."""
        plain = without_escapes(_text(line))
        parts, _ = find(plain)
        if len(parts) == 1:
            if why := why_none(plain[:LONGEST_LOOKED_AT]):
                self._refuse(why)
            return line
        left, used = self._hear_all(parts)
        return left if used else line

    def _hear_all(self, parts: list[str | Printed]) -> tuple[bytes, bool]:
        """Return what is left of parts of a line once their events are taken, and whether there were any."""
        left, used = [], False
        for part in parts:
            if isinstance(part, str):
                left.append(part)
            elif self._hear(part):
                used = True
            else:
                left.append(part.text)
        rest = "".join(left)
        return (b"" if used and not rest.strip() else _bytes(rest)), used

    def _sift(self) -> None:
        """Take the events of an unfinished line and pass on its text, up to an object without its end."""
        text = bytes(self._unfinished)
        if b"{" not in text:
            self._unfinished.clear()
            self._pass_on(text)
            return
        plain = _text(text)
        parts, open_at = find(plain, unfinished=True)
        if b"\x1b" in text and (open_at is not None or len(parts) > 1):
            plain = without_escapes(plain)
            parts, open_at = find(plain, unfinished=True)
        left, _ = self._hear_all(parts)
        self._unfinished = bytearray(b"" if open_at is None else _bytes(plain[open_at:]))
        self._seen = self._is_open = open_at is not None
        if left:
            self._pass_on(left)


TOO_LONG = f"it is longer than the {MAX_LINE // 2**20} MiB that are read: it is in console.log"
"""Why an event is refused that no reader would take."""


class _Marks:
    """Finds the next of ``MARKS`` in a text; each part of it is searched once for each of them."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._next = [
            text.find(mark) if mark[:1] in text else -1 for mark in MARKS
        ]  # a byte is found at once

    def after(self, start: int) -> int:
        """Return where the first mark from ``start`` on stands, -1 without one; ``start`` only grows."""
        for number, place in enumerate(self._next):
            if 0 <= place < start:
                self._next[number] = self._text.find(MARKS[number], start)
        return min((place for place in self._next if place >= 0), default=-1)


def _text(data: bytes) -> str:
    """Return bytes as text; those that are no UTF-8 come back by ``_bytes``."""
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
