"""How to begin: one step, for what this machine can train, and no promise that it cannot keep."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from engine.catalog.model_sizes import wants_gpu
from engine.config.loader import parse_config
from tests.tui.conftest import EXPERIMENTS
from tui.screens.dashboard.resting_line import resting_line
from tui.state.snapshot import Machine, Snapshot
from tui.views.first_steps import start_here
from tui.views.run_list_tree import WANTS_GPU, lacks_gpu, make_rows

BIG = '[experiments."ViT-big"]\nmodel = "vit_b"\nimage_size = 32\npatch_size = 8\n'
CONFIG = parse_config(EXPERIMENTS + BIG, Path("experiments.toml"))
CPU_ALONE = Snapshot(config=CONFIG, machine=Machine(memory_total=2**34))


@pytest.mark.parametrize(
    ("model", "wants"),
    [("vit_mini", False), ("hybrid_mini", False), ("vit_mini_optimized", False), ("vit_ti", True),
     ("bit_r50x1", True), ("hybrid_b", True), ("timm:resnet18", False), ("script", False)],
)  # fmt: skip
def test_what_wants_a_gpu(model: str, wants: bool) -> None:
    assert wants_gpu(model) == wants


def test_rows_say_what_wants_a_gpu_where_there_is_none() -> None:
    assert {row.label: row.note for row in make_rows(CPU_ALONE, ())} == {
        "ViT-small": "", "BiT-small": "", "one-token": "", "ViT-big": WANTS_GPU
    }  # fmt: skip
    unread = dataclasses.replace(CPU_ALONE, unread=True)  # it may have run elsewhere
    assert not any(row.note for row in make_rows(unread, ()))
    assert resting_line(row := make_rows(unread, ())[3], None, (), has_console=False, unread=True) == (
        "reading the runs …"
    )
    assert resting_line(row, None, (), has_console=False, unread=False) == "not run; r runs it"
    assert not lacks_gpu(Snapshot(config=CONFIG), "ViT-big")  # nobody has looked yet
    assert not lacks_gpu(CPU_ALONE, "unknown")


def test_one_step_is_named() -> None:
    assert start_here("quick-ViT", ready="quick-ViT")[0] == "Press r to train quick-ViT on this machine."
    lines = start_here("ViT-big", ready="quick-ViT")
    assert lines[0] == "ViT-big wants a GPU, and this machine has none."
    assert lines[2] == "quick-ViT is ready here: go there and press r."
    assert not any("ready here" in line for line in start_here("ViT-big", ready=None))
    assert start_here("ViT-big", ready=None, readonly=True) == ["Nothing has run here yet."]
