"""Files of figures: written whole or not at all, with their origin in the metadata."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.analysis.runs_that_count import Candidate
from engine.errors import UserError
from engine.system.files import draft_of
from engine.text import clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ExportError(UserError):
    """A file cannot be written; the message says which and why."""


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        ExportError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft_of(path) as draft:
            draft.write_bytes(data)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}") from None


Format = Literal["png", "svg", "pdf"]
FORMATS: tuple[Format, ...] = ("png", "svg", "pdf")


@dataclass(frozen=True)
class Origin:
    """What a file was made from."""

    runs: tuple[str, ...]
    commits: tuple[str, ...]
    date: str
    """When the newest of the runs last wrote: the one date that stays the same for the same picture."""


def save(figure: Figure, kind: Format, title: str, origin: Origin) -> bytes:
    """Return a drawn figure as the bytes of a file that says what it was made from.

    Args:
        figure: The figure, drawn.
        kind: The format.
        title: The figure's title, for the file's metadata.
        origin: The runs and the commits that it was made from, for the file's metadata.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=figure.dpi, metadata=_metadata(kind, title, origin))
    return buffer.getvalue()


def _metadata(kind: Format, title: str, origin: Origin) -> dict[str, Any]:
    program = f"vitui {version('vitui')}"
    made_from = json.dumps({"runs": origin.runs, "commits": origin.commits, "date": origin.date})
    title = clean(title)
    if kind == "png":
        return {
            "Software": program, "Title": title, "Creation Time": origin.date, "Source": made_from
        }  # fmt: skip
    if kind == "svg":
        return {"Creator": program, "Title": title, "Date": origin.date, "Source": made_from}
    return {
        "Creator": program,
        "Producer": program,
        "Title": title,
        "Subject": made_from,
        "CreationDate": None,
    }


def origin_of(runs: Iterable[Candidate]) -> Origin:
    """Return what a figure of these runs, at least one, was made from."""
    chosen = list(runs)
    commits = {commit for run in chosen if (commit := run.info.commit(digits=64))}
    newest = max(max(run.status.heartbeat, run.info.created) for run in chosen)
    return Origin(
        runs=tuple(run.run.id for run in chosen),
        commits=tuple(sorted(commits)),
        date=datetime.datetime.fromtimestamp(newest, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
