"""docs/results.md says what the runs beside it say."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from engine.config.loader import load_config
from engine.runs.store import Store
from tui.figures.export import export_figures
from tui.report.report import write_report
from tui.report.table_export import export_tables

DOCS = Path(__file__).parent.parent / "docs"
IMAGES = DOCS.parent / "images"
pytestmark = pytest.mark.slow  # figures are drawn


@pytest.fixture
def store(tmp_path: Path) -> Store:
    with tarfile.open(DOCS / "replay.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return Store(tmp_path / "runs")


def test_its_tables_are_those_that_the_command_writes(store: Store, tmp_path: Path) -> None:
    written = (DOCS / "results.md").read_text()
    config = load_config(DOCS / "replay.toml")
    assert export_tables(config, store, ["final_f1", "ablation"], tmp_path, ["md"], say=lambda _: None)
    for name in ("final_f1", "ablation"):
        table = (tmp_path / f"{name}.md").read_text().partition("<!--")[0].strip()
        assert table.count("\n") > 5
        assert table in written


def test_its_numbers_are_those_of_the_report(store: Store, tmp_path: Path) -> None:
    written = (DOCS / "results.md").read_text()
    assert write_report(load_config(DOCS / "replay.toml"), store, [], tmp_path, say=lambda _: None)
    said = (tmp_path / "report.md").read_text()
    for number in (
        "0.572 ± 0.074",
        "0.015 ± 0.038",
        "0.087 ± 0.010",
        "0.049 ± 0.025",
        "0.138 ± 0.036",
        "0.014 ± 0.037",
        "0.020 ± 0.046",
    ):
        assert number in said
        assert number in written


def test_every_figure_is_drawn_of_all_its_experiments(store: Store, tmp_path: Path) -> None:
    config = load_config(DOCS / "replay.toml")
    said: list[str] = []
    assert export_figures(config, store, [], tmp_path / "images", ["png"], say=said.append)
    assert {path.name for path in (tmp_path / "images").iterdir()} == {path.name for path in IMAGES.iterdir()}
    for line in said:
        count, _, of = line.partition(": ")[2].partition(" of ")
        assert count == of.split()[0], line
