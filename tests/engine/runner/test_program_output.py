"""What a program prints arrives whole, at once and in bounded memory; after its end nothing is heard any more."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import MAX_LINE, End, Log, Metrics, decode
from engine.runner.json_in_output import Printed
from engine.runner.output_lines import BLOCK, PATIENCE_S, OutputLines
from engine.runs.store import Run, Store
from tests.conftest import Engine


class Heard:
    """Takes every object but those of the kind "other"."""

    def __init__(self) -> None:
        self.events: list[int] = []
        self.text = b""
        self.refused: list[str] = []
        self.lines = OutputLines(self.hear, self.pass_on, self.refused.append)

    def hear(self, printed: Printed) -> bool:
        if printed.fields["event"] == "other":
            return False
        self.events.append(printed.fields["step"])
        return True

    def pass_on(self, data: bytes) -> None:
        assert data
        self.text += data


def event(step: int, kind: str = "metrics") -> bytes:
    return b'{"event": "%s", "step": %d, "values": {"a\xe9": NaN}}' % (kind.encode(), step)


OTHER = event(9, "other")
PIECES = st.sampled_from(
    [event(1), event(2) + b"\n", OTHER + b"\n", b"text\n", b"\n", b"\r 10%|##", b"\xff\xfe", b"x" * 70_000,
     b"\x1b[31m", b"INFO:root:", b"{'a': 1}", b'{"a": 1} ', b"\r\n", b"{", b"}"]
)  # fmt: skip
BLANK = re.compile(rb"\s|\x1b\[\d*m")


@given(st.lists(st.tuples(PIECES, st.integers(0, 1000), st.integers(0, 60)), max_size=30))
def test_however_it_is_cut_each_event_and_each_word_arrives_once(
    pieces: list[tuple[bytes, int, int]],
) -> None:
    heard, now = Heard(), 0.0
    for piece, milliseconds, cut in pieces:
        now += milliseconds / 1000
        heard.lines.look(now)
        for part in (piece[:cut], piece[cut:]):
            heard.lines.feed(part, now)
    heard.lines.finish()
    printed = b"".join(piece for piece, _, _ in pieces)
    events = re.compile(rb'\{"event": "metrics", "step": (\d), "values": \{"a\xe9": NaN\}\}')
    assert heard.events == [int(step) for step in events.findall(printed)]
    assert BLANK.sub(b"", heard.text) == BLANK.sub(b"", events.sub(b"", printed))


def test_a_line_of_text_arrives_byte_by_byte_as_it_was() -> None:
    heard = Heard()
    text = b'\x1b[1mbold\x1b[0m\r\n\xff {"a": 1} \n' + OTHER + b"\n"
    heard.lines.feed(text + b" \x1b[32m" + event(1) + b"\x1b[0m \n" + text, 0.0)
    assert (heard.text, heard.events) == (text + text, [1])


def test_what_cannot_become_an_event_is_not_kept() -> None:
    heard = Heard()
    heard.lines.feed(b"\r 10%", 0.0)
    heard.lines.look(PATIENCE_S / 2)
    assert heard.text == b""
    heard.lines.look(PATIENCE_S)
    assert heard.text == b"\r 10%"
    for _ in range(3):
        heard.lines.feed(b"x" * (BLOCK + 1), 1.0)
    assert len(heard.text) == 5 + 3 * BLOCK + 3
    heard.lines.feed(event(1) + b"\n", 1.0)  # at the end of a line whose beginning is gone
    assert heard.events == [1]


def test_an_event_needs_no_end_of_its_line() -> None:
    heard = Heard()
    heard.lines.feed(b"50% " + event(1)[:20], 0.0)
    heard.lines.look(PATIENCE_S)
    assert (heard.text, heard.events, heard.lines.waits) == (b"50% ", [], False)
    heard.lines.feed(event(1)[20:] + b"\r", 9.0)
    heard.lines.look(9.0 + PATIENCE_S)
    assert heard.events == [1]


def test_an_object_that_may_become_an_event_is_waited_for_up_to_a_bound() -> None:
    heard, now = Heard(), 0.0
    begin = b'{"event": "metrics", "x": "'
    heard.lines.feed(begin.ljust(BLOCK, b"x"), now)
    for _ in range(MAX_LINE // BLOCK - 1):
        heard.lines.feed(b"x" * BLOCK, now := now + 1)
        heard.lines.look(now)
    assert (heard.text, heard.refused) == (b"", [])
    heard.lines.feed(b"x", now)
    assert (len(heard.text), len(heard.refused)) == (MAX_LINE + 1, 1)
    heard.lines.feed(event(1) + b"\n" + event(2) + b"\n", now)  # the first is the end of that line
    assert heard.events == [2]


def test_a_line_that_looks_like_an_event_is_text_and_told_of() -> None:
    heard = Heard()
    line = b"{'event': 'metrics', 'values': {}}\n"
    heard.lines.feed(line, 0.0)
    assert heard.text == line
    assert "Python dict" in heard.refused[0]


def program(lab: Path, text: str) -> None:
    (lab / "program.py").write_text(text)
    command = msgspec.json.encode([sys.executable, "program.py"]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")


def only_run(lab: Path) -> Run:
    (run,) = Store(lab / "runs").runs()
    return run


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert "looks like an event: it is longer than the 4 MiB that are read" in warning.message
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
