"""Runs as offline runs of Weights & Biases, written by its own library: `wandb sync` or `wandb leet` takes them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from engine.exchange.exported_measurements import ExportedRun, measured, points
from engine.exchange.optional_packages import ExchangeError, load

EXTRA = "wandb"
LONGEST = 128
"""Characters of an id there."""


class OfflineRuns:
    """Writes each run that has measured something as ``OUT/wandb/offline-run-…``; nothing is sent anywhere.

    Args:
        out: The folder to write into.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._wandb = load("wandb", EXTRA)

    def files(self, runs: list[ExportedRun]) -> list[Path]:
        """Return what is there already of these runs: the names of new folders say when they are written."""
        return [path for exported in runs for path in self._written(exported)]

    def __enter__(self) -> OfflineRuns:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        """Every run is whole already."""

    def add(self, exported: ExportedRun) -> int:
        """Write a run, and return how many values it has measured; one without any leaves nothing.

        Raises:
            ExchangeError: It cannot be written.
        """
        events = measured(exported.run)
        first = next(events, None)
        if first is None:
            return 0
        facts = exported.facts()
        try:
            for old in self._written(exported):
                shutil.rmtree(old)
            self._out.mkdir(parents=True, exist_ok=True)
            run = self._wandb.init(
                project="vitui", id=_id(exported), name=exported.run.id, group=exported.status.experiment or None,
                config=exported.config(), tags=facts["tags"].split() or None, notes=facts["note"] or None,
                settings=self._settings(),
            )  # fmt: skip
            try:
                count = 0
                for event in (first, *events):
                    values = {name.lstrip("_") or "_": value for name, value in points(event)}
                    run.log({"epoch": event.epoch} | values | {"_timestamp": event.time}, step=event.step)
                    count += len(values)
                run.summary.update(
                    {f"vitui/{name}": facts[name] for name in ("state", "reason", "parameters")}
                )
            finally:
                run.finish(exit_code=0 if exported.status.state == "finished" else 1)
        except (self._wandb.errors.Error, OSError) as error:
            raise ExchangeError(f"{exported.run.id} cannot be written into {self._out}: {error}") from None
        return count

    def _written(self, exported: ExportedRun) -> list[Path]:
        """Return the folders of a run that was written before."""
        name = f"run-{_id(exported)}.wandb"
        folders = sorted((self._out / "wandb").glob(f"offline-run-*-{_id(exported)}"))
        return [folder for folder in folders if (folder / name).is_file() and not folder.is_symlink()]

    def _settings(self) -> Any:
        """Return wandb settings that keep it offline and leave git, code and console alone."""
        return self._wandb.Settings(
            mode="offline", root_dir=str(self._out), console="off", silent=True, disable_git=True,
            disable_code=True, save_code=False, x_disable_stats=True, x_disable_machine_info=True,
            x_disable_meta=True,
        )  # fmt: skip


def _id(exported: ExportedRun) -> str:
    return exported.run.id[-LONGEST:].lstrip("-")
