"""What the run list can show of a run: columns by the names that filters use, and how each is written.

A row stands for one run, for the seeds of an experiment, or for a group. What was measured is then their mean, the
scores with a standard deviation, of times, speeds and energy the median, of memory the most; what they were made with
is said as far as they share it; the rest is the newest's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rich.cells import cell_len

from engine.analysis.statistics.seed_intervals import seed_deviation, seed_mean, typical
from engine.catalog.metrics import MEMORY, first_of, metric_of, peak_memory, value_of, whole_run
from engine.config.schema import LABELS, Experiment
from engine.query.fields import FilterKey, Subject, find_key
from engine.runs.event_text import left_text
from engine.runs.metadata import RunSummary
from engine.runs.status import Status
from engine.text import clean, count, duration, setting_text, size, span
from tui.state.snapshot import Snapshot
from tui.text import shorten

if TYPE_CHECKING:
    from tui.views.run_list_row import Row

WIDEST = 24
"""Cells that a column takes at most."""


OVER_RUNS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": seed_mean,
    "median": typical,
    "most": max,
}
"""How one number is made of those of several runs, by what ``Column.over`` calls it."""


class Summary(NamedTuple):
    """One number of several runs."""

    value: float
    deviation: float | None
    """Their standard deviation, of scores."""
    what: str
    """What it is of how many: ``mean of 3``."""


@dataclass(frozen=True)
class Column:
    """A column of the run list."""

    name: str
    heading: str
    title: str
    """Its long name."""
    value: Callable[[RunSummary], Any]
    """Returns what a run has; None where it has nothing."""
    write: Callable[[Any], str]
    width: int = 5
    """Cells that it takes at least."""
    over: Literal["newest", "each", "mean", "median", "most"] = "newest"
    """What it shows for a row of several runs: the newest value, each different value, or one number over them all."""
    spread: bool = False
    """Whether a standard deviation stands behind the mean."""
    best_first: bool = False
    """Whether the largest stands first when the list is sorted by it: the best score, what takes the most memory."""
    words: bool = False
    """Whether its texts are aligned left."""
    timed: bool = False
    """Whether its values change with time alone."""
    rank: Callable[[RunSummary], Any] | None = None
    """Returns what rows are sorted by, where that is not the value."""

    @property
    def is_measured(self) -> bool:
        """Whether a row of several runs shows one number of them all."""
        return self.over in OVER_RUNS

    def text(self, row: Row) -> str:
        """Return the text of a row in this column, at most ``WIDEST`` cells; empty for a number over unlike runs."""
        if row.mixed and self.is_measured:
            return ""
        if (summary := self.over_runs(row)) is not None:
            return self.written(summary)
        if len(row.facts) > 1 and self.over == "each":
            return _shared(dict.fromkeys(map(self._text, row.facts)))
        return self._text(row.facts[0]) if row.facts else ""

    def over_runs(self, row: Row) -> Summary | None:
        """Return the one number of the runs of a row; None where what it shows is one run's."""
        if row.mixed or len(row.facts) < 2 or not self.is_measured or not (numbers := self._numbers(row)):
            return None
        deviation = seed_deviation(numbers) if self.spread else None
        return Summary(OVER_RUNS[self.over](numbers), deviation, f"{self.over} of {len(numbers)}")

    def written(self, summary: Summary) -> str:
        """Return the number of several runs as text, with its standard deviation if it has one."""
        deviation = "" if summary.deviation is None else f"±{self.write(summary.deviation)}"
        return self.write(summary.value) + deviation

    def order(self, row: Row) -> tuple[bool, Any] | None:
        """Return what a row is sorted by, numbers before words; None for a row without a value."""
        if len(row.facts) > 1 and self.is_measured and (numbers := self._numbers(row)):
            if row.mixed:
                return False, max(numbers) if self.best_first else min(numbers)
            return False, OVER_RUNS[self.over](numbers)
        value = (self.rank or self.value)(row.facts[0]) if row.facts else None
        if isinstance(value, bool | str):
            return (True, str(value).casefold()) if value != "" else None
        if isinstance(value, int | float):
            return None if math.isnan(value) else (False, value)
        return None if value is None or not (text := self._text(row.facts[0])) else (True, text.casefold())

    def _text(self, fact: RunSummary) -> str:
        value = self.value(fact)
        text = "" if value is None else self.write(value)
        return text if cell_len(text) <= WIDEST else shorten(text, WIDEST)

    def _numbers(self, row: Row) -> list[float]:
        """Return what a row's finished runs have measured; an empty list if the newest run says more."""
        if row.state != "finished" and not row.group:
            return []
        measured = (self.value(fact) for fact in row.facts if fact.status.state == "finished")
        numbers = [value for value in measured if isinstance(value, int | float) and math.isfinite(value)]
        return numbers if len(numbers) > 1 or row.group else []


@dataclass(frozen=True)
class ReadColumn(Column):
    """A column that shows values of curves, where its rows have curves."""

    def text(self, row: Row) -> str:
        """Return the value of the curve that a row stands for; empty for a group, which has none."""
        return "" if row.group or not row.facts else self._text(row.facts[0])


def column_at(column: Column, place: str, values: Mapping[str, tuple[float, float | None]]) -> Column:
    """Return a column that shows the values of curves at a place instead of what was measured last.

    Args:
        column: What it stands in the place of.
        place: Where on the x axis; stands behind its heading.
        values: The value and the standard deviation over seeds, by run.
    """

    def write(value: tuple[float, float | None]) -> str:
        mean, spread = value
        return column.write(mean) + (
            f"±{column.write(spread)}" if spread is not None and column.spread else ""
        )

    return ReadColumn(
        column.name, f"{column.heading}@{place}", column.title, lambda fact: values.get(fact.status.run), write,
        column.width, spread=column.spread,
    )  # fmt: skip


def memory(status: Status) -> float | None:
    """Return the bytes that a run holds, or held last; on the GPU where it holds most."""
    largest = first_of(status.last, MEMORY)
    return None if largest is None else largest[1]


def memory_and_peak(status: Status) -> tuple[float, float] | None:
    """Return the bytes that a run holds, or held last, and the most of them that it has held."""
    if (largest := first_of(status.last, MEMORY)) is None:
        return None
    name, held = largest
    most = value_of(status.best, name)
    return held, held if most is None else max(held, most)


def _shared(texts: Iterable[str]) -> str:
    """Return the values of several runs side by side, or how many values they have where those are too long."""
    written = [text for text in texts if text]
    joined = ",".join(written)
    return joined if len(written) == 1 or len(joined) <= 8 else f"{len(written)} values" if written else ""


def _progress(status: Status) -> str:
    done = int(status.epoch + 1e-6)
    return f"{done}/{status.epochs}" if status.epochs else str(done) if done else ""


def _left(fact: RunSummary) -> str | None:
    return left_text(fact.status) or None


def _peak(fact: RunSummary) -> float | None:
    return peak_memory(fact.status.best)


def _asked(key: FilterKey) -> Callable[[RunSummary], Any]:
    """Return a function that reads the value of a key as filters see it."""
    return lambda fact: key.value(
        Subject(fact.status, lambda: fact.metadata.config, lambda: fact.metadata.labels)
    )


def _key(name: str) -> Callable[[RunSummary], Any]:
    key = find_key(name)
    assert key is not None  # noqa: S101  the names below are the engine's own
    return _asked(key)


OF_RUN: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("epoch", "epoch", "epoch", lambda fact: fact.status, _progress, 6,
               rank=lambda fact: fact.status.epoch or None, best_first=True),
        Column("left", "left", "time left", _left, str, 6, rank=lambda fact: fact.status.left_s),
        Column("state", "state", "state", lambda fact: fact.status.state, str, 8, words=True),
        Column("memory", "mem", "memory", lambda fact: memory(fact.status), size, over="most",
               best_first=True),
        Column("peak", "peak", "peak memory", _peak, size, over="most"),
        Column("duration", "took", "duration", _key("duration"), duration, over="median",
               timed=True),
        Column("age", "age", "age", _key("age"), span, 6, timed=True),
        Column("parameters", "params", "parameters", lambda fact: fact.status.parameters, count, 6, over="each"),
        Column("seed", "seed", "seed", lambda fact: fact.status.seed, setting_text, 4, over="each"),
        Column("device", "device", "device", lambda fact: fact.status.device, setting_text, 6, words=True),
        Column("on", "on", "site", lambda fact: fact.status.on, setting_text, 6, over="each", words=True),
        Column("node", "node", "node of its site", lambda fact: fact.status.node, setting_text, 6, words=True),
        Column("tags", "tags", "tags", lambda fact: fact.metadata.labels.tags, setting_text, 8, words=True),
        Column("note", "note", "note", lambda fact: fact.metadata.labels.notes, setting_text, 12, words=True),
    )
}  # fmt: skip


@lru_cache(1024)
def find_column(name: str) -> Column | None:
    """Return the column of a name; None for an unknown name."""
    if (column := OF_RUN.get(name)) is not None:
        return column
    key = find_key(name)
    which, _, metric = name.rpartition(":")
    if key is not None and ("/" in metric or which):
        return _measured(name, metric, key, which)
    if key is not None and name.startswith("options."):
        option = clean(name.removeprefix("options."))
        return Column(name, option, clean(name), _asked(key), setting_text, over="each")
    if name in Experiment.__struct_fields__ and name not in LABELS:
        words = key is None or key.kind == "text"
        return Column(
            name,
            name,
            name,
            lambda fact: fact.metadata.config.get(name),
            setting_text,
            over="each",
            words=words,
        )
    return None


def _measured(name: str, metric: str, key: FilterKey, which: str) -> Column:
    metric_facts = metric_of(clean(metric))
    kind = metric_facts.kind
    heading, title = metric_facts.short, metric_facts.full
    if which in ("highest", "lowest") and metric_facts.is_evaluated:
        chosen_on = f" (chosen on {metric_facts.split})"
        heading, title = f"{which} {heading}{chosen_on}", f"{which} {title}{chosen_on}"
    elif which == "best" and metric_facts.is_evaluated:
        heading, title = f"best {heading}", f"{title} of the best checkpoint"
    elif which in ("best", "highest", "lowest"):
        word = kind.extreme or "best"
        heading, title = f"{word} {heading}", f"{word} {title}"
    over: Literal["mean", "median", "most"] = "mean"
    if kind.is_memory:
        over = "most"
    elif kind.is_effort:
        over = "median"
    return Column(name, heading, title, _asked(key), kind.text, over=over,
                  spread=kind.is_score, best_first=kind.direction != "lower" or kind.is_memory)  # fmt: skip


def known_columns(snapshot: Snapshot) -> list[Column]:
    """Return all columns for these runs: settings that differ, the run's own, measurements, other settings."""
    differing, alike = settings_by_difference(snapshot)
    last: dict[str, None] = {}
    best: dict[str, None] = {}
    extremes: dict[str, None] = {}
    for status in snapshot.runs:
        last.update(dict.fromkeys(status.last))
        best.update(dict.fromkeys(status.best))
        extremes.update(dict.fromkeys(status.extremes))
    last.update({whole_run(name): None for name in last if name.startswith("gpu/")})
    best.update({whole_run(name): None for name in best if name.startswith("gpu/")})
    measured: list[str] = []
    for metric in sorted(last):
        measured.append(metric if "/" in metric else f"last:{metric}")
        measured += [f"best:{metric}"] if metric in best else []
        measured += [f"{metric_of(metric).kind.extreme}:{metric}"] if metric in extremes else []
    names = [*differing, *OF_RUN, "test/f1", "train/loss", *measured, *alike]
    return [column for name in dict.fromkeys(names) if (column := find_column(name)) is not None]


def settings_by_difference(snapshot: Snapshot) -> tuple[list[str], list[str]]:
    """Return the keys in which runs and experiments here were made differently, and the other ones."""
    made = list(
        {
            id(metadata.config): metadata.config for metadata in snapshot.metadata.values() if metadata.config
        }.values()
    )
    experiments = snapshot.config.experiments.values() if snapshot.config is not None else ()
    differing: list[str] = []
    alike: list[str] = []
    for name in Experiment.__struct_fields__:
        if name in LABELS:
            continue
        values = [getattr(experiment, name) for experiment in experiments]
        values += [config.get(name, values[0] if values else None) for config in made]
        (differing if any(value != values[0] for value in values) else alike).append(name)
    return differing, alike
