"""The last wall before a terminal: what a command prints is lines of text and colours, whoever wrote the text.

Messages, errors that quote an argument or the name of a file, tracebacks: they all go through ``sys.stdout`` and
``sys.stderr``. Programs that a run starts write into the files below these, as they do without vitui.
"""

from __future__ import annotations

import codecs
import io
import re
import sys

from engine.text import is_printable, printable_lines

_COLOURS = re.compile(r"(\x1b\[[0-9;]*m)")


def plain(text: str) -> str:
    """Return text with a blank for all that a terminal would act on; lines and colours stay.

    A carriage return stays where it begins the text: so write libraries that draw a bar of progress.
    """
    if is_printable(text, lines=True) or is_printable(_COLOURS.sub("", text), lines=True):
        return text
    back, text = ("\r", text[1:]) if text.startswith("\r") else ("", text)
    return back + "".join(
        part if index % 2 else printable_lines(part) for index, part in enumerate(_COLOURS.split(text))
    )


class PlainOutput(io.TextIOWrapper):
    """Writes to what another text stream writes to.

    Args:
        stream: The other one. What its encoding lacks is written as a question mark.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._below = stream  # which would close the file if it were forgotten
        self._ascii = codecs.lookup(stream.encoding).name == "ascii"
        # click writes around a stream that says ASCII
        super().__init__(
            stream.buffer, "utf-8" if self._ascii else stream.encoding, "replace",
            line_buffering=stream.line_buffering, write_through=stream.write_through,
        )  # fmt: skip

    def write(self, text: str, /) -> int:
        """Write what is plain of a text."""
        text = plain(text)
        return super().write(text.encode("ascii", "replace").decode() if self._ascii else text)

    def __del__(self) -> None:
        """Leave the file below open: the other stream has it."""
        try:
            self.detach()
        except (OSError, ValueError):  # it is closed already, or the disk is full
            return


def print_plain() -> None:
    """Have all that is printed from here on pass the wall."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and not isinstance(stream, PlainOutput):
            stream.flush()
            setattr(sys, name, PlainOutput(stream))
