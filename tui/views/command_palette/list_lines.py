"""``:sort COLUMN`` and ``:filter EXPRESSION``: how they can go on, and what they mean, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config.setting_choices import starting_with
from engine.text import nearest
from tui.state.snapshot import Snapshot
from tui.views.run_filter import experiments_passing, understand
from tui.views.run_list_columns import Column

BACKWARDS = "-"
"""Stands before a column that is to be sorted by the other way round."""


def column_offers(text: str, columns: Sequence[Column]) -> dict[str, str]:
    """Return the columns that a text begins, or that it is found in, each with its long name."""
    sign, begun = _parts(text)
    known = {column.name: column for column in columns}
    named = starting_with(begun, known)
    low = begun.casefold()
    named += [name for name, column in known.items() if low in column.title.casefold() and name not in named]
    return {
        sign + name: known[name].title if known[name].title != name else ""
        for name in named
        if name.isprintable()
    }


def named_column(text: str, columns: Sequence[Column]) -> tuple[Column | None, bool, str]:
    """Return the column that is sorted by, whether the other way round, and what is wrong; no column for no text."""
    sign, name = _parts(text)
    if not name:
        return None, bool(sign), ""
    low = name.casefold()
    for column in columns:
        if low in (column.name.casefold(), column.heading.casefold(), column.title.casefold()):
            return column, bool(sign), ""
    return (
        None,
        bool(sign),
        f"there is no column {name!r}{nearest(name, [column.name for column in columns])}",
    )


def order_text(column: Column | None, *, backwards: bool) -> str:
    """Return how the list is sorted then, in words."""
    if column is None:
        return "lists the experiments as the file has them" + (", the last first" if backwards else "")
    low, high = ("a", "z") if column.words else ("the smallest", "the largest")
    return f"sorts by {column.title}, {high if column.best_first != backwards else low} first"


def _parts(text: str) -> tuple[str, str]:
    text = text.strip()
    return (BACKWARDS, text[1:].strip()) if text.startswith(BACKWARDS) else ("", text)


def filter_text(text: str, snapshot: Snapshot) -> tuple[str, str, str]:
    """Return how many experiments a filter leaves, what is wrong with it, and what is wrong if it ends here."""
    if not text.strip():
        return "shows all experiments", "", ""
    sieve, at_the_end = understand(text, snapshot, writing=False)
    wrong = ""
    if at_the_end:
        sieve, wrong = understand(text, snapshot, writing=True)
    if sieve is None:
        return "", wrong, at_the_end
    passing, all_of_them = experiments_passing(snapshot, sieve.sift(snapshot))
    advice = "" if passing else sieve.advice(snapshot)
    return f"{passing} of {all_of_them} experiments pass{'; ' * bool(advice)}{advice}", wrong, at_the_end
