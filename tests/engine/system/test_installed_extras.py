"""What an extra lacks is told without loading it."""

from __future__ import annotations

import pytest

from engine.config.preflight_warnings import missing
from engine.config.schema import Experiment
from engine.system.installed_extras import EXTRAS, lacking


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch and timm are not there."""
    monkeypatch.setitem(EXTRAS, "train", ("no_torch", "json"))  # type: ignore[index]
    monkeypatch.setitem(EXTRAS, "timm", ("no_timm",))  # type: ignore[index]


def test_what_is_installed_lacks_nothing() -> None:
    assert lacking(*(EXTRAS.keys() - {"hf"})) == ""  # which the tests are run without


@pytest.mark.usefixtures("hidden")
def test_it_names_what_is_missing_and_the_extras_that_bring_it() -> None:
    assert lacking("parquet") == ""
    assert lacking("train") == "needs no_torch, not installed here: `pip install 'vitui[train]'`"
    assert (
        lacking("train", "timm")
        == "needs no_torch, no_timm, not installed here: `pip install 'vitui[train,timm]'`"
    )


@pytest.mark.usefixtures("hidden")
def test_an_experiment_needs_what_its_model_needs_and_a_program_nothing() -> None:
    experiment = Experiment(name="x", model="vit_mini", dataset="digits")
    assert missing(experiment).startswith("training needs no_torch, not")
    assert "no_timm" in missing(Experiment(name="x", model="timm:resnet18", dataset="digits"))
    assert missing(Experiment(name="x", model="vit_mini", command=["true"])) == ""
