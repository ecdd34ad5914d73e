"""The report: one file that needs nothing else, that says what the runs say, whatever they are called."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.tui.conftest import Write
from tui.cli import main
from tui.state.snapshot import Project

FIGURE = """
[figures.scores]
title = "Scores & <losses>"
y = "test/f1"
experiments = ["ViT-small", "BiT-small", "one-token"]

[figures.nothing]
y = "test/f1"
experiments = ["one-token"]
"""
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def figures(project: Project, write_run: Write) -> Path:
    """Two experiments with three seeds each, and one without runs."""
    with (project.folder / "experiments.toml").open("a") as file:
        file.write(FIGURE)
    for seed, top in enumerate((0.70, 0.71, 0.72)):
        write_run("ViT-small", seed=seed, top=top)
        write_run("BiT-small", seed=seed, top=top + 0.2)
    return project.folder


def report(*args: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["report", *args])
    assert result.exit_code == code, result.output
    return result.output


def test_it_holds_figure_statements_tables_and_what_is_missing(figures: Path) -> None:
    said = report()
    assert "report/report.html: 1 of 2 figures, 6 runs" in said
    assert "1 of 2 figures waits for runs: nothing" in said
    page = (figures / "report/report.html").read_text()
    assert "BiT-small has the highest F1 of 2, beyond the noise." in page
    assert "Welch&#39;s t-test" in page
    assert "one-token: no runs yet" in page
    assert "<th>model</th>" in page  # what differs
    assert "Not drawn: no run has measured what it shows yet." in page
    text = (figures / "report/report.md").read_text()
    assert "![test/f1 against epoch: ViT-small, BiT-small](scores.png)" in text
    assert (figures / "report/scores.png").read_bytes().startswith(b"\x89PNG")
    assert not (figures / "report/nothing.png").exists()


def test_its_notes_are_those_of_the_export(figures: Path, write_run: Write) -> None:
    write_run("one-token", top=0.2, epochs=2, end="stopped")
    said = CliRunner().invoke(main, ["export"]).output
    report()
    text = (figures / "report/report.md").read_text()
    notes = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    assert len(notes) == 2  # one for each of the figures that show the run
    for note in notes:
        assert f"- {note}" in text.replace("\\", "")
    assert (figures / "report/scores.png").read_bytes() == (figures / "images/scores.png").read_bytes()


def test_nothing_is_concluded_from_experiments_that_have_not_finished(
    figures: Path, write_run: Write
) -> None:
    write_run("one-token", top=0.2, epochs=2, end="stopped")
    report("scores")
    text = (figures / "report/report.md").read_text()
    assert "- BiT-small has the highest F1 of 2, beyond the noise.\n" in text
    assert "- one-token has not finished: nothing is concluded from what is there.\n" in text
    assert "beats one-token" not in text
    assert "one-token has not finished" in text.partition("### Results")[2]  # so says the table


def test_a_figure_that_is_named_has_to_be_drawn(figures: Path) -> None:
    assert "0 of 1 figures" in report("nothing", code=1)
    assert "1 of 2 figures" in report("nothing", "scores", code=1)


def test_it_asks_for_nothing_from_anywhere(figures: Path) -> None:
    report("scores")
    page = (figures / "report/report.html").read_text()
    assert set(re.findall(r'(?:src|href)="([^"]{5})', page)) == {"data:"}
    assert not re.search(r"<script|<link|<iframe|@import|url\(", page)
    assert "default-src 'none'" in page


def test_the_same_runs_make_the_same_bytes(figures: Path) -> None:
    report("--out", "one")
    report("--out", "two")
    for path in sorted((figures / "one").iterdir()):
        assert path.read_bytes() == (figures / "two" / path.name).read_bytes(), path.name


def test_names_are_text(project: Project, write_run: Write) -> None:
    name = '<img src=x onerror="alert(1)">|*[x](y)'
    quoted = name.replace('"', '\\"')
    with (project.folder / "experiments.toml").open("a") as file:
        file.write(
            f'\n[experiments."{quoted}"]\nmodel = "vit_mini"\nimage_size = 16\npatch_size = 4\n'
            f'\n[figures.odd]\ntitle = "{quoted}"\ny = "test/f1"\nexperiments = ["{quoted}", "ViT-small"]\n'
        )
    write_run("ViT-small")
    write_run(name)
    report()
    page = (project.folder / "report/report.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    text = (project.folder / "report/report.md").read_text()
    assert not re.search(r"(?<!\\)<img|(?<!\\)\[x", text)


def test_without_runs_and_with_a_wrong_name_it_says_so(project: Project) -> None:
    with (project.folder / "experiments.toml").open("a") as file:
        file.write(FIGURE)
    assert "0 of 2 figures, 0 runs" in report(code=1)
    result = CliRunner().invoke(main, ["report", "score"])
    assert result.exit_code == 2
    assert "no figure 'score'" in result.output
    assert "scores" in result.output


def test_a_folder_that_cannot_be_written_is_named(figures: Path) -> None:
    (figures / "report").write_text("in the way")
    result = CliRunner().invoke(main, ["report"])
    assert result.exit_code == 2
    assert "report" in result.output
    assert "cannot be written" in result.output


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
@pytest.mark.parametrize("width", [420, 1280])
def test_a_browser_opens_it_without_a_complaint(figures: Path, tmp_path: Path, width: int) -> None:
    report()
    page = figures / "report/report.html"
    picture = tmp_path / "page.png"

    def look(path: Path) -> str:
        result = subprocess.run(
            [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--no-first-run",
             "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}",
             f"--window-size={width},1600", f"--screenshot={picture}", path.as_uri()],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return result.stderr

    assert ":CONSOLE" not in look(page)
    assert picture.stat().st_size > 20_000
    broken = tmp_path / "broken.html"
    broken.write_text(page.read_text().replace("</body>", '<img src="https://example.org/x.png"></body>'))
    assert ":CONSOLE" in look(broken)  # a request would have been seen
