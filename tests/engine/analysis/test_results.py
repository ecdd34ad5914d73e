"""What came of experiments: the right runs and the right numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.analysis.results import OVER_SEEDS, Result, read_gpu_hours, result_of
from engine.analysis.runs_that_count import Candidate, read_candidates
from engine.config.schema import Experiment
from engine.events import Metrics, Start
from engine.runs.recorder import Recorder
from engine.runs.status import Status
from engine.runs.store import Run, RunInfo, Store

EXPERIMENT = Experiment(name="a", model="vit_mini", dataset="digits", image_size=16, patch_size=4)


def candidate(seed: int = 0, **status: Any) -> Candidate:
    config = msgspec.to_builtins(EXPERIMENT)
    info = RunInfo(id=f"a-s{seed}", experiment="a", seed=seed, created=1e9, config=config)
    made = Status(run=info.id, experiment="a", seed=seed, state="finished", **{"device": "cuda:0", **status})
    return Candidate(Run(Path(info.id)), info, made)


def result(*candidates: Candidate) -> Result | None:
    return result_of(EXPERIMENT, candidates, lambda each, metric: 0.5 + each.info.seed)


def write(store: Store, seed: int, values: dict[str, float], summary: dict[str, object] | None = None) -> Run:
    run = store.create(EXPERIMENT, seed)
    recorder = Recorder(run)
    recorder.emit(
        Start(
            time=1e9, run=run.id, experiment="a", seed=seed, device="cuda:0 NVIDIA H100", parameters=1000,
            config={"gpus": 2, "model": "vit_mini", "batch_size": 8},
        )
    )  # fmt: skip
    recorder.emit(Metrics(time=1e9 + 1800, run=run.id, step=10, epoch=1.0, values=dict(values)))
    recorder.end("finished", "", summary=summary or {})
    recorder.close()
    return run


def found(store: Store) -> Result:
    candidates, troubles = read_candidates(store)
    assert not troubles
    made = result_of(EXPERIMENT, candidates, read_gpu_hours)
    assert made is not None
    return made


def test_a_row_over_seeds(store: Store) -> None:
    for seed in range(3):
        write(
            store, seed,
            {
                "test/f1": 0.5 + seed / 10, "test/accuracy": 0.7, "train/images_per_s": 100.0 * (seed + 1),
                "gpu/memory_peak": 2.0**30 * (seed + 1), "gpu/1/memory_peak": 2.0**31, "gpu/memory_process": 9e9,
                "gpu/energy": 1000.0, "gpu/1/energy": 500.0 * seed, "cpu/memory_process": 5e9,
            },
        )  # fmt: skip
    made = found(store)
    f1 = made.scores["test/f1"]
    assert f1.values == pytest.approx((0.5, 0.6, 0.7))
    assert (f1.mean, f1.sd) == pytest.approx((0.6, 0.1))
    assert f1.interval is not None
    assert f1.interval.kind == OVER_SEEDS
    assert (f1.interval.low, f1.interval.high) == pytest.approx((0.6 - 0.24841377, 0.6 + 0.24841377))
    assert made.images_per_s == 200
    assert made.gpu_memory == 3 * 2**30
    assert made.host_memory is None
    assert made.joules == 1500
    assert made.gpu_hours == pytest.approx(2 * 0.5)  # two GPUs for half an hour
    assert (made.parameters, made.data, made.remarks) == (1000, "digits", ())


def test_a_batch_that_is_larger_than_the_data_is_remarked(store: Store) -> None:
    write(store, 0, {"test/f1": 0.5})
    candidates, _ = read_candidates(store)
    made = result_of(msgspec.structs.replace(EXPERIMENT, batch_size=10**8), candidates, read_gpu_hours)
    assert made is not None
    assert "training images: one step an epoch" in made.remarks[-1]


def test_one_seed_has_the_interval_that_its_end_told(store: Store) -> None:
    told = {"value": 0.5, "low": 0.45, "high": 0.56, "n": 360}
    write(store, 0, {"test/f1": 0.5, "test/accuracy": 0.7}, {"test/f1": told, "test/accuracy": told})
    scores = found(store).scores
    assert scores["test/f1"].interval == (0.45, 0.56, "over test images")
    assert scores["test/f1"].sd is None
    assert scores["test/accuracy"].interval is None  # it does not hold the accuracy


def test_numbers_that_are_none_are_left_out_and_named() -> None:
    runs = [
        candidate(seed=seed, last={"test/f1": value}) for seed, value in enumerate([0.5, None, 0.7, 1e200])
    ]
    made = result(*runs)
    assert made is not None
    assert made.scores["test/f1"].values == (0.5, 0.7)
    assert made.remarks == ("a: test/f1 of seed 1, 3 is no usable number and is left out.",)
    assert result(candidate(last={"test/f1": None})) is None
    assert result() is None


def test_a_run_on_the_cpu_takes_no_gpu_hours() -> None:
    made = result(
        candidate(last={"test/f1": 0.5}, device="cpu (2 threads)", best={"cpu/memory_process": 1e9})
    )
    assert made is not None
    assert (made.gpu_hours, made.gpu_memory, made.host_memory) == (None, None, 1e9)


def test_accuracy_alone_is_enough() -> None:
    made = result(candidate(last={"test/accuracy": 0.5}))
    assert made is not None
    assert set(made.scores) == {"test/accuracy"}


def test_the_interval_of_a_mean_of_shares_stays_between_0_and_1() -> None:
    made = result(
        *(candidate(seed=seed, last={"test/f1": value}) for seed, value in enumerate([0.9, 0.99, 1.0]))
    )
    assert made is not None
    interval = made.scores["test/f1"].interval
    assert interval is not None
    assert 0 < interval.low < 0.963 < interval.high < 1
