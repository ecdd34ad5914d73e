"""What is light stays light: neither the app nor the engine around the training loads torch."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config.schema import Experiment
from engine.runs.store import Store

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "torchvision", "torchmetrics", "sklearn", "timm")
TRAINING = ("engine.training", "engine.models")

SCRIPT = """
import importlib, sys
heavy = sys.argv[1].split(",")
for name in sys.argv[2:]:
    importlib.import_module(name)
    if found := [each for each in heavy if each in sys.modules]:
        sys.exit(f"{name} imports {', '.join(found)}")
"""


def modules(package: str) -> list[str]:
    walked = pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
    return [package, *sorted(found.name for found in walked if not found.name.startswith(TRAINING))]


def assert_light(names: list[str], heavy: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, ",".join(heavy), *names], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_engine_around_the_training_does_not_load_torch():
    names = modules("engine")
    assert {"engine.cli", "engine.runner.attempt", "engine.queue.worker", "engine.history.reader"} <= set(
        names
    )
    assert_light(names, (*HEAVY, "matplotlib"))


@pytest.mark.slow
def test_no_module_of_the_app_loads_torch():
    names = modules("tui")
    assert "tui.cli" in names
    assert_light(names, HEAVY)


@pytest.mark.parametrize("name", ["tui.cli", "engine.cli"])
def test_the_commands_open_without_matplotlib(name):
    assert_light([name], (*HEAVY, "matplotlib", "scipy"))


def test_charts_as_text_are_drawn_without_textual():
    plot = ["tui.commands.plot", "tui.commands.plotted_curves", "tui.widgets.chart.text_chart"]
    assert_light(plot, (*HEAVY, "matplotlib", "scipy", "textual"))


def test_the_app_is_there_before_it_measures_the_machine_or_draws_a_curve():
    assert_light(["tui.app", "tui.feed.feed"], ("psutil", "numpy"))


@pytest.mark.parametrize(
    "arguments", [["ls"], ["ls", "--json"], ["ls", "state=failed model~vit", "--sort", "lr"]]
)
def test_a_list_of_runs_loads_nothing_that_it_does_not_need(arguments, tmp_path):
    slow = {
        "rich.console",
        "asyncio",
        "psutil",
        "tomli",
        "numpy",
        "subprocess",
        "shutil",
        "secrets",
    }
    script = f"""
import sys
from engine.cli import main
try:
    main()
finally:
    print(*({slow} & set(sys.modules)), file=sys.stderr)
"""
    run = Store(tmp_path).create(Experiment(name="x", model="vit_mini"), 0)
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}){script}",
        *arguments,
    ]
    done = subprocess.run([*command, "--runs", str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.id in done.stdout or "state=failed model~vit" in arguments
    assert done.stderr.splitlines()[-1] == ""


def test_the_app_opens_without_numpy():
    """It comes with the first curve; before that it would be a tenth of the time until something is seen."""
    assert_light(["tui.app", "tui.screens.dashboard.screen", "tui.feed.feed"], ("numpy",))
