"""Groups of runs by what they were made with: ``model=vit_b lr=0.0003``. Pure, and each title is made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.analysis.runs_that_count import settings_of
from engine.catalog.model_sizes import MODELS
from engine.config.schema import LABELS, Experiment
from engine.text import nearest, setting_text
from tui.state.snapshot import Snapshot
from tui.text import shorten
from tui.views.run_list_columns import WIDEST, settings_by_difference

FAMILY = "family"
"""The one key that no configuration has: vit, bit or hybrid."""
KEYS = (FAMILY, *(name for name in Experiment.__struct_fields__ if name not in LABELS))
MOST_KNOWN = 50_000


class Grouping:
    """Says which group a run or an experiment is in, by some of ``KEYS``."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = tuple(keys)
        self._known: dict[int, tuple[object, str]] = {}

    def title(self, made: Mapping[str, Any] | Experiment | None) -> str:
        """Return the title of the group of what was made so; None stands for what is not known yet."""
        if made is None:
            return "not read yet"
        cached = self._known.get(id(made))
        if cached is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            cached = self._known[id(made)] = made, self._title(made)  # the object is kept, and so is its id
        return cached[1]

    def _title(self, made: Mapping[str, Any] | Experiment) -> str:
        return " ".join(f"{key}={_value(made, key) or '–'}" for key in self.keys)


def wrong_keys(line: str) -> str:
    """Return what is wrong with a line of keys, empty where nothing is."""
    unknown = next((key for key in line.split() if key not in KEYS), None)
    return "" if unknown is None else f"there is no key {unknown!r}{nearest(unknown, KEYS)}"


def keys_to_offer(snapshot: Snapshot) -> list[str]:
    """Return all keys, first those in which runs and experiments differ."""
    differing, alike = settings_by_difference(snapshot)
    return [*(["model", FAMILY] if "model" in differing else []), *(key for key in differing if key != "model"),
            *([] if "model" in differing else [FAMILY]), *alike]  # fmt: skip


def _value(made: Mapping[str, Any] | Experiment, key: str) -> str:
    if key == FAMILY:
        model = _value(made, "model")
        return MODELS[model].family if model in MODELS else model
    value = getattr(made, key) if isinstance(made, Experiment) else settings_of(made).get(key, made.get(key))
    text = setting_text(value)
    return text if len(text) <= WIDEST else shorten(text, WIDEST)
