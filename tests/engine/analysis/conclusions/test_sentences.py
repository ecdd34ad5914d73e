"""The sentences, word for word."""

from __future__ import annotations

import re

import pytest

from engine.analysis.conclusions.judgement import Judgement, judge
from engine.analysis.conclusions.number_text import number, p_value, signed
from engine.analysis.conclusions.pairs import Metric
from engine.analysis.conclusions.sentences import sentences, table_reason
from engine.analysis.statistics.image_tests import mcnemar
from engine.analysis.statistics.significance import Sample, pool_of
from engine.events import Estimate

HIGH = (0.62, 0.61, 0.63)
LOW = (0.55, 0.56, 0.54)
NEAR = (0.60, 0.62, 0.61)
KEY = frozenset("AB")
F1 = Metric("F1")


def judgement_of(metric=F1, more=None, **options) -> Judgement:
    values = {name: options.pop(name) for name in list(options) if name.isupper()}
    samples = [Sample(name, each, **(more or {}).get(name, {})) for name, each in values.items()]
    return judge(samples, pool=pool_of(samples), metric=metric, **options)


def said(metric=F1, more=None, **options) -> list[str]:
    return sentences(judgement_of(metric, more, **options))


def test_the_best_of_three():
    images = {"images": 2000}
    assert said(A=HIGH, B=LOW, C=(0.5, 0.51, 0.52), more=dict.fromkeys("ABC", images)) == [
        "A is the best of 3 by F1 on these 2,000 test images (p < 0.001; at least 3 seeds each).",
        "A beats B by 0.070 F1 (0.050 to 0.090, 95 % each by itself; p < 0.001; 3 and 3 seeds).",
        "A beats C by 0.110 F1 (0.090 to 0.130, 95 % each by itself; p < 0.001; 3 and 3 seeds).",
        "p and intervals: moderated Welch t, Šidák for 3 comparisons; spread shared with 3 experiments.",
    ]


def test_where_runs_do_not_say_which_is_best():
    lines = said(A=HIGH, B=NEAR, C=LOW)
    assert lines[0] == ("Which is best these runs do not say. Highest: A; not told from it: B. Behind it: C.")
    assert lines[1] == (
        "A and B cannot be told apart: F1 differs by +0.010 (-0.017 to 0.037; p = 0.605; 3 and 3 seeds). "
        "These seeds show differences from about 0.056 on."
    )
    assert lines[2].startswith(
        "A beats C by 0.070 F1 (0.043 to 0.097, 95 % for all 3 pairs together; p < 0.001;"
    )


@pytest.mark.parametrize(
    ("options", "end"),
    [
        (
            {"margin": 0.03},
            "0.03 would show in four of five cases with 14 seeds each; decide the number before training them.",
        ),
        ({"margin": 0.2}, "A and B are alike within 0.2: F1 differs by +0.010 "),
        ({"margin": 0.0001}, "Differences of 0.0001 would not show with 1000 seeds each."),
        ({"margin": 0.01, "image_variance": {KEY: 0.01}}, "no number of seeds shows it on so few images."),
    ],
)
def test_what_a_margin_asks_for(options, end):
    (line,) = [line for line in said(A=HIGH, B=(0.59, 0.63, 0.61), **options) if line.startswith("A and B")]
    assert end in line


def test_so_many_seeds_would_have_shown_it():
    many = tuple(0.6 + 0.001 * step for step in range(12))
    (line,) = [
        line for line in said(A=many, B=tuple(x - 0.0028 for x in many), margin=0.0055) if " apart" in line
    ]
    assert line.endswith("Differences of 0.0055 would have shown in four of five cases with 11 seeds each.")


def test_while_seeds_are_missing_every_verdict_begins_with_it():
    lines = said(A=HIGH, B=LOW, planned_seeds=10)
    assert [line.startswith("So far (3 of 10 seeds): ") for line in lines] == [True, True, False]
    assert "99.5 %" in lines[1]
    assert not any(line.startswith("So far") for line in said(A=HIGH, B=LOW, planned_seeds=3))


def test_two_seeds_are_a_hint():
    assert said(A=HIGH[:2], B=LOW)[0].endswith("; 2 and 3 seeds); as far as two seeds can tell.")
    assert (
        "p < 0.001; at least 2 seeds each; as far as two seeds can tell)." in said(A=HIGH, B=(0.3, 0.31))[0]
    )


def test_one_seed_is_told_of_with_an_if():
    lines = said(A=(0.7,), B=HIGH, C=LOW)
    assert lines[1] == (
        "A's one seed is above what B's seeds reach, by +0.080 F1 (0.029 to 0.131; p = 0.013), "
        "if A's seeds spread as those of the 2 experiments with several."
    )
    (lower,) = [line for line in said(A=(0.3,), B=HIGH, C=LOW) if line.startswith("A's one seed is below")]
    assert re.search(r"below what B's seeds reach, by 0\.\d+ F1 \(0\.\d+ to 0\.\d+; p", lower), lower
    assert said(A=(0.6,), B=(0.61,), C=LOW)[1].startswith(
        "B's one seed is not told from the one seed of A, by +0.010 F1 ("
    )


def test_one_model_each_is_judged_over_images():
    models = {"A": Estimate(value=0.7, low=0.68, high=0.72), "B": Estimate(value=0.6, low=0.58, high=0.62)}
    assert said(A=(0.7,), B=(0.6,), models=models) == [
        "The one model of A is better than the one of B on images of this kind: "
        "+0.100 F1 (0.072 to 0.128; z-test). Two seeds of one recipe can differ as much."
    ]
    test = {KEY: mcnemar(10, 20, 1000)}
    assert said(A=(0.59,), B=(0.6,), models=models, model_tests=test) == [
        "The one model of B is not told from the one of A on images of this kind: "
        "+0.010 F1 (-0.001 to 0.021; McNemar's test). Two seeds of one recipe can differ as much."
    ]
    assert said(A=(0.7,), B=(0.6,)) == [
        "A and B are not judged by F1: no experiment has two seeds, so nothing says how much seeds differ."
    ]


def test_what_other_images_may_do():
    (line,) = [line for line in said(A=HIGH, B=LOW, image_variance={KEY: 1e-6}) if "beats" in line]
    assert line.endswith("; also for other images of this kind.")
    (line,) = [line for line in said(A=HIGH, B=LOW, image_variance={KEY: 1e-2}) if "beats" in line]
    assert line.endswith("; other test images may turn it round (-0.127 to 0.267).")


def test_a_told_difference_can_be_too_small_to_matter():
    assert said(A=HIGH, B=LOW, margin=0.2)[1].endswith("; less than the 0.2 that matters here.")


def test_training_scores_name_their_split_and_nobody_beats():
    lines = said(Metric("accuracy", "training"), A=HIGH, B=LOW)
    assert lines[0] == "A has the highest training accuracy of 2 (p = 0.001; at least 3 seeds each)."
    assert lines[1].startswith("A has the higher training accuracy than B, by 0.070 (")
    near = said(Metric("accuracy", "training"), A=HIGH, B=NEAR, C=LOW)
    assert near[0].startswith("Which has the highest training accuracy these runs do not say. Highest: A; ")


def test_a_loss_is_better_where_it_is_lower():
    lines = said(Metric("loss", higher_is_better=False), A=HIGH, B=LOW)
    assert lines[0].startswith("B is the best of 2 by lower loss on these test images (")
    assert lines[1].startswith("B beats A by 0.070 lower loss (0.047 to 0.093, 95 %; p = 0.001; ")
    open_pair = said(Metric("loss", higher_is_better=False), A=HIGH, B=NEAR)[0]
    assert open_pair.startswith("B and A cannot be told apart: loss differs by -0.010 (-0.0")


def test_what_is_left_out_is_said():
    more = {"A": {"failed_seeds": 2}, "C": {"finished": False}, "B": {"epochs": 7}, "A2": {"epochs": 14}}
    lines = said(A=HIGH, B=LOW, C=(0.5,), D=(), more=more)
    assert lines[-4:-1] == [
        "2 of 5 seeds of A failed and are not counted.",
        "C is not judged by F1: not all of the seeds have ended.",
        "D is not judged by F1: there is no score.",
    ]


def test_different_epochs_are_said():
    lines = said(A=HIGH, B=LOW, more={"A": {"epochs": 7}, "B": {"epochs": 14}})
    assert "; 3 and 3 seeds; trained 7 and 14 epochs)" in lines[1]


def test_a_figure_of_a_report_says_its_own_part():
    judgement = judgement_of(A=HIGH, B=NEAR, C=LOW, sets=["AB", "BC"])
    assert [line.split("(")[0] for line in sentences(judgement, "BC")] == [
        "B is the best of 2 by F1 on these test images ",
        "B beats C by 0.060 F1 ",
    ]
    assert sentences(judgement, "AB", already=[KEY]) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"A": HIGH, "B": LOW}, "bold: A is the best of 2 by F1, p* = 0.001"),
        ({"A": HIGH, "B": NEAR, "C": LOW}, "no best is marked: A is not told from B, p* = 0.267"),
        ({"A": HIGH, "B": (0.3,), "C": (0.2,), "D": LOW}, "bold: A is the best of 4 by F1, p* = 0.001"),
        ({"A": (0.7,), "B": (0.3,)}, "no best is marked: A has one seed, and a best has three"),
        ({"A": (0.7, 0.7, 0.7), "B": (0.3, 0.3)}, "no best is marked: A is not judged against every other"),
    ],
)
def test_a_tables_footnote(options, reason):
    assert table_reason(judgement_of(**options)) == reason


def test_numbers():
    assert [number(x) for x in (0.0, -0.0004, 0.12345, 1e100, -12.5)] == [
        "0.000",
        "-0.0004",
        "0.123",
        "1e+100",
        "-12.500",
    ]
    assert [signed(x) for x in (0.0, -0.0, 0.5, -0.5)] == ["+0.000", "+0.000", "+0.500", "-0.500"]
    assert [p_value(x) for x in (0.0009, 0.001, 1.0)] == ["p < 0.001", "p = 0.001", "p = 1.000"]
