"""What waits for a bridge to carry it: in order, once each, and by this user only."""

from __future__ import annotations

import os

import pytest

from engine.remote import pending_requests
from engine.runs.posted.site_status import todo_file
from engine.runs.store import StoreError


def test_requests_wait_in_order_until_each_is_settled(tmp_path):
    first = pending_requests.add(tmp_path, "box", "a-s0", "stop")
    second = pending_requests.add(tmp_path, "box", "b-s0", "move", ["first"])
    assert pending_requests.kept(tmp_path, "box") == [first, second]
    assert pending_requests.kept(tmp_path, "other") == []
    pending_requests.settle(tmp_path, "box", first)
    assert pending_requests.kept(tmp_path, "box") == [second]
    pending_requests.settle(tmp_path, "box", second)
    assert not todo_file(tmp_path, "box").exists()


def test_what_is_damaged_or_names_no_run_is_passed_over(tmp_path):
    kept = pending_requests.add(tmp_path, "box", "a-s0", "stop")
    path = todo_file(tmp_path, "box")
    lines = [
        b'{"id":"1","at":1,"run":"../a","verb":"stop"}',
        b'{"id":"2","at":1,"run":"a","verb":"burn"}',
        b"{",
    ]
    path.write_bytes(b"\n".join([*lines, path.read_bytes()]))
    assert pending_requests.kept(tmp_path, "box") == [kept]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_somebody_else_put_there_is_not_carried(tmp_path):
    pending_requests.add(tmp_path, "box", "a-s0", "stop")
    os.chown(todo_file(tmp_path, "box"), 12345, 12345)
    assert pending_requests.kept(tmp_path, "box") == []


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / ".sites").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        pending_requests.add(tmp_path, "box", "a-s0", "stop")
