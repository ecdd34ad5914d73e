"""What a terminal sends, as messages of keys, pastes and the mouse: any byte may come, and none ends the app.

Not all that is typed or pasted is UTF-8: Latin-1 terminals, keys with an eighth bit as Alt, binary files. What is
pasted is never taken for keys, whatever sequences it holds.
"""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Generator, Iterable, Iterator

from textual import events
from textual.message import Message

from tui.terminal.textual_private import input_parser

BEGIN, END = "\x1b[200~", "\x1b[201~"
"""What stands around a paste."""
MOST_PASTED = 1 << 20
"""Characters of a paste that are kept, the first ones: no box holds more."""
PATIENCE_S = 10.0
"""Seconds without a byte after which a paste has ended whose end was lost."""


class InputDecoder:
    """Decodes bytes as they come; those in a row that are no UTF-8 become one U+FFFD."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._parser = input_parser()
        self._pasted: list[str] | None = None
        """What was pasted so far; None outside of a paste."""
        self._last = ""
        """The last characters, of which a mark may have begun."""
        self._heard = 0.0

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield what some more bytes say; a sequence that cannot be understood is passed over."""
        text = re.sub("\ufffd+", "\ufffd", self._decode(data))
        while text:
            self._heard = time.monotonic()
            if self._pasted is not None:
                text = yield from self._feed_paste(self._pasted, text)
            else:
                text = yield from self._feed_keys(text)

    def tick(self) -> Iterator[Message]:
        """Yield the key of bytes that wait for more, once none has come for a while: ESC alone is a key."""
        if self._pasted is not None and time.monotonic() - self._heard > PATIENCE_S:
            yield self._end_paste("".join(self._pasted))
        yield from self._parsed(self._parser.tick())

    def _feed_keys(self, text: str) -> Generator[Message, None, str]:
        """Yield keys up to a paste; return the text in the paste."""
        known = len(self._last)
        text = self._last + text
        begin = text.find(BEGIN)
        if begin < 0:
            yield from self._parsed(self._parser.feed(text[known:]))
            self._last = text[1 - len(BEGIN) :]
            return ""
        if begin < known:  # the parser has had the first characters of the mark
            self._parser = input_parser(self._parser)
        elif begin > known:
            yield from self._parsed(self._parser.feed(text[known:begin]))
        self._pasted, self._last = [], ""
        return text[begin + len(BEGIN) :]

    def _feed_paste(self, pasted: list[str], text: str) -> Generator[Message, None, str]:
        """Yield a paste once its end is there; return the text behind it."""
        pasted.append(text)
        seen = self._last + text
        before, end, after = seen.partition(END)
        if not end:
            self._last = seen[1 - len(END) :]
            if sum(map(len, pasted)) > 2 * MOST_PASTED:
                pasted[:] = ["".join(pasted)[:MOST_PASTED], self._last]
            return ""
        whole = "".join(pasted)
        yield self._end_paste(whole[: len(whole) - len(seen) + len(before)])
        return after

    def _end_paste(self, text: str) -> events.Paste:
        self._pasted, self._last = None, ""
        return events.Paste(text[:MOST_PASTED].replace("\x00", ""))

    def _parsed(self, messages: Iterable[Message]) -> Iterator[Message]:
        try:
            yield from messages
        except Exception:  # noqa: BLE001  whatever the parser stumbles over, the next key has to be heard
            self._parser = input_parser(self._parser)
