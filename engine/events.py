"""The JSON-lines protocol between a run and everything that watches it: one typed struct per event.

A run appends one event a line to ``events.jsonl``. Readers take what they know and pass over the rest,
so that an older reader reads a newer file::

    {"event":"metrics","time":1795456800.1,"run":"vit-s0-…","step":40,"epoch":1.0,"values":{"test/f1":0.81}}
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

import msgspec

PROTOCOL = 1
"""The version that ``start`` carries as ``v``."""

MAX_LINE = 4 * 1024 * 1024
"""Bytes beyond which a line is not decoded: no honest event is that long."""

MAX_ORDINARY = 256
"""Metrics of a line, and letters of a name, beyond which measurements are taken by their line."""

MAX_METRICS = 4096
"""Names of metrics beyond which a reader keeps no more of a run."""

HALF_A_LINE = "it is half a line, or no JSON"
"""What a killed process or a full disk leaves."""

EndState = Literal["finished", "failed", "stopped"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
# Numbers outside these make a line no event: whoever computes with one need not think of them.
LATEST = 1e11
Moment = Annotated[float, msgspec.Meta(ge=0, le=LATEST)]
"""Seconds since the epoch (UTC), up to the year 5138."""
Seconds = Annotated[float, msgspec.Meta(ge=0, le=LATEST)]
LARGEST_COUNT = 2**53
Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Epochs = Annotated[float, msgspec.Meta(ge=0, le=LARGEST_COUNT)]


class Event(msgspec.Struct, kw_only=True, gc=False, tag_field="event"):
    """What every event carries: ``time`` in seconds since the epoch (UTC) and the id of its run."""

    time: Moment
    run: str


class Data(msgspec.Struct, kw_only=True):
    """The images of a run: what stands for them wherever they lie, how many there are, and of which classes."""

    digest: str
    train: Count
    val: Count
    test: Count
    classes: list[str]
    changes: list[str] = []
    """In words: with what other images it went on, and at which step."""


class QueuePlace(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How an attempt waited before it began, as the queue had it last."""

    since: Moment
    """When it was queued, in seconds since the epoch."""
    priority: int = 0
    order: float | None = None
    """Its rank among those of its priority, where it was moved."""
    devices: dict[str, str] = {}
    """The devices that it was given: the name of each by its id."""


class Start(Event, tag="start"):
    """An attempt begins; the first of a run has ``attempt`` 1 and ``step`` 0, a resumed one goes on from ``step``."""

    v: int = PROTOCOL
    attempt: Count = 1
    experiment: str = ""
    config: dict[str, Any] = {}
    seed: Seed = 0
    pid: Count = 0
    host: str = ""
    device: str = ""
    parameters: Count | None = None
    versions: dict[str, str] = {}
    steps_per_epoch: Count | None = None
    epochs: Count | None = None
    step: Count = 0
    init: str = ""
    """How the weights began: ``scratch``, or which checkpoint."""
    data: Data | None = None
    """The images; None for a program of the user's own and in runs of older versions."""
    epochs_from: Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)] = 0
    """The step from which epochs are counted: other than 0 where data changed, so that an epoch has other steps."""
    precision: str = ""
    """The precision that the device computes in: ``float32``, ``tf32``, ``bf16`` or ``fp16``; empty where unknown."""
    process_started: float = 0.0
    """When the process began, by its own machine's clock: with ``pid`` it names one process for good."""
    boot: str = ""
    """The boot id of the machine: after a reboot no pid of before means anything."""
    environment: str = ""
    """Whose environment a program of the user's has, with the names of the variables; empty where it is the shell's."""
    queued: QueuePlace | None = None
    """None for an attempt that was begun without the queue, and in runs of older versions."""

    @property
    def epoch(self) -> float | None:
        """How many epochs are done where it goes on; None where it is not known how many steps one has."""
        if not self.steps_per_epoch:
            return None
        return max(0, self.step - self.epochs_from) / self.steps_per_epoch


class Metrics(Event, tag="metrics"):
    """Numbers measured after ``step`` optimizer steps; a value that is not finite is null and named."""

    step: Count
    epoch: Epochs
    values: dict[str, float | None]
    nonfinite: list[str] = []


class Confusion(Event, tag="confusion"):
    """A confusion matrix of counts over a whole split; rows are the true classes."""

    step: Count
    epoch: Epochs
    split: str
    labels: list[str]
    matrix: list[list[Count]]

    @property
    def is_square(self) -> bool:
        """Whether there are classes, and a row and a column for each: readers pass over any other matrix."""
        return bool(self.matrix) and all(len(row) == len(self.matrix) for row in self.matrix)


class Checkpoint(Event, tag="checkpoint"):
    """A checkpoint was written; ``path`` is relative to the run's folder."""

    step: Count
    epoch: Epochs
    path: str
    kind: Literal["last", "best"]
    bytes: Count
    weights: str = "model"
    """Which weights its ``model`` holds: ``ema`` for the averaged ones, which may be the best."""


class Log(Event, tag="log", omit_defaults=True):
    """A line for people."""

    level: Literal["debug", "info", "warning", "error"]
    message: str
    refused: Count = 0
    """How many events or values the line speaks of that are not recorded."""


class Failure(msgspec.Struct, kw_only=True):
    """An exception, as text."""

    type: str
    message: str
    traceback: str = ""
    transient: bool = True
    """Whether another attempt may succeed; a run of an older version does not say."""
    explained: bool = False
    """Whether the message alone tells a user what is wrong, so that the type need not be named."""


class Estimate(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A share measured on ``n`` images, and its 95 % interval where one is known."""

    value: Share
    low: Share | None = None
    high: Share | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_COUNT)] | None = None

    @property
    def margin(self) -> float | None:
        """Half the width of the interval: what stands after the ±."""
        return None if self.low is None or self.high is None else abs(self.high - self.low) / 2


class End(Event, tag="end"):
    """The attempt is over, and why."""

    state: EndState
    reason: str = ""
    error: Failure | None = None
    duration_s: Seconds = 0.0
    summary: dict[str, Any] = {}
    """What the run's last evaluation found, by metric: an ``Estimate``, or each class's value by its name::

        {"test/f1": {"value": 0.612, "low": 0.602, "high": 0.622, "n": 10000},
         "test/accuracy": {"value": 0.615, "low": 0.605, "high": 0.624, "n": 10000},
         "test/ece": {"value": 0.083, "n": 10000},
         "test/f1_per_class": {"airplane": 0.671, "yeti": null}}

    Null is the value of a class that never occurred. The file may say anything here; ``estimate`` reads it safely.
    """

    def estimate(self, metric: str) -> Estimate | None:
        """Return what the summary says of a metric, None if it says nothing or nothing that makes sense."""
        try:
            return msgspec.convert(self.summary.get(metric), Estimate)
        except (msgspec.ValidationError, OverflowError):
            return None


class Unknown(Event, tag="unknown"):
    """An event of a kind that this version does not know; ``fields`` is all it said."""

    kind: str
    fields: dict[str, Any]


Known = Start | Metrics | Confusion | Checkpoint | Log | End
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Known)
_loose = msgspec.json.Decoder(dict[str, Any])


def encode(event: Event) -> bytes:
    """Return the event as one line of UTF-8 JSON with its newline; what is not finite becomes null and is named."""
    if isinstance(event, Unknown):
        return _encoder.encode(event.fields) + b"\n"
    if isinstance(event, Metrics):
        lost = [name for name, value in event.values.items() if value is None or not math.isfinite(value)]
        if lost != event.nonfinite:
            event = msgspec.structs.replace(event, nonfinite=lost)
    try:
        return _encoder.encode(event) + b"\n"
    except UnicodeEncodeError:  # the name of a file need not be Unicode
        return _encoder.encode(as_unicode(msgspec.to_builtins(event))) + b"\n"


def normalised(event: Event) -> Event | None:
    """Return the event as whoever reads its line takes it: ``decode(encode(event))``.

    Measurements, of which a run says several a second, come there without being written out where they are ordinary.
    """
    if type(event) is not Metrics or not _is_ordinary(event):
        return decode(encode(event))
    values: dict[str, float | None] = {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in event.values.items()
    }
    lost = [name for name, value in values.items() if value is None]
    return msgspec.structs.replace(
        event, time=float(event.time), epoch=float(event.epoch), values=values, nonfinite=lost
    )


def _is_ordinary(event: Metrics) -> bool:
    """Return whether a line keeps all that measurements say, but for what is not finite."""
    names = event.values.keys()
    return (
        len(names) <= MAX_ORDINARY
        and all(name.isascii() and len(name) <= MAX_ORDINARY for name in (event.run, *names))
        and all(value is None or type(value) is float for value in event.values.values())
        and type(event.step) is int
        and {type(event.epoch), type(event.time)} <= {int, float}
        and 0 <= event.step <= LARGEST_COUNT
        and 0 <= event.epoch <= LARGEST_COUNT
        and 0 <= event.time <= LATEST
    )


def decode(line: bytes) -> Event | None:
    """Return the event on a line; ``Unknown`` for a kind of a newer version, None for a line that is no event.

    Raises nothing, whatever the line holds.
    """
    if len(line) > MAX_LINE:
        return None
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _decode_unknown(line)


def why_no_event(line: bytes) -> str:
    """Return why ``decode`` takes a line for no event, in a few words."""
    if len(line) > MAX_LINE:
        return f"its {len(line) / 1e6:,.1f} MB are more than the {MAX_LINE // 2**20} MiB that are read"
    try:
        fields = _loose.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return HALF_A_LINE
    try:
        _decoder.decode(line)
    except msgspec.ValidationError as error:
        if str(fields.get("event")) in _KINDS:
            what, _, where = str(error).replace("`", "").partition(" - at $.")
            return f"{where or 'a field'}: {what[:1].lower()}{what[1:]}"
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return HALF_A_LINE
    return "it lacks event, time or run"


def decode_lines(lines: list[bytes]) -> list[Event | None]:
    """Return what ``decode`` returns for each line, in less time where all of them are events."""
    data = b"\n".join(lines)
    # so no event can go on in another line, and as many events as lines are one in each
    apart = data.count(b"}\n{") == len(lines) - 1 and data.startswith(b"{") and data.endswith(b"}")
    if apart and len(data) <= MAX_LINE:
        try:
            events: list[Event | None] = _decoder.decode_lines(data)  # type: ignore[assignment]
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            pass
        else:
            if len(events) == len(lines):
                return events
    return [decode(line) for line in lines]


def _decode_unknown(line: bytes) -> Unknown | None:
    try:
        fields = _loose.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    kind, time, run = fields.get("event"), fields.get("time"), fields.get("run")
    if not isinstance(kind, str) or kind in _KINDS or not isinstance(run, str):
        return None
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time <= LATEST:
        return None
    return Unknown(time=float(time), run=run, kind=kind, fields=fields)


def as_unicode(value: Any) -> Any:
    """Return a JSON value with a replacement character for whatever UTF-8 cannot say."""
    match value:
        case str():
            return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", value)
        case dict():
            return {as_unicode(key): as_unicode(each) for key, each in value.items()}
        case list() | tuple():
            return [as_unicode(each) for each in value]
    return value


_KINDS = {"start", "metrics", "confusion", "checkpoint", "log", "end"}
