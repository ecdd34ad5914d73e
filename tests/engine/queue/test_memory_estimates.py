"""What a run will take of a GPU: measured by its like, else worked out on paper by another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import msgspec
import pytest

from engine.catalog.datasets import stored_bytes
from engine.config.schema import SCRIPT, Experiment
from engine.queue import memory_estimates
from engine.queue.memory_estimates import CONTEXT, MemoryEstimates, shape_of
from engine.runs.status import Status
from engine.runs.status_file import save
from engine.runs.store import Run, Store
from engine.text import GIB
from tests.conftest import queued
from tests.engine.sites.test_local_devices import FakeGpus, card


@pytest.fixture
def vit() -> Experiment:
    return Experiment(
        name="vit", model="vit_mini", image_size=8, patch_size=4, batch_size=32, precision="bf16"
    )


def measured(store: Store, experiment: Experiment, **best: float) -> Run:
    run = store.create(experiment, seed=0)
    save(run, Status(run=run.id, best={name.replace("__", "/"): value for name, value in best.items()}))
    return run


def settled(found: MemoryEstimates, run: Run, until) -> int | None:
    """Return the estimate once the process that works it out has answered."""
    found.of(run)
    until(lambda: found.poll() or found._calculation is None)
    return found.of(run)


class TestMeasured:
    @pytest.mark.parametrize(
        ("best", "size"),
        [
            ({"gpu__memory_process": 9 * GIB}, 9 * GIB),
            ({"gpu__memory_process": 79 * GIB, "gpu__memory_peak": 20 * GIB}, 21 * GIB + CONTEXT),
            ({"gpu__memory_process": 21 * GIB, "gpu__memory_peak": 20 * GIB}, 21 * GIB),
            ({"gpu__0__memory_process": 5 * GIB, "gpu__1__memory_process": 7 * GIB}, 7 * GIB),
        ],
    )
    def test_what_a_run_of_its_shape_needed(self, store, vit, best, size):
        measured(store, vit, **best)
        measured(store, msgspec.structs.replace(vit, batch_size=64), gpu__memory_process=50 * GIB)
        like = queued(store, msgspec.structs.replace(vit, lr=1e-2, epochs=99), seed=7)
        assert MemoryEstimates(store).of(like) == size

    def test_its_own_dataset_takes_the_place_of_the_other(self, store, vit):
        measured(store, vit, gpu__memory_process=9 * GIB)
        other = store.create(msgspec.structs.replace(vit, dataset="digits"), seed=0)
        difference = stored_bytes({"dataset": "cifar10"}) - stored_bytes({"dataset": "digits"})
        assert difference > 170 * 2**20
        assert MemoryEstimates(store).of(other) == 9 * GIB - difference

    def test_the_most_that_any_needed_and_what_is_new_after_another_look(self, store, vit):
        found = MemoryEstimates(store)
        for size in (3, 9, 5):
            measured(store, vit, gpu__memory_process=size * GIB)
        run = store.create(vit, seed=1)
        assert found.of(run) == 9 * GIB
        measured(store, vit, gpu__memory_process=11 * GIB)
        assert found.of(run) == 9 * GIB
        found.look_again()
        assert found.of(run) == 11 * GIB

    def test_what_a_cpu_or_a_damaged_folder_says_is_passed_over(self, store, vit):
        measured(store, vit, cpu__memory_process=9 * GIB)
        measured(store, vit, gpu__memory_process=9 * GIB).status_file.write_text("{")
        (measured(store, vit, gpu__memory_process=9 * GIB).path / "run.json").write_text("{")
        assert memory_estimates._measured(store) == {}


class TestShapes:
    @pytest.mark.parametrize(
        ("change", "same"),
        [({"lr": 1.0}, True), ({"seed": 4}, True), ({"epochs": 2}, True), ({"batch_size": 64, "gpus": 2}, True),
         ({"dataset": "digits"}, True), ({"compile": "on"}, True), ({"compile": "off"}, False), ({"ema": 0.9}, False),
         ({"checkpointing": True}, False),
         ({"batch_size": 64}, False), ({"image_size": 16}, False), ({"patch_size": 2}, False),
         ({"precision": "float32"}, False), ({"model": "vit_s"}, False), ({"options": {"pool": "mean"}}, False)],
    )  # fmt: skip
    def test_it_is_what_memory_depends_on(self, vit, change, same):
        one, two = (msgspec.structs.asdict(each) for each in (vit, msgspec.structs.replace(vit, **change)))
        assert (shape_of(one) == shape_of(two)) is same

    def test_a_program_of_the_users_has_none(self, store):
        run = store.create(Experiment(name="x", model=SCRIPT, command=["x"]), seed=0)
        assert MemoryEstimates(store).of(run) is None


class TestOnPaper:
    @pytest.mark.slow
    def test_the_process_answers_for_one_gpu_of_several(self, vit):
        asked = msgspec.json.encode(msgspec.structs.replace(vit, batch_size=64, gpus=2, dataset="cifar100"))
        answer = subprocess.run(
            [sys.executable, "-m", "engine.training.cost"], input=asked, capture_output=True, check=True
        )
        from engine.training.cost import explain

        total = explain("vit_mini", 8, 4, 32, 100, precision="bf16").memory.total
        assert memory_estimates._total(answer.stdout) == int(memory_estimates.PAPER_MARGIN * total) + CONTEXT

    @pytest.mark.parametrize("answer", [b"", b"{", b"{}", b'{"weights": "many"}', b"\xff", b"[1, 2]"])
    def test_what_is_no_answer_says_nothing(self, answer):
        assert memory_estimates._total(answer) is None

    @pytest.mark.slow
    def test_another_process_works_it_out_once(self, store, vit, until):
        run = queued(store, vit, seed=0)
        found = MemoryEstimates(store)
        assert found.of(run) is None  # not yet
        size = settled(found, run, until)
        from engine.training.cost import explain

        memory = explain("vit_mini", 8, 4, 32, 10, precision="bf16").memory
        model = int(memory_estimates.PAPER_MARGIN * memory.total) + CONTEXT
        assert size == model + stored_bytes({"dataset": "cifar10"})
        again = MemoryEstimates(store)
        assert again.of(run) == size
        assert again._calculation is None
        assert list(json.loads((store.root / ".memory.json").read_text()).values()) == [model]

    @pytest.mark.slow
    def test_a_model_of_timm_with_batch_norm_is_known(self, store, vit, until):
        resnet = msgspec.structs.replace(vit, model="timm:resnet18", image_size=32, patch_size=None)
        size = settled(MemoryEstimates(store), store.create(resnet, seed=0), until)
        assert size is not None
        assert size > CONTEXT + 4 * 11_181_642 * 4

    def test_what_cannot_be_worked_out_stays_unknown_and_is_not_tried_again(
        self, store, vit, until, monkeypatch
    ):
        monkeypatch.setattr(sys, "executable", "/bin/false")
        run = store.create(vit, seed=0)
        found = MemoryEstimates(store)
        assert settled(found, run, until) is None
        assert found._calculation is None

    @pytest.mark.slow
    def test_what_takes_too_long_is_ended(self, store, vit, until, monkeypatch):
        popen = subprocess.Popen
        monkeypatch.setattr(
            memory_estimates.subprocess, "Popen", lambda _, **rest: popen(["sleep", "60"], **rest)
        )
        monkeypatch.setattr(memory_estimates, "TIMEOUT_S", 0.1)
        began = time.monotonic()
        assert settled(MemoryEstimates(store), store.create(vit, seed=0), until) is None
        assert time.monotonic() - began < 10

    def test_a_worker_that_ends_takes_it_along(self, store, vit):
        found = MemoryEstimates(store)
        found.of(store.create(vit, seed=0))
        process = found._calculation.process
        found.close()
        assert process.returncode is not None


def test_runs_share_a_gpu_while_their_memory_fits(store, vit, monkeypatch):
    """From the measured memory of their like to the plan; nothing is started."""
    from engine.queue.worker import Worker
    from engine.sites.local_devices import LocalDevices

    monkeypatch.setattr(os, "environ", os.environ | {"CUDA_VISIBLE_DEVICES": "0"})
    measured(store, vit, gpu__memory_process=30 * GIB)
    runs = [queued(store, vit, seed, submitted=float(seed), share=True) for seed in range(3)]
    started = []

    def start(run, devices):
        started.append(run.id)
        return ""

    worker = Worker(store, LocalDevices(gpus=FakeGpus(card(0))), 30.0)
    monkeypatch.setattr(worker, "_start", start)
    worker.turn()
    assert started == [run.id for run in runs[:2]]
