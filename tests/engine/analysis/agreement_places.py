"""All that shows runs to people and programs: screens, kinds of figures, formats of tables, verbs.

``PLACES`` has for each the views that ask it, ``EXEMPT`` why it need not be asked.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module

import click
from textual.screen import Screen

import tui.screens
from engine.cli import VERBS
from tui.cli import main as vitui
from tui.figures.registry import KINDS
from tui.keymap.bindings import ACTIONS
from tui.report.export_tables import TABLE_FORMATS

PLACES: Mapping[str, tuple[str, ...]] = {
    "screen Dashboard": ("list", "list's count", "charts", "overview"),
    "screen RunList": ("list", "list's count"),
    "screen ChartGrid": ("charts",),
    "screen CompareScreen": ("comparison",),
    "screen RunScreen": ("run facts",),
    "screen FactSheet": ("run facts",),
    "figure curves": ("figure curves",),
    "figure bars": ("figure bars", "drawn figure"),
    "figure scatter": ("figure scatter",),
    "figure confusion": ("figure confusion",),
    "figure classes": ("figure classes",),
    "figure steptime": ("figure steptime",),
    "table md": ("table md",),
    "table latex": ("table latex",),
    "table csv": ("table csv",),
    "table parquet": ("table parquet",),
    "vitui export": ("drawn figure", "table csv", "table parquet", "table md", "table latex"),
    "vitui plot": ("plot",),
    "vitui report": ("report", "report html", "report's sentences", "report's summary"),
    "engine ls": ("ls", "ls --json"),
    "engine logs": ("logs", "logs --json"),
    "engine submit": ("rerun",),
}
ONE_RUN = "shows one run alone, from its own files"
NO_RUNS = "shows no numbers of runs"
QUEUE = (
    "shows when runs start and end, from the speeds of all runs that are alike and not of those that count"
)
CHANGES = "changes runs or the queue, and says of which run"
MADE_OF = "shows what two runs were made from, and no results"
EXEMPT: Mapping[str, str] = {
    "screen ClassBars": ONE_RUN,
    "screen MatrixView": ONE_RUN,
    "screen EpochNavigation": ONE_RUN,
    "screen LogView": ONE_RUN,
    "screen LogPane": ONE_RUN,
    "screen QueueScreen": QUEUE,
    "screen QueueList": QUEUE,
    "screen MachinePane": "shows what the devices of the machine hold and do now",
    "screen ColumnList": NO_RUNS,
    "screen ColumnsScreen": NO_RUNS,
    "screen CommandLine": NO_RUNS,
    "screen CommandScreen": NO_RUNS,
    "screen CompletingInput": NO_RUNS,
    "screen FilterInput": NO_RUNS,
    "screen Dialog": NO_RUNS,
    "screen DifferencesScreen": MADE_OF,
    "screen ExportScreen": "shows which files are to be written; what is in them is that of the charts",
    "screen FormList": NO_RUNS,
    "screen FormScreen": NO_RUNS,
    "screen ValueBox": NO_RUNS,
    "screen HelpScreen": NO_RUNS,
    "screen MessageScreen": "shows what other places have said",
    "screen MistakeScreen": NO_RUNS,
    "screen Prompt": NO_RUNS,
    "screen TimeSlider": "leads to a moment, whose runs the dashboard shows",
    "screen ActionScreen": "is what the dashboard and the queue are made from",
    "screen VariationScreen": NO_RUNS,
    "screen VituiApp": NO_RUNS,
    "vitui open": "opens the screens",
    "vitui serve": "opens the screens, on a page",
    "vitui import": "writes the runs of other programs",
    "engine run": ONE_RUN,
    "engine resume": ONE_RUN,
    "engine train": ONE_RUN,
    "engine work": QUEUE,
    "engine stop": CHANGES,
    "engine move": CHANGES,
    "engine hold": CHANGES,
    "engine cancel": CHANGES,
    "engine check": NO_RUNS,
    "engine diff": MADE_OF,
    "engine models": NO_RUNS,
    "engine tag": CHANGES,
    "engine note": CHANGES,
    "engine rm": CHANGES,
    "engine restore": CHANGES,
    "engine site": NO_RUNS,
    "engine logger": NO_RUNS,
    "engine fetch": CHANGES,
    "engine far-end": "sends files of runs as they are",
    "engine bridge": "looks after runs at sites, and shows nothing",
    "engine completion": NO_RUNS,
    "engine doctor": "says of runs that have not finished why, and no numbers",
}


def all_places() -> set[str]:
    """Return all places that there are, by the registries of the program itself."""
    owners = {owner for action in ACTIONS for owner in (*action.owners, action.screen) if owner}
    return {
        *(f"screen {name}" for name in owners | set(_screens())),
        *(f"figure {kind}" for kind in KINDS),
        *(f"table {kind}" for kind in TABLE_FORMATS),
        *(f"engine {verb}" for verb in VERBS),
        *(f"vitui {verb}" for verb in vitui.list_commands(click.Context(vitui))),
    }


def _screens() -> Iterator[str]:
    """Yield the names of the screens that are defined under ``tui.screens``."""
    for module in pkgutil.walk_packages(tui.screens.__path__, "tui.screens."):
        for name, found in vars(import_module(module.name)).items():
            if isinstance(found, type) and issubclass(found, Screen) and found.__module__ == module.name:
                yield name
