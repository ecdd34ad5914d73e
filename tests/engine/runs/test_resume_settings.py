"""A run goes on as it last started, with other settings for the machine and the same for what it learns."""

from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from msgspec.structs import replace

from engine.config.validate import ConfigError
from engine.events import Start
from engine.queue.stop_and_resume import request_resume
from engine.runs.queue_entry import queue_entry
from engine.runs.recorder import Recorder
from engine.runs.resume_settings import changed, last_experiment


def test_a_smaller_batch_accumulates_to_the_same_step(tiny):
    experiment = replace(tiny, batch_size=128, accumulate=2, lr=1e-3)
    small = changed(experiment, ["batch_size=32", "workers=1"])
    assert (small.batch_size, small.accumulate, small.lr, small.workers) == (32, 8, 1e-3, 1)
    assert changed(small, ["batch_size=256"]) == replace(experiment, batch_size=256, accumulate=1, workers=1)
    assert changed(experiment, []) is experiment


def test_what_would_be_another_experiment_is_refused(tiny):
    for setting in ("lr=1e-3", "epochs=9", "seed=2", "model=vit_b", "accumulate=2", "optimizer=sgd"):
        with pytest.raises(ConfigError, match="may change batch_size, precision"):
            changed(tiny, [setting])
    with pytest.raises(
        ConfigError, match="does not divide the 32 images of an optimizer step; 1, 2, 4, 8, 16, 32 do"
    ):
        changed(tiny, ["batch_size=48"])
    with pytest.raises(ConfigError, match="whole number"):
        changed(tiny, ["batch_size=0"])


def test_graphs_of_one_batch_are_not_made_graphs_of_several(tiny):
    """A run out of memory is told to take a smaller batch, which accumulates."""
    experiment = replace(tiny, batch_size=128, compile="graphs")
    with pytest.raises(
        ConfigError, match="--set compile: 'graphs' takes one batch in a step, and accumulate is 4"
    ):
        changed(experiment, ["batch_size=32"])
    small = changed(experiment, ["batch_size=32", "compile=on"])
    assert (small.compile, small.accumulate) == ("on", 4)
    assert changed(experiment, ["workers=1"]).compile == "graphs"


def test_the_last_start_says_how_a_run_goes_on(run, tiny):
    assert last_experiment(run) == tiny
    recorder = Recorder(run)
    for attempt, size in ((1, 32), (2, 8)):
        config = msgspec.to_builtins(replace(tiny, batch_size=size))
        recorder.emit(Start(time=1.0, run=run.id, attempt=attempt, config=config))
    recorder.log("info", 'says "start" too')
    recorder.close()
    assert last_experiment(run).batch_size == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.pop("model"), "missing required field `model`"),
        (lambda config: config.update(brand_new=1), "unknown field `brand_new`"),
        (lambda config: config.update(epochs="many"), "got `str` - at `$.epochs`"),
    ],
    ids=["older", "newer", "other"],
)
class TestOfAnotherVersion:
    def test_run_json_is_named_with_the_field(self, run, change, message):
        facts = json.loads((run.path / "run.json").read_bytes())
        change(facts["config"])
        (run.path / "run.json").write_text(json.dumps(facts))
        with pytest.raises(ConfigError) as error:
            last_experiment(run)
        assert f"{run.id}/run.json: config: " in str(error.value)
        assert message in str(error.value)
        with pytest.raises(ConfigError), crashed(run):
            request_resume(run)
        assert queue_entry(run) is None


def test_and_so_are_its_events(run, tiny):
    config = msgspec.to_builtins(tiny) | {"workers": "as many as there are"}
    with crashed(run, config), pytest.raises(ConfigError, match=r"its last start: config: .*\$.workers"):
        last_experiment(run)


@contextlib.contextmanager
def crashed(run, config=None):
    """Have a run's process be gone without a word."""
    recorder = Recorder(run)
    recorder.emit(Start(time=1.0, run=run.id, attempt=1, config=config or {}))
    recorder.close()
    yield
