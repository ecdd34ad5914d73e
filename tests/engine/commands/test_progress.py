"""What a terminal shows of a run that trains here and now: what was measured, and nothing else."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from engine.commands.progress import ProgressDisplay
from engine.events import End, Event, Metrics, Start


@pytest.fixture
def shown():
    """What a display prints of events: ``shown(start, metrics)``."""

    def show(*events: Event) -> str:
        console = Console(file=io.StringIO(), width=160, force_terminal=True, color_system=None)
        with ProgressDisplay(console) as display:
            for event in events:
                display(event, b"")
        return console.file.getvalue()

    return show


def measured(epoch: float, **values: float) -> Metrics:
    values = {f"test/{name}": value for name, value in values.items()}
    return Metrics(time=1.0, run="mine-s0", step=1, epoch=epoch, values=values)


def test_a_program_is_shown_by_what_it_has_measured_alone(shown):
    text = shown(Start(time=1.0, run="mine-s0", experiment="mine", device="auto"), measured(8, f1=0.8652))
    assert "run mine-s0, auto" in text
    assert "epoch   8  test F1 0.8652" in text
    assert "8.0 epochs" in text
    assert not [word for word in ("parameters", "accuracy", "loss", "8.0/") if word in text]


def test_accuracy_alone_has_its_line_too(shown):
    text = shown(Start(time=1.0, run="mine-s0", experiment="mine", device="auto"), measured(1, accuracy=0.5))
    assert "epoch   1  accuracy 0.5000" in text


def test_a_model_has_its_parameters_and_all_its_scores(shown):
    start = Start(time=1.0, run="mine-s0", experiment="mine", device="cpu", epochs=4, parameters=1000)
    text = shown(start, measured(2, f1=0.5, accuracy=0.25, loss=0.0))
    assert "run mine-s0, 1,000 parameters, cpu" in text
    assert "epoch   2  test F1 0.5000  accuracy 0.2500  loss 0.0000" in text
    assert "2.0/4 epochs" in text


def test_a_run_that_was_stopped_says_how_it_goes_on(shown):
    end = End(time=1.0, run="mine-s0", state="stopped", reason="stopped by SIGINT at epoch 0.67")
    assert "`engine resume mine-s0` goes on with it" in shown(end)


def test_the_end_names_the_line_that_draws_it(shown):
    end = End(time=1.0, run="mine-s0", state="finished", duration_s=1.0)
    assert "`vitui plot mine-s0 test/f1` draws it" in shown(measured(1, accuracy=0.5, f1=0.5), end)
    own = Metrics(time=1.0, run="mine-s0", step=1, epoch=0.0, values={"my reward": 1.0, "other": 2.0})
    assert "`vitui plot mine-s0 'my reward'` draws it" in shown(own, end)
    assert "draws it" not in shown(end)
