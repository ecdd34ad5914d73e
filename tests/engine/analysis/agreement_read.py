"""What was made of a folder of runs by the app, figures, tables, the report and `engine`, and numbers read off text."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from engine.analysis.comparison import Table, compare
from engine.analysis.comparison_sides import sides
from engine.analysis.conclusions.evidence import Evidence
from engine.cli import main
from engine.config.schema import Figure
from engine.runs.metadata import RunSummary, summaries_of
from engine.runs.status import Status
from engine.text import GIB
from tests.engine.analysis.agreement_folder import CONTESTS, NAMES, Folder
from tui.cli import main as vitui
from tui.commands.plotted_runs import PlottedRuns, find
from tui.figures import make_figure
from tui.figures.caveats import FigureEntry
from tui.figures.figure_files import Format
from tui.figures.make_figure import Library
from tui.report.export_tables import TABLE_FORMATS, export_tables
from tui.report.report import write_report

Answers = Mapping[str, tuple[tuple[int, ...], tuple[str, ...]]]
"""What a place says of each experiment: the seeds and ids of the runs that count, in order of the seeds."""
NUMBER = re.compile(r"((?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)\s*(GiB|MiB|kJ|[KMG])?")
PLOT_COLUMNS = 1000
SCALES = {"K": 2**10, "M": 2**20, "G": GIB, "GiB": GIB, "MiB": 2**20, "kJ": 1000.0}


class Printed(NamedTuple):
    """A number as it is printed."""

    value: float
    within: float
    """How far what it was printed from may be away."""

    def agrees(self, value: float | None) -> bool:
        """Return whether it may have been printed from a number."""
        return value is not None and abs(self.value - value) <= self.within * 1.001 + 1e-9 * abs(value)


Said = Mapping[str, Mapping[str, Printed]]
"""What a place says of each experiment: by the names of ``Numbers``."""


def printed(text: str) -> list[Printed]:
    """Return the numbers of a text, each times what the unit behind it stands for."""
    found = []
    for number, unit in re.findall(NUMBER, text):
        mantissa, _, power = number.replace(",", "").partition("e")
        size = SCALES.get(unit, 1.0)
        last = int(power or 0) - len(mantissa.partition(".")[2])
        found.append(Printed(float(number.replace(",", "")) * size, 0.5 * 10.0**last * size))
    return found


def exact(**numbers: float | None) -> dict[str, Printed]:
    """Return numbers that are not rounded, without those that are not there."""
    return {
        name: Printed(value, 1e-9 * abs(value))
        for name, value in numbers.items()
        if value is not None and math.isfinite(value)
    }


def shown(score: str, memory: str = "", energy: str = "") -> dict[str, Printed]:
    """Return what texts say: a score with its spread, the most memory, the energy with or without its spread."""
    found = dict(zip(("mean", "sd"), printed(score.partition("(")[0]), strict=False))
    found |= dict(zip(("memory",), printed(memory), strict=False))
    return found | dict(zip(("energy",), printed(energy), strict=False))


class Read:
    """What was made of a folder, each once."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.names = tuple(folder.right)
        self.evidence = Evidence(folder.config.experiments, folder.candidates)

    def answer(self, runs: Mapping[str, Iterable[str]]) -> Answers:
        """Return runs by experiment as answers; each is given by its id."""
        seeds = self.folder.seeds
        ordered = {name: sorted(ids, key=lambda run: (seeds[run], run)) for name, ids in runs.items()}
        return {name: (tuple(map(seeds.__getitem__, ids)), tuple(ids)) for name, ids in ordered.items()}

    def by_experiment(self, runs: Iterable[str]) -> dict[str, list[str]]:
        """Return the ids of runs by their experiments, of those of the figure of all."""
        chosen = set(runs)
        found: dict[str, list[str]] = {name: [] for name in NAMES}
        for each in self.folder.candidates:
            if each.run.id in chosen and each.info.experiment in found:
                found[each.info.experiment].append(each.run.id)
        return found

    @cached_property
    def facts(self) -> list[RunSummary]:
        """All runs, as the app knows them."""
        return summaries_of(self.folder.snapshot.runs, self.folder.snapshot.metadata)

    @cached_property
    def comparisons(self) -> dict[str, Table]:
        """The comparison of each row of the list with nothing."""
        evidence = Evidence(self.folder.config.experiments, self.facts)
        found = {}
        for name, row in self.folder.rows.items():
            compared = sides([run for run in self.facts if run.status.run in row.runs], None, self.facts)
            found[name] = compare(compared, evidence)
        return found

    @cached_property
    def report(self) -> str:
        """The report in Markdown; of its figures that of all cases is drawn, for the others only words are asked."""
        draw = make_figure._files

        def files(figure: Figure, *more: Any) -> Mapping[Format, bytes]:
            return draw(figure, *more) if figure.name not in CONTESTS else {}

        config, store, out = self.folder.config, self.folder.store, self.folder.path / "report"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(make_figure, "_files", files)
            write_report(config, store, [], out, say=lambda _: None)
        return (self.folder.path / "report" / "report.md").read_text().replace("\\", "")

    def section(self, figure: str) -> str:
        """Return what the report says of a figure."""
        return self.report.partition(f"## {figure}\n")[2].partition("\n## ")[0]

    @cached_property
    def figure(self) -> bytes:
        """The figure, which is drawn by `vitui export` for the report, as PNG."""
        assert self.report
        return (self.folder.path / "report" / "all.png").read_bytes()

    @cached_property
    def said_of_tables(self) -> list[str]:
        """What is said when the tables of all experiments and of the contests are written."""
        said: list[str] = []
        config, store, out = self.folder.config, self.folder.store, self.folder.path / "tables"
        for names in ([], list(CONTESTS)):
            export_tables(config, store, names, out, TABLE_FORMATS, say=said.append)
        return said

    def table(self, ending: str, name: str = "results") -> Path:
        """Return a table as a file of a format."""
        assert self.said_of_tables
        return self.folder.path / "tables" / f"{name}.{ending}"

    def csv(self, name: str = "results") -> list[dict[str, str]]:
        """Return the rows of a table as CSV."""
        return list(csv.DictReader(self.table("csv", name).read_text().splitlines()))

    def parquet(self, name: str = "results") -> list[dict[str, Any]]:
        """Return the rows of a table as Parquet."""
        from pyarrow import parquet

        rows: list[dict[str, Any]] = parquet.read_table(self.table("parquet", name)).to_pylist()
        return rows

    @cached_property
    def library(self) -> Library:
        """What figures are read from."""
        return Library(self.folder.config, self.folder.store, self.folder.candidates)

    def entries(self, kind: str, x: str = "epoch") -> list[FigureEntry]:
        """Return what a figure of a kind shows of the experiments."""
        return self.library.entries(
            Figure(name=kind, kind=kind, y="test/f1", x=x, experiments=list(self.names))
        )  # type: ignore[arg-type]

    @cached_property
    def plotted(self) -> PlottedRuns:
        """What `vitui plot` draws of all experiments."""
        return find([*self.names, "test/f1"], self.folder.store, self.folder.path / "experiments.toml")

    @cached_property
    def plotted_legend(self) -> list[str]:
        """What `vitui plot` prints below its chart, a line each."""
        words = ["plot", *self.names, "test/f1", "--config", str(self.folder.path / "experiments.toml")]
        words += ["--runs", str(self.folder.store.root), "--size", f"{PLOT_COLUMNS}x80"]
        text = CliRunner().invoke(vitui, words).output
        return text.rpartition("└")[2].splitlines()[2:]

    @cached_property
    def listed(self) -> dict[str, Status]:
        """What `engine ls --json` prints, by run."""
        text = CliRunner().invoke(main, ["ls", "--json", "--runs", str(self.folder.store.root)]).output
        return {found["run"]: found for found in map(json.loads, text.splitlines())}

    @cached_property
    def listed_for_people(self) -> dict[str, str]:
        """The scores of `engine ls`, by run."""
        text = CliRunner().invoke(main, ["ls", "--runs", str(self.folder.store.root)]).output
        head, *lines = text.splitlines()
        end = head.index("test F1") + len("test F1")
        scores = {line.split()[2]: line[:end].split(" ")[-1] for line in lines}
        assert scores.keys() == self.folder.seeds.keys()
        return scores

    def over_seeds(self, of: Callable[[str], Mapping[str, Printed]]) -> Said:
        """Return the numbers that are right of what a place says of each run; a mean is as sure as its parts."""
        return {
            name: _over_seeds([of(run.id) for run in right.runs]) for name, right in self.folder.right.items()
        }


def _over_seeds(runs: Sequence[Mapping[str, Printed]]) -> dict[str, Printed]:
    found = {}
    for key in {key for run in runs for key in run}:
        values = [run[key] for run in runs if key in run]
        within = max(each.within for each in values)
        numbers = [each.value for each in values]
        mean = math.fsum(numbers) / len(numbers)
        if key == "memory":
            found[key] = Printed(max(numbers), within)
        else:
            found[key] = Printed(mean, within)
        if key == "mean" and len(numbers) > 1:
            deviation = math.sqrt(math.fsum((each - mean) ** 2 for each in numbers) / (len(numbers) - 1))
            found["sd"] = Printed(deviation, 2 * within)
    return found
