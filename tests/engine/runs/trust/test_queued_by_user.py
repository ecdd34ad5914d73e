"""Whose runs start by themselves: the table of the one rule, and that nobody's change makes a run the user's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine.queue import move_and_hold, retry
from engine.queue.stop_and_resume import request_resume
from engine.runs import worker_status
from engine.runs.liveness import status_of
from engine.runs.queue_entry import QueueEntry, queue_entry, waiting_entry, write_entry
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust import entry_writer, queued_by_user
from engine.runs.trust.queued_by_user import (
    BEFORE_THIS_VERSION,
    BY_SOMEBODY_ELSE,
    DAMAGED_ENTRY,
    look_at,
    why_untrusted,
)
from engine.system import process
from engine.system.lock_holder import this_process
from tests.conftest import queued

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def why(run: Run) -> str:
    entry = queue_entry(run)
    assert entry is not None
    return why_untrusted(run, entry)


@pytest.fixture
def own(store: Store, tiny) -> Run:
    """A run that this user has just queued."""
    return queued(store, tiny)


def change_file(run: Run, **fields) -> None:
    """Change fields of queued.json and nothing else."""
    entry = json.loads(run.queue_file.read_bytes())
    run.queue_file.write_text(json.dumps(entry | fields))


def change_description(run: Run, **fields) -> None:
    described = json.loads((run.path / "run.json").read_bytes())
    (run.path / "run.json").write_text(json.dumps(described | fields))


class TestOwn:
    def test_it_is_trusted(self, own):
        assert why(own) == ""

    def test_after_a_reboot(self, own, monkeypatch):
        monkeypatch.setattr(process, "boot_id", lambda: "another boot")
        assert why(own) == ""

    def test_taken_and_left_after_a_reboot(self, own, monkeypatch):
        entry_writer.take_from_queue(own, 0, by_hand=False)
        monkeypatch.setattr(process, "boot_id", lambda: "another boot")
        assert why(own) == ""
        entry_writer.leave_queue(own, "failed")
        assert (why(own), queue_entry(own).stage) == ("", "failed")

    def test_with_all_runs_moved(self, own, store):
        moved = store.root.rename(store.root.with_name("elsewhere"))
        assert why(Run(moved / own.id)) == ""

    def test_thrown_away_and_brought_back(self, own, store):
        (store.root / ".trash").mkdir()
        there = own.path.rename(store.root / ".trash" / own.id)
        there.rename(own.path)
        assert why(own) == ""

    def test_through_all_that_the_queue_does_with_it(self, own, store):
        move_and_hold.hold(own)
        move_and_hold.hold(own, release=True)
        move_and_hold.prioritize(own, 3)
        move_and_hold.move(store, own, "first")
        assert why(own) == ""
        entry_writer.take_from_queue(own, 0, by_hand=False)
        entry_writer.leave_queue(own)
        assert why(own) == ""

    def test_started_by_hand(self, store, tiny):
        run = store.create(tiny, 0)
        entry_writer.take_from_queue(run, 0, by_hand=True)
        assert why(run) == ""

    def test_a_whole_umask_of_002(self, store, tiny, own, monkeypatch):
        """The group that a user has alone is nobody else."""
        for path in (store.root, own.path):
            path.chmod(0o775)
        monkeypatch.setattr("engine.system.permissions._is_private", lambda *_: True)
        assert why(own) == ""


FIELDS = {
    "submitted": 5.0, "stage": "failed", "device": "cuda:1", "settings": ["batch_size=8"], "gpus": 2, "priority": 1,
    "order": 1.0, "after": ["x"], "share": True, "on_hold": True, "not_before": 5.0, "attempts": 7, "retried": 3,
    "by_hand": True, "devices": {"cpu:0": "x"}, "holder": msgspec.to_builtins(this_process()),
    "environment": {"PATH": "/x"}, "proof": "0" * 64,
}  # fmt: skip


def test_every_field_is_covered():
    assert FIELDS.keys() == set(QueueEntry.__struct_fields__)


@pytest.mark.parametrize("field", FIELDS)
def test_a_changed_field_proves_nothing(own, field):
    change_file(own, **{field: FIELDS[field]})
    assert why(own) == BY_SOMEBODY_ELSE


class TestCopies:
    def test_a_copied_folder(self, own, store):
        copy = Run(store.root / own.id.replace("-s0-", "-s1-"))
        subprocess.run(["cp", "-a", own.folder, copy.folder], check=True)
        assert (why(own), why(copy)) == ("", BY_SOMEBODY_ELSE)

    def test_a_folder_of_the_same_name(self, own, tmp_path):
        shutil.copytree(own.path, tmp_path / "copy" / own.id)
        assert why(Run(tmp_path / "copy" / own.id)) == BY_SOMEBODY_ELSE

    def test_an_entry_of_another_own_run(self, own, store, tiny):
        other = store.create(tiny, 1)
        shutil.copy(own.queue_file, other.queue_file)
        assert why(other) == BY_SOMEBODY_ELSE

    def test_a_renamed_folder(self, own, store):
        renamed = Run(own.path.rename(store.root / own.id.replace("-s0-", "-s1-")))
        assert why(renamed) == BY_SOMEBODY_ELSE

    def test_a_changed_description(self, own):
        change_description(own, cwd="/elsewhere")
        assert why(own) == BY_SOMEBODY_ELSE

    def test_a_damaged_description(self, own):
        (own.path / "run.json").write_text("{")
        assert "run.json cannot be used" in why(own)

    def test_a_missing_description(self, own):
        (own.path / "run.json").unlink()
        assert why(own) == "its run.json cannot be used: No such file or directory"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"submitted":1.0}', BEFORE_THIS_VERSION),
        ("garbage", DAMAGED_ENTRY), ("", DAMAGED_ENTRY), ("{}", DAMAGED_ENTRY),
        ('{"submitted":1.0,"proof":1}', DAMAGED_ENTRY),
        ('{"submitted":1.0,"proof":"\\u00e4"}', BY_SOMEBODY_ELSE),
        ('{"submitted":1.0,"priority":99999999999999999999999,"proof":"a"}', BY_SOMEBODY_ELSE),
    ],
)  # fmt: skip
def test_another_queued_json(own, text, expected):
    own.queue_file.write_text(text)
    assert why(own) == expected
    assert (status_of(own).state, status_of(own).reason) == ("queued", expected)


@pytest.mark.parametrize("reason", [BEFORE_THIS_VERSION, BY_SOMEBODY_ELSE, DAMAGED_ENTRY])
def test_what_to_do_stands_in_a_row_of_80_cells(reason):
    row = f"│ ★ … ViT-B-32x32-16-7 {reason}"
    assert row.index("hold --release`") + len("hold --release`") < 80 - len("… │")


class TestPermissions:
    """What others may write, or have written, is nobody's word."""

    @pytest.mark.parametrize(
        ("which", "mode"),
        [("runs", 0o777), ("runs", 0o775), ("folder", 0o777), ("run.json", 0o666), ("queued.json", 0o620)],
    )
    def test_others_can_write(self, own, store, monkeypatch, which, mode):
        monkeypatch.setattr("engine.system.permissions._is_private", lambda *_: False)
        path = {"runs": store.root, "folder": own.path}.get(which, own.path / which)
        path.chmod(mode)
        assert why(own) == f"others can write {path}: `chmod go-w {path}`"
        path.chmod(mode & 0o755)
        assert why(own) == ""

    def test_in_a_sticky_folder_others_cannot_replace_it(self, own, store):
        store.root.chmod(0o1777)
        assert why(own) == ""

    @as_root
    @pytest.mark.parametrize("which", ["folder", "run.json", "queued.json"])
    def test_it_belongs_to_another(self, own, which):
        os.chown(own.path if which == "folder" else own.path / which, NOBODY, NOBODY)
        assert why(own) == f"its {which} belongs to nobody: a copy of the folder (`cp -r`) is yours to start"

    @as_root
    def test_all_runs_belong_to_another(self, own, store):
        os.chown(store.root, NOBODY, NOBODY)
        assert why(own) == f"{store.root} belongs to nobody: only a worker of that user starts its runs"

    def test_a_link_for_a_file(self, own, tmp_path):
        for name in ("queued.json", "run.json"):
            shutil.move(own.path / name, tmp_path / name)
            (own.path / name).symlink_to(tmp_path / name)
        assert "run.json" in why(own)

    def test_a_link_for_a_folder(self, own, store):
        link = store.root / own.id.replace("-s0-", "-s1-")
        link.symlink_to(own.path)
        assert "its folder cannot be used" in why(Run(link))

    def test_with_all_runs_behind_a_link(self, own, store, tmp_path):
        (tmp_path / "link").symlink_to(store.root)
        assert why(Run(tmp_path / "link" / own.id)) == ""

    def test_it_is_not_queued_where_others_can_write(self, own):
        own.path.chmod(0o777)
        with pytest.raises(StoreError, match="cannot be queued: others can write"):
            entry_writer.enter(own, QueueEntry(submitted=1.0))


class TestKey:
    @pytest.fixture(autouse=True)
    def key(self, own, state_folder):
        """The file of the key, which is put back afterwards."""
        path = state_folder / "queue.key"
        before = path.read_bytes()
        yield path
        path.unlink(missing_ok=True)
        path.write_bytes(before)
        path.chmod(0o600)

    def test_it_is_the_users_alone(self, key):
        assert (key.stat().st_mode & 0o7777, key.parent.stat().st_mode & 0o7777) == (0o600, 0o700)
        assert len(key.read_bytes()) == 32

    def test_without_one_nothing_is_proved_and_none_is_made(self, own, key):
        key.unlink()
        assert why(own) == BY_SOMEBODY_ELSE
        assert not key.exists()

    def test_another_one(self, own, key):
        key.write_bytes(bytes(32))
        assert why(own) == BY_SOMEBODY_ELSE

    def test_others_can_read_it(self, own, store, tiny, key):
        key.chmod(0o640)
        assert why(own) == f"{key} can be read by others: `chmod 600 {key}`"
        with pytest.raises(StoreError, match="can be read by others"):
            queued(store, tiny, 1)
        assert store.runs() == [own] or len(store.runs()) == 1

    def test_a_link(self, own, key, tmp_path):
        shutil.move(key, tmp_path / "key")
        key.symlink_to(tmp_path / "key")
        assert "is a link: remove it" in why(own)

    def test_a_damaged_one(self, own, key):
        key.write_bytes(b"short")
        assert "is damaged: remove it" in why(own)

    @as_root
    def test_another_users(self, own, key):
        os.chown(key, NOBODY, NOBODY)
        assert "belongs to nobody" in why(own)


class TestNoOracle:
    """Whatever is done with what somebody else queued, it stays theirs."""

    @pytest.fixture(params=["", "f" * 64])
    def strange(self, own, request) -> Run:
        write_entry(own, QueueEntry(submitted=1.0, attempts=0, proof=request.param))
        return own

    @pytest.mark.parametrize(
        "act",
        [
            lambda store, run: move_and_hold.hold(run),
            lambda store, run: move_and_hold.hold(run, release=True),
            lambda store, run: move_and_hold.prioritize(run, 4),
            lambda store, run: move_and_hold.move(store, run, "first"),
            lambda store, run: entry_writer.take_from_queue(run, 0, by_hand=False),
            lambda store, run: entry_writer.leave_queue(run),
            lambda store, run: entry_writer.leave_queue(run, "failed"),
        ],
    )
    def test_it_stays_unproved(self, store, strange, act: Callable):
        before = queue_entry(strange).proof
        act(store, strange)
        assert why(strange)
        assert queue_entry(strange).proof == before

    def test_resumed_on_request_it_is_the_users(self, strange):
        entry_writer.leave_queue(strange)
        request_resume(strange)
        assert (why(strange), waiting_entry(strange).settings) == ("", [])

    def test_what_has_changed_since_it_was_shown_is_not(self, strange):
        seen = look_at(strange).identity
        change_description(strange, command=["evil"])
        entry_writer.leave_queue(strange)
        with pytest.raises(StoreError, match="has changed since it was shown"):
            request_resume(strange, seen=seen)
        assert why(strange)

    @pytest.mark.parametrize("stage", ["taken", "failed"])
    def test_it_is_not_settled(self, strange, stage):
        dead = msgspec.structs.replace(this_process(), pid=2**22 + 1)
        write_entry(strange, msgspec.structs.replace(queue_entry(strange), stage=stage, holder=dead))
        before = queue_entry(strange)
        retry.settle(strange)
        assert queue_entry(strange) == before


def test_by_hand_it_needs_no_key(store, tiny, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    run = store.create(tiny, 0)
    entry_writer.take_from_queue(run, 0, by_hand=True)
    assert (queue_entry(run).stage, queue_entry(run).proof) == ("taken", "")
    with pytest.raises(StoreError, match=r"cannot be made: .*: set XDG_STATE_HOME to a folder"):
        queued(store, tiny, 1)
    assert len(store.runs()) == 1


def test_two_processes_make_one_key(tmp_path: Path):
    make = "from engine.runs.trust.user_key import make_key; print(make_key().hex())"
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    makers = [
        subprocess.Popen([sys.executable, "-c", make], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({maker.communicate()[0] for maker in makers}) == 1
    assert [path.name for path in (tmp_path / "vitui").iterdir()] == ["queue.key"]


def test_the_reason_is_told_with_and_without_a_worker(own, store):
    own.queue_file.write_text('{"submitted":1.0}')
    assert status_of(own).reason == BEFORE_THIS_VERSION
    current = worker_status.WorkerStatus(worker=this_process(), reasons={})
    worker_status.publish(store.root, current)
    assert status_of(own).reason == BEFORE_THIS_VERSION
    worker_status.publish(store.root, msgspec.structs.replace(current, reasons={own.id: "waits for a GPU"}))
    assert status_of(own).reason == "waits for a GPU"


def test_another_version_makes_other_proofs(own, monkeypatch):
    monkeypatch.setattr(queued_by_user, "VERSION", 2)
    assert why(own) == BY_SOMEBODY_ELSE
