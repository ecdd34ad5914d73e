"""Real training of small models, made reproducible: one thread, and signals put back."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from PIL import Image

from engine.system.process import STOP_SIGNALS


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _reproducible():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image folder of two classes, 20 images of each to train on and 5 to test on, every one of its own colour."""
    shade = iter(range(1, 256))
    for part, count in (("train", 20), ("test", 5)):
        for name in ("cat", "dog"):
            home = tmp_path / "images" / part / name
            home.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (8, 8), (next(shade), 0, 0)).save(home / f"{i}.png")
    return tmp_path / "images"
