"""Tags and notes lie over those of the experiment, whatever stands in the file."""

from __future__ import annotations

import json
import os
import stat
import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.labels import MAX_NOTE, MAX_TAGS, Labels, change_note, change_tags, labels_of, wrong_tag
from engine.runs.store import Run, StoreError


@pytest.fixture
def run(store, tiny):
    """A run whose experiment has tags and notes of its own."""
    return store.create(
        msgspec.structs.replace(tiny, tags=["vit", "small"], notes="of the experiment"), seed=0
    )


def test_without_labels_the_experiment_speaks(run):
    assert labels_of(run) == Labels(tags=("vit", "small"), notes="of the experiment")
    assert labels_of(run, run.info()) == labels_of(run)


def test_tags_come_and_go(run):
    assert change_tags(run, ["best", "paper"]).tags == ("vit", "small", "best", "paper")
    assert change_tags(run, ["vit"], ["small", "best"]).tags == ("vit", "paper")
    assert change_tags(run, ["small"]).tags == ("vit", "small", "paper")
    assert change_tags(run, remove=["none", "such"]).tags == ("vit", "small", "paper")
    assert labels_of(Run(run.path)).tags == ("vit", "small", "paper")


def test_notes_come_and_go(run):
    assert change_note(run, "mine\nof two lines").notes == "mine\nof two lines"
    assert change_note(run, "").notes == ""
    assert labels_of(run).tags == ("vit", "small")


@pytest.mark.parametrize(
    "tag", ["", "a b", "a,b", "a\nb", "\x1b[31m", "x" * 65, "+a", "-a", "\udc80", "\u202e"]
)
def test_what_is_no_tag_is_refused(run, tag):
    assert wrong_tag(tag)
    with pytest.raises(StoreError, match="is no tag"):
        change_tags(run, [tag])
    assert not (run.path / "labels.json").exists()


def test_there_is_an_end_to_tags_and_notes(run):
    with pytest.raises(StoreError, match="more than 64 tags"):
        change_tags(run, [f"t{i}" for i in range(MAX_TAGS)])
    with pytest.raises(StoreError, match="at most 65,536 characters"):
        change_note(run, "x" * (MAX_NOTE + 1))


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_the_file_is_its_owners_alone(run, umask):
    before = os.umask(umask)
    try:
        change_note(run, "mine")
    finally:
        os.umask(before)
    assert stat.S_IMODE((run.path / "labels.json").stat().st_mode) == 0o600


def test_two_who_tag_at_once_both_do(run):
    threads = [threading.Thread(target=change_tags, args=(run, [f"t{i}"])) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(labels_of(run).tags) == {"vit", "small", *(f"t{i}" for i in range(12))}


@given(st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["added", "removed", "note", "v"]), inner),
    ).map(lambda value: json.dumps(value).encode()),
))  # fmt: skip
def test_no_file_raises(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("labels")
    run = Run(root / "a-run")
    run.path.mkdir()
    (run.path / "labels.json").write_bytes(data)
    labels = labels_of(run)
    assert all(isinstance(tag, str) for tag in labels.tags)
    assert isinstance(labels.notes, str)
    assert "new" in change_tags(run, ["new"]).tags


@pytest.mark.parametrize(
    "config", [{}, {"tags": "vit"}, {"tags": [1, None, "a"], "notes": 7}, {"tags": {"a": 1}}]
)
def test_nonsense_in_the_experiment_is_passed_over(run, config):
    fields = json.loads((run.path / "run.json").read_bytes())
    (run.path / "run.json").write_text(json.dumps(fields | {"config": config}))
    assert labels_of(run) == Labels(tags=("a",) if isinstance(config.get("tags"), list) else ())


def test_a_link_or_a_pipe_in_the_place_of_the_file_is_passed_over_and_replaced(run, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text('{"note":"secret"}')
    labels = run.path / "labels.json"
    labels.symlink_to(secret)
    assert labels_of(run).notes == "of the experiment"
    change_note(run, "mine")
    assert secret.read_text() == '{"note":"secret"}'
    assert not labels.is_symlink()
    labels.unlink()
    os.mkfifo(labels)
    assert labels_of(run).notes == "of the experiment"


def test_a_run_without_a_description_has_labels_too(run):
    (run.path / "run.json").unlink()
    assert change_tags(run, ["lost"]) == Labels(tags=("lost",))


def test_a_folder_that_cannot_be_written_is_said(run):
    labels = run.path / "labels.json"
    labels.mkdir()
    with pytest.raises(StoreError, match="its labels cannot be written: Is a directory"):
        change_tags(run, ["a"])
    assert [path.name for path in run.path.glob(".*")] == []
