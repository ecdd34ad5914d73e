"""docs/results.md says what the runs beside it say."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from engine.config.loader import load_config
from engine.runs.store import Store
from tui.figures.export_figures import export_figures
from tui.report.export_tables import export_tables
from tui.report.report import write_report

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
    said = (tmp_path / "report.md").read_text().replace("\\", "")
    numbers = {
        "0.572 (0.524 to 0.619,": "0.572 (0.524 to 0.619,",
        "F1 differs by +0.015 (-0.042 to 0.072; p = 0.999": "F1 differs by +0.015 (-0.042 to 0.072; p = 0.999",
        "-0.064 F1 (-0.235 to 0.106; p = 0.500": "-0.064, -0.235 to 0.106; p = 0.500",
        "-0.049 F1 (-0.219 to 0.122; p = 0.743": "-0.049, -0.219 to 0.122; p = 0.743",
        "-0.069 F1 (-0.239 to 0.101; p = 0.439": "-0.069, -0.239 to 0.101; p = 0.439",
        "0.087 F1 (0.050 to 0.124, 95 % for all 27 pairs": "0.087 F1 (0.050 to 0.124, 95 % for all 27 pairs",
        "-0.148 F1 (-0.318 to 0.023; p = 0.073": "-0.148, -0.318 to 0.023; p = 0.073",
        "0.287 lower loss (0.163 to 0.411": "0.287 lower loss (0.163 to 0.411",
        "-0.229 loss (-0.514 to 0.056; p = 0.106": "-0.229, -0.514 to 0.056; p = 0.106",
        "0.138 F1 (0.079 to 0.197": "0.138 (0.079 to 0.197",
        "+0.014 (-0.043 to 0.071; p = 1.000": "0.014 less, -0.043 to 0.071; p = 1.000",
        "+0.020 (-0.055 to 0.096; p = 0.999": "0.020 less (-0.055 to 0.096; p = 0.999",
        "takes 1.61 GiB, ViT-B-32x32-16-7 3.65, ViT-B-": "takes 1.61 GiB, ViT-B/16 3.65 and ViT-B/32 3.71",
        "about 0.123 on": "about 0.123 on",
        "about 0.175 on": "about 0.175 on",
    }
    for of_report, of_page in numbers.items():
        assert of_report in said
        assert of_page in written.replace("\n", " ")


def test_every_figure_is_drawn_of_all_its_experiments(store: Store, tmp_path: Path) -> None:
    config = load_config(DOCS / "replay.toml")
    said: list[str] = []
    assert export_figures(config, store, [], tmp_path / "images", ["png"], say=said.append)
    assert {path.name for path in (tmp_path / "images").iterdir()} == {path.name for path in IMAGES.iterdir()}
    for line in said:
        count, _, of = line.partition(": ")[2].partition(" of ")
        assert count == of.split()[0], line
