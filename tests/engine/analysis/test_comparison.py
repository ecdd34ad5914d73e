"""Runs side by side: seeds together, only what differs, and no claim that the numbers do not carry."""

from __future__ import annotations

import msgspec
import pytest

from engine.analysis.comparison import Cell, as_markdown, compare
from engine.analysis.seed_groups import differing, sides
from engine.events import Estimate
from engine.runs.metadata import About, Fact
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


def table(*statuses: Status, baseline: str | None = None):
    configs = {
        each.run: (VIT if each.experiment == "vit" else BIT) | {"seed": each.seed} for each in statuses
    }
    return compare(sides(facts(statuses, configs), baseline))


def facts(statuses, configs):
    return [Fact(each, About(configs[each.run], created=number)) for number, each in enumerate(statuses)]


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


def test_a_clear_difference_over_seeds_is_claimed_with_its_test():
    found = table(*(status("vit", s, 0.60 + s / 100) for s in range(3)),
                  *(status("bit", s, 0.80 + s / 100) for s in range(3)))  # fmt: skip
    assert cells(found, "test F1")[0].value == "0.610 ± 0.010"
    assert cells(found, "test F1")[1].delta == "+0.200"
    assert cells(found, "test F1")[1].told
    (verdict,) = found.verdicts
    assert verdict.startswith("bit beats vit by 0.200 ± 0.02")
    assert "Welch's t-test, p < 0.001; 3 and 3 seeds" in verdict


def test_noise_is_called_noise_and_says_what_would_decide():
    found = table(*(status("vit", s, 0.60 + s / 100) for s in range(3)),
                  *(status("bit", s, 0.605 + s / 100) for s in range(3)))  # fmt: skip
    assert cells(found, "test F1")[1].told is False
    assert found.verdicts[0].startswith("bit and vit cannot be told apart")
    assert found.verdicts[0].endswith("a true difference of this size would probably show with 64 seeds each")


def test_two_seeds_are_not_enough_to_be_sure():
    found = table(*(status("vit", s, 0.60 + s / 100) for s in range(2)),
                  *(status("bit", s, 0.80 + s / 100) for s in range(4)))  # fmt: skip
    assert cells(found, "test F1")[1].told is None
    assert found.verdicts[0].endswith("as far as two seeds can tell")


def test_one_seed_is_measured_by_how_much_several_differ():
    several = [status("vit", s, 0.60 + s / 100) for s in range(3)]
    found = table(*several, status("bit", 0, 0.80, margin=0.02))
    assert cells(found, "test F1")[1].told
    assert "t-test of one seed against several, p = 0.004; 1 and 3 seeds" in found.verdicts[0]
    unsure = table(*several, status("bit", 0, 0.63, margin=0.001))
    assert cells(unsure, "test F1")[1].told is False
    assert unsure.verdicts[0].startswith("bit and vit cannot be told apart")
    few = table(status("vit", 0, 0.60), status("vit", 1, 0.601), status("bit", 0, 0.80))
    assert cells(few, "test F1")[1].told is None
    assert few.verdicts[0].endswith("as far as two seeds can tell")


def test_numbers_that_cannot_be_measured_ones_are_no_values():
    huge = [status("vit", seed, 1e308) for seed in range(2)]
    assert cells(table(*huge, status("bit", 0, 0.5)), "test F1")[0].value == "–"


def test_one_model_each_is_no_claim_about_seeds():
    found = table(status("vit", 0, 0.6, margin=0.01), status("bit", 0, 0.7, margin=0.01))
    assert "of these two models, not of other seeds" in found.verdicts[0]
    unsure = table(status("vit", 0, 0.6), status("bit", 0, 0.7, margin=0.01))
    assert "two seeds each would say how much that means" in unsure.verdicts[0]
    assert cells(unsure, "test F1")[1].told is None


def test_markdown_says_all_of_it():
    text = as_markdown(table(status("vit", 0, 0.6, margin=0.01), status("a|b", 0, 0.7, margin=0.01)))
    assert text.startswith("|  | vit | a\\|b |\n| --- | --- | --- |\n| model | vit\\_b | bit\\_r50x1 |")
    assert "| test F1 | 0.600 ±0.010 | 0.700 ±0.010 (\\+0.100) |" in text
    assert "\n- a\\|b beats vit by" in text


def test_names_are_text_in_markdown_whatever_is_in_them():
    text = as_markdown(table(status("vit", 0, 0.6, margin=0.01), status("a*b*c", 0, 0.7, margin=0.01)))
    assert "a\\*b\\*c" in text
    assert "a*b*c" not in text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_left_out(value):
    found = table(status("vit", 0, value), status("bit", 0, 0.7))
    assert cells(found, "test F1")[0].value == "–"
    assert found.verdicts == ("bit and vit: not both have a test F1",)


def test_what_is_equal_has_no_spread_and_no_difference():
    made = [status(name, seed, 0.6) for name in ("vit", "bit") for seed in range(2)]
    found = table(*(each for each in made))
    assert [cell.value for cell in cells(found, "test F1")] == ["0.600", "0.600"]
    assert cells(found, "test F1")[1].delta == "="


def part_way(experiment: str, seed: int, f1: float, state: State = "running") -> Status:
    return msgspec.structs.replace(status(experiment, seed, f1), state=state, epoch=2.5, epochs=6)


def test_a_run_that_has_not_finished_is_no_seed_of_a_side_that_has_results():
    found = table(
        status("vit", 0, 0.641), part_way("vit", 1, 0.210), status("bit", 0, 0.7), status("bit", 1, 0.72)
    )
    assert cells(found, "test F1")[0].value == "0.641"
    assert found.sides[0].count == ""
    assert found.sides[0].left_out == "1 still training at 2/6"
    assert "; 2 and 1 seeds)" in found.verdicts[0]
    assert "| vit (1 still training at 2/6) | bit ×2 |" in as_markdown(found)


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
    assert cells(table(small, large, baseline="vit-s0"), "parameters, M")[1] == Cell(
        "3.00", "+2.00", exact=True
    )


def test_who_is_best_after_fewer_epochs_is_told_of_them_in_the_order_of_the_names():
    vit, bit = [
        [status(name, s, f1 + s / 100) for s in range(n)]
        for name, n, f1 in (("vit", 4, 0.8), ("bit", 3, 0.6))
    ]
    for each, epochs in ((vit, 6), (bit, 3)):
        for run in each:
            run.epochs = epochs
    (said,) = table(*vit, *bit).verdicts
    assert said.startswith("vit beats bit by")
    assert said.endswith("4 and 3 seeds; trained 6 and 3 epochs)")
    assert "trained" not in table(*vit[:2], *(status("bit", s, 0.6) for s in range(2))).verdicts[0]
