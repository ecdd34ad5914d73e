"""Which of the logs in a folder are of one training: tools write several, and each training is imported once.

The most exact one is read: an offline run of W&B, a table or JSON that says steps or epochs, event files, any other
log. Logs of splits, train_log.csv beside val_log.csv, are read together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from engine.exchange.import_sources import ImportSource
from engine.exchange.log_file_names_and_endings import split_of
from engine.exchange.log_recognition import heading_says_places
from engine.exchange.run_names_from_paths import is_unnamed, place, significant
from engine.exchange.trackers.event_folders import SPLITS

BESIDE = "log beside another of its run|logs beside others of their runs"
EARLIER = "trainer_state.json of an earlier checkpoint|trainer_state.json of earlier checkpoints"
DVCLIVE = ("plots", "metrics")
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})")
_WANDB, _EXACT_LOG, _EVENT_FILES, _OTHER_LOG = range(4)


def one_of_each(sources: Sequence[ImportSource], passed: Counter[str]) -> list[ImportSource]:
    """Return one source for each training, in any order, and count the others.

    Args:
        sources: What one folder holds.
        passed: Gets how many were left out, by kind.
    """
    kept: list[ImportSource] = []
    of_one: dict[tuple[str, ...], list[ImportSource]] = {}
    for source in _of_split_folders(_of_dvclive(_last_checkpoints(sources, passed))):
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
            chosen = chosen[: max(1, len(kept[-1].splits))]
        else:
            kept += chosen  # several such files or folders are several runs
        if len(several) > len(chosen):
            passed[BESIDE] += len(several) - len(chosen)
    return kept


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


def _of_split_folders(sources: Sequence[ImportSource]) -> list[ImportSource]:
    """Return the sources, logs in train/ beside val/ as such of the folder above."""
    places = {place(source) for source in sources if source.format is None}
    joined = []
    for source in sources:
        where = place(source)
        if source.format is None and is_unnamed(source) and where and where[-1].lower() in SPLITS:
            others = {SPLITS.get(each[-1].lower()) for each in places if each[:-1] == where[:-1] and each}
            if others - {None, SPLITS[where[-1].lower()]}:
                source = source._replace(parts=(*where[:-1], source.parts[-1]))
        joined.append(source)
    return joined


def _of_dvclive(sources: Sequence[ImportSource]) -> list[ImportSource]:
    """Return the sources, those of DVCLive as one a run: it writes plots/metrics/train/loss.tsv, a file a metric."""
    kept: list[ImportSource] = []
    runs: dict[tuple[str, ...], list[ImportSource]] = {}
    for source in sources:
        folders = source.parts[:-1]
        at = next((i for i in range(len(folders) - 1) if folders[i : i + 2] == DVCLIVE), None)
        if at is None or source.format is not None or source.path.suffix != ".tsv":
            kept.append(source)
        else:
            runs.setdefault(folders[:at], []).append(source)
    for folder, several in runs.items():
        depth = len(folder) + len(DVCLIVE)
        splits = tuple(("/".join(source.parts[depth:-1]), source.path) for source in several)
        kept.append(several[0]._replace(parts=(*folder, "metrics.tsv"), splits=splits))
    return kept


def _with_splits(logs: Sequence[ImportSource]) -> ImportSource:
    """Return the first of some logs of a run; with those of other splits, where it is of one."""
    splits = {_split(source): source for source in reversed(logs)}
    if len(splits) < 2 or "" in splits or any(source.splits for source in logs):
        return logs[0]
    return logs[0]._replace(splits=tuple(sorted((split, source.path) for split, source in splits.items())))


def _split(source: ImportSource) -> str:
    """Return the split that a log is of, by its name or by the folder that it was taken out of."""
    folder = source.path.parent.name
    taken_out = source.parts[-2:-1] != (folder,)
    return split_of(source.path) or (SPLITS.get(folder.lower(), "") if taken_out else "")


def _rank(source: ImportSource) -> int:
    if source.format == "wandb":
        return _WANDB
    if source.format == "tensorboard":
        return _EVENT_FILES
    return _EXACT_LOG if heading_says_places(source.path) else _OTHER_LOG
