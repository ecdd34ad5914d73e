"""Where what is remembered is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.system.user_folders import state_folder


def test_the_state_folder_is_the_users_wish_or_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/x")
    assert state_folder({"XDG_STATE_HOME": "/s"}) == Path("/s/vitui")
    assert state_folder({"XDG_STATE_HOME": "relative"}) == Path("/home/x/.local/state/vitui")
    assert state_folder({}) == Path("/home/x/.local/state/vitui")
