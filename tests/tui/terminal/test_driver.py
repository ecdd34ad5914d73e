"""However the app ends, its terminal is as before, and its exit code says how; no byte that is typed ends it."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tui.terminal.pty_session import ROOT, PtySession

pytestmark = pytest.mark.slow  # each starts the app

START = "from tui.cli import main; main()"
UP = b"Start here"
HELP = b"overlay the row"
LEAVES = b"it leaves"
LINGERS = f"os.write(2, {LEAVES!r}); [time.sleep(0.1) for _ in range(30)]"
AFTER_THE_SCREEN = f"""
import os, time
from tui.app import VituiApp
def linger(self): {LINGERS}
VituiApp.on_unmount = linger
{START}"""
"""A program that takes its time to leave when the terminal has been given back."""
AFTER_THE_LOOP = f"""
import os, time
from tui.app import VituiApp
run = VituiApp.run
def linger(self): run(self); {LINGERS}
VituiApp.run = linger
{START}"""
"""The same, when the app has ended."""
REDRAW = b"\x0c"
"""The key whose action the programs here replace: ctrl+l."""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Callable[..., PtySession]]:
    shutil.copy(ROOT / "experiments.toml", tmp_path)
    opened: list[PtySession] = []

    def start(program: str = START) -> PtySession:
        opened.append(PtySession(tmp_path, program))
        opened[-1].wait_for(UP)
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def acting(body: str) -> str:
    """Return a program whose ctrl+l does something of ours."""
    return f"import time\nfrom tui.app import VituiApp\ndef act(self): {body}\nVituiApp.action_redraw = act\n{START}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_the_terminal_as_before(session, number) -> None:
    app = session()
    app.process.send_signal(number)
    assert app.exit_code() == 128 + number
    assert app.is_as_before
    assert not app.crashes.exists()


def test_a_signal_ends_an_app_that_hangs(session) -> None:
    app = session(acting("time.sleep(600)"))
    app.type(REDRAW)
    app.listen(1)
    app.process.send_signal(signal.SIGTERM)
    assert app.exit_code() == 143
    assert app.is_as_before


def test_a_terminal_that_is_gone_ends_it(session) -> None:
    app = session()
    app.hang_up()
    assert app.exit_code() == 129
    assert not app.crashes.exists()


def test_a_crash_is_written_down_and_told(session) -> None:
    app = session(acting("raise ValueError('boom\\x1b]0;x')"))
    app.type(b"jjf")
    app.listen(1)
    app.type(b"secret\x1b")
    app.listen(1)
    app.type(REDRAW)
    assert app.exit_code() == 1
    assert app.is_as_before
    said = app.sent.rpartition(b"\x1b[?1049l")[2]
    assert b"ValueError: boom" in said
    assert b"Traceback" not in said
    assert b"\x1b]" not in said
    (report,) = app.crashes.iterdir()
    assert str(report).encode() in said
    assert report.stat().st_mode & 0o777 == 0o600
    text = report.read_text()
    assert "ValueError: boom" in text
    assert "in act" in text
    assert "j in RunList" in text
    assert "a character in" in text
    assert not any(f" {letter} in " in text for letter in "secrt")


def assert_it_hears_and_leaves(app: PtySession) -> None:
    app.type(b"?")
    app.wait_for(HELP)
    app.type(b"\x1b")
    app.listen(1)
    app.type(b"q")
    assert app.exit_code() == 0
    assert app.is_as_before


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTSTP])
def test_a_stopped_app_goes_on_and_leaves_the_terminal_as_before(session, number) -> None:
    app = session()
    for _ in range(2):
        app.process.send_signal(number)
        app.listen(0.5)
        app.process.send_signal(signal.SIGCONT)
        app.wait_for(UP)  # all of it is drawn anew
    assert_it_hears_and_leaves(app)


def test_signals_that_come_at_once_are_taken_in_turn(session) -> None:
    app = session()
    for number in (*[signal.SIGCONT] * 30, *[signal.SIGTSTP, signal.SIGCONT] * 10):
        app.process.send_signal(number)
        app.listen(0.02)
    app.listen(2)
    app.process.send_signal(signal.SIGCONT)  # one that came before it had stopped was lost
    app.listen(2)
    assert_it_hears_and_leaves(app)


@pytest.mark.parametrize("numbers", [[signal.SIGCONT], [signal.SIGTSTP, signal.SIGCONT]], ids=len)
@pytest.mark.parametrize("left", [AFTER_THE_SCREEN, AFTER_THE_LOOP], ids=["screen", "loop"])
def test_one_that_leaves_does_not_take_the_terminal_again(session, left, numbers) -> None:
    app = session(left)
    app.type(b"q")
    app.wait_for(LEAVES)
    for number in numbers:
        app.process.send_signal(number)
        app.listen(0.5)
    assert app.exit_code() == 0
    assert app.is_as_before
    assert not app.crashes.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"\xe9a\xc3",
        b"\x1b[99999999u",
        bytes(range(128, 256)) * 800,
        b"\x1b[200~" + random.Random(0).randbytes(50_000) + b"\x1b[201~",
        # without the keys that leave, stop, queue or edit, and without ?, where enter does any of it
        bytes(byte for byte in random.Random(1).randbytes(100_000) if byte not in b"qr.e:R?\x03\x10\x11\x1a"),
    ],
    ids=["no UTF-8", "latin-1", "no character", "8 bit", "pasted binary", "random"],
)  # fmt: skip
def test_no_bytes_end_it_and_keys_are_heard_afterwards(session, data) -> None:
    app = session()
    app.type(data)
    for _ in range(8):  # boxes and screens that it opened
        app.type(b"\x1b")
        app.listen(0.5)
    assert_it_hears_and_leaves(app)


def test_what_a_busy_app_has_no_time_for_waits_in_the_terminal(session) -> None:
    app = session(acting("time.sleep(4)"))
    app.type(REDRAW)
    moves = b"".join(b"\x1b[<35;%d;9M" % (10 + turn % 90) for turn in range(200_000))
    assert app.flood(moves, seconds=3) < 100_000
    app.listen(2)
    assert_it_hears_and_leaves(app)
