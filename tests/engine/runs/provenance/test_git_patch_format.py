"""Patches of new files are read again as they were written, and anything is read without an error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.runs.provenance.git_patch_format import files_of, left_out, new_file, quoted, unquoted

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).map(str.encode)


@given(NAMES)
def test_a_path_is_quoted_and_read_again(name):
    assert unquoted(quoted(name)) == name
    assert all(32 <= byte < 127 for byte in quoted(name))


@given(
    st.dictionaries(NAMES, st.binary(), max_size=4), st.dictionaries(NAMES, st.just("5 bytes"), max_size=2)
)
def test_the_files_of_a_patch_are_those_it_was_made_of(new, named):
    lines = [left_out(name, why) for name, why in named.items() if name not in new]
    patch = b"".join([*lines, *(new_file(name, data) for name, data in new.items())])
    files = files_of(patch)
    assert files.keys() == {name.decode() for name in (*new, *named)}
    assert b"".join(file.text for file in files.values()) == patch
    for name, data in new.items():
        lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
        assert files[name.decode()][:2] == (lines, 0)


@given(st.binary())
def test_whatever_stands_in_a_patch_is_read(data):
    for patch in (data, b"diff --git " + data, b"# left out: " + data, b'diff --git "a/\\9" ' + data):
        files_of(patch)
