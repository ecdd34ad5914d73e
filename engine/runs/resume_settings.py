"""The settings that a resumed run may change: how it uses the machine, not what it learns.

What a run does is said by its run.json, which its proof in the queue covers. Of the events only these settings are
taken: no line that is put into events.jsonl changes the command, the data or the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.config.overrides import override
from engine.config.schema import Experiment
from engine.config.validate import ConfigError, Mistake, impossible
from engine.events import Start, decode
from engine.runs.store import Run
from engine.system.files import tail_with
from engine.text import divisors

MAY_CHANGE = (
    "batch_size",
    "precision",
    "deterministic",
    "compile",
    "checkpointing",
    "gpus",
    "workers",
    "corrupt",
    "log_every",
    "evaluate_every",
    "retries",
    "console_limit",
    "env",
)
DATA_CHANGED = "data_changed=true"
"""The setting that a resumed run goes on with other images than those of its checkpoint, for this attempt alone."""
DATA_CHANGED_FLAG = "--data-changed"
"""The option that sets it."""
FOLLOWS = "accumulate"
"""What another batch size changes."""
CHUNK = 4 * 1024 * 1024
"""Bytes of events that are searched at once."""


def last_experiment(run: Run) -> Experiment:
    """Return the experiment of run.json with the settings that the run's last start changed.

    Raises:
        StoreError: run.json is damaged.
        ConfigError: It holds keys or values that this version does not have, or lacks some; says which and where.
    """
    described, changes, offset = run.info().config, dict[str, Any](), 0
    while True:
        lines, end = tail_with(run.events, offset, CHUNK, [b'"start"'])
        if end == offset:
            _as_experiment(described, f"{run.id}/run.json")
            return _as_experiment(described | changes, f"{run.id}/events.jsonl, its last start")
        offset = end
        for line in reversed(lines):
            if isinstance(event := decode(line), Start) and event.config:
                kept = event.config.keys() & {*MAY_CHANGE, FOLLOWS}
                changes = {key: event.config[key] for key in kept}
                break


def goes_on_with_other_data(settings: Sequence[str]) -> bool:
    """Return whether the settings of a resumed run accept that its images are others than those of its checkpoint."""
    return DATA_CHANGED in settings


def _as_experiment(config: Mapping[str, Any], where: str) -> Experiment:
    """Return a stored configuration as this version understands it; raises ConfigError where it does not."""
    try:
        return msgspec.convert(config, Experiment)
    except msgspec.ValidationError as error:
        other = "another version of vitui made it, and can go on with it"
        raise ConfigError([Mistake(where, f"config: {error}; {other}")]) from None


def changed(experiment: Experiment, settings: Sequence[str]) -> Experiment:
    """Return the experiment with ``key=value`` settings changed for a resumed run.

    With another ``batch_size`` accumulation keeps the images of an optimizer step, and with them the schedule.
    ``DATA_CHANGED`` changes no setting.

    Raises:
        ConfigError: A setting is wrong, or would make it another experiment.
    """
    if experiment.command and goes_on_with_other_data(settings):
        message = "what a program of your own reads is its own affair"
        raise ConfigError([Mistake(DATA_CHANGED_FLAG, message)])
    settings = [setting for setting in settings if setting != DATA_CHANGED]
    if not settings:
        return experiment
    for setting in settings:
        key = setting.partition("=")[0].strip()
        if key not in MAY_CHANGE:
            message = f"a run that goes on may change {', '.join(MAY_CHANGE)}; `engine run NAME --set …` begins another"
            raise ConfigError([Mistake(f"--set {setting}", message)])
    new = override(experiment, settings)
    images = experiment.batch_size * experiment.accumulate
    if images % new.batch_size:
        message = f"it does not divide the {images} images of an optimizer step; {divisors(images)}"
        raise ConfigError([Mistake(f"--set batch_size={new.batch_size}", message)])
    new = msgspec.structs.replace(
        new, accumulate=images // new.batch_size, lr=experiment.lr, weight_decay=experiment.weight_decay
    )
    if wrong := impossible(new):
        raise ConfigError([Mistake(f"--set {key}", message) for key, message in wrong])
    return new
