"""What is there at a site, as its far end says for ``engine site check``: packages, data, locks, whose folder it is."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from engine.config.preflight_warnings import missing_files
from engine.config.schema import Experiment
from engine.remote.other_machine.moved_paths import moved_config, moves_to
from engine.remote.other_machine.received_runs import living_carried
from engine.runs.posted import site_status
from engine.runs.provenance.repository import git_commit
from engine.runs.store import Store
from engine.sites.far_end_messages import Answer, Question
from engine.sites.ssh_command import SiteError
from engine.system import lock
from engine.system.nvml import Nvml, usable

MOST_BROUGHT = 1000
"""Runs that are named in an answer."""


def answer(store: Store, folder: Path, body: bytes) -> str:
    """Return the answer to a question as JSON.

    Args:
        store: The folder of runs here.
        folder: The project's folder here.
        body: JSON of the question.

    Raises:
        SiteError: It is none.
        OSError: Nothing can be written to the folder.
    """
    try:
        question = msgspec.json.decode(body, type=Question)
        moves = moves_to(folder, question.project, question.home)
        experiments = {
            name: msgspec.convert(moved_config(config, moves), Experiment)
            for name, config in question.experiments.items()
        }
    except (msgspec.DecodeError, RecursionError) as error:
        raise SiteError(f"its question is not understood there: {error}") from None
    store.root.mkdir(mode=0o700, exist_ok=True)
    nvml = Nvml()
    gpus = [gpu.name for gpu in usable(nvml.sample())]
    nvml.close()
    commit = git_commit() or {}
    lacks = {name: missing_files(experiment) for name, experiment in experiments.items()}
    mark = site_status.folder_of(store.root) / question.mark
    said = Answer(
        torch=_torch(), gpus=gpus, no_gpu="" if gpus else nvml.missing,
        lacks={name: why for name, why in lacks.items() if why},
        is_same_folder=bool(question.mark) and os.sep not in question.mark and mark.is_file(),
        has_flock=lock.has_flock(store.root), commit=commit.get("commit") or "", is_dirty=bool(commit.get("dirty")),
        brought=living_carried(store)[:MOST_BROUGHT],
    )  # fmt: skip
    return msgspec.json.encode(said).decode()


def _torch() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        return ""
