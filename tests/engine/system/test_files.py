"""A file is whole under its name whatever happens to who writes it, and a line that was torn ends no other."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.system import files
from engine.system.files import LineWriter, create_private, draft_of, write_all, write_atomic


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


class TestDrafts:
    @pytest.mark.parametrize("name", ["", ".status.json.tmp"])
    def test_it_takes_the_name_in_the_end(self, tmp_path, name):
        path = tmp_path / "status.json"
        path.write_text("old")
        with draft_of(path, name) as draft:
            draft.write_text("new")
            assert path.read_text() == "old"
            assert draft.name.startswith(".status.json.")
        assert (path.read_text(), names(tmp_path)) == ("new", ["status.json"])

    @pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, ValueError])
    def test_what_was_there_stays_where_the_block_fails(self, tmp_path, error):
        path = tmp_path / "status.json"
        path.write_text("old")

        def fail() -> None:
            with draft_of(path) as draft:
                draft.write_text("half")
                raise error

        with pytest.raises(error):
            fail()
        assert (path.read_text(), names(tmp_path)) == ("old", ["status.json"])

    def test_a_name_replaces_what_a_killed_process_left(self, tmp_path):
        left = tmp_path / ".last.pt.tmp"
        left.write_text("half of the one before")
        with draft_of(tmp_path / "last.pt", left.name) as draft:
            os.close(create_private(draft))
        assert names(tmp_path) == ["last.pt"]
        assert stat.S_IMODE((tmp_path / "last.pt").stat().st_mode) == 0o600

    def test_a_folder_in_the_way_is_said_and_nothing_is_left(self, tmp_path):
        (tmp_path / "status.json").mkdir()
        with pytest.raises(IsADirectoryError):
            write_atomic(tmp_path / "status.json", b"new")
        assert names(tmp_path) == ["status.json"]


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), min_size=1))
def test_all_is_written_however_little_a_write_takes(data, sizes):
    taken = bytearray()

    def write(_: int, left: memoryview) -> int:
        size = sizes[len(taken) % len(sizes)]
        taken.extend(left[:size])
        return min(size, len(left))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.os, "write", write)
        write_all(0, data)
    assert bytes(taken) == data


@given(
    st.lists(
        st.tuples(
            st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), st.none() | st.integers(0, 20)
        )
    )
)
def test_a_line_that_was_written_is_a_line_in_the_file(tmp_path_factory, lines):
    """Each line is given with the bytes after which the disk is full, None where it has room."""
    path = tmp_path_factory.mktemp("lines") / "file"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    writer, whole, write = LineWriter(handle), [], os.write

    with pytest.MonkeyPatch.context() as patch:
        for line, room in lines:
            left = [10**6 if room is None else room]

            def limited(into: int, data: memoryview, left: list[int] = left) -> int:
                if not left[0]:
                    raise OSError(errno.ENOSPC, "full")
                written = write(into, data[: left[0]])
                left[0] -= written
                return written

            patch.setattr(files.os, "write", limited)
            try:
                writer.write(line + b"\n")
                whole.append(line)
            except OSError:
                continue
    os.close(handle)
    found = iter(path.read_bytes().split(b"\n"))
    assert all(line in found for line in whole)  # in this order, each whole
