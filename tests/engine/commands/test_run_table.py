"""Runs as text for people."""

from __future__ import annotations

import msgspec
import pytest
from rich.cells import cell_len

from engine.commands.run_table import print_run_table
from engine.errors import UserError
from engine.events import Checkpoint, End, Estimate, Log, Metrics, Start
from engine.query.select import select_runs
from engine.runs.event_text import progress, sentence
from engine.runs.recorder import Recorder
from engine.runs.status import Status
from engine.runs.store import Store
from engine.text import duration, number, printable
from tests.conftest import queued


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (185, "3:05"), (3599.7, "1 h 00"), (7800, "2 h 10")],
)
def test_durations(seconds, said):
    assert duration(seconds) == said


def test_what_is_not_known_is_left_empty():
    assert (number(None), number(0.12345)) == ("", "0.123")
    assert (progress(Status(run="r")), progress(Status(run="r", epoch=3.5, epochs=7))) == ("", "3.5/7")
    assert progress(Status(run="r", epoch=3.0)) == "3"


def test_text_of_a_run_is_one_line_without_escapes():
    assert printable("a\x1b[31m\nb\tc\u202e") == "a [31m b c "


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            Start(time=1, run="r", attempt=2, step=40, device="cpu", parameters=12345, init="scratch"),
            "started on cpu, attempt 2, from step 40: 12,345 parameters, scratch",
        ),
        (Metrics(time=1, run="r", step=4, epoch=1.0, values={"test/f1": 0.5, "x": None}), "epoch 1: test f1 0.5000"),
        (Metrics(time=1, run="r", step=4, epoch=1.0, values={}, nonfinite=["x"]), "step 4: not finite: x"),
        (Metrics(time=1, run="r", step=4, epoch=1.0, values={"train/loss": 1.0}), None),
        (Checkpoint(time=1, run="r", step=4, epoch=1.0, path="p", kind="last", bytes=10**6), "checkpoint p (1.0 MB)"),
        (Log(time=1, run="r", level="warning", message="hot"), "warning: hot"),
        (End(time=1, run="r", state="failed", reason="no"), "failed: no"),
    ],
)  # fmt: skip
def test_events_as_sentences(event, words):
    assert sentence(event) == words


F1 = {"value": 0.6123, "low": 0.6024, "high": 0.6219, "n": 10_000}


@pytest.mark.parametrize(
    ("state", "reason", "summary", "words"),
    [
        (
            "finished", "trained all 7 epochs", {"test/f1": F1, "test/accuracy": F1},
            "finished: test F1 0.612 (95 % 0.602 to 0.622, 10,000 images), accuracy 0.612 (95 % 0.602 to 0.622); "
            "trained all 7 epochs",
        ),
        (
            "stopped", "SIGTERM at epoch 2.40", {"test/f1": F1},
            "stopped: SIGTERM at epoch 2.40; test F1 0.612 (95 % 0.602 to 0.622, 10,000 images)",
        ),
        ("finished", "", {"test/f1": {"value": 0.5}}, "finished: test F1 0.500"),
        ("finished", "done", {"test/f1": {"value": "\x1b[31m"}, "test/accuracy": [1]}, "finished: done"),
    ],
    ids=["whole", "stopped", "without an interval", "nonsense"],
)  # fmt: skip
def test_an_end_says_how_good_the_model_is_and_how_sure_that_is(state, reason, summary, words):
    assert sentence(End(time=1, run="r", state=state, reason=reason, summary=summary)) == words


def test_the_table_shows_the_margin_of_what_has_ended(capsys):
    final = {"test/f1": Estimate(value=0.6123, low=0.6024, high=0.6224)}
    print_run_table([
        Status(run="ended", state="finished", last={"test/f1": 0.6123}, final=final),
        Status(run="going", state="running", last={"test/f1": 0.5}),
    ])  # fmt: skip
    ended, going = capsys.readouterr().out.splitlines()[1:]
    assert "0.612 ±0.010" in ended
    assert "0.500" in going
    assert "±" not in going


def test_the_table_says_which_runs_are_to_stop(capsys):
    print_run_table([
        Status(run="goes", state="running", eta_s=125),
        Status(run="stops", state="running", eta_s=125, asked="stop-after-epoch"),
    ])  # fmt: skip
    goes, stops = capsys.readouterr().out.splitlines()[1:]
    assert "2:05" in goes
    assert "2:05" not in stops
    assert stops.endswith("asked to stop after this epoch")


def test_the_table_fits_the_terminal_and_says_why_a_run_failed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    run, last = "ViT-B-32x32-16-7-s0-20261123-194118", {"test/f1": 0.6123, "train/loss": 1.0}
    print_run_table([
        Status(run=f"{run}-a7c5", state="failed", reason="メモリ不足\x1b[31m" * 9, last=last),
        Status(run=f"{run}-a7c6", state="finished", last=last, best=last, epochs=7),
    ])  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert "\x1b" not in "".join(lines)
    assert "メモリ不足" in lines[1]
    assert lines[1].split()[2].endswith("-a7c5")


def test_a_table_for_another_program_is_whole(capsys):
    reason = "because " * 100
    print_run_table([Status(run="r", state="failed", reason=reason)])
    assert capsys.readouterr().out.splitlines()[1].endswith(reason.strip())


class TestChosen:
    @pytest.fixture
    def lab(self, store, tiny):
        """Five runs: of seed 0, 1, 2 finished with less and less, of seed 3 failed, of seed 4 queued."""
        for seed in range(5):
            make = queued if seed == 4 else Store.create
            run = make(store, msgspec.structs.replace(tiny, lr=10.0**-seed), seed)
            run.path.rename(store.root / f"tiny-s{seed}-2026010{seed + 1}-000000-aaaa")
        for run in store.runs()[:4]:
            recorder = Recorder(run)
            recorder.emit(Start(time=1, run=run.id, attempt=1, experiment="tiny", seed=int(run.id[6])))
            recorder.metrics(1, 1.0, {"test/f1": 0.9 - int(run.id[6]) / 10})
            recorder.end("failed" if run.id[6] == "3" else "finished", "because")
            recorder.close()
        return store

    @pytest.mark.parametrize(
        ("terms", "sort", "limit", "seeds"),
        [
            ("", None, None, "01234"),
            ("", None, 2, "34"),
            ("", None, 0, ""),
            ("", None, 9, "01234"),
            ("state=finished", None, None, "012"),
            ("state=finished", None, 2, "12"),
            ("state=finished", None, 0, ""),
            ("lr<=0.01", None, None, "234"),
            ("", "test/f1", None, "32104"),
            ("", "-test/f1", 2, "01"),
            ("-state=queued", "test/f1", 3, "321"),
        ],
    )
    def test_what_is_asked_for_in_its_order(self, lab, terms, sort, limit, seeds):
        assert "".join(status.run[6] for status in select_runs(lab, terms, sort, limit)) == seeds

    def test_a_run_without_run_json_is_like_nothing(self, lab):
        (lab.runs()[0].path / "run.json").write_text("{")
        assert [status.run[6] for status in select_runs(lab, "lr>0")] == list("1234")
        assert [status.run[6] for status in select_runs(lab, "-lr>0")] == ["0"]

    @pytest.mark.parametrize(("terms", "sort"), [("stat=failed", None), ("", "stat")])
    def test_a_mistake_is_said_even_where_no_run_is(self, store, terms, sort):
        with pytest.raises(UserError, match="did you mean 'state'"):
            select_runs(store, terms, sort)


@pytest.mark.parametrize(
    ("experiments", "shown"),
    [(["模型", "العربية"], True), (["模型"], True), (["a b", "a-b"], True), (["vit", "bit"], False)],
)
def test_experiments_whose_ids_do_not_tell_them_have_a_column(experiments, shown, tmp_path, tiny, capsys):
    store = Store(tmp_path)
    for name in experiments:
        queued(store, msgspec.structs.replace(tiny, name=name))
    print_run_table(select_runs(store))
    heading, *lines = capsys.readouterr().out.splitlines()
    assert ("experiment" in heading) is shown
    assert all(any(name in line for line in lines) for name in experiments if shown)
