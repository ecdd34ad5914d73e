"""The page of a comparison at any width: no number is broken, and each side stands under its name and its mark."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from engine.analysis.comparison import Table, compare
from engine.analysis.comparison_sides import sides
from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.confusion_change import Shift, Shifts
from engine.runs.metadata import RunMetadata, summaries_of
from engine.runs.status import Status
from tui.views.comparison_page import page

NAMES = ("BiT-M-R50x1-32x32-7", "ViT-B-32x32-32-7", "ViT(B)-Hyb-32x32-14", "LayerScale-1e-5", "quick-Hybrid")
CLASSES = ("airplane", "automobile", "bird", "cat")


def status(name: str, seed: int) -> Status:
    place = NAMES.index(name)
    f1 = 0.3 + place / 10 + seed / 100
    return Status(run=f"{name}-{seed}", experiment=name, seed=seed, state="finished", parameters=85_660_000,
                  last={"test/f1": f1, "test/loss": 2.0 - f1, "train/images_per_s": 1234.5 + seed},
                  trained_s=735.0 + seed,
                  best={"test/f1": f1, "cpu/memory_process": (3.7 + seed / 99) * 2**30})  # fmt: skip


def compared() -> Table:
    runs = [status(name, seed) for name in NAMES for seed in range(3)]
    metadata = {run.run: RunMetadata({"lr": 0.1 * NAMES.index(run.experiment)}) for run in runs}
    facts = summaries_of(runs, metadata)
    return compare(sides(facts, None), Evidence({}, facts))


def changed() -> Shifts:
    classes = tuple(
        Shift(name, name, 0.295, 0.485 - i / 99, is_significant=i < 2) for i, name in enumerate(CLASSES)
    )
    return Shifts(classes, (Shift("automobile", "airplane", 0.1, 0.255, is_significant=True),))


def drawn(width: int) -> list[str]:
    marks = [Text(mark) for mark in "●▲■◆▼"]
    found = {name: changed() for name in NAMES[1:]}
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(page(compared(), found, marks, width))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [52, 72, 80, 96, 112, 140, 192])
def test_every_number_is_whole_and_every_side_has_its_mark(width: int) -> None:
    lines, table = drawn(width), compared()
    text = "\n".join(line.rstrip() for line in lines)
    assert all(len(line) <= width for line in lines)
    assert "…" not in text
    for _, cells in table.measured:
        for cell in cells:
            assert cell.value in text
            assert all(part in text for part in cell.delta.replace(" (", "\n(").splitlines())
    for mark, name in zip("▲■◆▼", NAMES[1:], strict=True):
        assert text.count(f"{mark} {name[:10]}") == 1
    assert text.count("Δ to the baseline") == len(NAMES) - 1
    assert text.count("0.295 → 0.485  +0.190") == text.count("10.0 →  25.5 %  +15.5") == len(NAMES) - 1
    assert text.replace("\n", " ").count("to look at, not concluded") == len(NAMES) - 1


def test_what_has_room_stands_beside_the_baseline() -> None:
    wide = "\n".join(drawn(192))
    assert wide.count("● BiT") == 1
    assert "\n".join(drawn(72)).count("● BiT") > 1


def test_what_the_marks_mean_stands_before_the_table() -> None:
    text = "\n".join(drawn(112))
    assert text.index("≈ cannot be told apart") < text.index("± over seeds") < text.index("baseline")
