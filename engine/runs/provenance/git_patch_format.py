"""Patches as git writes them: one for a new file, and the files of a patch with what changes in each. Pure."""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

LEFT_OUT = b"# left out: "
"""How a line begins that names a file of which only size and digest are known."""
_SECTION = b"diff --git "
_INDEX = re.compile(rb"index [0-9a-f]{40,64}\.\.([0-9a-f]{40,64})")
_ESCAPES = {
    7: b"\\a",
    8: b"\\b",
    9: b"\\t",
    10: b"\\n",
    11: b"\\v",
    12: b"\\f",
    13: b"\\r",
    34: b'\\"',
    92: b"\\\\",
}
_MEANT = {escape[1:]: bytes([byte]) for byte, escape in _ESCAPES.items()}


class FilePatch(NamedTuple):
    """What a patch changes in one file."""

    added: int
    """Lines."""
    removed: int
    """Lines."""
    text: bytes
    """The part of the patch that is about it."""
    blob: str = ""
    """Git's name of its contents with the change, zeros where it is gone; empty where it is not known."""


def new_file(name: bytes, data: bytes, *, executable: bool = False) -> bytes:
    """Return the patch that makes a text file, as ``git apply`` takes it.

    Args:
        name: Its path from the top of the repository.
        data: Its contents.
        executable: Whether it may be run.
    """
    import hashlib

    old, new = quoted(b"a/" + name), quoted(b"b/" + name)
    mode = b"100755" if executable else b"100644"
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest().encode()
    head = b"%s%s %s\nnew file mode %s\nindex %s..%s\n" % (_SECTION, old, new, mode, b"0" * 40, blob)
    if not data:
        return head
    lines = data.split(b"\n")
    ends = lines[-1] == b""
    lines = lines[:-1] if ends else lines
    tab = b"\t" if b" " in name else b""  # else programs would take the name to end at the blank
    body = b"".join(b"+" + line + b"\n" for line in lines) + (
        b"" if ends else b"\\ No newline at end of file\n"
    )
    return head + b"--- /dev/null\n+++ " + new + tab + b"\n@@ -0,0 +1,%d @@\n" % len(lines) + body


def left_out(name: bytes, why: str) -> bytes:
    """Return the line on a file of which a patch says no more; ``git apply`` passes over it."""
    return LEFT_OUT + quoted(name) + b" (" + why.encode() + b")\n"


def files_of(patch: bytes) -> dict[str, FilePatch]:
    """Return the files that a patch changes, or names, with what it says of each; raises nothing, whatever it is."""
    files: dict[str, FilePatch] = {}
    starts = [match.start() for match in re.finditer(rb"(?m)^diff --git ", patch)]
    head = patch[: starts[0]] if starts else patch
    for line in head.split(b"\n"):
        if line.startswith(LEFT_OUT):
            name = unquoted(line[len(LEFT_OUT) :].rpartition(b" (")[0])
            files[name.decode(errors="replace")] = FilePatch(0, 0, line + b"\n")
    for begin, end in itertools.pairwise([*starts, len(patch)]):
        text = patch[begin:end]
        lines = text.split(b"\n")
        hunks = next((place for place, line in enumerate(lines) if line.startswith(b"@@")), len(lines))
        signs = [line[:1] for line in lines[hunks:]]
        blobs = (match for line in lines[:hunks] if (match := _INDEX.match(line)) is not None)
        blob = next((match[1].decode() for match in blobs), "")
        files[_name(lines[0])] = FilePatch(signs.count(b"+"), signs.count(b"-"), text, blob)
    return files


def _name(line: bytes) -> str:
    """Return the file of a line ``diff --git a/x b/x``: both halves name it, as renames are not written."""
    names = line[len(_SECTION) :]
    return unquoted(names[: len(names) // 2]).removeprefix(b"a/").decode(errors="replace")


def quoted(name: bytes) -> bytes:
    """Return a path as git writes it: in quotes, with escapes, where it has odd bytes."""
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in name):
        return name
    return b'"' + b"".join(_escaped(byte) for byte in name) + b'"'


def _escaped(byte: int) -> bytes:
    if byte in _ESCAPES:
        return _ESCAPES[byte]
    return bytes([byte]) if 32 <= byte < 127 else b"\\%03o" % byte


def unquoted(name: bytes) -> bytes:
    """Return the path that git writes so."""
    if not (len(name) > 1 and name.startswith(b'"') and name.endswith(b'"')):
        return name

    def meant(match: re.Match[bytes]) -> bytes:
        escape = match[1]
        return _MEANT[escape] if escape in _MEANT else bytes([int(escape, 8) & 255])

    return re.sub(rb'\\([abtnvfr"\\]|[0-7]{3})', meant, name[1:-1])
