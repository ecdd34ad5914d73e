"""Whether a file is a log of a training by how it begins: its heading, or its first lines of JSON."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

from engine.exchange.log_file_names_and_endings import is_log, is_usual_log

_HISTORY = re.compile(r'\s*\{\s*"[^"\\]{1,80}"\s*:\s*\[\s*(-?\d|NaN)')
"""How a dictionary of curves begins, as Keras' ``History.history`` is dumped."""
_RESULTS = "it has the results of a row's runs; `vitui export --to csv` writes what they measured"
_WITHOUT_CURVES = {
    "run,experiment,seed,state,": "it has a row a run; metrics.csv beside it has what they measured",
    "experiment,data,seeds,": _RESULTS,
    "experiment,seeds,": _RESULTS,
}
"""How tables begin that `vitui export` writes and that are no logs, and what they are: runs.csv, and `--table`."""
_HEAD = 64 * 1024
"""Bytes of a file that are looked at."""
_PLACES = frozenset(
    {"step", "steps", "_step", "global_step", "iteration", "iterations", "iter", "it", "epoch", "batch"}
)
"""Columns that say where a value belongs, without what stands before a slash; ``epochs`` is a setting in JSON."""


def why_without_curves(heading: str) -> str:
    """Return what a table is that vitui has written and that is no log, by its heading; empty for all others."""
    return next((why for begins, why in _WITHOUT_CURVES.items() if heading.startswith(begins)), "")


def may_hold_curves(path: Path) -> bool:
    """Return whether a file of a folder is a log of a training."""
    if not is_log(path) or why_without_curves(_head(path)):
        return False
    return is_usual_log(path) or heading_says_places(path)


def heading_says_places(path: Path) -> bool:
    """Return whether a file begins as a table or as lines of JSON that say steps or epochs."""
    text = _head(path)
    if why_without_curves(text):
        return False
    if '"log_history"' in text:
        return True
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("#", "sep="))]
    if not lines:
        return False
    if lines[0].startswith(("{", "[")):
        one_line = (
            len(lines) == 1
            and lines[0].endswith("}")
            and not path.name.lower().endswith((".json", ".json.gz"))
        )
        if _HISTORY.match(text) and re.search(r'"[^"]*(loss|acc)[^"]*"\s*:\s*\[', text):
            return True
        several = text.lstrip().startswith("[") or one_line or (len(lines) > 1 and lines[1].startswith("{"))
        return several and any(_is_place(key) for key in re.findall(r'"([^"\\]{1,80})"\s*:', text))
    cells = re.split(r"[,;\t]", lines[0])
    return len(cells) > 1 and any(_is_place(cell.strip(" \"'\ufeff")) for cell in cells)


def _is_place(name: str) -> bool:
    last = name.strip().lower().rpartition("/")[2]
    return re.sub(r"\s+", "_", last) in _PLACES


def _head(path: Path) -> str:
    """Return how a file begins, as text; empty where it cannot be read."""
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            data = file.read(_HEAD)
    except (OSError, EOFError, zlib.error):
        return ""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8", errors="replace")
