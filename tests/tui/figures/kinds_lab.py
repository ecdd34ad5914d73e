"""Runs for figures of every kind, written by the engine's own recorder, and what is drawn of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.analysis.results import result_of
from engine.analysis.runs_that_count import read_candidates
from engine.catalog.figure_kinds import KINDS
from engine.config.loader import Config, load_config
from engine.events import Confusion, End, Metrics, Start
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from tests.tui.figures.test_export_figures import FEW_PIXELS, HEAD
from tui.figures import registry
from tui.figures.export_figures import export_figures
from tui.figures.figure_sheet import SMALL

NAN = float("nan")
EVERY = sorted(KINDS)
ANIMALS = ("bird", "cat", "dog")
NEEDED = {"bars": 'y = "test/f1"', "scatter": 'y = "test/f1"', "curves": 'y = "test/f1"'}
PHASES = {"time/data": 0.001, "time/forward": 0.01, "time/backward": 0.02, "time/optimizer": 0.004}


class Lab:
    """Experiments, runs of them written by the engine's own recorder, and the figures drawn of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.store, self.out = folder, Store(folder / "runs"), folder / "images"
        self.said: list[str] = []
        self.drawn: list[Any] = []
        watched = {
            name: dataclasses.replace(kind, draw=self._watch(kind.draw))
            for name, kind in registry.KINDS.items()
        }
        monkeypatch.setattr("tui.figures.make_figure.KINDS", watched)

    def _watch(self, draw: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any) -> Any:
            self.drawn.append(draw(*args))
            return self.drawn[-1]

        return watched

    def config(self, experiments: Sequence[str], figures: str) -> Config:
        tables = "".join(f"[experiments.{json.dumps(name, ensure_ascii=False)}]\n" for name in experiments)
        (self.folder / "experiments.toml").write_text(HEAD + tables + figures, encoding="utf-8")
        return load_config(self.folder / "experiments.toml")

    def train(
        self, config: Config, name: str, f1: float = 0.5, *, seed: int = 0, matrix: Any = None, device: str = "cuda:0",
        parameters: int = 1000, state: Any = "finished", interval: tuple[float, float] | None = None,
        labels: Sequence[str] = ANIMALS, **values: float,
    ) -> Run:  # fmt: skip
        run = self.store.create(config.experiments[name], seed)
        recorder = Recorder(run)
        recorder.emit(
            Start(
                time=1.79e9, run=run.id, experiment=name, seed=seed, device=device, epochs=2, parameters=parameters,
                steps_per_epoch=10, config={"evaluate_every": 1, "gpus": 1},
            )
        )  # fmt: skip
        for epoch, score in ((1, f1 / 2), (2, f1)):
            measured = {"test/f1": score, "train/images_per_s": 100.0, "gpu/energy": 500.0 * epoch,
                        "gpu/memory_peak": 2.0**30, "cpu/memory_process": 2.0**30, "time/evaluation": 0.05}  # fmt: skip
            measured |= PHASES | {key.replace("__", "/"): value for key, value in values.items()}
            when = 1.79e9 + 60 * epoch
            recorder.emit(Metrics(time=when, run=run.id, step=10 * epoch, epoch=epoch, values=dict(measured)))
            counts = np.asarray([[8, 1, 1], [2, 6, 2], [0, 0, 10]] if matrix is None else matrix) * epoch
            recorder.emit(
                Confusion(
                    time=when, run=run.id, step=10 * epoch, epoch=epoch, split="test", labels=list(labels),
                    matrix=counts.tolist(),
                )
            )  # fmt: skip
        if state:
            summary = (
                {"test/f1": {"value": f1, "low": interval[0], "high": interval[1], "n": 30}}
                if interval
                else {}
            )
            recorder.emit(End(time=1.79e9 + 130, run=run.id, state=state, duration_s=130.0, summary=summary))
        recorder.close()
        return run

    def export(self, config: Config, *names: str, formats: Sequence[Any] = ("png",), **how: Any) -> bool:
        self.said, self.drawn = [], []
        how = {"look": FEW_PIXELS} | how
        return export_figures(config, self.store, names, self.out, formats, say=self.said.append, **how)

    def result(self, config: Config, name: str, metric: str = "test/f1") -> Any:
        return result_of(config.experiments[name], read_candidates(self.store)[0], lambda *_: None, (metric,))


def table(kind: str, experiments: Sequence[str], more: str = "") -> str:
    listed = json.dumps(experiments, ensure_ascii=False)
    return f'[figures.{kind}]\nkind = "{kind}"\n{NEEDED.get(kind, "")}\nexperiments = {listed}\n{more}\n'


def all_kinds(experiments: Sequence[str]) -> str:
    return "".join(table(kind, experiments) for kind in EVERY)


def texts(figure: Any) -> list[str]:
    return [each.get_text() for each in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def small_print(figure: Any) -> str:
    written = next(text for text in reversed(figure.texts) if text.get_fontsize() == SMALL)
    return written.get_text().replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ")
