"""The page of a comparison at any width: no number is broken, the verdict is seen, each side has its name and mark."""

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
MARKS = "●▲■◆▼"


def status(name: str, seed: int) -> Status:
    place = NAMES.index(name)
    f1 = 0.3 + place / 10 + seed / 100
    return Status(run=f"{name}-{seed}", experiment=name, seed=seed, state="finished", parameters=85_660_000,
                  last={"test/f1": f1, "test/loss": 2.0 - f1, "train/images_per_s": 1234.5 + seed},
                  trained_s=735.0 + seed,
                  best={"test/f1": f1, "cpu/memory_process": (3.7 + seed / 99) * 2**30})  # fmt: skip


def compared(names: tuple[str, ...] = NAMES) -> Table:
    runs = [status(name, seed) for name in names for seed in range(3)]
    metadata = {run.run: RunMetadata({"lr": 0.1 * NAMES.index(run.experiment)}) for run in runs}
    facts = summaries_of(runs, metadata)
    return compare(sides(facts, None), Evidence({}, facts))


def changed() -> Shifts:
    classes = tuple(
        Shift(name, name, 0.295, 0.485 - i / 99, is_significant=i < 2) for i, name in enumerate(CLASSES)
    )
    return Shifts(classes, (Shift("automobile", "airplane", 0.1, 0.255, is_significant=True),))


def drawn(width: int, table: Table | None = None, marks: str = MARKS) -> list[str]:
    table = table or compared()
    found = {side.name: changed() for side in table.sides[1:]}
    drawn_marks = [Text(mark.strip()) for mark in marks[: len(table.sides)]]
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(page(table, found, drawn_marks, width))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [52, 72, 75, 96, 112, 140, 192, 240])
def test_every_number_is_whole_and_every_side_has_its_mark(width: int) -> None:
    lines, table = drawn(width), compared()
    text = "\n".join(line.rstrip() for line in lines)
    assert all(len(line) <= width for line in lines)
    tight = text.replace(" ± ", "±").replace("× ", "×")
    for _, cells in table.measured:
        for cell in cells:
            assert cell.value.replace(" ± ", "±") in tight
            assert cell.delta.replace("× ", "×") in tight
    for mark, name in zip(MARKS[1:], NAMES[1:], strict=True):
        assert sum(line.count(f"{mark} {name[:8]}") for line in lines if " is " not in line) == 2
    assert text.count("less ●") == len(NAMES) - 1
    assert text.count("0.295 → 0.485  +0.190") == text.count("10.0 →  25.5 %  +15.5") == len(NAMES) - 1
    assert text.replace("\n", " ").count("to look at, not concluded") == len(NAMES) - 1


def test_what_has_room_stands_beside_the_baseline() -> None:
    lines = drawn(192)
    assert sum("less ●" in line for line in lines) == 1
    assert any("+0.100" in line and "+0.400" in line for line in lines)
    assert "-0.100 (-0.126 to -0.074)" in "\n".join(drawn(240))
    assert sum("less ●" in line for line in drawn(72)) == 2
    short = "\n".join(drawn(106, compared(NAMES[:3])))  # the interval of what is judged comes first
    assert [part in short for part in ("+0.100 (0.076 to 0.124)", "-0.100 (-0.124")] == [True, False]


def test_three_sides_and_their_verdicts_fit_a_terminal_of_80_by_24() -> None:
    lines = drawn(75, compared(NAMES[:3]))[:20]
    assert "less ●" in lines[2]
    assert " ".join(lines[3].split()) == "test F1 0.310 ± 0.010 0.410 ± 0.010 +0.100 0.510 ± 0.010 +0.200"
    words = lines[lines.index("In words".ljust(len(lines[0]))) :]
    assert [line.strip() for line in words[1:4]] == [
        "■ ViT(B)-Hyb-32x32-14 is the best of 3 by F1 (p < 0.001).",
        "■ ViT(B)-Hyb-32x32-14 is better than ●: F1 0.200 higher (p < 0.001).",
        "▲ ViT-B-32x32-32-7 is better than ●: F1 0.100 higher (p < 0.001).",
    ]
    assert any("≈ cannot be told apart" in line for line in words)


def test_sides_without_curves_are_called_by_their_names() -> None:
    text = "\n".join(drawn(192, compared(NAMES[:2]), "  "))
    assert "diff." in text
    assert "ViT-B-32x32-32-7 is better than BiT-M-R50x1-32x32-7: " in text
