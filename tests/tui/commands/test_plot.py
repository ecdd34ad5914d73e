"""`vitui plot` draws what the app's charts show, as lines of text."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.config.schema import Experiment
from engine.events import End, Metrics, Start
from engine.runs import run_lock
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from tests.conftest import ROOT
from tests.hostile_texts import HOSTILE, acted_on
from tests.tui.terminal.pty_session import PtySession
from tui.cli import main
from tui.commands import plot as plot_verb

NOW = 1_795_000_000.0


def write_run(
    store: Store, name: str = "net", seed: int = 0, epochs: int = 4, *, value: float = 0.5, end: bool = True,
    **values: float | None,
) -> Run:  # fmt: skip
    """Write a run whose F1 goes up to a value."""
    run = store.create(Experiment(name=name, model="vit_mini", epochs=epochs), seed)
    recorder = Recorder(run)
    recorder.emit(Start(time=NOW, run=run.id, experiment=name, seed=seed, epochs=epochs, steps_per_epoch=10))
    for epoch in range(1, epochs + 1):
        measured = {"train/loss": 1 / epoch, "test/f1": value * epoch / epochs, **values}
        recorder.emit(
            Metrics(time=NOW + epoch, run=run.id, step=10 * epoch, epoch=float(epoch), values=measured)
        )
    if end:
        recorder.emit(End(time=NOW + 9, run=run.id, state="finished", duration_s=9.0))
    recorder.close()
    return run


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "VITUI_ASCII", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    return Store(tmp_path / "runs")


def plot(*words: str) -> Result:
    done = CliRunner().invoke(main, ["plot", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def drawn(*words: str) -> list[str]:
    done = plot(*words)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_an_experiment_is_the_mean_of_its_seeds_with_a_band(store: Store) -> None:
    for seed, value in enumerate((0.4, 0.5, 0.6)):
        write_run(store, seed=seed, value=value)
    lines = drawn("net", "test/f1")
    assert len(lines) == 24
    assert max(map(len, lines)) == 80
    assert lines[0].split() == [
        "test/f1",
        *("band:", "3", "seeds,", "lowest", "to", "highest", "over", "epoch"),
    ]
    assert lines[-1].split() == [lines[-1][0], "net", "×3", "0.500", "±0.100"]
    assert lines[-2].split() == ["1", "2", "3", "4"]
    assert lines[-1][0] in "".join(lines[1:-3])  # the sign at the end of the curve
    assert any(0x2800 < ord(letter) < 0x2900 for line in lines for letter in line)
    in_ascii = drawn("net", "test/f1", "--ascii")
    assert sum(line.count(":") for line in in_ascii[1:-3]) > 50  # the band, told from the curve


def test_runs_by_id_and_by_a_part_of_it_are_curves_of_their_own(store: Store) -> None:
    first, second = write_run(store, value=0.2), write_run(store, seed=1, value=0.8)
    legend = drawn(first.id, "s1-2", "test/f1")[-1]
    assert re.findall(r"\S (s\d) (\S+)", legend) == [("s0", "0.200"), ("s1", "0.800")]
    assert "net" in drawn(second.id, "test/f1")[-1]


def test_terms_are_one_filter_and_draw_only_what_it_means(store: Store) -> None:
    write_run(store, value=0.2)
    write_run(store, seed=1, value=0.8)
    write_run(store, "other", value=0.6)
    assert drawn("experiment=net", "test/f1>0.5", "test/f1")[-1].split()[1:] == ["net", "0.800"]
    both = drawn("test/f1>0.5", "test/f1")[-1]
    assert sorted(re.findall(r"\S (net|other) (\S+)", both)) == [("net", "0.800"), ("other", "0.600")]


def test_each_metric_has_a_chart_and_gpus_one_each(store: Store) -> None:
    write_run(store, **{"gpu/0/power": 100.0, "gpu/1/power": 200.0})
    titles = [line for line in drawn("net", "train/loss", "gpu/power") if line.endswith("over epoch")]
    assert [title.split()[0] for title in titles] == ["train/loss", "gpu/0/power", "gpu/1/power"]


def test_a_logarithmic_axis_leaves_out_what_is_not_above_zero(store: Store) -> None:
    write_run(store, value=1.0, zero=0.0, **{"train/lr": 1e-3})
    assert drawn("net", "test/f1", "--log")[0].startswith("test/f1 (log)")
    assert "nothing above zero" in "\n".join(drawn("net", "zero", "--log"))


def test_values_that_are_not_finite_are_gaps_and_told(store: Store) -> None:
    write_run(store, loss=None)
    done = plot("net", "loss")
    assert done.exit_code == 1
    assert "not drawn: net, no finite loss" in done.output
    write_run(store, "huge", loss=1e308, other=-1e308)
    assert drawn("huge", "loss", "other")


def test_runs_that_lack_the_metric_are_told(store: Store) -> None:
    write_run(store, mine=1.0)
    write_run(store, "other")
    assert "not drawn: other, no mine (finished)" in drawn("net", "other", "mine")


def test_over_steps_where_runs_count_no_epochs(store: Store) -> None:
    run = store.create(Experiment(name="script", model="script", command=["true"]), 0)
    recorder = Recorder(run)
    for step in range(1, 5):
        recorder.emit(
            Metrics(time=NOW + step, run=run.id, step=step, epoch=0.0, values={"reward": float(step)})
        )
    recorder.close()
    assert drawn("script", "reward")[0].endswith("over step")
    assert "its runs do not know samples" in plot("script", "reward", "--x", "samples").output


@pytest.mark.parametrize("width", [20, 33, 80, 200])
@pytest.mark.parametrize("height", [6, 24])
def test_every_size_is_kept(store: Store, width: int, height: int) -> None:
    names = ("a-name-that-is-long-enough-to-be-cut-somewhere", "b-another-name-that-is-long-too")
    for name in names:
        write_run(store, name)
    lines = drawn(*names, "test/f1", "--size", f"{width}x{height}")
    assert max(map(len, lines)) <= width
    assert len(lines) == height or height == 6


def test_ascii_by_option_variable_and_locale(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(store, "nét")
    assert not "\n".join(drawn("nét", "test/f1")).isascii()
    assert "\n".join(drawn("nét", "test/f1", "--ascii")).isascii()
    monkeypatch.setenv("LANG", "C")
    assert "\n".join(drawn("nét", "test/f1")).isascii()


def test_colours_on_a_terminal_that_has_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(store)
    assert "\x1b" not in plot("net", "test/f1").output
    monkeypatch.setattr("tui.commands.plot.wants_colour", lambda: True)
    monkeypatch.setenv("COLORTERM", "truecolor")
    assert CliRunner().invoke(main, ["plot", "net", "test/f1"], color=True).output.count("\x1b[38;2;") > 5
    monkeypatch.setenv("COLORTERM", "")
    assert CliRunner().invoke(main, ["plot", "net", "test/f1"], color=True).output.count("\x1b[38;5;") > 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "say which runs, then which metrics"),
        (["net"], "say which metrics: train/loss, test/f1"),
        (["test/f1"], "test/f1 is a metric: say of which runs before it; experiments are net, other"),
        (["nett", "test/f1"], "'nett' is no run, experiment or filter; did you mean 'net'?"),
        (["net", "test/fl"], "has measured 'test/fl'; did you mean 'test/f1'? Measured: train/loss, test/f1"),
        (
            ["net", "othr", "test/f1"],
            "no run, experiment or metric is called 'othr'; did you mean 'other'?\n",
        ),
        (
            ["net", "test/f1", "planed"],
            "no run, experiment or metric is called 'planed'; did you mean 'planned'?\n",
        ),
        (["net", "other-s00", "test/f1"], "metric is called 'other-s00'; did you mean 'other'?\n"),
        (
            ["net", "zzz", "test/f1"],
            "is called 'zzz'. Measured: train/loss, test/f1; experiments are net, other;",
        ),
        (["net", "F1"], "no run, experiment or metric is called 'F1'; did you mean 'test/f1'?\n"),
        (["net", "speed"], "none of these runs has measured 'speed'. Measured: train/loss, test/f1"),
        (["seed=7", "test/f1"], "no run in runs fits: seed=7"),
        (["state=finishd", "test/f1"], "finishd"),
        (["net-s0", "test/f1"], "2 runs fit 'net-s0'"),
        (["planned", "test/f1"], "planned has no run yet"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(store: Store, words: list[str], message: str) -> None:
    for _ in range(2):
        write_run(store)
    write_run(store, "other", speed=0.5)
    Path("experiments.toml").write_text('[experiments.planned]\nmodel = "bit_mini"\ndataset = "digits"\n')
    done = plot(*words)
    assert done.exit_code == 2
    assert message in done.output


def test_an_experiment_that_is_called_as_a_metric(store: Store) -> None:
    write_run(store, "accuracy", accuracy=0.5)
    assert drawn("accuracy", "accuracy")[0].startswith("accuracy")


def test_a_metric_that_looks_like_a_term_and_one_that_is_a_key(store: Store) -> None:
    write_run(store, **{"a=b": 0.5, "größe": 2.0})
    assert drawn("net", "a=b")[0].startswith("a=b")
    assert drawn("größe>1", "größe")[0].startswith("größe")


def test_no_runs(store: Store) -> None:
    done = plot("net", "test/f1")
    assert done.exit_code == 2
    assert "there are no runs in runs; `engine run NAME` makes one" in done.output


def test_names_of_runs_and_metrics_are_text(store: Store) -> None:
    text = "".join(HOSTILE.values())
    run = write_run(store, **{text[:150]: 0.5})
    (run.path / "run.json").write_bytes(
        (run.path / "run.json").read_bytes().replace(b'"net"', b'"n\\u001b[2Jet"')
    )
    done = plot(run.id, text[:150], "test/f1")
    assert acted_on(done.output) == []


def test_a_torn_file_and_a_damaged_run_json(store: Store) -> None:
    run = write_run(store)
    with run.events.open("ab") as file:
        file.write(b'{"event": "metrics", "val')
    (run.path / "run.json").write_text("{")
    assert drawn(run.id, "test/f1")


# ---- --follow


@pytest.fixture
def live(store: Store) -> Run:
    """A run that goes on as long as this process holds its lock."""
    return write_run(store, epochs=2, end=False)


def finish(run: Run) -> None:
    recorder = Recorder(run)
    recorder.emit(Metrics(time=NOW + 5, run=run.id, step=30, epoch=3.0, values={"test/f1": 0.75}))
    recorder.emit(End(time=NOW + 9, run=run.id, state="finished", duration_s=9.0))
    recorder.close()


def test_a_pipe_gets_a_chart_anew_when_it_has_changed(live: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot_verb, "TERMINAL_S", 0.02)
    monkeypatch.setattr(plot_verb, "SHARE", 0)
    monkeypatch.setattr(plot_verb, "PIPE_S", 0.0)

    def go_on() -> None:
        with run_lock.hold(live):
            time.sleep(0.3)  # many looks, and no news
            finish(live)

    with run_lock.hold(live):
        pass
    thread = threading.Thread(target=go_on)
    thread.start()
    while not run_lock.is_held(live):
        time.sleep(0.005)
    text = "\n".join(drawn(live.id, "test/f1", "--follow"))
    thread.join()
    assert 2 <= text.count("over epoch") <= 4  # once its last value is there, and once it has ended
    assert " 0.500\n" in text
    assert text.endswith(" 0.750")


def test_a_run_that_has_just_begun_may_measure_it_later(store: Store, live: Run) -> None:
    other = write_run(store, "a-net-of-a-longer-name", epochs=2, end=False)
    with run_lock.hold(live), run_lock.hold(other):
        done = plot("net", "a-net-of-a-longer-name", "val/f1")
        assert done.exit_code == 1
        states = [line for line in done.output.splitlines() if " running" in line]
        assert [line.split()[0] for line in states] == [live.id, other.id]  # a line each, none cut


@pytest.mark.slow
def test_a_terminal_has_one_chart_that_is_drawn_over(live: Run, tmp_path: Path) -> None:
    import pyte

    session = PtySession(
        tmp_path,
        f"import sys; sys.argv[1:] = ['plot', {live.id!r}, 'test/f1', '-f']\nfrom tui.cli import main; main()",
    )  # fmt: skip
    try:
        with run_lock.hold(live):
            session.wait_for(b"0.500")
            finish(live)
        assert session.exit_code() == 0
    finally:
        session.close()
    screen = pyte.Screen(120, 36)
    pyte.ByteStream(screen).feed(session.sent)
    shown = [line.rstrip() for line in screen.display if line.strip()]
    assert [line for line in shown if line.endswith("over epoch")] == [shown[0]]
    assert shown[-1].endswith("0.750")
    assert len(shown) <= 24


@pytest.mark.slow
def test_an_interrupt_ends_it_without_a_word(live: Run, tmp_path: Path) -> None:
    with run_lock.hold(live):
        following = subprocess.Popen(
            [sys.executable, "-m", "tui.cli", "plot", live.id, "test/f1", "--follow"], cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert following.stdout is not None
        assert following.stdout.readline().startswith(b"test/f1")
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=30)
    assert (following.returncode, said) == (130, b"")
