"""What is said of a run beside its charts."""

from __future__ import annotations

import msgspec

from engine.config.schema import DEFAULTS
from engine.events import Estimate, Log, Metrics, Start
from engine.runs.metadata import RunSummary
from engine.runs.status import Status
from tui.state.snapshot import RunDetail
from tui.views.run_list_columns import find_column
from tui.views.run_list_row import Row
from tui.widgets.runs.run_overview import facts


def said(status: Status) -> dict[str, str]:
    return dict(facts(status, None, {}))


def test_a_score_stands_with_its_margin_once_the_run_has_ended() -> None:
    status = Status(
        run="r", last={"test/f1": 0.612, "test/accuracy": 0.62, "test/ece": 0.083}, best={"test/f1": 0.6}
    )
    assert said(status)["F1"] == ".612"
    status.final = {
        "test/f1": Estimate(value=0.612, low=0.602, high=0.622),
        "test/accuracy": Estimate(value=0.62),
    }
    assert said(status)["F1"] == ".612 ±.010"
    assert said(status)["accuracy"] == ".620"
    assert said(status)["cal. err"] == ".083"


def test_the_best_checkpoint_is_told_with_what_chose_it() -> None:
    status = Status(run="r")
    for epoch, (val, test) in enumerate([(0.3, 0.25), (0.5, 0.239), (0.4, 0.294)], 1):
        values: dict[str, float | None] = {"val/f1": val, "test/f1": test}
        status.apply(Metrics(time=float(epoch), run="r", step=epoch, epoch=float(epoch), values=values))
        told = ("", "best .239, epoch 2, by val F1") in list(facts(status, None, {}))
        assert told == (epoch == 3)  # else it is what stands above


def test_a_run_that_was_asked_to_stop_says_so_in_the_place_of_the_time_left() -> None:
    status = Status(run="r", state="running", eta_s=60.0)
    assert said(status)["left"] == "1:00"
    status.asked = "stop-now"
    assert "left" not in said(status)
    assert said(status)["state"] == "» running"
    assert ("", "asked to stop now") in list(facts(status, None, {}))


def test_what_is_not_recorded_is_told_with_its_number_and_reason() -> None:
    status = Status(run="r")
    assert "refused" not in said(status)
    for message, refused in (
        ("a\x1b[2J list; more of these are counted at the end", 1),
        ("all", 11),
        ("other", 0),
    ):
        status.apply(Log(time=1.0, run="r", level="warning", message=message, refused=refused))
    assert said(status)["refused"] == "12: a list"
    status.apply(Start(time=2.0, run="r", attempt=2))
    assert "refused" not in said(status)


def test_whose_environment_a_program_has() -> None:
    start = Start(time=2.0, run="r", environment="of the shell that submitted it: PATH\x1b[2J")
    detail = RunDetail(run="r", config={}, facts=msgspec.to_builtins(start), console=())
    assert dict(facts(Status(run="r"), detail, {}))["environ."] == "of the shell that submitted it: PATH"


def test_what_failed_behind_a_result_is_told_with_its_reason() -> None:
    shown = Status(run="a", state="finished")
    failed = Status(run="e-s1-20261118-150000-abcd", seed=1, state="failed", reason="out of\x1b[2J memory")
    found = dict(facts(shown, None, {}, unfinished=[failed]))
    assert found["behind it"] == "✗ s1 11-18 15:00 failed: out of memory"


def test_of_a_program_stand_its_command_and_what_was_chosen_for_it() -> None:
    settings = DEFAULTS | {"model": "script", "command": ["python", "a b.py"], "epochs": 8, "seed": 0}
    told = dict(facts(Status(run="r"), None, settings))
    assert (told["command"], told["epochs"], told["seed"]) == ("python 'a b.py'", "8", "0")
    assert not told.keys() & {"model", "image", "data", "batch", "lr", "decay"}
    assert dict(facts(Status(run="r"), None, settings | {"dataset": "digits"}))["data"] == "digits"


def test_memory_stands_with_its_peak() -> None:
    metric = "cpu/memory_process"
    status = Status(run="r", last={metric: 2.0 * 2**30}, best={metric: 3.5 * 2**30})
    assert said(status)["memory"] == "2.0 GiB  peak 3.5 GiB"


def test_a_score_without_an_end_or_a_measurement_is_not_made_up() -> None:
    assert not {"F1", "accuracy", "cal. err"} & said(Status(run="r")).keys()


def test_a_row_of_several_seeds_shows_their_mean_and_which_of_them_this_is() -> None:
    seeds = [
        Status(run=f"r{seed}", seed=seed, state="finished", last={"test/f1": 0.5 + seed / 10})
        for seed in (0, 1, 7)
    ]
    row = Row("e", "e", "r7", "e", "finished", facts=tuple(map(RunSummary, reversed(seeds))), seeds=3)
    found = list(facts(seeds[2], None, {}, row=row))
    assert ("F1", ".767±.379, mean of 3") in found
    assert ("seed", "7, 3 of 3") in found
    alone = dict(facts(seeds[2], None, {}, row=row._replace(facts=row.facts[:1], seeds=1)))
    assert alone["F1"] == "1.200"


def test_each_number_of_a_row_of_several_seeds_is_the_lists_or_says_whose_it_is() -> None:
    metrics = {
        "test/f1": 0.5,
        "test/ece": 0.1,
        "test/loss": 1.0,
        "train/loss": 2.0,
        "train/images_per_s": 900.0,
    }
    seeds = [
        Status(
            run=f"r{seed}", seed=seed, state="finished", trained_s=100.0 + seed * seed, attempt=1, ended=9.0,
            last={
                **{metric: value + seed * seed / 100 for metric, value in metrics.items()},
                "cpu/memory_process": (1.0 + seed) * 2**30,
            },
            best={"cpu/memory_process": (5.0 - seed) * 2**30},
        )
        for seed in (0, 1, 3)
    ]  # fmt: skip
    seeds[0].last["test/accuracy"] = 0.6  # measured of this one alone
    row = Row("e", "e", "r0", "e", "finished", facts=tuple(map(RunSummary, seeds)), seeds=3)
    found = dict(facts(seeds[0], None, {}, row=row))
    assert {
        name: found[name] for name in ("took", "F1", "cal. err", "test loss", "tr. loss", "speed", "memory")
    } == {
        "took": "1:41, median of 3",
        "F1": ".533±.049, mean of 3",
        "cal. err": ".133, mean of 3",
        "test loss": "1.033, mean of 3",
        "tr. loss": "2.033, mean of 3",
        "speed": "900 images/s, median of 3",
        "memory": "4.0 GiB  peak 5.0 GiB, most of 3",
    }
    assert found["accuracy"] == ".600, seed 0"
    names = {"took": "duration", "F1": "test/f1", "tr. loss": "train/loss", "test loss": "test/loss"}
    for name, key in names.items():
        column = find_column(key)
        assert column is not None
        assert found[name].startswith(f"{column.text(row)}, ")
    alone = dict(facts(seeds[1], None, {}, row=row._replace(facts=row.facts[1:2], seeds=1)))
    assert (alone["took"], alone["tr. loss"], alone["speed"]) == ("1:41", "2.010", "900 images/s")
