"""Frames into folders of runs: only of runs that the site has, only files of the list, and never through a link."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.schema import Experiment
from engine.config.site import Site
from engine.remote.this_machine.mirror import Mirror
from engine.runs.posted.posting import Posting, take_back
from engine.runs.provenance.code_snapshot import CodeSnapshot
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust.posted_by_user import enter_posting
from engine.sites.far_end_frames import FrameError
from engine.sites.far_end_messages import Again, Append, Held, Put

LINE = b'{"event":"log"}\n'


@pytest.fixture
def mirror(store, run):
    post(run)
    return Mirror(store, "box")


def post(run: Run, site: str = "box") -> None:
    enter_posting(run, Posting(site=Site(name=site, ssh="box"), name=f"vitui-{run.id}-1", posted=time.time()))


def events(run: Run, at: int, *, file: str = "events.jsonl") -> Append:
    return Append(run=run.id, file=file, at=at)


def everything(folder) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_events_are_added_where_they_belong(mirror, run):
    assert mirror.append(events(run, 0), LINE) is None
    assert mirror.append(events(run, len(LINE)), LINE) is None
    assert run.events.read_bytes() == 2 * LINE
    assert run.events.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("at", [0, 1, 1000])
def test_what_does_not_come_next_is_asked_for_from_the_last_whole_line(mirror, run, at):
    run.events.write_bytes(LINE + b'{"event":')
    assert mirror.append(events(run, at), LINE) == Again(run=run.id, file="events.jsonl", at=len(LINE))
    assert run.events.read_bytes() == LINE
    assert mirror.append(events(run, len(LINE)), LINE) is None


@given(
    st.lists(st.binary(min_size=1, max_size=40).map(lambda text: text.replace(b"\n", b"") + b"\n")), st.data()
)
def test_any_cut_of_a_file_is_caught_up_with(tmp_path_factory, lines, data):
    store = Store(tmp_path_factory.mktemp("cut"))
    run = store.create(Experiment(name="x", model="vit_mini", epochs=1), 0, code=CodeSnapshot())
    post(run)
    whole = b"".join(lines)
    run.events.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    mirror = Mirror(store, "box")
    at = data.draw(st.sampled_from([0, mirror.held(run).events]))
    while (rest := whole[at:]) and (again := mirror.append(events(run, at), rest)) is not None:
        at = again.at
    assert run.events.read_bytes() == whole


def test_half_a_line_of_events_is_refused(mirror, run):
    with pytest.raises(FrameError):
        mirror.append(events(run, 0), b'{"event":')
    with pytest.raises(FrameError):
        mirror.append(events(run, 0), b"")
    assert not run.events.exists()


def test_a_file_is_replaced_with_its_time_and_told_of_at_the_next_connection(mirror, run):
    mirror.put(Put(run=run.id, file="status.json", time=10**18), b"{}")
    mirror.put(Put(run=run.id, file="console.log", time=2 * 10**18), b"said")
    mirror.append(events(run, 0), LINE)
    times = {"status.json": 10**18, "console.log": 2 * 10**18}
    assert mirror.held(run) == Held(events=len(LINE), console=4, times=times)


def test_nothing_of_other_runs_is_touched(mirror, store, run, tiny):
    own, of_another = store.create(tiny, 1, code=CodeSnapshot()), store.create(tiny, 2, code=CodeSnapshot())
    post(of_another, "elsewhere")
    taken_back = store.create(tiny, 3, code=CodeSnapshot())
    post(taken_back)
    take_back(taken_back)
    before = everything(store.root)
    for other in (own.id, of_another.id, taken_back.id, "not-there"):
        assert mirror.append(Append(run=other, file="events.jsonl", at=0), LINE) is None
        mirror.put(Put(run=other, file="status.json", time=1), b"{}")
    assert everything(store.root) == before
    assert not (store.root / "not-there").exists()


@pytest.mark.parametrize("file", ["events.jsonl", "status.json"])
def test_no_link_is_followed(mirror, run, tmp_path, file):
    secret = tmp_path / "secret"
    secret.write_text("mine")
    (run.path / file).symlink_to(secret)
    if file == "events.jsonl":
        with pytest.raises(StoreError):
            mirror.append(events(run, 0), LINE)
        with pytest.raises(StoreError):
            mirror.held(run)
    else:
        mirror.put(Put(run=run.id, file=file, time=1), b"{}")
        assert not (run.path / file).is_symlink()
    assert secret.read_text() == "mine"


def test_a_folder_that_is_a_link_is_not_written_to(store, run, mirror, tmp_path):
    there = tmp_path / "elsewhere"
    run.path.rename(there)
    run.path.symlink_to(there)
    before = everything(there)
    with pytest.raises(StoreError):
        mirror.append(events(run, 0), LINE)
    with pytest.raises(StoreError):
        mirror.put(Put(run=run.id, file="status.json", time=1), b"{}")
    assert everything(there) == before


def test_a_full_disk_leaves_no_torn_line(mirror, run, monkeypatch):
    mirror.append(events(run, 0), LINE)

    def full(handle: int, data: bytes) -> None:
        os.write(handle, data[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.remote.this_machine.mirror.write_all", full)
    with pytest.raises(StoreError, match="No space left"):
        mirror.append(events(run, len(LINE)), LINE)
    with pytest.raises(StoreError, match="No space left"):
        mirror.put(Put(run=run.id, file="status.json", time=1), b"{}")
    assert run.events.read_bytes() == LINE
    assert not [path for path in run.path.iterdir() if path.name.startswith(".status")]
