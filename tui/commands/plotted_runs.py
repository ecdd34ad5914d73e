"""What the words of `vitui plot` mean: which runs make which curves, and over which metrics.

A word is a run, an experiment or a term of a filter until the first one that is none of these but a metric; from there
on all words are metrics. An experiment is the curve that the charts of the app draw of it: the mean of its runs that
count, with those that live. A run named by its id is a curve alone, and what a filter means is drawn by experiment.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.analysis.runs_that_count import age, curves_of, runs_that_count, uncounted
from engine.catalog.metrics import INDISPENSABLE, family, metric_headed, whole_run
from engine.config.loader import Config, load_config
from engine.config.validate import ConfigError
from engine.errors import UserError
from engine.runs.labels import labels_of
from engine.runs.liveness import status_of
from engine.runs.metadata import RunMetadata, RunSummary
from engine.runs.status import LIVE
from engine.runs.store import Run, Store, StoreError, match_one
from engine.text import clean, command_line, did_you_mean, nearest, shorten
from tui.curve_palette import Sign, numbered
from tui.state.session import kept_signs
from tui.views.colours_by_experiment import give
from tui.views.run_names import curve_labels

NAMED = 12
"""Names that a message lists at most."""
_TERM = re.compile(r"not |-?[^\W\d][\w.:/-]*\s*(=|!|~|<|>)")
GOING = LIVE | {"queued"}
"""The states of runs that have yet to end."""


class PlotError(UserError):
    """The words name no run or no metric; the message says which there are."""


@dataclass(frozen=True)
class PlottedCurve:
    """Runs that are one curve."""

    name: str
    runs: tuple[str, ...]
    """By id, the oldest first."""
    sign: Sign


@dataclass(frozen=True)
class PlottedRuns:
    """What is drawn."""

    curves: tuple[PlottedCurve, ...]
    metrics: tuple[str, ...]
    """Each a chart; none where nothing was measured yet."""
    runs: dict[str, RunSummary] = field(default_factory=dict)
    """All that the words mean, whether they are drawn or not."""
    remarks: tuple[str, ...] = ()
    """What is left out, a phrase each."""

    @property
    def going(self) -> list[RunSummary]:
        """The runs that have yet to end."""
        return [run for run in self.runs.values() if run.status.state in GOING]


def find(words: Sequence[str], store: Store, config_path: Path) -> PlottedRuns:
    """Return what some words mean.

    Args:
        words: Runs first, then metrics.
        store: The folder of runs.
        config_path: The experiments; there need be no such file.

    Raises:
        PlotError: A word names nothing, or runs or metrics are missing.
        UserError: A filter cannot be understood.
    """
    config: Config | None = None
    remarks: tuple[str, ...] = ()
    if config_path.exists():
        try:
            config = load_config(config_path)
        except ConfigError as error:  # the runs are there all the same
            count = len(error.mistakes)
            remarks = (
                f"{config_path} has {count} mistake{'s' * (count > 1)} and is not read; `engine check` names all",
            )
    plotted = _Finder(store, config).find(words)
    return replace(plotted, remarks=(*plotted.remarks, *remarks))


@dataclass
class _Chosen:
    """The curves that one word means, and all runs that it is about."""

    curves: list[tuple[str, tuple[str, ...]]]
    """Each with its experiment."""
    about: list[RunSummary]
    remarks: list[str] = field(default_factory=list)


class _Finder:
    """Reads a folder of runs for one call."""

    def __init__(self, store: Store, config: Config | None) -> None:
        self._store, self._config = store, config

    @functools.cached_property
    def _runs(self) -> list[Run]:
        return self._store.runs()

    @functools.cached_property
    def _summaries(self) -> dict[str, RunSummary]:
        """All runs by id, the oldest first."""
        return {run.id: _summary(run) for run in self._runs}

    @functools.cached_property
    def _experiments(self) -> dict[str, list[RunSummary]]:
        """The runs of each experiment that has some."""
        found: dict[str, list[RunSummary]] = {}
        for run in self._summaries.values():
            found.setdefault(run.status.experiment, []).append(run)
        return found

    def find(self, words: Sequence[str]) -> PlottedRuns:
        """Return what the words mean."""
        chosen: list[_Chosen] = []
        terms: list[str] = []
        rest = list(words)
        while rest and (of_word := self._chosen(rest[0], terms, has_runs=bool(chosen or terms))) is not None:
            chosen += of_word
            del rest[0]
        if terms:
            chosen.append(self._filtered(" ".join(terms)))
        if not chosen:
            raise (
                self._unknown(rest[0])
                if rest
                else PlotError(f"say which runs, then which metrics: {self._offer()}")
            )
        about = {run.status.run: run for each in chosen for run in each.about}
        metrics = _metrics(rest, list(about.values()), self._unknown_metric)
        curves = dict.fromkeys(curve for each in chosen for curve in each.curves)
        return PlottedRuns(
            self._named(list(curves), about), metrics, about,
            tuple(dict.fromkeys(remark for each in chosen for remark in each.remarks)),
        )  # fmt: skip

    def _chosen(self, word: str, terms: list[str], *, has_runs: bool) -> list[_Chosen] | None:
        """Return the curves of a word, none for a term, which is put among ``terms``; None for what names no run."""
        ids = {run.id for run in self._runs}
        if word in ids:
            return [self._one(word)]
        is_metric = has_runs and any(word in run.status.last for run in self._summaries.values())
        if not is_metric and word in self._experiments:
            return [self._experiment(word)]
        if not is_metric and _TERM.match(word):
            terms.append(word)
            return []
        if is_metric or "/" in word:
            return None
        if self._config is not None and word in self._config.experiments:
            raise PlotError(
                f"{clean(word)} has no run yet; `{command_line(['engine', 'submit', word])}` queues it"
            )
        if not (matches := match_one(word, ids)):
            return None
        return [self._one(self._store.find(word).id)] if len(matches) == 1 or not has_runs else None

    def _one(self, run_id: str) -> _Chosen:
        if "_summaries" in self.__dict__:
            run = self._summaries[run_id]
        else:  # of thousands, one alone need be read
            run = _summary(next(run for run in self._runs if run.id == run_id))
        return _Chosen([(run.status.experiment, (run_id,))], [run])

    def _experiment(self, name: str) -> _Chosen:
        members = self._experiments[name]
        stated = self._config.experiments.get(name) if self._config is not None else None
        choice = runs_that_count(members, stated)
        drawn = [*choice.runs, *choice.live] or [*choice.representatives] or [max(members, key=age)]
        curves = curves_of(members, {run.status.run for run in drawn})
        remarks = [f"{name}: {phrase}" for phrase in uncounted(choice)]
        waiting = [run for run in members if run.status.state in GOING]
        about = {run.status.run: run for run in (*drawn, *waiting)}
        return _Chosen(
            [(name, curve.runs) for curve in curves] or [(name, (drawn[-1].status.run,))],
            [*about.values()],
            remarks,
        )

    def _filtered(self, text: str) -> _Chosen:
        from engine.query.fields import Subject, measured_by
        from engine.query.parser import parse
        from engine.query.select import nothing_fits

        statuses = [run.status for run in self._summaries.values()]
        condition, now = parse(text, lambda: measured_by(statuses)), time.time()
        meant = [
            summary
            for run in self._runs
            if condition.matches(
                Subject(
                    (summary := self._summaries[run.id]).status,
                    run.config,
                    functools.partial(labels_of, run),
                    now,
                )
            )
        ]
        if not meant:
            raise PlotError(clean(nothing_fits(self._store, text)))
        ids = {run.status.run for run in meant}
        return _Chosen([(curve.experiment, curve.runs) for curve in curves_of(meant, ids)], meant)

    def _named(
        self, curves: Sequence[tuple[str, tuple[str, ...]]], about: dict[str, RunSummary]
    ) -> tuple[PlottedCurve, ...]:
        newest = [about[runs[-1]] for _, runs in curves]
        metadata = {run.status.run: run.metadata for run in newest}
        labels = curve_labels(
            [run.status for run in newest],
            metadata,
            {runs[-1] for _, runs in curves if len(runs) > 1},
            whole=True,
        )
        of_all = self._experiments if "_summaries" in self.__dict__ else ()
        configured = [*self._config.experiments] if self._config else []
        names = [*configured, *sorted({*of_all, *(name for name, _ in curves)})]
        seeds = {run.status.run: run.status.seed for run in about.values()}
        signs = give(curves, numbered(names, kept_signs(Path.cwd())), seeds)
        return tuple(
            PlottedCurve(
                (clean(label) or clean(name)) + (f" ×{len(runs)}" if len(runs) > 1 else ""),
                runs,
                signs[runs[-1]],
            )
            for (name, runs), label in zip(curves, labels, strict=True)
        )

    @property
    def _names(self) -> list[str]:
        """All experiments and runs."""
        of_file = self._config.experiments if self._config is not None else ()
        return [*self._experiments, *of_file, *(run.id for run in self._runs)]

    @property
    def _measured(self) -> set[str]:
        """All metrics that some run has measured."""
        return {metric for run in self._summaries.values() for metric in run.status.last}

    def _unknown_metric(self, word: str, measured: Sequence[str]) -> PlotError:
        """Return what to say of a word behind the runs that they have not measured, be it meant for a metric or not.

        Args:
            word: The word.
            measured: The metrics of the runs.
        """
        listed = f"Measured: {_listed(measured)}" if measured else ""
        metrics = [*measured, *map(whole_run, measured)]
        if "/" in word or word in self._measured:
            return PlotError(
                f"none of these runs has measured {clean(word)!r}{clean(nearest(word, metrics))} {listed}".strip()
            )
        headed = metric_headed(word)
        hint = did_you_mean(headed) if headed in measured else nearest(word, [*self._names, *metrics])
        known = f" {listed}; {self._offer()}" if hint == "." and listed else ""
        return PlotError(f"no run, experiment or metric is called {clean(word)!r}{clean(hint)}{known}")

    def _unknown(self, word: str) -> PlotError:
        hint = nearest(word, self._names)
        if word in self._measured or "/" in word:
            return PlotError(f"{clean(word)} is a metric: say of which runs before it; {self._offer()}")
        return PlotError(
            f"{clean(word)!r} is no run, experiment or filter{clean(hint)} {self._offer()}".strip()
        )

    def _offer(self) -> str:
        """Return the experiments that can be named."""
        if not self._runs:
            return f"there are no runs in {self._store.root}; `engine run NAME` makes one"
        return f"experiments are {_listed(self._experiments)}; `engine ls` lists the runs"


def _summary(run: Run) -> RunSummary:
    status = status_of(run)
    try:
        info = run.info()
    except StoreError:  # damaged: its events are drawn all the same
        return RunSummary(status)
    if not status.experiment:
        status.experiment = info.experiment
    return RunSummary(status, RunMetadata(info.config, created=info.created))


def _metrics(
    words: Sequence[str], runs: Sequence[RunSummary], unknown: Callable[[str, Sequence[str]], PlotError]
) -> tuple[str, ...]:
    """Return the metrics that words name: ``gpu/power`` stands for that of each GPU of a run that has several.

    Args:
        words: The words.
        runs: The runs that are to be drawn.
        unknown: Returns what to say of a word that these runs have not measured, which is given with what they have.
    """
    measured = list(dict.fromkeys(metric for run in runs for metric in run.status.last))
    may_come = any(run.status.state in GOING for run in runs)
    if not words:
        raise PlotError(f"say which metrics: {_listed(measured) if measured else 'nothing was measured yet'}")
    found: list[str] = []
    for word in words:
        if of_word := family(measured, word):
            found += of_word
        elif may_come and (word in INDISPENSABLE or not measured):
            found.append(word)  # a run that has just begun measures it later
        elif measured or word not in INDISPENSABLE:
            raise unknown(word, measured)
        else:
            raise PlotError("none of these runs has measured anything")
    return tuple(dict.fromkeys(found))


def _listed(names: Iterable[str]) -> str:
    shown = [shorten(clean(name), 60, "middle") for name in names]
    more = f" and {len(shown) - NAMED} more" if len(shown) > NAMED else ""
    return ", ".join(shown[:NAMED]) + more
