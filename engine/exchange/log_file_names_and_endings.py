"""Which files may hold measurements by what they are called: endings, and names that say nothing of their run."""

from __future__ import annotations

import re
from pathlib import Path

from engine.exchange.trackers.event_folders import SPLITS

LOGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".log", ".txt")
"""How files end that may hold measurements, ``.gz`` after it or not."""
TABLES = (".csv", ".tsv")
_SPLIT = r"(?P<split>train(?:ing|er)?|valid(?:ation)?|val|test|eval(?:uation)?)"
_USUAL = re.compile(
    rf"(?:{_SPLIT}[-_ .]?)?"
    r"(?:metrics?|results?|progress|history|hist|summary|logs?|scalars?|state|stats|curves?|loss(?:es)?|epochs|version)"
    r"(?:[-_ .]?(?:train(?:ing)?|csv|file|data))?"
)
"""What logs are called whose name says nothing of which run it is of."""
_BARE = re.compile(rf"{_SPLIT}|out|output|stdout|console")


def stem(path: Path) -> str:
    """Return a log's name without its endings: ``metrics`` of metrics.csv.gz."""
    name = path.name.removesuffix(".gz")
    return Path(name).stem if Path(name).suffix.lower() in LOGS else name


def is_log(path: Path) -> bool:
    """Return whether a file is called as one that may hold measurements."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(LOGS) and name not in LOGS


def says_nothing(name: str) -> bool:
    """Return whether a log's name is one that tools give to every run's, such as ``metrics`` or ``results``."""
    return (_USUAL.fullmatch(name.lower()) or _BARE.fullmatch(name.lower())) is not None


def split_of(path: Path) -> str:
    """Return the split that a log is of whose name says no more: ``val`` of val_metrics.csv; empty for all others."""
    match = _USUAL.fullmatch(stem(path).lower()) or _BARE.fullmatch(stem(path).lower())
    return SPLITS.get(match["split"] or "", "") if match is not None else ""


def is_usual_log(path: Path) -> bool:
    """Return whether a table or a JSON file is called as training programs call their logs."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((*TABLES, ".json", ".jsonl")) and _USUAL.fullmatch(stem(path).lower()) is not None
