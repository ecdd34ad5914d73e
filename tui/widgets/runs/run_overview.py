"""The run in focus: its settings, progress and machine, and cautions for readers of its numbers.

Drawn line by line: a text widget would lay out and paint the whole screen for every number that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.analysis.alarms import Alarm
from engine.catalog.model_sizes import MODELS, caveat, patch_tokens
from engine.config.schema import chosen_settings
from engine.runs.event_text import left_text, reason_after
from engine.runs.state_symbols import MARKS
from engine.runs.status import Status
from engine.text import binary_size, clean, command_line, duration, loss, score
from tui.state.snapshot import RunDetail
from tui.views.run_list_columns import find_column, memory_and_peak
from tui.views.run_list_row import Row
from tui.views.run_names import run_label
from tui.views.run_page_facts import best_checkpoint, refused_text
from tui.views.site_facts import facts_at_site

Fact = tuple[str, str]
Writer = Callable[[float], str]
MOST_BEHIND = 3
"""Runs that are told of behind a result."""
NAME_WIDTH = 10
"""Cells of a fact's name, and the space after it."""


def _images(speed: float) -> str:
    return f"{speed:,.0f} images/s"


MEASURED: Sequence[tuple[str, str, Writer]] = (
    ("cal. err", "test/ece", score),
    ("test loss", "test/loss", loss),
    ("tr. loss", "train/loss", loss),
    ("speed", "train/images_per_s", _images),
)
"""What stands behind the scores: its name, its metric, and how it is written."""


class Overview(ScrollView):
    """Facts as pairs of a name and a value."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"overview--name"}
    DEFAULT_CSS = """
    Overview {
        scrollbar-size-horizontal: 0;
        & > .overview--name { color: $foreground 66%; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._facts: tuple[Fact, ...] = ()
        self._lines: list[Fact] = []

    def show(
        self,
        status: Status | None,
        detail: RunDetail | None,
        config: Mapping[str, Any],
        alarms: Sequence[Alarm] = (),
        unfinished: Sequence[Status] = (),
        row: Row | None = None,
    ) -> None:
        """Show a run and the newer ones behind it; of an experiment without runs, its configuration.

        Args:
            status: How the run goes; None for an experiment without runs.
            detail: What was read of the run's folder; None before that.
            config: The configuration to show where the run's own is not read yet.
            alarms: What is wrong with the run.
            unfinished: Newer runs that were stopped or failed.
            row: What stands for the run in the list: of several seeds it is said which this is, and their mean scores.
        """
        new = tuple(facts(status, detail, config, alarms, unfinished, row))
        if new != self._facts:
            self._facts = new
            self._lay_out()

    def on_resize(self) -> None:
        """Break the lines anew."""
        self._lay_out()

    def _lay_out(self) -> None:
        """Break the values into lines; a value's first line has its name before it."""
        width = max(1, self.scrollable_content_region.width - NAME_WIDTH)
        before, self._lines = self._lines, []
        for name, value in self._facts:
            for number, line in enumerate(
                Text(value).wrap(self.app.console, width, overflow="fold") or [Text()]
            ):
                self._lines.append((name if number == 0 else "", line.plain.rstrip()))
        room = self.scrollable_content_region.height
        whole = Size(width, max(room, len(self._lines)))
        if whole != self.virtual_size:  # a change of it has the screen laid out anew
            self.virtual_size = whole
        for y in range(max(len(before), len(self._lines))):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh_line(y)

    def render_line(self, y: int) -> Strip:
        """One line of the facts."""
        width, index = self.scrollable_content_region.width, y + self.scroll_offset.y
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        name, value = self._lines[index]
        quiet = Style(color=self.get_component_rich_style("overview--name").color)
        strip = Strip([Segment(f"{name:<{NAME_WIDTH}}", quiet), Segment(value)])
        return strip.adjust_cell_length(width).apply_style(self.rich_style)


def facts(
    status: Status | None,
    detail: RunDetail | None,
    config: Mapping[str, Any],
    alarms: Sequence[Alarm] = (),
    unfinished: Sequence[Status] = (),
    row: Row | None = None,
) -> Iterator[Fact]:
    """Yield facts as pairs of name and value, the most important first; one without a name is a line of its own.

    Args:
        status: How the run goes; None for an experiment without runs.
        detail: What was read of the run's folder; None before that.
        config: The configuration to show where the run's own is not read yet.
        alarms: What is wrong with the run.
        unfinished: Newer runs that were stopped or failed.
        row: The row that stands for the run in the list.
    """
    settings = dict(detail.config) if detail and detail.config else dict(config)
    if status is not None:
        mark = MARKS[status.state][0]
        yield (
            "state",
            f"{mark} {status.state}" + (f", attempt {status.attempt}" if status.attempt > 1 else ""),
        )
        if status.why:
            yield "", clean(status.why)
        for alarm in alarms:
            yield alarm.kind, alarm.text
        if refused := refused_text(status):
            yield "refused", refused
        for number, other in enumerate(unfinished[:MOST_BEHIND]):
            which = f"{MARKS[other.state][0]} {run_label(other)} {other.state}"
            why = reason_after(other.state, other.why)
            yield "" if number else "behind it", clean(f"{which}{': ' * bool(why)}{why}")
        yield from _progress(status, row)
        yield "", ""
    yield from _labels(settings if detail is None else msgspec.structs.asdict(detail.labels))
    yield from _model(settings, status)
    yield "", ""
    yield from _recipe(settings)
    yield from _changes(detail)
    if status is not None:
        yield "", ""
        yield from _location(status, detail)


def _of_row(status: Status, row: Row | None, name: str, own: str, write: Writer | None = None) -> str:
    """Return the number that the list has in a column for the row of a run: over its seeds, else the run's own.

    Args:
        status: The run.
        row: The row that stands for it.
        name: That of the column.
        own: The run's own number, as text; behind it stands whose it is, where the row has finished seeds besides.
        write: Writes a number over seeds in another form than the list's.
    """
    column = find_column(name)
    if row is None or row.group or column is None:
        return own
    if (summary := column.over_runs(row)) is not None:
        return f"{write(summary.value) if write else column.written(summary)}, {summary.what}"
    return f"{own}, seed {status.seed}" if len(row.facts) > 1 and row.state == "finished" else own


def _score(name: str, metric: str, status: Status, row: Row | None) -> Iterator[Fact]:
    """Yield the mean of a score over the seeds of a row; of one run the last score, and the best checkpoint's."""
    final = status.final.get(metric)
    last = status.last.get(metric) if final is None else final.value
    if last is None:
        return
    margin = f" ±{score(final.margin)}" if final and final.margin is not None else ""
    own = score(last) + margin
    yield name, (text := _of_row(status, row, metric, own))
    if text.startswith(own) and (best := best_checkpoint(status, metric)) is not None:
        yield "", f"best {score(best.value)}, {best.where}"


def _memory(status: Status, row: Row | None) -> Iterator[Fact]:
    """Yield the memory that a run holds, or held last, and the most of it; of several seeds the most of any."""
    if (own := memory_and_peak(status)) is None:
        return
    most = own
    if row is not None:
        of_seeds = (memory_and_peak(fact.status) for fact in row.facts if fact.status.state == "finished")
        most = tuple(map(max, zip(own, *(each for each in of_seeds if each), strict=True)))
    text, peak_of_seeds = _in_words(own), _in_words(most)
    yield "memory", _of_row(status, row, "memory", text, lambda _: peak_of_seeds)


def _in_words(memory: Sequence[float]) -> str:
    return "  peak ".join(map(binary_size, memory))


def _progress(status: Status, row: Row | None) -> Iterator[Fact]:
    if row is not None and not row.group and row.seeds > 1:
        seeds = sorted(fact.status.seed for fact in row.facts)
        yield "seed", f"{status.seed}, {seeds.index(status.seed) + 1} of {len(seeds)}"
    if status.epochs or status.epoch:
        yield "epoch", f"{status.epoch:.2f}" + (f" of {status.epochs}" if status.epochs else "")
    if left := left_text(status):
        yield "left", left
    if status.trained_s and status.state != "running":
        yield "took", _of_row(status, row, "duration", duration(status.trained_s))
    yield from _score("F1", "test/f1", status, row)
    yield from _score("accuracy", "test/accuracy", status, row)
    for name, metric, write in MEASURED:
        if (value := status.last.get(metric)) is not None:
            yield name, _of_row(status, row, metric, write(value), write)
    yield from _memory(status, row)


def _labels(labels: Mapping[str, Any]) -> Iterator[Fact]:
    """What people say of it."""
    tags, notes = labels.get("tags") or (), str(labels.get("notes") or "")
    if tags:
        yield "tags", " ".join(f"#{clean(str(tag))}" for tag in tags)
    for number, line in enumerate(notes.splitlines()):
        yield "note" if number == 0 else "", clean(line)
    if tags or notes:
        yield "", ""


def _model(settings: Mapping[str, Any], status: Status | None) -> Iterator[Fact]:
    if command := settings.get("command"):
        yield "command", command_line(command)
        return
    name = str(settings.get("model", ""))
    yield "model", clean(name)
    image, patch = settings.get("image_size"), settings.get("patch_size")
    if not isinstance(image, int) or not (patch is None or isinstance(patch, int)):
        return
    yield "image", f"{image} px" + (f", patch {patch}" if patch else "")
    if status is not None and status.parameters:
        yield "size", f"{status.parameters / 1e6:.2f} M parameters"
    if status is not None and status.init:
        yield "init", clean(status.init)
    if name in MODELS:
        if (tokens := patch_tokens(name, image, patch)) is not None:
            yield "tokens", f"{tokens} patch{'es' if tokens > 1 else ''} + class"
        if note := caveat(name, image, patch, settings.get("options") or {}):
            yield "", note


def _recipe(settings: Mapping[str, Any]) -> Iterator[Fact]:
    settings = chosen_settings(settings)
    if "dataset" in settings:
        yield "data", clean(str(settings["dataset"])).removeprefix("folder:").removeprefix("csv:")
    for name, key in (("per class", "subset_per_class"), ("epochs", "epochs"), ("batch", "batch_size"),
                      ("lr", "lr"), ("decay", "weight_decay"), ("seed", "seed")):  # fmt: skip
        if settings.get(key) is not None:
            yield name, clean(str(settings[key]))


def _changes(detail: RunDetail | None) -> Iterator[Fact]:
    """That it went on with other images."""
    data = detail.facts.get("data") if detail else None
    for number, change in enumerate((data or {}).get("changes", ())):
        yield "changed" if number == 0 else "", f"other images {clean(str(change))}"


def _location(status: Status, detail: RunDetail | None) -> Iterator[Fact]:
    if status.device:
        yield "device", clean(status.device)
    if status.host:
        yield "host", clean(f"{status.host}, pid {status.pid}")
    yield from facts_at_site(status, detail.whereabouts if detail else None)
    if detail and detail.commit:
        yield "commit", clean(detail.commit)
    if detail and (environment := detail.facts.get("environment")):
        yield "environ.", clean(str(environment))
    if detail and (versions := detail.facts.get("versions")):
        yield "versions", clean(", ".join(f"{name} {value}" for name, value in dict(versions).items()))
    yield "run", clean(status.run)
