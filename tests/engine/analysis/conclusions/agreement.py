"""What must hold of every judgement: bold, colour, interval, p, rank and sentence say one thing."""

from __future__ import annotations

import math
import re

from engine.analysis.conclusions.judgement import Judgement
from engine.analysis.conclusions.pairs import LEAST_SEEDS, Pair, PairStatus, excludes_zero, is_within
from engine.analysis.conclusions.sentences import sentences, table_reason

FORBIDDEN = (
    "significant",
    "same",
    "equal",
    "as good as",
    "within noise",
    "probably",
    "would decide",
    "±",
    "nan",
    "inf ",
    "\n",
)
BEST = re.compile(
    r"^(So far \(\d+ of \d+ seeds\): )?(\w+) (?:is the best of|has the (?:highest|lowest) .* of \d+ \(p)"
)


def assert_agrees(judgement: Judgement) -> None:
    """Fail where two ways in which a judgement is shown contradict each other."""
    lines = sentences(judgement)
    for pair in judgement.pairs.values():
        assert_pair_agrees(judgement, pair)
        assert_words_agree(judgement, pair, lines)
    assert_best_agrees(judgement, lines)
    assert_ranks_agree(judgement)
    for line in lines:
        assert_words_are_chosen(judgement, line)


def assert_pair_agrees(judgement: Judgement, pair: Pair) -> None:
    told = pair.p < judgement.alpha
    assert told == excludes_zero(pair.low, pair.high)
    assert told == (pair.status is PairStatus.ABOVE) == pair.is_significant
    assert judgement.direction(pair.better, pair.worse) == told
    assert judgement.direction(pair.worse, pair.better) == -told
    assert math.isnan(pair.p) == (pair.status is PairStatus.UNJUDGED) == bool(pair.reason)
    if told:
        assert pair.delta * (1 if judgement.metric.higher_is_better else -1) > 0
    if pair.status is PairStatus.ALIKE:
        assert is_within(pair.low, pair.high, judgement.margin)
    assert judgement.pair(pair.worse, pair.better) is pair
    delta, low, high = pair.seen_from(pair.worse)
    assert (pair.status is PairStatus.UNJUDGED) or (-delta, -high, -low) == pair.seen_from(pair.better)


def worded(pair: Pair, line: str) -> bool:
    """Return whether a sentence is the one over seeds of a pair."""
    a, b = re.escape(pair.better), re.escape(pair.worse)
    between = (
        rf"\b({a} beats {b} by|{a} has the (higher|lower) \w+ \w+ than {b}, by|{a} and {b} (cannot|are alike|are not)"
        rf"|({a}'s one seed is .* {b}|{b}'s one seed is .* {a})('s|,))"
    )
    return re.search(between, line) is not None


def assert_words_agree(judgement: Judgement, pair: Pair, lines: list[str]) -> None:
    found = [line for line in lines if worded(pair, line)]
    judged_names = [sample.name for sample in judgement.ranked]
    centre = (
        judgement.baseline if judgement.baseline in judged_names else judged_names[:1] and judged_names[0]
    )
    expected = centre in (pair.better, pair.worse) and {pair.better, pair.worse} <= set(judged_names)
    assert len(found) == expected, (pair, lines)
    for line in found:
        assert pair.is_significant == bool(
            re.search(r" beats | has the (higher|lower) | is (above|below) ", line)
        ), line
        assert (pair.status is PairStatus.ALIKE) == (" alike within " in line)
        assert (pair.status is PairStatus.UNJUDGED) == (" are not judged" in line)
        if pair.status is not PairStatus.UNJUDGED:
            p = re.search(r"p (= (\d\.\d{3})|< 0.001)", line)
            assert p is not None
            assert math.isclose(float(p[2] or 0), pair.p, abs_tol=0.0011)


def assert_best_agrees(judgement: Judgement, lines: list[str]) -> None:
    claimed = [found[2] for line in lines if (found := BEST.match(line))]
    leader = judgement.leader_of(judgement.names)
    assert claimed == ([leader] if leader else [])
    assert judgement.best == (leader if judgement.metric.split == "test" else None)
    assert [sample.name for sample in judgement.samples if judgement.bold(sample.name)] == (
        [judgement.best] if judgement.best else []
    )
    assert table_reason(judgement).startswith("bold: " if judgement.best else "no best is marked: ")
    if len(judgement.ranked) < 2:
        assert leader is None
        return
    top, *others = judgement.ranked
    pairs = [judgement.pair(top.name, other.name) for other in others]
    every = all(pair is not None and pair.is_significant for pair in pairs)
    assert (leader == top.name) == (every and len(top.values) >= LEAST_SEEDS)
    if leader is not None:
        assert judgement.p_star < judgement.alpha
    if judgement.best is None:
        assert not any("is the best" in line for line in lines)


def assert_ranks_agree(judgement: Judgement) -> None:
    for name, (first, last) in judgement.rank_ranges().items():
        assert 1 <= first <= last <= len(judgement.ranked)
        pairs = [judgement.pair(name, other.name) for other in judgement.ranked if other.name != name]
        above_all = all(pair is not None and pair.is_significant and pair.better == name for pair in pairs)
        assert ((first, last) == (1, 1)) == above_all
    rank = {sample.name: position for position, sample in enumerate(judgement.ranked)}
    for pair in judgement.pairs.values():
        assert (
            not pair.is_significant or rank[pair.better] < rank[pair.worse]
        )  # so that no three are told in a circle


def assert_words_are_chosen(judgement: Judgement, line: str) -> None:
    assert not [word for word in FORBIDDEN if word in line.lower()], line
    if judgement.metric.split != "test" and not re.match(r"\d+ of \d+ seeds|p and intervals", line):
        assert judgement.metric.split in line.lower(), line
        assert " beats " not in line
        assert "best" not in line
