"""Which of the logs in a folder are of one training: tools write several, and each training is imported once.

The most exact one is read: an offline run of W&B, a table or JSON that says steps or epochs, event files, any other
log. Logs of splits, train_log.csv beside val_log.csv, are read together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from engine.exchange.import_sources import ImportSource
from engine.exchange.log_names import heading_says_places, split_of
from engine.exchange.run_names import is_unnamed, place, significant

BESIDE = "log beside another of its run|logs beside others of their runs"
EARLIER = "trainer_state.json of an earlier checkpoint|trainer_state.json of earlier checkpoints"
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})")
_WANDB, _EXACT_LOG, _EVENT_FILES, _OTHER_LOG = range(4)


def one_of_each(sources: Sequence[ImportSource], passed: Counter[str]) -> list[ImportSource]:
    """Return one source for each training, and count the others.

    Args:
        sources: What one folder holds.
        passed: Gets how many were left out, by kind.
    """
    kept: list[ImportSource] = []
    of_one: dict[tuple[str, ...], list[ImportSource]] = {}
    for source in _last_checkpoints(sources, passed):
        if source.format == "mlflow" or (
            source.format not in ("wandb", "tensorboard") and not is_unnamed(source)
        ):
            kept.append(source)  # its name says that it is a run of its own
        else:
            of_one.setdefault(significant(place(source)), []).append(source)
    for several in of_one.values():
        best = min(map(_rank, several))
        chosen = [source for source in several if _rank(source) == best]
        if best in (_EXACT_LOG, _OTHER_LOG):
            kept.append(_with_splits(chosen))
            chosen = chosen[: max(1, len(kept[-1].files))]
        else:
            kept += chosen  # several such files or folders are several runs
        if len(several) > len(chosen):
            passed[BESIDE] += len(several) - len(chosen)
    order = {source.path: i for i, source in enumerate(sources)}
    return sorted(kept, key=lambda source: order[source.path])


def _last_checkpoints(sources: Sequence[ImportSource], passed: Counter[str]) -> list[ImportSource]:
    """Return the sources with the last state alone of each run of Hugging Face's Trainer, which writes all anew."""
    kept: list[ImportSource] = []
    states: dict[tuple[str, ...], list[tuple[float, ImportSource]]] = {}
    for source in sources:
        *folders, name = source.parts or ("",)
        match = _CHECKPOINT.fullmatch(folders[-1]) if folders else None
        if name != "trainer_state.json":
            kept.append(source)
        elif match is None:
            states.setdefault(tuple(folders), []).append((float("inf"), source))
        else:
            states.setdefault(tuple(folders[:-1]), []).append((float(match[1]), source))
    for folder, several in states.items():
        last = max(several, key=lambda pair: pair[0])[1]
        kept.append(last._replace(parts=(*folder, "trainer_state.json")))
        if len(several) > 1:
            passed[EARLIER] += len(several) - 1
    return kept


def _with_splits(logs: Sequence[ImportSource]) -> ImportSource:
    """Return the first of some logs of a run; with those of other splits, where it is of one."""
    splits = {split_of(source.path): source for source in reversed(logs)}
    if len(splits) < 2 or "" in splits:
        return logs[0]
    return logs[0]._replace(files=tuple(sorted(source.path for source in splits.values())))


def _rank(source: ImportSource) -> int:
    if source.format == "wandb":
        return _WANDB
    if source.format == "tensorboard":
        return _EVENT_FILES
    return _EXACT_LOG if heading_says_places(source.path) else _OTHER_LOG
