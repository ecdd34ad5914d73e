"""Attacks on the app in its terminal: texts that become bytes, bytes that are none of a text, and signals."""

from __future__ import annotations

import base64
import contextlib
import signal
from collections.abc import Iterator

from tests.bench.attack_parts.app_terminal import AppTerminal
from tests.bench.attack_parts.lab import TRACEBACK, Lab, Outcome

CLIPBOARD = b"\x1b]52;"
EVIL = f"a\x1b]52;c;{base64.b64encode(b'evil clipboard').decode()}\x1b\\"
"""A text that sets the clipboard of a terminal; without BEL, which Rich takes out."""
INVALID = (
    b"\xff", b"\xfe", b"\xe9a", b"\xc0\x80", b"\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80", b"\xc3(", b"\xf0\x9f\x92a"
)  # fmt: skip
ESCAPE = b"\x1b"


@contextlib.contextmanager
def app(lab: Lab, *words: str) -> Iterator[AppTerminal]:
    """Have the app open for a while."""
    terminal = AppTerminal(lab, *words)
    try:
        yield terminal
    finally:
        terminal.close()


def completions(lab: Lab) -> Outcome:
    """F2: hostile texts of a run through the boxes of the app: `t`, and Tab in the filter `f`."""
    events = (
        {
            "event": "start",
            "v": 1,
            "attempt": 1,
            "pid": 1,
            "host": EVIL,
            "device": EVIL,
            "experiment": EVIL,
            "seed": 0,
        },
        {"event": "metrics", "step": 1, "epoch": 1.0, "values": {f"met{EVIL}": 1.0, "test/f1": 0.5}},
        {"event": "end", "state": "finished", "reason": EVIL, "duration_s": 1.0},
    )
    lab.strangers().write("evil", None, events, text=EVIL)
    sent = []
    with app(lab) as terminal:
        terminal.press(ESCAPE, b"g", b"j")
        for key in (b"t", b"T", b"o", b"C", b"c", b"E", b"Y", b"L", b"i", b"?"):
            new = terminal.press(key, seconds=1.0)
            new += terminal.press(ESCAPE, ESCAPE, b"g", b"j", seconds=1.0)
            sent += [key.decode()] if CLIPBOARD in new else []
    for word in ("tag=", "experiment=", "device=", "dataset=", "host=", "met", "best:met"):
        with app(lab, "--readonly") as terminal:
            new = terminal.press(
                ESCAPE, b"f", *(bytes([byte]) for byte in word.encode()), b"\t", b"\t", seconds=1.0
            )
            sent += [f"f {word} Tab"] if CLIPBOARD in new else []
    return Outcome(f"OSC 52 sent by {', '.join(sent)}" if sent else "nothing sent", not sent)


def invalid_bytes(lab: Lab) -> Outcome:
    """F6: nine sequences of bytes that are not UTF-8, each in an app of its own."""
    lab.submit("mine", "--wait")
    ended = []
    for sequence in INVALID:
        with app(lab) as terminal:
            terminal.press(ESCAPE, sequence, b"x", seconds=1.5)
            if not terminal.lives or TRACEBACK in terminal.said:
                ended.append(f"{sequence.hex()} ({terminal.process.poll()})")
    return Outcome(
        f"{len(ended)} of {len(INVALID)} end the app: {' '.join(ended[:3])}" if ended else "it lives on",
        not ended,
    )


def terminated(lab: Lab) -> Outcome:
    """F12: SIGTERM and SIGHUP to the app: what stays on in the terminal."""
    lab.submit("mine", "--wait")
    said, held = [], True
    for number, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        with app(lab) as terminal:
            terminal.press(ESCAPE)
            terminal.process.send_signal(number)
            gone, left = terminal.ends(), terminal.left_behind()
            exit_code = terminal.process.poll()
        said.append(f"{number.name}: exit code {exit_code}, left on: {', '.join(left) or 'nothing'}")
        held = held and gone and not left and exit_code in (code, -number)
    return Outcome("; ".join(said), held)


def left_by_quitting(lab: Lab) -> Outcome:
    """What stays on in the terminal after `q`."""
    lab.submit("mine", "--wait")
    with app(lab) as terminal:
        terminal.press(ESCAPE, b"q", seconds=1.0)
        gone, left, code = terminal.ends(), terminal.left_behind(), terminal.process.poll()
    return Outcome(
        f"exit code {code}, left on: {', '.join(left) or 'nothing'}", gone and not left and code == 0
    )


def continued(lab: Lab) -> Outcome:
    """SIGSTOP and SIGCONT, as by a debugger or a paused container, then `q`: what stays on in the terminal."""
    lab.submit("mine", "--wait")
    with app(lab) as terminal:
        terminal.press(ESCAPE)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            terminal.process.send_signal(number)
            terminal.listen(1.0)
        terminal.press(ESCAPE, b"q", seconds=1.0)
        gone, left, code = terminal.ends(), terminal.left_behind(), terminal.process.poll()
    return Outcome(
        f"exit code {code}, left on: {', '.join(left) or 'nothing'}", gone and not left and code == 0
    )
