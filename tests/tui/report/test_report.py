"""The report: one file that needs nothing else, that says what the runs say, whatever they are called."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.tui.conftest import Write, new_project, run_writer, without_pictures
from tui.cli import main
from tui.figures.style import AT_NIGHT
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
    return with_figures(project, write_run)


def with_figures(project: Project, write_run: Write) -> Path:
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
    lacking = said[said.index("nothing is not drawn") :].splitlines()
    assert lacking[1:] == [
        "  one-token: no runs yet",
        "  to make them: engine run one-token",
        "1 of 2 figures waits for runs: nothing",
    ]
    page = (figures / "report/report.html").read_text()
    assert (
        "BiT-small is the best of 2 by F1 on these 5,000 test images (p &lt; 0.001; at least 3 seeds each)"
        in page
    )
    assert "p and intervals by F1: moderated Welch t; spread shared with 2 experiments." in page
    assert "one-token: no runs yet" in page
    row = re.search(r'<tr><th><a href="#figure-1">Scores &amp; &lt;losses&gt;</a></th>(.*)</tr>', page)
    assert row is not None  # the summary
    cells = re.findall(r"<td>(.*?)</td>", row[1])
    assert cells == ["F1", "<strong>BiT-small</strong>", "0.893", "3", "the best of 2", "p &lt; 0.001"]
    assert '<a href="#figure-2">nothing</a></th><td>–</td>' in page
    assert page.count("Scores are those of the last evaluation") == 1
    dark, light = (base64.b64decode(found) for found in re.findall(r"svg\+xml;base64,([^\"]+)", page))
    written = re.findall(rb"<!-- (.*?) -->", light)
    assert b"Epoch" in written
    assert not any(b"Scores" in text for text in written)  # the heading says it
    assert (AT_NIGHT.ground.encode() in dark, AT_NIGHT.ground.encode() in light) == (True, False)
    assert "<th>model</th>" in page  # what differs
    assert "Not drawn: no run has measured what it shows yet." in page
    text = (figures / "report/report.md").read_text()
    assert "![test/f1 against epoch: ViT-small, BiT-small](scores.png)" in text
    assert (figures / "report/scores.png").read_bytes().startswith(b"\x89PNG")
    assert not (figures / "report/nothing.png").exists()


@pytest.mark.usefixtures("unpainted")
def test_its_notes_are_those_of_the_export(figures: Path, write_run: Write) -> None:
    write_run("one-token", top=0.2, epochs=2, end="stopped")
    said = CliRunner().invoke(main, ["export"]).output
    report()
    text = (figures / "report/report.md").read_text()
    notes = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    assert len(notes) == 2  # one for each of the figures that show the run
    for note in notes:
        assert f"- {note}" in text.replace("\\", "")


@pytest.mark.usefixtures("unpainted")
def test_nothing_is_concluded_from_experiments_that_have_not_finished(
    figures: Path, write_run: Write
) -> None:
    write_run("one-token", top=0.2, epochs=2, end="stopped")
    report("scores")
    text = (figures / "report/report.md").read_text()
    assert (
        "- BiT-small is the best of 2 by F1 on these 5,000 test images (p \\< 0.001; at least 3 seeds each)"
        in text
    )
    assert "- one-token is not judged by F1: not all of the seeds have ended.\n" in text
    assert "beats one-token" not in text
    table = text.partition("### Results")[2]
    assert "not judged, as not all of the seeds have ended: one-token.\n" in table


MORE = """
[figures.again]
title = "Again"
y = "test/f1"
experiments = ["BiT-small", "ViT-small"]

[figures.learned]
y = "train/accuracy"
experiments = ["BiT-small", "ViT-small"]

[figures.chosen]
y = "val/f1"
experiments = ["BiT-small", "ViT-small"]

[figures.losses]
y = "test/loss"
experiments = ["BiT-small", "ViT-small"]

[figures.held]
y = "gpu/memory_peak"
experiments = ["BiT-small", "ViT-small"]

[figures.worth]
kind = "scatter"
y = "test/f1"
x = "images-per-s"
experiments = ["BiT-small", "ViT-small"]
"""


class Sections(dict[str, str]):
    """The sentences of each figure of a report, by its title; the last is how it was judged."""

    page = ""
    """The report itself."""


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> Sections:
    with pytest.MonkeyPatch.context() as patch:
        without_pictures(patch)
        project = new_project(tmp_path_factory.mktemp("sections"), patch)
        return sections_of(project, run_writer(project, patch))


def sections_of(project: Project, write_run: Write) -> Sections:
    figures = with_figures(project, write_run)
    with (figures / "experiments.toml").open("a") as file:
        file.write(MORE)
    for seed in range(3):
        for name, learned, loss, held in (("ViT-small", 0.9, 1.0, 2.0), ("BiT-small", 0.8, 0.5, 1.0)):
            values = {"train/accuracy": learned, "val/f1": 0.5, "test/loss": loss, "test/accuracy": 1.6 - learned,
                      "gpu/memory_peak": held * 2**30}  # fmt: skip
            more = {metric: value + seed / 100 * (value < 2) for metric, value in values.items()}
            write_run(name, seed=seed, top=0.7 + (name == "BiT-small") / 5 + seed / 100, more=more)
    report()
    text = (figures / "report/report.md").read_text().replace("\\", "")
    found = {part.partition("\n")[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)}
    sections = Sections({title: part.partition("###")[0] for title, part in found.items()})
    sections.page = (figures / "report/report.html").read_text()
    return sections


@pytest.mark.xdist_group("report")
def test_a_pair_is_worded_once_and_later_figures_refer_to_it(sections: Sections) -> None:
    assert sum(part.count("beats ViT-small by 0.196 F1") for part in sections.values()) == 1
    assert "beats ViT-small by 0.196 F1" in sections["Scores & <losses>"]
    assert "By F1, BiT-small and ViT-small: see Scores & <losses>." in sections["Again"]
    assert '<a href="#figure-1">Scores &amp; &lt;losses&gt;</a>.' in sections.page


@pytest.mark.xdist_group("report")
def test_each_split_and_each_kind_of_number_has_its_own_words(sections: Sections) -> None:
    learned = sections["learned"]
    assert "ViT-small has the higher training accuracy than BiT-small, by 0.100 (" in learned
    assert "beats" not in learned
    assert "best" not in learned
    assert (
        "On the test images the accuracy of ViT-small is lower: 0.710 against 0.810 of BiT-small." in learned
    )
    assert "Validation F1 is not judged: the epochs were chosen by it." in sections["chosen"]
    assert "BiT-small beats ViT-small by 0.500 lower loss (" in sections["losses"]
    assert "BiT-small takes 1.00 GiB, ViT-small 2.00 (GPU memory, the most of any seed)." in sections["held"]
    assert "beats" not in sections["held"]
    assert "Not compared by images/s: " in sections["worth"]


@pytest.mark.xdist_group("report")
def test_it_says_how_it_judged_once_for_each_metric(sections: Sections) -> None:
    methods = sections["How this was judged"]
    for metric in ("F1", "accuracy", "training accuracy", "loss"):
        assert methods.count(f"p and intervals by {metric}: ") == 1
    assert sum(part.count("p and intervals") for part in sections.values()) == methods.count(
        "p and intervals"
    )


@pytest.mark.usefixtures("unpainted")
def test_a_figure_that_is_named_has_to_be_drawn(figures: Path) -> None:
    assert "0 of 1 figures" in report("nothing", code=1)
    assert "1 of 2 figures" in report("nothing", "scores", code=1)


@pytest.mark.usefixtures("unpainted")
def test_it_asks_for_nothing_from_anywhere(figures: Path) -> None:
    report("scores")
    page = (figures / "report/report.html").read_text()
    assert set(re.findall(r'(?:src|href)="([^"]{5})', page)) == {"data:", "#figu"}
    assert not re.search(r'srcset="(?!data:)', page)
    assert not re.search(r"<script|<link|<iframe|@import|url\(", page)
    assert "default-src 'none'" in page


@pytest.mark.slow
def test_the_same_runs_make_the_same_bytes(figures: Path) -> None:
    report("--out", "one")
    report("--out", "two")
    for path in sorted((figures / "one").iterdir()):
        assert path.read_bytes() == (figures / "two" / path.name).read_bytes(), path.name


@pytest.mark.usefixtures("unpainted")
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


@pytest.mark.usefixtures("unpainted")
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
