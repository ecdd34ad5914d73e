"""Which columns say where values belong: by what they are called, and by whether their values can mean that."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from engine.exchange.log_files.gathered import Column, Floats, Gathered

LOGGED = "_step"
"""How W&B counts what was logged; where a program counts its own steps besides, it says nothing."""
BATCHES = ("batch", "batches", "batch_idx", "minibatch")
"""Counters of steps that begin anew with each epoch, even where nothing says epochs."""
SURE_STEPS = (
    "step", "global_step", "trainer/global_step", "train/global_step", LOGGED, "steps", "global_steps",
    "train_step", "training_step", "iteration", "iterations",
)  # fmt: skip
STEPS = (
    *SURE_STEPS, "iter", "iters", "n_iter", "num_updates", "updates", "update", "num_iters", "numiters", "iter_num",
    "step_num", "step_idx", "it", *BATCHES,
)  # fmt: skip
EPOCHS = (
    "epoch", "epochs", "_epoch", "current_epoch", "epoch_num", "epoch_number", "epoch_idx", "num_epoch", "ep",
)  # fmt: skip
TOTALS = ("epochs", "num_epoch")
"""Those that may say of how many epochs instead."""
TIMES = (
    "time", "wall_time", "walltime", "timestamp", "_timestamp", "datetime", "date_time", "date", "created_at",
    "timestamp_ms", "ts", "relative_time_(process)", "relative_time_(wall)", "relative_time", "elapsed",
    "elapsed_time", "time_elapsed", "seconds", "elapsed_s", "elapsed_seconds", "total_time", "time_total_s", "_runtime",
    "runtime",
)  # fmt: skip
INDEX = ("", "index", "idx", "row", "level_0", "#")
ROWS = {
    "run": ("run", "run_id", "run_name"),
    "experiment": ("experiment",),
    "seed": ("seed",),
    "split": ("split", "phase", "mode", "stage", "subset", "partition", "set"),
    "metric": ("metric", "tag", "variable", "metric_name", "key", "name"),
    "value": ("value", "values"),
}
"""What columns are called that say what a row is of, as ``plain`` returns it; the first one counts."""
SPLIT_WORDS = frozenset(
    ["train", "training", "val", "valid", "validation", "dev", "eval", "evaluation", "test", "testing"]
)
ROW_NAMES = ("name", "model", "arch", "architecture", "display_name")
"""What columns are called that name a run in each row of a table that says no steps and epochs."""
_ENDS = re.compile(r"(?:.*[/_])?(?:global_step|step|iteration|iter)s?")
_UNNAMED = re.compile(r"unnamed:_\d+(?:_\d+)*")
MOST_RETURNS = 0.34
"""The share of a column's numbers that may go back where nothing else says that it counts steps."""
WHOLE = 0.5
"""The share of a column's numbers that are whole, from which it can count steps."""


LONGEST = 200
"""Characters of the name of a column that can say where values belong."""


class Places(NamedTuple):
    """The columns that say where values belong, and those that say nothing more."""

    step: Column | None
    epoch: Column | None
    times: list[Column]
    """Those that may say when, the likeliest first."""
    numbering: Column | None
    """A column that numbers the rows."""
    idle: frozenset[Column]
    """Columns that repeat another."""


def plain(name: str) -> str:
    """Return a column's name in small letters, with _ for spaces and what else stands between words."""
    return re.sub(r"[\s.-]+", "_", name.strip().casefold()).strip(":")


def may_place(name: str) -> bool:
    """Return whether a column is called as those are that say where values belong."""
    return len(name) <= LONGEST and _may_place(name)


@lru_cache(2**13)
def _may_place(name: str) -> bool:
    name = plain(name)
    known = name in STEPS or name in EPOCHS or name in TIMES or name in INDEX
    return known or _is_epoch(name) or _ends_in_step(name) or _UNNAMED.fullmatch(name) is not None


def row_columns(names: list[str]) -> dict[str, str]:
    """Return which columns say what a row is of: its run, its metric."""
    found: dict[str, str] = {}
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(plain(name), name)
    for what, called in ROWS.items():
        if (known := next((each for each in called if each in by_plain), None)) is not None:
            found[what] = by_plain[known]
    if "run" not in found and not any(may_place(name) for name in names):
        known = next((each for each in ROW_NAMES if each in by_plain), None)
        if known is not None and "value" not in found:
            found["run"] = by_plain[known]
    return found


def find_places(gathered: Gathered, *, by_name: bool = False) -> Places:
    """Return the columns of a run's rows that say where values belong.

    Args:
        gathered: The rows.
        by_name: Whether the names alone decide: this project has written them.
    """
    columns = [column for column in gathered.columns if column.may_place]
    if by_name:
        named = {column.name: column for column in columns}
        return Places(
            named.get("step"),
            named.get("epoch"),
            [named["time"]] if "time" in named else [],
            None,
            frozenset(),
        )
    epoch = next(
        (column for column in _called(columns, EPOCHS, _is_epoch) if _says_epochs(gathered, column)), None
    )
    epochs = gathered.by_row(epoch) if epoch is not None else None
    steps = [
        column for column in _called(columns, STEPS, _ends_in_step) if _says_steps(gathered, column, epochs)
    ]
    times = [column for column in _called(columns, TIMES, lambda _: False) if column.has_times]
    times += [column for column in gathered.columns if column.says_moments and column not in times]
    index = next((column for column in columns if _is_index(gathered, column)), None)
    chosen = steps[0] if steps else None
    taken = {column for column in (chosen, epoch) if column is not None}
    idle = {column for column in (*steps, index) if column is not None and column not in taken}
    kept = {c for c in steps[1:] if plain(c.name) != LOGGED and not _repeats(gathered, c, taken)}
    return Places(chosen, epoch, times, index, frozenset((idle - kept) | _bounds(gathered)))


def _called(columns: list[Column], names: tuple[str, ...], also: Callable[[str], bool]) -> list[Column]:
    """Return the columns that are called one of some names, in their order, then those that look like it."""
    by_name = {plain(column.name): column for column in reversed(columns)}
    known = [by_name[name] for name in names if name in by_name]
    return known + [c for c in columns if c not in known and also(plain(c.name))]


def _is_epoch(name: str) -> bool:
    return name.rpartition("/")[2] == "epoch"


def _ends_in_step(name: str) -> bool:
    return _ENDS.fullmatch(name) is not None


def _says_epochs(gathered: Gathered, column: Column) -> bool:
    _, numbers = gathered.numbers(column, counted=True)
    numbers = numbers[np.isfinite(numbers)]
    if plain(column.name) in TOTALS and len(numbers) > 2 and (numbers == numbers[0]).all():
        return False
    return len(numbers) > 0 and (numbers >= 0).mean() >= WHOLE


def _says_steps(gathered: Gathered, column: Column, epochs: Floats | None) -> bool:
    """Return whether a column can count steps: whole numbers, that do not stand still while epochs go by."""
    rows, numbers = gathered.numbers(column, counted=True)
    finite = np.isfinite(numbers)
    rows, numbers = rows[finite], numbers[finite]
    if not len(numbers) or (numbers == np.floor(numbers)).mean() < WHOLE:
        return False
    if epochs is not None and len(numbers) > 2 and (numbers == numbers[0]).all():
        said = epochs[rows][np.isfinite(epochs[rows])]
        if len(said) > 1 and said.max() > said.min():
            return False
    if plain(column.name) in SURE_STEPS:
        return True
    if plain(column.name) not in STEPS:
        return bool((np.diff(numbers) >= 0).all() and (len(numbers) < 2 or numbers[-1] > numbers[0]))
    most = WHOLE if plain(column.name) in BATCHES else MOST_RETURNS
    return epochs is not None or len(numbers) < 2 or bool((np.diff(numbers) < 0).mean() < most)


def _is_index(gathered: Gathered, column: Column) -> bool:
    """Return whether a column numbers the rows."""
    name = plain(column.name)
    if name not in INDEX and _UNNAMED.fullmatch(name) is None:
        return False
    _, numbers = gathered.numbers(column)
    return len(numbers) > 0 and bool(
        (numbers == np.floor(numbers)).all() and (numbers[1:] > numbers[:-1]).all()
    )


def _repeats(gathered: Gathered, column: Column, taken: set[Column]) -> bool:
    """Return whether a column says what one of those that were taken says."""
    mine = gathered.by_row(column)
    for other in taken:
        theirs = gathered.by_row(other)
        both = np.isfinite(mine) & np.isfinite(theirs)
        if both.any() and (mine[both] == theirs[both]).all():
            return True
    return False


def _bounds(gathered: Gathered) -> set[Column]:
    """Return the least and the most of other columns, as charts are exported, where they are the same."""
    by_name = {column.name: column for column in gathered.columns}
    found = set()
    for name, column in by_name.items():
        base = by_name.get(name.removesuffix("__MIN").removesuffix("__MAX"))
        if base is not None and base is not column:
            mine, theirs = gathered.by_row(column), gathered.by_row(base)
            if np.array_equal(mine, theirs, equal_nan=True):
                found.add(column)
    return found
