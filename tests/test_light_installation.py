"""Without PyTorch vitui shows, queues, compares, reports and exports; what trains says in a line what is missing.

`.ci/run` names in LIGHT_PYTHON the interpreter of an installation without extras. Elsewhere the packages of the extra
``train`` are hidden from this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from engine.queue.worker import ensure_worker
from engine.runs.store import Store
from engine.system.installed_extras import EXTRAS
from tests.conftest import ROOT

pytestmark = pytest.mark.slow  # two dozen commands

HOW = "`pip install 'vitui[train]'`"
ABSENT = ("torch", "torchvision", "torchmetrics")
"""The fourth, PIL, comes with matplotlib."""
HIDE = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
CONFIG = """
[experiments.mine]
command = ["sh", "-c", "echo '{\\"event\\":\\"metrics\\",\\"step\\":1,\\"values\\":{\\"test/f1\\":0.5}}'"]

[experiments.tiny]
model = "vit_mini"
dataset = "digits"
image_size = 8
patch_size = 4
epochs = 1

[experiments.pretrained]
model = "timm:resnet18"
dataset = "digits"
image_size = 32
"""


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that has no PyTorch."""
    if "LIGHT_PYTHON" in os.environ:
        return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "sitecustomize.py").write_text(HIDE)
    return os.environ | {"PYTHONPATH": f"{folder}:{ROOT}"}


@pytest.fixture
def project(tmp_path: Path, light: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the experiments above, the replayed ones of docs/, and their runs."""
    (tmp_path / "experiments.toml").write_text(CONFIG)
    with tarfile.open(ROOT / "docs" / "replay.tar.xz") as archive:
        archive.extractall(tmp_path / "replay", filter="data")
    monkeypatch.setattr("tests.test_light_installation.ENVIRONMENT", light)
    return tmp_path


ENVIRONMENT: dict[str, str] = {}


def call(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    module = {"engine": "engine.cli", "vitui": "tui.cli"}[words[0]]
    start = f"import sys; from {module} import main; sys.argv[0] = {words[0]!r}; main()"
    python = os.environ.get("LIGHT_PYTHON", sys.executable)
    return subprocess.run(
        [python, "-c", start, *words[1:]],
        cwd=project,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def done(project: Path, *words: str) -> str:
    """Return what a command prints that has to do its work."""
    called = call(project, *words)
    assert called.returncode == 0, (words, called.stderr)
    assert "Traceback" not in called.stderr
    return called.stdout


def test_there_is_no_torch_here(light: dict[str, str]) -> None:
    python = os.environ.get("LIGHT_PYTHON", sys.executable)
    assert {*ABSENT} < {*EXTRAS["train"]}
    for module in ABSENT:
        assert subprocess.run([python, "-c", f"import {module}"], env=light, capture_output=True).returncode


@pytest.mark.parametrize(
    "words",
    [
        ("run", "tiny"),
        ("run", "pretrained"),
        ("submit", "tiny", "--on", "slurm:gpu"),
        ("models",),
        ("models", "--explain", "tiny"),
        ("models", "--json"),
    ],
)
def test_what_needs_it_says_so_in_a_line(project: Path, words: tuple[str, ...]) -> None:
    called = call(project, "engine", *words)
    assert (called.returncode, called.stdout) == (2, "")
    assert called.stderr.count("\n") == 1
    assert "torch, torchvision, torchmetrics" in called.stderr
    assert HOW in called.stderr.replace("train,timm", "train")
    assert not (project / "runs").exists()


def test_what_cannot_train_here_waits_for_who_can(project: Path) -> None:
    called = call(project, "engine", "submit", "tiny", "mine")
    assert called.returncode == 0
    assert (
        f"tiny: training needs torch, torchvision, torchmetrics, not installed here: {HOW}" in called.stderr
    )
    states = {}
    deadline = time.monotonic() + 60
    while (
        states.get("mine") != "finished" and time.monotonic() < deadline
    ):  # a program of one's own needs none
        runs = [json.loads(line) for line in done(project, "engine", "ls", "--json").splitlines()]
        states = {run["experiment"]: run["state"] for run in runs}
    assert states == {"mine": "finished", "tiny": "queued"}
    assert "waits for a machine that can train it" in done(project, "engine", "ls", "state=queued")
    assert "has left the queue" in done(project, "engine", "stop", "tiny")
    refused = call(project, "engine", "resume", "tiny")
    assert refused.returncode == 2
    assert HOW in refused.stderr


def test_a_worker_that_can_train_takes_what_a_light_one_left(project: Path) -> None:
    done(project, "engine", "submit", "tiny")
    store = Store(project / "runs")
    (run,) = store.runs()
    ensure_worker(store)
    deadline = time.monotonic() + 120
    while not (run.checkpoints / "last.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert (run.checkpoints / "last.pt").exists()


def test_it_shows_and_exports(project: Path) -> None:
    of_docs = ("--config", str(ROOT / "docs" / "replay.toml"), "--runs", "replay/runs")
    assert "ViT-B" in done(project, "engine", "ls", "--runs", "replay/runs")
    assert "training needs torch" in done(project, "engine", "check")
    assert "vit_mini" in done(project, "engine", "check", "tiny")
    done(project, "engine", "doctor", "--runs", "replay/runs")
    assert "ViT-B" in done(project, "vitui", "open", *of_docs, "--once")
    assert "×3 0." in done(project, "vitui", "plot", *of_docs, "ViT-B-32x32-16-7", "test/f1")
    assert done(project, "vitui", "report", *of_docs, "--out", "report")
    assert (project / "report" / "report.html").stat().st_size > 100_000
    assert done(project, "vitui", "export", *of_docs, "--out", "figures", "final_f1")
    assert list((project / "figures").glob("final_f1.p*"))
    assert done(project, "vitui", "export", "--table", *of_docs, "--out", "tables", "final_f1")
    (project / "mlp-1.csv").write_text("epoch,loss,f1\n1,2.0,0.1\n2,1.5,0.3\n")
    done(project, "vitui", "import", "mlp-1.csv", "--runs", "imported")
    assert "mlp-1" in done(project, "engine", "ls", "--runs", "imported")


def test_the_app_compares(project: Path) -> None:
    """It opens on the replayed runs, overlays two and compares them, with a pilot that needs no pytest."""
    script = f"""
import asyncio
from pathlib import Path
from tui.app import VituiApp
from tui.state.snapshot import Project

async def compare():
    app = VituiApp(Project(Path(), Path({str(ROOT / "docs" / "replay.toml")!r}), Path("replay/runs")))
    async with app.run_test(size=(120, 36)) as pilot:
        for _ in range(200):
            await pilot.pause(0.05)
            if app.dashboard.snapshot.runs and not app.dashboard.snapshot.loading:
                break
        await pilot.press("space", "j", "space", "c")
        for _ in range(200):
            await pilot.pause(0.05)
            if type(app.screen).__name__ != "Dashboard":
                break
        await pilot.pause(0.5)
        print(type(app.screen).__name__)

asyncio.run(compare())
"""
    python = os.environ.get("LIGHT_PYTHON", sys.executable)
    shown = subprocess.run(
        [python, "-c", script], cwd=project, env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )
    assert (shown.returncode, shown.stdout.strip()) == (0, "CompareScreen"), shown.stderr
