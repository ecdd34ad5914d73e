"""Are the images that a run goes on with those of its checkpoint; if not, what differs, and may it go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.errors import CheckpointError
from engine.events import Data
from engine.runs.resume_settings import DATA_CHANGED_FLAG
from engine.training.data.dataset import Dataset
from engine.training.data.images_below_folder import some
from engine.training.data.unsplit_dataset import DataError


def facts_of(data: Dataset) -> Data:
    """Return what a run tells of its images, and its checkpoints keep."""
    return Data(
        digest=data.identity,
        train=len(data.train),
        val=len(data.val),
        test=len(data.test),
        classes=list(data.classes),
    )


def kept_facts(state: dict[str, Any] | None) -> Data | None:
    """Return what a checkpoint says of the images it was trained on; None where it is of a version that kept nothing.

    Raises:
        CheckpointError: It says something else there.
    """
    if state is None or state.get("data") is None:
        return None
    try:
        return msgspec.convert(state["data"], Data)
    except msgspec.ValidationError as error:
        raise CheckpointError(f"the checkpoint is no checkpoint of vitui's: its data: {error}") from None


def facts_to_go_on_with(kept: Data | None, now: Data, step: int, run: str, *, accepted: bool) -> Data:
    """Return what a run tells of the images that it goes on with, all changes since its start with them.

    Args:
        kept: The images of the checkpoint; None where it does not say.
        now: The images that there are.
        step: The step of the checkpoint.
        run: The run's id.
        accepted: Whether the user has said that the data changed.

    Raises:
        DataError: They are others and that is not accepted, or cannot be.
    """
    if kept is None:
        return now
    if kept.digest == now.digest:
        return msgspec.structs.replace(now, changes=kept.changes)
    differences = ", ".join(_differences(kept, now))
    if kept.classes != now.classes:
        raise DataError(
            f"the classes are others than at step {step:,}: {differences}; the model tells those apart, so that these "
            "have to begin anew with `engine run`"
        )
    if not accepted:
        raise DataError(
            f"the images are others than at step {step:,}: {differences}; `engine resume {run} {DATA_CHANGED_FLAG}` "
            "goes on with them and says so for ever, `engine run` begins another run"
        )
    return msgspec.structs.replace(now, changes=[*kept.changes, f"at step {step:,}: {differences}"])


def _differences(kept: Data, now: Data) -> Iterator[str]:
    """Yield in words what differs."""
    for before, after, use in (
        (kept.train, now.train, "to train"),
        (kept.val, now.val, "to validate"),
        (kept.test, now.test, "to test"),
    ):
        if before != after:
            yield f"{before:,} → {after:,} {use}"
    new = [name for name in now.classes if name not in kept.classes]
    gone = [name for name in kept.classes if name not in now.classes]
    for names, word in ((new, "new"), (gone, "gone")):
        if names:
            yield f"class{'es' * (len(names) > 1)} {some(names)} {'are' if len(names) > 1 else 'is'} {word}"
    if not new and not gone and kept.classes != now.classes:
        yield "the classes have another order"
    if (kept.train, kept.val, kept.test, kept.classes) == (now.train, now.val, now.test, now.classes):
        yield "as many, of other names or contents"
