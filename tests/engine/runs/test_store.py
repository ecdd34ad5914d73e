"""Run folders: whole at once, found by any part of their name, read however torn their files are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs import run_lock, stop_request
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import Run, RunInfo, Store, StoreError, is_run_id
from engine.runs.trust.entry_writer import leave_queue
from engine.system.files import MAX_FILE, last_lines, read_small, tail, write_atomic
from tests.conftest import queued

HOLD = """
import sys, pathlib
from engine.runs import run_lock
from engine.runs.store import Run
with run_lock.hold(Run(pathlib.Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder():
    """Another process that holds a run's lock: ``holder(run)``."""
    started = []

    def hold(run: Run) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


class TestCreation:
    def test_makes_what_the_format_says(self, store, tiny):
        run = store.create(msgspec.structs.replace(tiny, seeds=[4, 5]), seed=4)
        assert re.fullmatch(r"tiny-s4-\d{8}-\d{6}-[0-9a-f]{4}", run.id)
        assert sorted(path.name for path in run.path.iterdir()) == ["checkpoints", "run.json"]
        info = run.info()
        assert (info.v, info.id, info.experiment, info.seed, info.command) == (1, run.id, "tiny", 4, [])
        assert (info.config["seed"], info.config["seeds"], info.config["epochs"]) == (4, [], 2)

    def test_leaves_nothing_half_made(self, store, tiny, monkeypatch):
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("engine.runs.store.write_atomic", full)
        with pytest.raises(StoreError, match="No space left on device"):
            store.create(tiny, seed=0)
        assert store.runs() == []
        assert list(store.root.iterdir()) == []

    def test_says_when_the_folder_cannot_be_written(self, tmp_path, tiny):
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match="no run can be made"):
            Store(tmp_path / "file").create(tiny, seed=0)

    @pytest.mark.parametrize(
        ("name", "slug"),
        [
            ("ViT(B)-Hyb-32x32-14", "ViT-B-Hyb-32x32-14"),
            ("../../x", "x"),
            ("é", "run"),
            ("a" * 120, "a" * 80),
        ],
    )
    def test_makes_a_safe_folder_of_any_name(self, store, tiny, name, slug):
        run = store.create(msgspec.structs.replace(tiny, name=name), seed=0)
        assert run.id.startswith(f"{slug}-s0-")
        assert is_run_id(run.id)
        assert store.runs()[0].info().experiment == name

    def test_two_runs_of_one_second_that_draw_the_same_end_are_two(self, store, tiny, monkeypatch):
        same, other = (f"tiny-s0-20261118-150000-{end}" for end in ("aaaa", "bbbb"))
        drawn = iter([same, same, same, other])
        monkeypatch.setattr("engine.runs.store._new_id", lambda *_: next(drawn))
        first, second = store.create(tiny, seed=0), store.create(tiny, seed=0)
        assert [first.id, second.id] == [same, other]
        assert [run.id for run in store.runs()] == [first.id, second.id]

    def test_does_not_choke_on_a_path_that_is_no_unicode(self, store, tiny):
        path = b"folder:/caf\xe9".decode(errors="surrogateescape")
        with pytest.raises(StoreError, match="UTF-8"):
            store.create(msgspec.structs.replace(tiny, dataset=path), seed=0)


class TestFinding:
    def test_lists_oldest_first(self, store):
        for name in ("b-s0-20260102-000000-aaaa", "a-s0-20260103-000000-aaaa", "c-s0-20260101-000000-aaaa"):
            (store.root / name).mkdir(parents=True)
        assert [run.id[0] for run in store.runs()] == ["c", "b", "a"]

    def test_an_id_a_beginning_or_a_part_will_do(self, store):
        for name in ("vit-s0-20260101-000000-aaaa", "vit-s1-20260101-000000-bbbb"):
            (store.root / name).mkdir(parents=True)
        assert store.find("vit-s0-20260101-000000-aaaa").id.endswith("aaaa")
        assert store.find("vit-s1").id.endswith("bbbb")
        assert store.find("aaaa").id.endswith("aaaa")
        with pytest.raises(StoreError, match="2 runs fit 'vit'"):
            store.find("vit")
        with pytest.raises(StoreError, match=r"no run fits 'bit' in .*; did you mean 'vit'\? `engine ls`"):
            store.find("bit")

    def test_passes_over_what_is_no_run(self, store, run, tmp_path):
        (store.root / "file").write_text("")
        (store.root / ".hidden").mkdir()
        (store.root / "with space").mkdir()
        (tmp_path / "elsewhere").mkdir()
        (store.root / "link").symlink_to(tmp_path / "elsewhere")
        assert [each.id for each in store.runs()] == [run.id]

    def test_a_folder_with_a_name_of_its_own_is_a_run_if_it_holds_one(self, store, run):
        (store.root / "archive").mkdir()
        (run.path.rename(store.root / "archive" / run.id))
        assert store.runs() == []
        shutil.copytree(store.root / "archive" / run.id, store.root / "best")
        assert [each.id for each in store.runs()] == ["best"]

    @pytest.mark.parametrize("name", ["", ".", "..", "-x", "a/b", "a\n", "é", "a" * 201])
    def test_such_a_name_is_no_run(self, name):
        assert not is_run_id(name)


class TestSmallFiles:
    def test_links_are_refused(self, run, tmp_path):
        (tmp_path / "secret").write_text('{"submitted": 1}\n')
        for file in (run.queue_file, run.events, run.status_file):
            file.symlink_to(tmp_path / "secret")
        with pytest.raises(OSError, match="symbolic"):
            read_small(run.status_file)
        assert tail(run.events, 0) == ([], 0)

    def test_a_pipe_in_the_place_of_a_file_stops_nobody(self, run):
        os.mkfifo(run.control)
        assert stop_request.asked(run) is None

    def test_what_is_too_large_is_refused(self, run):
        run.status_file.write_bytes(b" " * (MAX_FILE + 1))
        with pytest.raises(OSError, match="larger than"):
            read_small(run.status_file)

    @pytest.mark.parametrize("text", ["", "{}", "[]", "{" * 10, '{"v":1}', "\xff"])
    def test_a_damaged_run_json_is_an_error_with_a_name(self, run, text):
        (run.path / "run.json").write_text(text)
        with pytest.raises(StoreError, match=run.id):
            run.info()

    def test_a_reader_sees_all_of_the_old_or_all_of_the_new(self, tmp_path):
        file = tmp_path / "status.json"
        write_atomic(file, b"a" * 100_000)
        seen, done = set(), threading.Event()

        def read() -> None:
            while not done.is_set():
                seen.add(read_small(file))

        reader = threading.Thread(target=read)
        reader.start()
        for i in range(300):
            write_atomic(file, (b"a", b"b")[i % 2] * (100_000 + i % 2))
        done.set()
        reader.join()
        assert seen <= {b"a" * 100_000, b"b" * 100_001}
        assert list(tmp_path.iterdir()) == [file]

    def test_a_full_disk_leaves_the_old_file(self, tmp_path):
        limited = """
import pathlib, resource, sys
from engine.system.files import write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomic(pathlib.Path(sys.argv[1]), b"b" * 5000)
except OSError as error:
    print(error)
"""
        file = tmp_path / "status.json"
        write_atomic(file, b"a" * 500)
        said = subprocess.run([sys.executable, "-c", limited, file], capture_output=True, check=True).stdout
        assert b"File too large" in said
        assert file.read_bytes() == b"a" * 500
        assert list(tmp_path.iterdir()) == [file]


class TestTail:
    @given(
        st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b" "))),
        st.binary(max_size=10).map(lambda line: line.replace(b"\n", b" ")),
        st.integers(1, 40),
    )
    def test_any_limit_gives_the_same_lines(self, tmp_path_factory, lines, torn, limit):
        file = tmp_path_factory.getbasetemp() / "tail.jsonl"
        file.write_bytes(b"".join(line + b"\n" for line in lines) + torn)
        read, offset = [], 0
        while (found := tail(file, offset, limit))[1] != offset:
            read += found[0]
            offset = found[1]
        assert read == lines
        assert offset == file.stat().st_size - len(torn)

    @given(st.lists(st.binary(max_size=20), max_size=20))
    def test_lines_read_while_they_are_written_are_the_lines_written(self, tmp_path_factory, chunks):
        file = tmp_path_factory.getbasetemp() / "growing.jsonl"
        file.write_bytes(b"")
        read, offset = [], 0
        for chunk in chunks:
            with file.open("ab") as out:
                out.write(chunk)
            lines, offset = tail(file, offset)
            read += lines
        assert read == b"".join(chunks).split(b"\n")[:-1]

    def test_an_absurd_line_is_passed_over(self, tmp_path):
        file = tmp_path / "events.jsonl"
        file.write_bytes(b"x" * (3 * MAX_FILE) + b"\nend\n")
        read, offset = [], 0
        while (found := tail(file, offset))[1] != offset:
            read += found[0]
            offset = found[1]
        assert read[-1] == b"end"
        assert offset == file.stat().st_size

    def test_a_file_that_is_not_there_has_no_lines(self, tmp_path):
        assert tail(tmp_path / "none", 7) == ([], 7)
        assert last_lines(tmp_path / "none") == []

    @given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b" "))), st.integers(1, 100))
    def test_the_last_lines_are_whole(self, tmp_path_factory, lines, limit):
        file = tmp_path_factory.getbasetemp() / "last.jsonl"
        file.write_bytes(b"".join(line + b"\n" for line in lines))
        found = last_lines(file, limit)
        assert found == lines[len(lines) - len(found) :]
        assert sum(len(line) + 1 for line in found) <= limit


class TestLock:
    def test_is_held_while_another_process_lives(self, run, holder):
        assert not run_lock.is_held(run)
        process = holder(run)
        assert run_lock.is_held(run)
        process.kill()
        process.wait()
        assert not run_lock.is_held(run)

    def test_looking_does_not_take_it(self, run):
        with run_lock.hold(run):
            assert run_lock.is_held(run)
            assert run_lock.is_held(run)
        assert not run_lock.is_held(run)

    def test_only_one_process_has_it(self, run, holder, monkeypatch):
        monkeypatch.setattr("engine.runs.run_lock.HOLD_TIMEOUT_S", 0.1)
        holder(run)
        with pytest.raises(StoreError, match="trained by another process"), run_lock.hold(run):
            pass


class TestQueue:
    def test_an_entry_comes_and_goes(self, store, tiny):
        run = queued(store, tiny, seed=0, device="cuda:1")
        assert waiting_entry(run).device == "cuda:1"
        leave_queue(run)
        assert waiting_entry(run) is None
        leave_queue(run)

    def test_a_damaged_entry_waits_all_the_same(self, run):
        run.queue_file.write_text("{")
        assert waiting_entry(run).submitted == 0

    def test_a_request_is_kept_until_it_is_done(self, run):
        assert stop_request.asked(run) is None
        stop_request.ask(run, "stop-after-epoch")
        stop_request.ask(run, "stop-now")
        assert stop_request.asked(run) == "stop-now"
        run.control.write_text("stop-never")
        assert stop_request.asked(run) is None
        stop_request.clear(run)
        assert not run.control.exists()


@pytest.mark.parametrize(
    ("git", "said"),
    [
        (None, ""), ({}, ""), ({"commit": None, "dirty": True}, ""),
        ({"commit": "1604c3f8940bf48ae7a7", "dirty": False}, "1604c3f894"),
        ({"commit": "1604c3f8940bf48ae7a7", "dirty": True}, "1604c3f894 with changes"),
    ],
)  # fmt: skip
def test_a_commit_is_told_with_its_changes(git: dict[str, object] | None, said: str) -> None:
    info = RunInfo(id="a", experiment="a", config={}, seed=0, created=0.0, git=git)
    assert info.commit() == said
    assert info.commit(digits=64) == said.replace("1604c3f894", "1604c3f8940bf48ae7a7")
