"""Events as lines for people, and how far a run is in a word."""

from __future__ import annotations

from engine.events import Checkpoint, End, Estimate, Event, Log, Metrics, Start
from engine.runs.status import Status
from engine.text import duration, number


def progress(status: Status) -> str:
    """Return ``3/7``, or how far into the epochs a run is; ``3`` where only that is known."""
    if status.epochs is None:
        return f"{status.epoch:.3g}" if status.epoch else ""
    return f"{status.epoch:.3g}/{status.epochs}"


def left_text(status: Status) -> str:
    """Return how long a run still takes, or that it stalls; empty where neither is known."""
    if status.stalled:
        return "stalls"
    return duration(status.left_s) if status.left_s is not None else ""


def reason_after(state: str, reason: str) -> str:
    """Return the reason of an end as it stands behind its state, whose word it does not repeat: ``by SIGINT``."""
    return reason.removeprefix(f"{state} ")


def sentence(event: Event) -> str | None:
    """Return an event as a line for people; None for an event that only programs read."""
    match event:
        case Start():
            again = f", attempt {event.attempt}, from step {event.step}" if event.attempt > 1 else ""
            size = f"{event.parameters:,} parameters" if event.parameters is not None else ""
            model = ", ".join(filter(None, (size, event.init)))
            return f"started on {event.device}{again}{f': {model}' if model else ''}"
        case Metrics() if "test/f1" in event.values:
            scores_of_epoch = ", ".join(
                f"{split} {name} {number(value, 4)}"
                for split, name in (("test", "f1"), ("test", "accuracy"), ("test", "loss"), ("val", "f1"))
                if (value := event.values.get(f"{split}/{name}")) is not None
            )
            return f"epoch {event.epoch:.0f}: {scores_of_epoch}"
        case Metrics() if event.nonfinite:
            return f"step {event.step}: not finite: {', '.join(event.nonfinite)}"
        case Checkpoint():
            return f"checkpoint {event.path} ({event.bytes / 1e6:.1f} MB)"
        case Log():
            return f"{event.level}: {event.message}" if event.level != "info" else event.message
        case End():
            scores, reason = scored(event), reason_after(event.state, event.reason)
            parts = (scores, reason) if event.state == "finished" else (reason, scores)
            return f"{event.state}: {'; '.join(filter(None, parts))}"
    return None


def training_report(event: Metrics) -> str:
    """Return a measurement of the training in a few words: step, epoch, loss, and speed where it is known."""
    loss, speed = (event.values.get(name) for name in ("train/loss", "train/images_per_s"))
    text = f"step {event.step}, epoch {event.epoch:.2f}: loss {number(loss)}"
    return text + (f", {speed:,.0f} images/s" if speed else "")


def scored(event: End) -> str:
    """Return the test scores of an end with their intervals, empty where it has none."""
    f1, accuracy = event.estimate("test/f1"), event.estimate("test/accuracy")
    phrases = []
    if f1 is not None:
        images = "" if f1.n is None else f"{f1.n:,} images"
        phrases.append(f"test F1 {number(f1.value)}{_aside(_interval(f1), images)}")
    if accuracy is not None:
        phrases.append(f"accuracy {number(accuracy.value)}{_aside(_interval(accuracy))}")
    return ", ".join(phrases)


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"95 % {number(estimate.low)} to {number(estimate.high)}"


def _aside(*words: str) -> str:
    """Return the words that are not empty in brackets, empty where all are."""
    joined = ", ".join(filter(None, words))
    return f" ({joined})" if joined else ""
