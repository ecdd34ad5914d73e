"""What a program prints arrives whole, at once and in bounded memory; after its end nothing is heard any more."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import MAX_LINE, End, Log, Metrics, decode
from engine.runner.program_output import BLOCK, PATIENCE_S, OutputLines
from engine.runs.store import Run, Store
from tests.conftest import Engine


class Heard:
    """Lines that begin with ``{e`` are events."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.text = b""
        self.refused = 0
        self.lines = OutputLines(self.hear, self.pass_on, self.refuse)

    def hear(self, line: bytes) -> bool:
        if line.startswith(b"{e"):
            self.events.append(line)
        return line.startswith(b"{e")

    def pass_on(self, data: bytes) -> None:
        assert data
        self.text += data

    def refuse(self, beginning: bytes) -> None:
        self.refused += beginning.startswith(b"{")


PIECES = st.sampled_from(
    [b"{e1}\n", b"{no}\n", b"text\n", b"\n", b"\r 10%", b"{e", b"}", b"x" * 70_000, b" {e}\n"]
)


@given(st.lists(st.tuples(PIECES, st.integers(0, 1000)), max_size=30))
def test_however_it_is_cut_each_byte_arrives_once(pieces: list[tuple[bytes, int]]) -> None:
    heard, now = Heard(), 0.0
    for piece, milliseconds in pieces:
        now += milliseconds / 1000
        heard.lines.look(now)
        heard.lines.feed(piece, now)
    heard.lines.finish()
    lines = b"".join(piece for piece, _ in pieces).splitlines(keepends=True) if pieces else []
    lines = b"".join(lines).split(b"\n")
    whole = [line + b"\n" for line in lines[:-1]] + [line for line in lines[-1:] if line]
    assert heard.events == [line for line in whole if line.startswith(b"{e")]
    assert heard.text == b"".join(line for line in whole if not line.startswith(b"{e"))


def test_what_cannot_become_an_event_is_not_kept() -> None:
    heard = Heard()
    heard.lines.feed(b"\r 10%", 0.0)
    heard.lines.look(PATIENCE_S / 2)
    assert heard.text == b""
    heard.lines.look(PATIENCE_S)
    assert heard.text == b"\r 10%"
    heard.lines.feed(b"\r 11%", PATIENCE_S)  # the same line goes on
    assert heard.text == b"\r 10%\r 11%"
    for _ in range(3):
        heard.lines.feed(b"x" * BLOCK, 1.0)
    assert len(heard.text) == 10 + 3 * BLOCK
    heard.lines.feed(b"\n{e}\n", 1.0)
    assert heard.events == [b"{e}\n"]


def test_a_line_that_may_become_an_event_is_waited_for_up_to_a_bound() -> None:
    heard, now = Heard(), 0.0
    for _ in range(MAX_LINE // BLOCK):
        heard.lines.feed(b"{" * BLOCK, now := now + 1)
        heard.lines.look(now)
    assert (heard.text, heard.refused) == (b"", 0)
    heard.lines.feed(b"{", now)
    assert (len(heard.text), heard.refused) == (MAX_LINE + 1, 1)
    heard.lines.feed(b"{e}\n{e}\n", now)  # the first is the end of that line
    assert heard.events == [b"{e}\n"]
    heard.lines.feed(b"{e" + b" " * MAX_LINE + b"\n", now)
    assert (heard.events, heard.refused) == ([b"{e}\n"], 2)


def program(lab: Path, text: str) -> None:
    (lab / "program.py").write_text(text)
    command = msgspec.json.encode([sys.executable, "program.py"]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")


def only_run(lab: Path) -> Run:
    (run,) = Store(lab / "runs").runs()
    return run


def test_a_bar_without_newlines_is_seen_as_it_grows_and_stays_when_all_is_killed(
    lab: Path, engine: Engine, until: Callable[..., None]
) -> None:
    program(
        lab,
        "import sys, time\nfor i in range(600):\n"
        "    sys.stdout.write('\\r%d%% loss 1.%d' % (i, i)); sys.stdout.flush(); time.sleep(0.05)\n",
    )
    process = engine.start("run", "mine")
    until(lambda: Store(lab / "runs").runs() and only_run(lab).console.exists())
    until(lambda: b"% loss" in only_run(lab).console.read_bytes(), 20)
    process.kill()
    process.communicate()
    assert b"\r0% loss 1.0" in only_run(lab).console.read_bytes()


def test_the_last_words_of_a_program_need_no_newline(lab: Path, engine: Engine) -> None:
    program(lab, "import sys\nsys.stderr.write('first\\nSegmentation')\nsys.stderr.flush()\nsys.exit(3)")
    assert engine("run", "mine").returncode == 1
    end = decode(only_run(lab).events.read_bytes().splitlines()[-1])
    assert isinstance(end, End)
    assert end.reason == "its command ended with status 3; console.log ends: Segmentation"
    assert only_run(lab).console.read_bytes() == b"first\nSegmentation"


def test_an_event_that_is_too_long_is_in_the_console_and_said(lab: Path, engine: Engine) -> None:
    program(
        lab,
        "import json\n"
        "print(json.dumps({'event': 'log', 'level': 'info', 'message': 'x' * 5_000_000}))\n"
        "print(json.dumps({'event': 'metrics', 'step': 2, 'epoch': 2, 'values': {'test/f1': 0.5}}))\n",
    )
    assert engine("run", "mine").returncode == 0
    events = [decode(line) for line in only_run(lab).events.read_bytes().splitlines()]
    assert None not in events
    (warning,) = (event for event in events if isinstance(event, Log))
    assert warning.level == "warning"
    assert "an event of its program is longer than the 4 MiB that are read" in warning.message
    assert any(isinstance(event, Metrics) and "test/f1" in event.values for event in events)
    assert only_run(lab).console.stat().st_size > 5_000_000


LEAVES_A_CHILD = """
import json, os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        begun, i = time.time(), 0
        while time.time() - begun < 30:
            i += 1
            print(json.dumps({"event": "metrics", "step": i, "epoch": 1, "values": {"train/loss": i}}), flush=True)
    os._exit(0)
time.sleep(0.5)
sys.exit(1)
"""


@pytest.mark.slow
def test_a_child_that_prints_on_is_not_heard_after_the_end(
    lab: Path, engine: Engine, until: Callable[..., None]
) -> None:
    program(lab, LEAVES_A_CHILD)
    done = engine("run", "mine")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    lines = only_run(lab).events.read_bytes().splitlines()
    assert [i for i, line in enumerate(lines) if b'"event":"end"' in line] == [len(lines) - 1]
