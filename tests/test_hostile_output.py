"""Whatever runs and arguments say, no verb prints and no file holds what a terminal, a shell or a spreadsheet acts on.

A new verb has to be placed in ``LOOKS``; where it prints nothing of a run, with no call.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner

import engine.cli
import tui.cli
from engine.runs.store import Store
from tests.conftest import ROOT, Engine
from tests.hostile_runs import SAID_BY_SITES, write_project
from tests.hostile_texts import HOSTILE, acted_on

UNSAFE = {key: text for key, text in HOSTILE.items() if acted_on(text)}
"""The texts that a terminal acts on; no experiment can be called so."""
RUN = "RUN"
"""Stands for the id of each run, one after another."""
NAME = "NAME"
"""Stands for the name of an experiment."""

LOOKS: dict[str, list[list[str]]] = {
    "run": [],
    "resume": [],
    "train": [],
    "submit": [],
    "work": [],
    "stop": [["stop", RUN]],
    "move": [["move", RUN, "--first"]],
    "hold": [["hold", RUN]],
    "cancel": [["cancel", RUN]],
    "ls": [["ls"], ["ls", "evil"], ["ls", "--sort", "-test/f1"], ["ls", "--json"]],
    "logs": [["logs", RUN], ["logs", "--json", RUN]],
    "diff": [["diff", RUN, "text-osc52", "--patch"], ["diff", "text-csi", RUN, "--json", "--patch"]],
    "check": [
        ["check"],
        ["check", "--json"],
        ["check", NAME],
        ["check", "--json", NAME],
        ["check", "--run", RUN],
        ["check", "--json", "--run", RUN],
    ],
    "models": [],
    "tag": [["tag", RUN], ["tag", RUN, "+mine", "-t"]],
    "note": [["note", RUN], ["note", RUN, f"of mine {HOSTILE['osc52']}"], ["note", RUN]],
    "rm": [["rm", "--yes", RUN], ["rm", "--list"]],
    "restore": [["restore", RUN]],
    "doctor": [["doctor"], ["doctor", "--json"], ["doctor", "--fix"]],
    "site": [["site", "ls"], ["site", "ls", "--json"]],
    "bridge": [],
    "far-end": [],
    "fetch": [],  # they talk to sites
    "open": [],  # the app: tests/tui/test_hostile_screens.py
    "serve": [],  # the app once more
    "logger": [["logger"]],
    "completion": [["completion", "bash"]],
    "export": [["export", "--to", kind, "--force"] for kind in ("csv", "json", "tensorboard", "parquet")],
    "import": [["import", "exports/csv/metrics.csv", "--runs", "imported"]],
    "plot": [
        ["plot", NAME, "test/f1", "--ascii"],
        ["plot", "state=finished,failed", "test/f1"],
        ["plot", RUN, "x"],
    ],
    "report": [],  # below, with what else draws figures
}
"""What is called of each verb on runs that say hostile texts."""
GROUPS: tuple[click.Group, ...] = (engine.cli.main, tui.cli.main)


def verbs(group: click.Group) -> list[str]:
    return group.list_commands(click.Context(group))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of hostile runs, in which commands are called."""
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("engine.queue.worker.ensure_worker", lambda *_: None)
    return tmp_path


def output_of(group: click.Group, *arguments: str) -> str:
    """Call a verb, and return what it printed; it may refuse, with words."""
    done = CliRunner().invoke(group, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), arguments
    assert "is a fault of" not in done.output, arguments
    return done.output


def calls() -> Iterator[tuple[click.Group, list[str]]]:
    """Yield the calls of ``LOOKS``, with the runs and a name in their places."""
    name = HOSTILE["markup"]
    for group in GROUPS:
        for verb in verbs(group):
            for call in LOOKS[verb]:
                runs = [run.id for run in Store(Path("runs")).runs()] if RUN in call else [""]
                for run in runs:
                    yield group, [{RUN: run, NAME: name}.get(word, word) for word in call]


def test_every_verb_is_called() -> None:
    assert {verb for group in GROUPS for verb in verbs(group)} == set(LOOKS)


@pytest.mark.parametrize("verb", sorted({*LOOKS} - {"export", "import", "rm", "doctor"}))
def test_what_a_verb_says_of_runs_is_text_without_the_last_wall(
    verb: str, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.commands.exit_codes.print_plain", lambda: None)
    for group, call in calls():
        if call[0] == verb:
            assert acted_on(output_of(group, *call)) == [], call


@pytest.mark.slow
def test_what_every_verb_says_of_runs_is_text(lab: Path) -> None:
    """Verbs that change runs come after those that look, and what is thrown away is brought back."""
    for group, call in calls():
        assert acted_on(output_of(group, *call)) == [], call


ARGUMENTS = {key: text for key, text in UNSAFE.items() if "\0" not in text}


EACH = [pytest.param(text, id=key, marks=pytest.mark.slow) for key, text in ARGUMENTS.items()]


@pytest.mark.parametrize("text", [pytest.param("".join(ARGUMENTS.values()), id="all"), *EACH])
def test_what_every_verb_says_of_an_argument_is_text(text: str, lab: Path) -> None:
    shutil.rmtree(lab / "runs")
    for group in GROUPS:
        for verb in [[], *([verb] for verb in verbs(group))]:
            for arguments in ([text], [f"--{text}"], ["--runs", text, "x"]):
                assert acted_on(output_of(group, *verb, *arguments)) == [], (verb, arguments)


def test_json_says_what_the_runs_say(lab: Path) -> None:
    lines = output_of(engine.cli.main, "ls", "--json").splitlines()
    most = 200  # the name of 5,000 characters is cut
    assert [json.loads(line)["experiment"][:most] for line in lines] == [
        text[:most] for text in (*HOSTILE.values(), *(HOSTILE[key] for key in SAID_BY_SITES))
    ]
    assert all(line.isprintable() for line in lines)


ECHO = """
import json, sys
from engine.runner.events_on_stdout import EventLines
lines = EventLines(1)
for text in json.loads(sys.argv[1]):
    lines.write(json.dumps(text, ensure_ascii=False).encode() + b"\\n")
"""


def test_events_that_are_echoed_are_the_same_events_in_printable_lines() -> None:
    command = [sys.executable, "-c", ECHO, json.dumps(list(UNSAFE.values()))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert [json.loads(line) for line in done.stdout.split("\n")[:-1]] == list(UNSAFE.values())
    assert acted_on(done.stdout) == []


def test_a_traceback_is_text() -> None:
    script = (
        "import sys\nfrom engine.commands.plain_output import print_plain\nprint_plain()\n"
        f"print({UNSAFE['csi']!r}, file=sys.stderr)\nraise ValueError({''.join(UNSAFE.values())!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=ROOT)
    assert done.returncode == 1
    assert b"ValueError" in done.stderr
    assert acted_on(done.stderr.decode()) == []


def test_an_output_in_ascii_is_text_too(lab: Path) -> None:
    script = "from engine.cli import main\nmain(['ls', 'a\\x1bbé'])\n"
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT), "PATH": "/bin:/usr/bin"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=lab, env=environment)
    assert done.stderr.decode("ascii") == "no run in runs fits: a b?\n"


def test_a_name_of_a_file_that_is_no_utf_8_is_text(lab: Path) -> None:
    """A byte that a terminal may take for CSI reaches a program as a lone surrogate, which becomes the byte again."""
    command = [sys.executable, "-m", "engine.cli", "ls", "--runs", b"\x9b2J\x1b[2J"]
    done = subprocess.run(
        command, capture_output=True, cwd=lab, env={"PYTHONPATH": str(ROOT), "PATH": "/bin"}
    )
    said = done.stdout + done.stderr
    assert b"2J" in said
    assert b"\x9b" not in said
    assert b"\x1b" not in said


def texts_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files for people and spreadsheets in a folder, and what they hold."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".csv", ".jsonl", ".md", ".tex", ".html", ".svg"):
            yield path, path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_files_that_are_written_hold_nothing_that_acts(lab: Path) -> None:
    formats: list[Any] = [f"--format={kind}" for kind in ("svg", "png", "md", "latex", "csv", "parquet")]
    output_of(tui.cli.main, "export", "--table", *formats, "--out", "out")
    output_of(tui.cli.main, "export", "--table", "curves", *formats, "--out", "out")
    output_of(tui.cli.main, "report", "--out", "out/report")
    for kind in ("csv", "json"):
        output_of(tui.cli.main, "export", "--to", kind, "--out", f"out/{kind}")
    written = dict(texts_in(lab / "out"))
    assert {path.suffix for path in written} == {".csv", ".jsonl", ".md", ".tex", ".html", ".svg"}
    for path, text in written.items():
        assert acted_on(text) == [], path
        if path.suffix == ".svg":
            elements = ElementTree.fromstring(text).iter()  # noqa: S314  it is our own
            tags = {element.tag.rpartition("}")[2] for element in elements}
            assert not tags & {"script", "img", "foreignObject", "a"}, path
        elif path.suffix == ".html":
            assert "<script" not in text
            assert "<img src=x" not in text
        elif path.suffix == ".tex":
            lines = [line for line in text.splitlines() if not line.startswith("%")]
            assert not [line for line in lines if "\\input" in line or "\\write" in line]
        elif path.suffix == ".csv":
            cells = [cell for row in csv.reader(text.splitlines()) for cell in row]
            assert not [cell for cell in cells if cell.lstrip()[:1] in ("=", "+", "@")]
            assert "'=cmd|' /C calc'!A0" in cells


@pytest.mark.slow
def test_what_a_run_prints_here_and_now_is_text(engine: Engine, lab: Path) -> None:
    """A program says hostile texts as events; what else it prints is its own, as without vitui."""
    program = "import json\n" + "\n".join(
        f"print(json.dumps({{'event': 'log', 'level': 'warning', 'message': {text!r}}}), flush=True)"
        for text in UNSAFE.values()
    )
    (engine.folder / "say.py").write_text(program)
    with (engine.folder / "experiments.toml").open("a") as file:
        file.write(f'\n[experiments.says]\ncommand = ["{sys.executable}", "say.py"]\n')
    done = engine("run", "says", "--json")
    assert done.returncode == 0
    assert acted_on(done.stdout.decode()) == []
    messages = [each.get("message") for each in map(json.loads, done.stdout.splitlines())]
    assert set(UNSAFE.values()) <= set(messages)
