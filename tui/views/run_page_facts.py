"""A run's facts in sections: how it went, where its time goes, what learns, how it was set up, where it ran."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.analysis.step_time import in_step
from engine.catalog.metrics import SCORES, metric_of
from engine.catalog.model_sizes import MODELS, ModelSpec, caveat, patch_tokens
from engine.catalog.recipes import inherited
from engine.config.schema import DEFAULTS
from engine.events import End, Start
from engine.runs.event_text import left_text, progress
from engine.runs.labels import Labels
from engine.runs.state_symbols import MARKS
from engine.runs.status import Status
from engine.text import (
    binary_size,
    clean,
    command_line,
    disk_size,
    duration,
    loss,
    milliseconds,
    score,
    setting_text,
    shorten,
)
from tui.state.run_page_record import Record
from tui.text import bar
from tui.views.run_list_columns import memory_and_peak
from tui.views.site_facts import facts_at_site

NamedText = tuple[str, str]
BAR = 16
OF_MODEL = ("model", "image_size", "patch_size", "options", "pretrained")
NAMES = ("name", "seeds", "command", "tags", "notes")
"""Keys that are no settings, or stand elsewhere."""
NO_LABELS = Labels()


@dataclass(frozen=True)
class FactSection:
    """A title, and pairs of a name and a value below it; a pair without a name goes on with the one above."""

    title: str
    facts: tuple[tuple[str, str], ...]


def sections(
    status: Status | None,
    config: Mapping[str, Any],
    record: Record,
    labels: Labels = NO_LABELS,
    turn: NamedText = ("", ""),
) -> list[FactSection]:
    """Return the facts of a run in sections, the result first; a section without facts is left out.

    Args:
        status: How the run goes; None while it is not read.
        config: The settings that the run was made with; empty while they are not read.
        record: The run's history: its attempts, its end, its checkpoints and its phases.
        labels: Its tags and its note.
        turn: When it starts or ends, as ``tui.views.queue_gantt.turn`` says.

    Returns:
        Sections from top to bottom, each with at least one fact.
    """
    facts_by_title = {
        "Tags and note": _labels(labels),
        "Result": _result(status, record.end, turn),
        "Where a step's time goes": _times(record, config),
        "Model": _model(config, status),
        "Set for this run": _settings(config, inherited_too=False),
        "Attempts": _attempts(record),
        "Where and when": _place(status, record),
        "As the recipe and the defaults have it": _settings(config, inherited_too=True),
    }
    return [FactSection(title, facts) for title, it in facts_by_title.items() if (facts := tuple(it))]


def _labels(labels: Labels) -> Iterator[NamedText]:
    if labels.tags:
        yield "tags", " ".join(f"#{clean(tag)}" for tag in labels.tags)
    for number, line in enumerate(labels.notes.splitlines()):
        yield ("" if number else "note"), clean(line)


def _result(status: Status | None, end: End | None, turn: NamedText) -> Iterator[NamedText]:
    if status is None:
        return
    yield "state", f"{MARKS[status.state][0]} {status.state}"
    if status.why:
        yield "", clean(status.why)
    if refused := refused_text(status):
        yield "not recorded", refused
    if epoch := progress(status):
        yield "epoch", f"{epoch}, step {status.step:,}"
    if left := left_text(status):
        yield "left", left
    if turn[0]:
        yield turn
    if status.trained_s:
        yield "trained for", duration(status.trained_s)
    for metric in SCORES:
        yield from _score(metric, status, end)
    ece = end.estimate("test/ece") if end is not None else None
    if (value := ece.value if ece else status.last.get("test/ece")) is not None:
        yield "calibration error", score(value)
    for name, metric in (("test loss", "test/loss"), ("training loss", "train/loss")):
        if status.last.get(metric) is not None:
            yield name, loss(status.last[metric])
    if speed := status.last.get("train/images_per_s"):
        yield "speed", f"{speed:,.0f} images/s"
    if (memory_bytes := memory_and_peak(status)) is not None:
        yield "memory", ", peak ".join(map(binary_size, memory_bytes))


def refused_text(status: Status) -> str:
    """Return how many events and values of a run are not recorded, and why the first is not; empty for none."""
    return f"{status.refused:,}: {clean(status.refusal)}" if status.refused else ""


def _score(metric: str, status: Status, end: End | None) -> Iterator[NamedText]:
    """Yield a test score: the end's, with its interval, or the last that was measured."""
    final = end.estimate(metric) if end is not None and status.state not in ("running", "starting") else None
    value = final.value if final else status.last.get(metric)
    if value is None:
        return
    yield metric_of(metric).spoken, score(value)
    if (best := best_checkpoint(status, metric)) is not None:
        yield "", f"best.pt ({best.where}): {score(best.value)}"
    if final is not None and final.low is not None and final.high is not None:
        images = f" on {final.n:,} images" if final.n else ""
        yield "", f"95 % {score(final.low)} to {score(final.high)}{images}"


class Best(NamedTuple):
    """What a run's best checkpoint scored."""

    value: float
    where: str
    """Its epoch and what chose it: ``epoch 2, by val F1``."""


def best_checkpoint(status: Status, metric: str) -> Best | None:
    """Return what the best checkpoint scored; None where it is the last, or nothing chose one."""
    value = status.best.get(metric)
    if value is None or status.best_epoch is None or status.evaluated.get("test") == status.best_step:
        return None
    return Best(value, f"epoch {status.best_epoch:.4g}, by {metric_of(status.chosen_by).full}")


def _times(record: Record, config: Mapping[str, Any]) -> Iterator[NamedText]:
    """Yield each phase's milliseconds in a step; an evaluation's are shared out over the steps between two."""
    per_epoch = record.starts[-1].steps_per_epoch if record.starts else None
    spent = in_step(record.phases, per_epoch, config.get("evaluate_every", 1))
    total = sum(spent.values())
    for name, value in spent.items():
        share = value / total if total else 0.0
        yield name, f"{bar(share, BAR)} {100 * share:3.0f} %  {milliseconds(value)}"


def _model(config: Mapping[str, Any], status: Status | None) -> Iterator[NamedText]:
    name, image, patch = str(config.get("model", "")), config.get("image_size"), config.get("patch_size")
    if not name or config.get("command"):  # what a program of the user's own trains is not known
        return
    yield "model", clean(name)
    if isinstance(image, int):
        yield "image", f"{image} px" + (f", patches of {patch}" if isinstance(patch, int) else "")
    if status is not None and status.parameters:
        yield "parameters", f"{status.parameters:,}"
    if status is not None and status.init:
        yield "init", clean(status.init)
    if (spec := MODELS.get(name)) is not None:
        yield from _parts(spec)
        if isinstance(image, int) and (patch is None or isinstance(patch, int)):
            if (tokens := patch_tokens(name, image, patch)) is not None:
                yield "tokens", f"{tokens} {'patches' if tokens != 1 else 'patch'} and the class token"
            options = config.get("options")
            if note := caveat(name, image, patch, options if isinstance(options, dict) else {}):
                yield "note", note
    if config.get("pretrained"):
        yield "pretrained", clean(str(config["pretrained"]))
    if config.get("options"):
        yield "options", setting_text(config["options"])


def _settings(config: Mapping[str, Any], *, inherited_too: bool) -> Iterator[NamedText]:
    """Yield the settings that the user chose, or those that are as the recipe or the defaults have them."""
    defaults = {
        field: default
        for field, default in DEFAULTS.items()
        if field not in config or config[field] == default
    }
    if inherited_too and config.get("command"):  # of no defaults but its own
        return
    usual = inherited(config) | defaults.keys()
    for key, value in config.items():
        if key in OF_MODEL or key in NAMES or value is None or (key in usual) != inherited_too:
            continue
        yield clean(str(key)), setting_text(value, "–", longest=400)
    if not inherited_too and config.get("command"):
        yield "command", shorten(command_line(config["command"]), 400)


def _attempts(record: Record) -> Iterator[NamedText]:
    for start in record.starts[-20:]:
        where = ", ".join(filter(None, (start.device, start.precision)))
        yield f"{start.attempt}", f"{_moment(start.time)}  {clean(where)}"
        if start.attempt > 1:
            yield "", f"from step {start.step:,}"
    if record.starts and (data := record.starts[-1].data) is not None:
        for change in data.changes:
            yield "", f"other images {clean(change)}"


def _place(status: Status | None, record: Record) -> Iterator[NamedText]:
    start = record.starts[-1] if record.starts else None
    if status is not None:
        yield "run", clean(status.run)
        yield "seed", str(status.seed)
    yield from facts_at_site(status, record.whereabouts)
    if record.info is not None:
        yield "created", _moment(record.info.created)
        if record.info.cwd:
            yield "folder", clean(record.info.cwd)
        if commit := record.info.commit():
            yield "commit", clean(commit)
    if start is not None:
        yield from _machine(start)
    for kind in ("best", "last"):
        saved = next(
            (checkpoint for checkpoint in reversed(record.checkpoints) if checkpoint.kind == kind), None
        )
        if saved is not None:
            yield (
                f"{kind} checkpoint",
                f"epoch {saved.epoch:.4g}, {disk_size(saved.bytes)}, {clean(saved.path)}",
            )


def _machine(start: Start) -> Iterator[NamedText]:
    if start.host:  # else nobody knows: the run was imported
        yield "host", clean(f"{start.host}, pid {start.pid}")
    if start.environment:
        yield "environment", clean(start.environment)
    for name, version in list(start.versions.items())[:12]:
        yield clean(name), clean(version)


def _moment(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def _parts(spec: ModelSpec) -> Iterator[tuple[str, str]]:
    """Yield what a model is made of: its encoder, its backbone."""
    if (encoder := spec.encoder) is not None:
        yield "encoder", f"{encoder.depth} blocks, width {encoder.width}, {encoder.heads} heads"
    if spec.backbone is not None:
        yield "backbone", f"{'-'.join(map(str, spec.backbone.layers))} blocks, stride {spec.stride}"
