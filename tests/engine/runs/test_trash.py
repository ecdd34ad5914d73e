"""What is thrown away comes back whole; what lives or waits is not thrown away; what is purged is gone, alone."""

from __future__ import annotations

import datetime
import os
import stat
import subprocess
import sys
import threading
import time

import pytest

from engine.events import Start
from engine.runs import run_lock, trash
from engine.runs.liveness import status_of
from engine.runs.recorder import Recorder
from engine.runs.store import Store, StoreError
from engine.runs.trash import disk_usage, purge, restore, throw_away, trash_entries
from engine.runs.trust.entry_writer import leave_queue
from engine.system import process
from tests.conftest import enqueue

HOLD = """
import pathlib, sys
from engine.runs import run_lock
from engine.runs.store import Run
with run_lock.hold(Run(pathlib.Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def ended(run):
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id, attempt=1, host=process.host()))
    recorder.end("finished", "done")
    recorder.close()
    (run.checkpoints / "last.pt").write_bytes(b"x" * 100_000)
    os.link(run.checkpoints / "last.pt", run.checkpoints / "best.pt")
    return run


def contents(path):
    return {str(each.relative_to(path)): each.read_bytes() for each in path.rglob("*") if each.is_file()}


def test_a_run_goes_and_comes_back_whole(store, ended):
    before = contents(ended.path)
    there = throw_away(store, ended)
    assert store.runs() == []
    assert there.path.parent == store.root / ".trash"
    assert stat.S_IMODE(there.path.parent.stat().st_mode) == 0o700
    assert [(each.name, each.is_run) for each in trash_entries(store)] == [(ended.id, True)]
    back = restore(store, ended.id[:8])
    assert back.path == ended.path
    assert {name: data for name, data in contents(back.path).items() if name != "lock"} == before
    assert status_of(back).state == "finished"
    assert trash_entries(store) == []


def test_one_thrown_away_twice_has_two_places_and_the_last_comes_back(store, ended):
    throw_away(store, ended)
    ended.path.mkdir()
    (ended.path / "second").write_text("")
    with pytest.raises(StoreError, match=r"there is a run .* already"):
        restore(store, ended.id)
    throw_away(store, ended)
    assert [each.name for each in trash_entries(store)] == [ended.id, ended.id]
    assert (restore(store, ended.id).path / "second").exists()


def test_what_lives_or_waits_is_refused_with_what_to_do(store, ended, run):
    enqueue(run)
    with pytest.raises(StoreError, match=r"waits in the queue: `engine stop .*` takes it out"):
        throw_away(store, run)
    leave_queue(run)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, run.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(StoreError, match=r"is starting: `engine stop --now .*` ends it"):
            throw_away(store, run)
        holder.communicate()
    throw_away(store, run)


def test_a_silent_run_goes_by_force_alone(store, run):
    recorder = Recorder(run)
    recorder.emit(Start(time=1.0, run=run.id, attempt=1, host="elsewhere"))
    recorder.close()
    assert status_of(run).state == "silent"
    with pytest.raises(StoreError, match="`--force` says that it does not"):
        throw_away(store, run)
    throw_away(store, run, force=True)


def test_a_run_that_is_queued_at_the_last_moment_stays(store, ended, monkeypatch):
    monkeypatch.setattr(trash, "why_not", lambda run, force: enqueue(run) or "")
    with pytest.raises(StoreError, match="has just been queued"):
        throw_away(store, ended)
    assert store.runs() == [ended] or store.runs()[0].id == ended.id


def test_nobody_takes_a_run_while_it_moves(store, ended):
    """Whoever waits for its lock meanwhile finds that it is gone, and makes nothing in its place."""
    refused, waiting = [], threading.Event()

    def take():
        waiting.set()
        try:
            with run_lock.hold(ended):
                refused.append("")
        except StoreError as error:
            refused.append(str(error))

    with run_lock.hold(ended):
        thread = threading.Thread(target=take)
        thread.start()
        waiting.wait()
        time.sleep(0.1)
        trash.put(store, ended.path, ended.id)
    thread.join()
    assert refused == [f"{ended.id} has just been moved or removed"]
    assert not ended.path.exists()


def test_a_purge_frees_what_it_says_and_follows_no_link(store, ended, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    (ended.path / "link").symlink_to(precious)
    size = disk_usage(ended.path)
    assert 100_000 <= size < 200_000  # a file of two names is one
    throw_away(store, ended)
    (there,) = trash_entries(store)
    assert there.size() == pytest.approx(size, abs=8192)
    purge([there])
    assert trash_entries(store) == []
    assert (precious / "file").read_text() == "keep"


def test_a_trash_that_is_a_link_is_refused(store, ended, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (store.root / ".trash").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a link"):
        throw_away(store, ended)
    assert trash_entries(store) == []
    assert [run.id for run in store.runs()] == [ended.id]


def test_what_is_no_run_in_the_trash_is_not_restored(store, ended, tmp_path):
    throw_away(store, ended)
    folder = store.root / ".trash"
    (folder / "x-s0-20260101-000000-aaaa~20260101-000000").symlink_to(tmp_path)
    (folder / "nonsense").mkdir()
    (folder / "a~20261399-000000").mkdir()
    (folder / f"{ended.id}@status.json~20260101-000000").write_text("")
    assert [each.name for each in trash_entries(store) if each.is_run] == [ended.id]
    for name in ("x-s0", "nonsense", "../x", ""):
        if name:
            with pytest.raises(StoreError, match="no run in the trash fits"):
                restore(store, name)
    assert restore(store, "").id == ended.id


class TestCommands:
    @pytest.fixture
    def runs(self, lab):
        return Store(lab / "runs")

    @pytest.fixture
    def two(self, runs, tiny):
        return [runs.create(tiny, seed=seed) for seed in (0, 1)]

    def test_rm_and_restore(self, engine, runs, two):
        done = engine("rm", *(run.id for run in two))
        assert done.returncode == 0
        assert runs.runs() == []
        assert two[0].id in engine("rm", "--list").stdout.decode()
        assert engine("restore", "tiny-s1").returncode == 0
        assert [run.id for run in runs.runs()] == [two[1].id]

    def test_if_one_cannot_go_none_does(self, engine, runs, two):
        enqueue(two[1])
        done = engine("rm", *(run.id for run in two))
        assert done.returncode == 2
        assert b"`engine stop" in done.stderr
        assert len(runs.runs()) == 2

    def test_purge_asks_and_says_what_it_frees(self, engine, runs, two):
        engine("rm", *(run.id for run in two))
        done = engine("rm", "--purge")
        assert done.returncode == 2
        assert b"2 things would be removed for good and free" in done.stderr
        assert len(trash_entries(runs)) == 2
        assert engine("rm", "--purge", "--older-than", "1h").stdout == b"nothing to remove\n"
        done = engine("rm", "--purge", "--yes")
        assert (done.returncode, trash_entries(runs)) == (0, [])
        assert b"2 things removed" in done.stdout

    def test_older_than_keeps_what_is_newer(self, engine, runs, two):
        for run in two:
            throw_away(runs, run)
        old = trash_entries(runs)[0]
        stamp = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=8)).strftime(trash.STAMP)
        old.path.rename(old.path.with_name(f"{old.name}~{stamp}"))
        assert engine("rm", "--purge", "--older-than", "7d", "--yes").returncode == 0
        assert len(trash_entries(runs)) == 1
        assert b"is no age" in engine("rm", "--purge", "--older-than", "soon").stderr

    def test_on_a_terminal_it_asks(self, engine, runs, two):
        for answer, left in ((b"n\n", 2), (b"y\n", 1)):
            primary, secondary = os.openpty()
            command = engine.start("rm", two[0].id, stdin=secondary)
            os.write(primary, answer)
            command.communicate(timeout=60)
            os.close(primary)
            os.close(secondary)
            assert len(runs.runs()) == left

    @pytest.mark.parametrize(
        "words",
        [
            ["--list", "--purge"],
            *(
                pytest.param(words, marks=pytest.mark.slow)
                for words in ([], ["a", "--list"], ["a", "--older-than", "7d"])
            ),
        ],
    )
    def test_wrong_usage_ends_with_2(self, engine, words):
        assert engine("rm", *words).returncode == 2

    def test_tag_and_note(self, engine, two):
        first, second = (run.id for run in two)
        done = engine("tag", first, second, "+best", "-nothing", "paper")
        assert done.stdout.decode() == f"{first}  best paper\n{second}  best paper\n"
        assert engine("tag", "tiny-s0", "-best", "+hard", "-help").stdout.decode() == f"{first}  paper hard\n"
        assert engine("tag", second).stdout.decode() == f"{second}  best paper\n"
        assert engine("tag", "+best").returncode == 2
        assert b"no such option: --bets" in engine("tag", first, "--bets").stderr
        assert engine("note", first, "a \x1b[31mred\x1b[0m note\nof two lines").returncode == 0
        assert engine("note", first).stdout == b"a  [31mred [0m note\nof two lines\n"
        editor = "import os; os.environ['EDITOR'] = 'sed -i s/red/green/'"
        assert engine("note", first, "--edit", code=editor).returncode == 0
        assert b"green" in engine("note", first).stdout
        assert engine("note", first, "--clear").returncode == 0
        assert engine("note", first).stdout == b""
        assert engine("note", first, "x", "--clear").returncode == 2
