"""Runs side by side: seeds together, only what differs, and no claim that the numbers do not carry."""

from __future__ import annotations

import msgspec
import pytest

from engine.analysis.comparison import Cell, compare, in_brief
from engine.analysis.comparison_sides import differing, sides
from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.conclusions.pairs import PairStatus
from engine.config.schema import Statistics
from engine.events import Estimate
from engine.runs.metadata import RunMetadata, RunSummary
from engine.runs.status import State, Status

VIT = {"model": "vit_b", "lr": 5e-4, "seed": 0}
BIT = {"model": "bit_r50x1", "lr": 0.1, "seed": 0}


def status(experiment: str, seed: int, f1: float, margin: float | None = None, **last: float) -> Status:
    final = (
        {} if margin is None else {"test/f1": Estimate(value=f1, low=f1 - margin, high=f1 + margin, n=10_000)}
    )
    return Status(
        run=f"{experiment}-s{seed}", experiment=experiment, seed=seed, state="finished",
        last={"test/f1": f1, **last}, best={"test/f1": f1}, final=final,
    )  # fmt: skip


def table(*statuses: Status, baseline: str | None = None, statistics: Statistics | None = None):
    configs = {
        each.run: (VIT if each.experiment == "vit" else BIT) | {"seed": each.seed} for each in statuses
    }
    runs = facts(statuses, configs)
    return compare(sides(runs, baseline), Evidence({}, runs, statistics or Statistics()))


def facts(statuses, configs):
    return [
        RunSummary(each, RunMetadata(configs[each.run], created=number))
        for number, each in enumerate(statuses)
    ]


def cells(found, name):
    return dict(found.measured)[name]


def test_seeds_are_one_side_and_the_baseline_stands_first():
    found = table(*(status("vit", seed, 0.6) for seed in range(3)), status("bit", 0, 0.7), baseline="bit-s0")
    assert [(side.name, len(side.counted)) for side in found.sides] == [("bit", 1), ("vit", 3)]


def test_only_what_differs_in_how_they_were_made():
    found = sides(facts([status("vit", 0, 0.6), status("bit", 0, 0.7)], {"vit-s0": VIT, "bit-s0": BIT}), None)
    assert differing(found) == [("model", ["vit_b", "bit_r50x1"]), ("lr", ["0.0005", "0.1"])]


def test_an_experiment_of_two_settings_is_two_sides():
    one, two = status("vit", 0, 0.6), status("vit", 1, 0.7)
    found = sides(facts([one, two], {one.run: VIT, two.run: VIT | {"lr": 1e-3}}), None)
    assert [side.name for side in found] == ["vit lr=0.0005", "vit lr=0.001"]


def seeds(name: str, first: float, count: int, **last: float) -> list[Status]:
    return [status(name, seed, first + seed / 100, **last) for seed in range(count)]


def delta(found, name="test F1"):
    return cells(found, name)[1]


def test_a_clear_difference_over_seeds_is_told_with_its_interval():
    found = table(*seeds("vit", 0.60, 3), *seeds("bit", 0.80, 3))
    assert cells(found, "test F1")[0].value == "0.610 ± 0.010"
    assert delta(found) == Cell("0.810 ± 0.010", "+0.200", "(0.177 to 0.223)", PairStatus.ABOVE)
    best, pair, method = found.verdicts
    assert best.startswith(
        "bit is the best of 2 by F1 on these test images (p < 0.001; at least 3 seeds each)"
    )
    assert pair == "bit beats vit by 0.200 F1 (0.177 to 0.223, 95 %; p < 0.001; 3 and 3 seeds)."
    assert method == "p and intervals: moderated Welch t; spread shared with 2 experiments."


def test_what_seeds_do_not_tell_stays_open_and_says_what_they_would_show():
    found = table(*seeds("vit", 0.60, 3), *seeds("bit", 0.605, 3))
    assert delta(found).status is PairStatus.OPEN
    assert found.verdicts[0].startswith("bit and vit cannot be told apart: F1 differs by +0.005 (")
    assert "These seeds show differences from about 0." in found.verdicts[0]


def test_with_a_margin_it_says_how_many_seeds_show_it_or_that_they_are_alike():
    wide = Statistics(margin={"test/f1": 0.2})
    found = table(*seeds("vit", 0.60, 3), *seeds("bit", 0.605, 3), statistics=wide)
    assert delta(found).status is PairStatus.ALIKE
    assert found.verdicts[0].startswith("bit and vit are alike within 0.2: ")
    narrow = Statistics(margin={"test/f1": 0.01})
    found = table(*seeds("vit", 0.60, 3), *seeds("bit", 0.605, 3), statistics=narrow)
    assert "Differences of 0.01 would show in four of five cases with 40 seeds each" in found.verdicts[0]


def part_way(experiment: str, seed: int, f1: float, state: State = "running") -> Status:
    return msgspec.structs.replace(status(experiment, seed, f1), state=state, epoch=2.5, epochs=6)


SIGNS = {"vit": "●", "bit": "▲", "wide": "■"}


@pytest.mark.parametrize(
    ("others", "lines"),
    [
        (seeds("bit", 0.80, 3), ["▲ is better than ●: F1 0.200 higher (p < 0.001)."]),
        (seeds("bit", 0.40, 2), ["▲ is worse than ●: F1 0.205 lower (p < 0.001); as far as two seeds can tell."]),
        (
            [*seeds("bit", 0.40, 3), *seeds("wide", 0.80, 3)],
            [
                "■ is the best of 3 by F1 (p < 0.001).",
                "■ is better than ●: F1 0.200 higher (p < 0.001).",
                "▲ is worse than ●: F1 0.200 lower (p < 0.001).",
            ],
        ),
        ([part_way("bit", 0, 0.2)], ["▲ has not finished (1 still training at 2/6): no verdict yet"]),
    ],
)  # fmt: skip
def test_what_is_concluded_in_a_line_each(others: list[Status], lines: list[str]):
    assert in_brief(table(*seeds("vit", 0.60, 3), *others), SIGNS) == lines


def test_one_model_each_in_a_line():
    runs = status("vit", 0, 0.6, margin=0.01), status("bit", 0, 0.7, margin=0.01)
    (line,) = in_brief(table(*runs), SIGNS)
    assert line.startswith("The one model of ▲ is better than that of ● (")
    (line,) = in_brief(table(*runs, baseline="bit-s0"), SIGNS)
    assert line.startswith("The one model of ● is worse than that of ▲ (-0.")
    alike = status("bit", 0, 0.601, margin=0.01)
    assert "cannot be told apart" in in_brief(table(runs[0], alike), SIGNS)[0]
    unknown = table(status("vit", 0, 0.6), status("bit", 0, 0.7))
    assert in_brief(unknown, SIGNS)[0].startswith("▲ and ● are not judged: no experiment has two seeds")


def test_while_planned_seeds_are_missing_only_what_is_very_sure_is_told():
    runs = [*seeds("vit", 0.60, 3), *seeds("bit", 0.63, 3)]
    assert delta(table(*runs)).status is PairStatus.ABOVE
    found = table(*runs, statistics=Statistics(planned_seeds=5))
    assert delta(found).status is PairStatus.OPEN
    assert found.alpha == 0.005
    assert found.verdicts[0].startswith("So far (3 of 5 seeds): bit and vit cannot be told apart")


def test_two_seeds_are_a_hint():
    found = table(*seeds("vit", 0.60, 2), *seeds("bit", 0.80, 4))
    assert delta(found).status is PairStatus.ABOVE
    assert "; as far as two seeds can tell" in found.verdicts[0]


def test_one_seed_is_measured_by_how_much_several_differ():
    several = seeds("vit", 0.60, 3)
    found = table(*several, status("bit", 0, 0.80, margin=0.02))
    assert delta(found).status is PairStatus.ABOVE
    assert found.verdicts[0].startswith("bit's one seed is above what vit's seeds reach, by +0.190 F1 (")
    unsure = table(*several, status("bit", 0, 0.63, margin=0.001))
    assert delta(unsure).status is PairStatus.OPEN
    assert "is not told from what vit's seeds reach" in unsure.verdicts[0]


def test_several_sides_are_one_family_against_the_baseline():
    names = "bcd"
    runs = [*seeds("vit", 0.60, 3), *(run for name in names for run in seeds(name, 0.63, 3))]
    found = table(*runs, baseline="vit-s0")
    assert found.judgement.m == 3
    assert found.verdicts[-1].startswith("p and intervals: moderated Welch t, Šidák for 3 comparisons")
    assert len([line for line in found.verdicts if " beats vit by " in line]) == 3


def test_by_other_measures_than_the_scores_nothing_is_concluded():
    found = table(
        *seeds("vit", 0.60, 3, **{"test/accuracy": 0.6, "test/loss": 1.0}),
        *seeds("bit", 0.80, 3, **{"test/accuracy": 0.8, "test/loss": 0.5}),
    )
    assert delta(found, "test loss").status is None
    assert delta(found, "test accuracy").status is not None
    assert found.notes[0].startswith("Test accuracy is judged apart")
    assert not any("loss" in line for line in found.verdicts)


def test_a_loss_has_its_interval_and_no_verdict():
    runs = [
        status(name, seed, 0.6, **{"test/loss": first + seed / 100})
        for name, first in (("vit", 1.0), ("bit", 0.5))
        for seed in range(3)
    ]
    assert delta(table(*runs), "test loss") == Cell("0.510 ± 0.010", "-0.500", "(-0.523 to -0.477)")


def timed(name: str, seed: int, seconds: float, device: str = "cuda:0 H200", host: str = "lab") -> Status:
    run = status(name, seed, 0.6, **{"train/images_per_s": 1000 / seconds})
    run.trained_s, run.device, run.host = seconds, device, host
    return run


def test_times_are_compared_where_ranges_are_apart_on_one_device():
    vit = [timed("vit", seed, 100 + seed) for seed in range(3)]
    found = table(*vit, *(timed("bit", seed, 80 + seed) for seed in range(3)))
    assert delta(found, "training time") == Cell("1:21", "× 0.80", "(0.78 to 0.82)", range="(1:20 to 1:22)")
    assert delta(found, "images/s").delta == "× 1.25"


def test_a_cost_of_one_seed_or_of_seeds_that_took_alike_has_no_range():
    found = table(timed("vit", 0, 100), *(timed("bit", seed, 80) for seed in range(3)))
    assert [(cell.value, cell.range) for cell in cells(found, "training time")] == [
        ("1:40", ""),
        ("1:20", ""),
    ]


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ([timed("bit", seed, 80 + seed, device="cuda:1") for seed in range(3)], "not of one device"),
        ([timed("bit", seed, 80 + seed, host="far") for seed in range(3)], "not of one host"),
        ([timed("bit", seed, 80 + seed) for seed in range(2)], "fewer than three seeds of one"),
        ([timed("bit", seed, 101 + seed) for seed in range(3)], "their ranges overlap"),
        ([timed("bit", seed, 103 + seed) for seed in range(3)], "less than 5 % apart"),
        ([timed("bit", seed, 80 + seed, host="") for seed in range(3)], "not all of one device, host"),
    ],
)
def test_times_that_cannot_be_compared_say_why(others: list[Status], reason: str):
    found = table(*(timed("vit", seed, 100 + seed) for seed in range(3)), *others)
    assert delta(found, "training time").delta == "?"
    (note,) = found.notes
    assert note.startswith("Not compared: images/s, training time of bit (")
    assert reason in note


def test_memory_differs_from_two_percent_on():
    vit, bit = seeds("vit", 0.6, 3), seeds("bit", 0.6, 3)
    for run in (*vit, *bit):
        run.best["gpu/memory_peak"] = 2.0**30 * (1.01 if run.experiment == "bit" else 1.0)
    assert delta(table(*vit, *bit), "memory, most").delta == "="
    bit[0].best["gpu/memory_peak"] = 2.0**31
    assert delta(table(*vit, *bit), "memory, most") == Cell("2.0 GiB", "+1.0 GiB")


def test_sides_of_other_data_are_not_compared():
    runs = facts([status("vit", 0, 0.6), status("bit", 0, 0.7)],
                 {"vit-s0": VIT | {"dataset": "digits"}, "bit-s0": BIT | {"dataset": "cifar10"}})  # fmt: skip
    found = compare(sides(runs, None), Evidence({}, runs))
    assert found.verdicts == ("bit was tested on other data than vit: no verdict",)
    assert delta(found) == Cell("0.700")


def test_numbers_that_cannot_be_measured_ones_are_no_values():
    huge = [status("vit", seed, 1e308) for seed in range(2)]
    assert cells(table(*huge, status("bit", 0, 0.5)), "test F1")[0].value == "–"


def test_one_model_each_is_no_claim_about_seeds():
    found = table(status("vit", 0, 0.6, margin=0.01), status("bit", 0, 0.7, margin=0.01))
    (verdict,) = found.verdicts
    assert verdict.startswith(
        "The one model of bit is better than the one of vit on images of this kind: +0.100"
    )
    assert verdict.endswith("Two seeds of one recipe can differ as much.")
    assert delta(found).status is PairStatus.UNJUDGED
    unsure = table(status("vit", 0, 0.6), status("bit", 0, 0.7, margin=0.01))
    assert unsure.verdicts == (
        "bit and vit are not judged by F1: no experiment has two seeds, so nothing says how much seeds differ.",
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_left_out(value):
    found = table(status("vit", 0, value), status("bit", 0, 0.7))
    assert cells(found, "test F1")[0].value == "–"
    assert found.verdicts == ("vit is not judged by F1: there is no score.",)


def test_what_is_equal_has_no_spread_and_no_difference():
    made = [status(name, seed, 0.6) for name in ("vit", "bit") for seed in range(2)]
    found = table(*(each for each in made))
    assert [cell.value for cell in cells(found, "test F1")] == ["0.600", "0.600"]
    assert delta(found).delta == "="


def test_a_run_that_has_not_finished_is_no_seed_of_a_side_that_has_results():
    found = table(
        status("vit", 0, 0.641), part_way("vit", 1, 0.210), status("bit", 0, 0.7), status("bit", 1, 0.72)
    )
    assert cells(found, "test F1")[0].value == "0.641"
    assert found.sides[0].count == ""
    assert found.sides[0].left_out == "1 still training at 2/6"
    assert "vit's one seed is not told from what bit's seeds reach" in found.verdicts[0]
    assert in_brief(found, {"vit": "●", "bit": "▲"})[0].startswith("▲ and ● cannot be told apart (p = ")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("running", "(1 still training at 2/6): no verdict yet"),
        ("failed", "(1 failed at 2/6): no verdict"),
    ],
)
def test_a_side_without_results_shows_where_it_stands_and_is_not_judged(state: State, said: str):
    many = table(
        *(status("bit", seed, 0.7 + seed / 100) for seed in range(3)), part_way("vit", 0, 0.21, state)
    )
    assert cells(many, "test F1")[1] == Cell("0.210")
    assert many.verdicts == (f"vit has not finished {said}",)
    vit = part_way("vit", 0, 0.21), part_way("vit", 1, 0.3)
    two = table(*vit, status("bit", 0, 0.7), status("bit", 1, 0.7), baseline="vit-s0")
    assert cells(two, "test F1") == [Cell("0.210 … 0.300"), Cell("0.700")]
    assert two.verdicts == ("vit has not finished (2 still training): no verdict yet",)


def test_what_has_results_is_what_others_are_measured_by():
    found = table(part_way("vit", 0, 0.2), status("bit", 0, 0.7))
    assert [side.name for side in found.sides] == ["bit", "vit"]


def test_a_seed_counts_once_and_a_stopped_try_of_it_is_made_up_for():
    tries = [status("vit", 0, 0.5), status("vit", 0, 0.6), part_way("vit", 0, 0.1, "stopped")]
    for number, each in enumerate(tries):
        each.run, each.started = f"vit-{number}", float(-number)  # the first was resumed last
    found = table(*tries, status("bit", 0, 0.7))
    assert cells(found, "test F1")[0].value == "0.600"
    assert found.sides[0].left_out == "1 older run of the same seed not counted"


def test_how_many_parameters_there_are_is_no_question():
    small, large = part_way("vit", 0, 0.2), status("bit", 0, 0.7)
    small.parameters, large.parameters = 1_000_000, 3_000_000
    assert delta(table(small, large, baseline="vit-s0"), "parameters") == Cell("3.00 M", "+2.00 M")


def test_who_is_best_after_fewer_epochs_is_told_of_them_in_the_order_of_the_names():
    vit, bit = [
        [status(name, s, f1 + s / 100) for s in range(n)]
        for name, n, f1 in (("vit", 4, 0.8), ("bit", 3, 0.6))
    ]
    for each, epochs in ((vit, 6), (bit, 3)):
        for run in each:
            run.epochs = epochs
    _, said, _ = table(*vit, *bit).verdicts
    assert said.startswith("vit beats bit by")
    assert said.endswith("4 and 3 seeds; trained 6 and 3 epochs).")
