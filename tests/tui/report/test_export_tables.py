"""Tables of results: what stands in them, what is said, any name as that name, and the same bytes each time."""

from __future__ import annotations

import csv
import io
import itertools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from engine.config.loader import Config, load_config
from engine.config.validate import ConfigError
from engine.events import Start
from engine.exchange.importing import import_from
from engine.runs.recorder import Recorder
from engine.text import printable, text_of_csv
from tests.tui.figures.test_export_figures import HOSTILE, Lab, figure
from tui.cli import main
from tui.figures.figure_files import ExportError
from tui.report.export_tables import TABLE_FORMATS, export_tables

NAMES = [*HOSTILE, "a|b", "a & b_c", "[x] \\", "* [31mred", "--> <!--", "=1+1"]
TEXTS = ("md", "latex", "csv")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def export(lab: Lab, config: Config, *names: str, formats: Sequence[Any] = ("md",)) -> bool:
    lab.said = []
    return export_tables(config, lab.store, names, lab.out, formats, say=lab.said.append)


def train(lab: Lab, config: Config, name: str, *scores: float, **more: Any) -> None:
    """Train an experiment once for each score, each with a seed of its own."""
    for seed, score in enumerate(scores):
        lab.train(config, name, [score], seed=seed, test__accuracy=[score + 0.01], **more)


def markdown_rows(lab: Lab, name: str) -> list[list[str]]:
    """Return the texts of a table as a reader of Markdown sees them."""
    text = (lab.out / f"{name}.md").read_text()
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    rows: list[list[str]] = []
    for before, token in itertools.pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if before.type in ("th_open", "td_open"):
            assert {child.type for child in token.children or []} <= {
                "text",
                "text_special",
                "strong_open",
                "strong_close",
            }
            rows[-1].append("".join(child.content for child in token.children or []))
    return rows


def csv_rows(lab: Lab, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((lab.out / f"{name}.csv").read_text())))


def test_a_row_an_experiment_and_the_best_is_bold(lab: Lab) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    train(lab, config, "a", 0.50, 0.51, 0.52)
    train(lab, config, "b", 0.60, 0.61, 0.62)
    assert export(lab, config, "f", formats=TEXTS)
    head, a, b = markdown_rows(lab, "f")
    assert head == [
        "experiment",
        "seeds",
        "test F1",
        "95 % of test F1",
        "test accuracy",
        "95 % of test accuracy",
    ]
    assert a == ["a", "3", "0.5100 ± 0.0100", "0.4852 to 0.5348", "0.5200 ± 0.0100", "0.4952 to 0.5448"]
    assert b[2] == "0.6100 ± 0.0100"
    text = (lab.out / "f.md").read_text()
    assert "**0.6100 ± 0.0100**" in text
    assert "**0.5100" not in text
    assert "- Test F1: bold: b is the best of 2 by F1, p\\* \\< 0.001.\n" in text
    latex = (lab.out / "f.tex").read_text()
    assert r"b & 3 & \textbf{0.6100 \textpm{} 0.0100} & 0.5852 to 0.6348 &" in latex
    assert "\\begin{tabular}{lrrrrr}\n\\toprule\n" in latex
    one, two = csv_rows(lab, "f")
    assert (one["test_f1_best"], two["test_f1_best"]) == ("false", "true")
    assert float(two["test_f1_mean"]) == pytest.approx(0.61)
    assert float(two["test_f1_sd"]) == pytest.approx(0.01)
    assert two["test_f1_interval"] == "t over seeds"
    assert lab.said[0] == f"{lab.out / 'f.md'}: 2 of 2 experiments, 6 runs"
    assert (
        "  Left out, as no run has a value: parameters, GPU memory, host memory, images/s, GPU-hours, energy."
        in lab.said
    )
    assert "parameters" not in one


def test_three_or_more_have_the_ranks_that_they_can_have(lab: Lab) -> None:
    config = lab.config(["a", "b", "c"], figure("f", ["a", "b", "c"]))
    train(lab, config, "a", 0.50, 0.51, 0.52)
    train(lab, config, "b", 0.50, 0.52, 0.51)
    train(lab, config, "c", 0.90, 0.91, 0.92)
    assert export(lab, config, "f", formats=TEXTS)
    head, *rows = markdown_rows(lab, "f")
    place = head.index("rank by test F1")
    assert [row[place] for row in rows] == ["2-3", "2-3", "1"]
    ranks = [(row["test_f1_rank_first"], row["test_f1_rank_last"]) for row in csv_rows(lab, "f")]
    assert ranks == [("2", "3"), ("2", "3"), ("1", "1")]
    assert (
        "  Ranks: from the first to the last that an experiment can have, of all of them together."
        in lab.said
    )
    assert "Šidák for 3 comparisons; spread shared with 3 experiments" in lab.text


def test_the_spread_is_shared_with_experiments_that_are_not_shown(lab: Lab) -> None:
    config = lab.config(["a", "b", "wild"], figure("f", ["a", "b"]))
    train(lab, config, "a", 0.50, 0.51, 0.52)
    train(lab, config, "b", 0.53, 0.54, 0.55)
    assert export(lab, config, "f")
    assert "bold: b is the best of 2 by F1" in lab.text
    train(lab, config, "wild", 0.2, 0.5, 0.8)
    assert export(lab, config, "f")
    assert "b is not told from a" in lab.text
    assert "spread shared with 3 experiments" in lab.text


def test_within_noise_and_with_one_seed_nothing_is_bold_and_it_is_said_why(lab: Lab) -> None:
    config = lab.config(["a", "b", "c"], figure("f", ["a", "b"]) + figure("g", ["a", "c"]))
    train(lab, config, "a", 0.50, 0.51, 0.52)
    train(lab, config, "b", 0.51, 0.50, 0.53)
    train(lab, config, "c", 0.90)
    assert export(lab, config, "f", "g", formats=TEXTS)
    for name, why in (
        ("f", "b is not told from a, p\\* = 0.7"),
        ("g", "c has one seed, and a best has three"),
    ):
        text = (lab.out / f"{name}.md").read_text()
        assert "**" not in text
        assert f"- Test F1: no best is marked: {why}" in text
        assert "textbf" not in (lab.out / f"{name}.tex").read_text()
        assert {row["test_f1_best"] for row in csv_rows(lab, name)} == {"false"}


def test_an_unfinished_one_is_not_beaten(lab: Lab) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    train(lab, config, "a", 0.50, 0.51, 0.52)
    train(lab, config, "b", 0.10, 0.11, state="")
    assert export(lab, config, "f")
    why = "there is no other to compare with; not judged, as not all of the seeds have ended: b"
    assert f"  Test F1: no best is marked: {why}." in lab.said
    assert "  b has not finished: crashed at epoch 1, crashed at epoch 1." in lab.said


def test_scores_on_different_data_are_not_compared(lab: Lab) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    text = config.path.read_text().replace('[experiments."b"]\n', '[experiments."b"]\ndataset = "cifar10"\n')
    config.path.write_text(text)
    config = load_config(config.path)
    train(lab, config, "a", 0.50, 0.51)
    train(lab, config, "b", 0.90, 0.91)
    assert export(lab, config, "f")
    head, a, b = markdown_rows(lab, "f")
    assert (head[1], a[1], b[1]) == ("data", "digits", "cifar10")
    assert "**" not in (lab.out / "f.md").read_text()
    assert "  Test F1 on cifar10: no best is marked: there is no other to compare with." in lab.said


def test_without_names_it_is_one_table_of_all_that_says_what_it_lacks(lab: Lab) -> None:
    config = lab.config(["a", "b", "gone"], figure("f", ["a"]))
    train(lab, config, "a", 0.5)
    train(lab, config, "gone", 0.5)
    config = lab.config(["a", "b"], figure("f", ["a"]))
    assert export(lab, config)
    assert [path.name for path in lab.out.iterdir()] == ["results.md"]
    assert [row[0] for row in markdown_rows(lab, "results")] == ["experiment", "a"]
    assert "- No scores yet: b.\n" in (lab.out / "results.md").read_text()
    assert lab.said[0] == f"passed over: runs of no experiment in {config.path}: gone"
    assert lab.said[-1].startswith("  to make them: engine run ")


def test_a_table_without_any_score_is_not_written(lab: Lab) -> None:
    config = lab.config(["a"], figure("f", ["a"]))
    lab.train(config, "a", [float("nan")])
    assert not export(lab, config, "f")
    assert lab.said[0] == "no table of f is written"
    assert "  a: no usable test/f1, its newest run finished on cpu" in lab.said
    assert not lab.out.exists()


def test_a_program_that_measures_something_else_says_what(lab: Lab) -> None:
    config = lab.config(["a"], '[experiments.mine]\ncommand = ["python", "train.py"]\n')
    lab.train(config, "a")
    run = lab.store.create(config.experiments["mine"], 0)
    recorder = Recorder(run)
    recorder.emit(Start(time=1.79e9, run=run.id, experiment="mine"))
    recorder.metrics(
        1,
        1.0,
        {"cpu/memory_process": 1.0, **dict.fromkeys(["train_loss", "val_loss", "acc", "f1", "x"], 0.5)},
    )
    recorder.end("finished", "")
    recorder.close()
    assert export(lab, config)
    assert "  mine: its program measures train_loss, val_loss, acc, f1 and 1 more, and no test/f1" in lab.said
    assert "to make them" not in lab.text, "another run measures no more"


def test_the_same_command_writes_the_same_bytes(lab: Lab) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    train(lab, config, "a", 0.50, 0.51)
    train(lab, config, "b", 0.60)
    formats = TABLE_FORMATS if _has_pyarrow() else TEXTS
    assert export(lab, config, "f", formats=formats)
    first = {path.name: path.read_bytes() for path in lab.out.iterdir()}
    assert len(first) == len(formats)
    assert export(lab, config, "f", formats=formats)
    assert {path.name: path.read_bytes() for path in lab.out.iterdir()} == first


def test_any_name_stands_in_every_format_as_that_name(lab: Lab) -> None:
    config = lab.config(NAMES, figure("f", NAMES))
    for name in NAMES:
        train(lab, config, name, 0.5, 0.6)
    assert export(lab, config, formats=TEXTS)
    shown = [printable(name).strip() for name in NAMES]
    assert [row[0] for row in markdown_rows(lab, "results")[1:]] == shown
    assert [text_of_csv(row["experiment"]).strip() for row in csv_rows(lab, "results")] == shown
    lines = (lab.out / "results.tex").read_text().splitlines()
    rows = lines[lines.index("\\midrule") + 1 : lines.index("\\bottomrule")]
    assert len(rows) == len(NAMES)
    assert all(line.replace("\\&", "").count("&") == 7 for line in rows)
    assert not any(line.startswith(("[", "*")) for line in rows)
    for path in lab.out.iterdir():
        assert all(c == "\n" or c.isprintable() for c in path.read_text())
    assert all(line.isprintable() for line in lab.said)


def test_nothing_in_a_name_ends_the_comment(lab: Lab) -> None:
    config = lab.config(["a"], figure("f", ["a"]))
    run = lab.train(config, "a", [0.5])
    copy = run.path.with_name("x--><b>-s0-20261118-150000-abcd")
    run.path.rename(copy)
    info = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(info | {"id": copy.name}))
    export(lab, config, "f")
    if (lab.out / "f.md").exists():  # a run of such a name may as well be no run
        assert (lab.out / "f.md").read_text().count("-->") == 1


def test_control_characters_of_strangers_go_nowhere(lab: Lab) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    train(lab, config, "a", 0.5)
    for name, changes in (
        ("b", {"experiment": "\x1b[31mred\x07"}),
        ("a", {"git": {"commit": "\x1b]0;title\x07\n--"}}),
    ):
        run = lab.train(config, name, [0.6], seed=1)
        info = json.loads((run.path / "run.json").read_text())
        (run.path / "run.json").write_text(json.dumps(info | changes))
    assert export(lab, config, formats=TEXTS)
    assert f"passed over: runs of no experiment in {config.path}:  [31mred " in lab.said
    assert all(b"\x1b" not in path.read_bytes() for path in lab.out.iterdir())
    assert (lab.out / "results.tex").read_text().splitlines()[1].startswith("\\begin{tabular}")


def test_half_written_and_damaged_runs_are_said_and_do_not_stop_the_rest(lab: Lab) -> None:
    config = lab.config(["a", "b", "c", "d"], figure("f", ["a", "b", "c", "d"]))
    torn, damaged, empty, bare = (lab.train(config, name, [0.5]) for name in "abcd")
    with torn.events.open("ab") as events:
        events.write(b'\xff\xfe not json\n{"event":"metrics","step":')
    (damaged.path / "run.json").write_bytes(b"\x00")
    for file in (empty.events, empty.path / "status.json"):
        file.write_bytes(b"")
    shutil.rmtree(bare.path)
    bare.path.mkdir()
    assert export(lab, config, formats=TEXTS)
    assert [row[0] for row in markdown_rows(lab, "results")[1:]] == ["a"]
    assert f"passed over: {damaged.id}" in lab.text
    assert "  c: no usable test/f1, its newest run crashed" in lab.text
    assert "b: no runs yet" in lab.text


@pytest.mark.parametrize(
    "values", [[1e308, -1e308], [1e300, 1e-300], [1e-90, 2e-90], [-0.5, 3e7], [0.0, 0.0]]
)
def test_any_numbers_make_a_table(lab: Lab, values: list[float]) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    energy = {"gpu__energy": [values[0]], "gpu__memory_peak": [values[1]], "train__images_per_s": [values[0]]}
    train(lab, config, "a", *values, **energy)
    train(lab, config, "b", *values[::-1], **energy)
    lab.train(config, "b", [0.5], seed=2)
    assert export(lab, config, formats=TEXTS)
    assert max(map(len, (lab.out / "results.md").read_text().splitlines())) < 500


def _has_pyarrow() -> bool:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True


def test_parquet_holds_numbers_as_numbers(lab: Lab) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    config = lab.config(NAMES[:2], figure("f", NAMES[:2]))
    train(lab, config, NAMES[0], 0.50, 0.51, 0.52)
    train(lab, config, NAMES[1], 0.60)
    assert export(lab, config, "f", formats=["parquet"])
    table = parquet.read_table(lab.out / "f.parquet")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["experiment"] == "string"
    assert kinds["test_f1_n"] == "int64"
    assert kinds["test_f1_sd"] == "double"
    assert kinds["test_f1_best"] == "bool"
    rows = table.to_pylist()
    assert [row["test_f1_mean"] for row in rows] == pytest.approx([0.51, 0.60])
    assert rows[1]["test_f1_sd"] is None
    assert "one seed" in table.schema.metadata[b"notes"].decode()
    assert table.schema.metadata[b"vitui"].decode().isprintable()


def test_without_pyarrow_it_is_said_how_to_install_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    config = lab.config(["a"], figure("f", ["a"]))
    train(lab, config, "a", 0.5)
    monkeypatch.setattr("engine.system.installed_extras.find_spec", lambda name: None)
    with pytest.raises(ExportError, match=r"pip install 'vitui\[parquet\]'"):
        export(lab, config, "f", formats=["csv", "parquet"])
    assert not lab.out.exists()


def test_an_unknown_figure_is_answered_with_the_nearest(lab: Lab) -> None:
    config = lab.config(["a"], figure("f1_vit", ["a"]))
    with pytest.raises(ConfigError, match="did you mean 'f1_vit'"):
        export(lab, config, "f1_vitt")


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["f", "--table"], {"f.md"}),
        (["--table", "--format", "latex", "--format", "csv"], {"results.tex", "results.csv"}),
        (["f", "--table", "--format", "csv", "--format", "svg"], {"f.csv", "f.svg"}),
        (["f"], {"f.png"}),
    ],
)
def test_the_command(lab: Lab, arguments: list[str], files: set[str]) -> None:
    config = lab.config(["a"], figure("f", ["a"]))
    train(lab, config, "a", 0.5)
    places = ["--out", str(lab.out), "--config", str(config.path), "--runs", str(lab.store.root)]
    done = CliRunner().invoke(main, ["export", *arguments, *places])
    assert done.exit_code == 0, done.output
    assert {path.name for path in lab.out.iterdir()} == files


def test_a_format_of_tables_asks_for_table(lab: Lab) -> None:
    done = CliRunner().invoke(main, ["export", "--format", "csv"])
    assert done.exit_code == 2
    assert "--format csv goes with tables (--table)" in done.output


def test_any_metric_is_tabled_for_imported_runs_beside_trained_ones(lab: Lab) -> None:
    config = lab.config(["a"], "")
    train(lab, config, "a", 0.50, 0.51, val_loss=[0.25])
    for i, name in enumerate(("seed1", "seed2")):
        log = lab.folder / "keras" / name / "history.csv"
        log.parent.mkdir(parents=True)
        log.write_text(f"epoch,val_loss\n0,0.5\n1,{0.25 + i / 4}\n")
    import_from(lab.store, lab.folder / "keras", say=lab.said.append)
    arguments = ["export", "--table", "--metric", "val_loss", "--format", "csv", "--out", str(lab.out)]
    arguments += ["--config", str(config.path), "--runs", str(lab.store.root)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    rows = {row["experiment"]: row for row in csv_rows(lab, "results")}
    assert {name: (row["val_loss_n"], row["val_loss_mean"]) for name, row in rows.items()} == {
        "a": ("2", "0.25"), "keras": ("2", "0.375"),
    }  # fmt: skip
    assert {row["val_loss_best"] for row in rows.values()} == {"false"}
    assert export(lab, config)
    assert lab.said[0] == (
        "passed over: imported without test/f1 or test/accuracy: keras; `--metric NAME` tables what they have"
    )
