"""Random bytes, keys, mouse, resizes, pastes and signals into the app over live runs, for minutes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter

import psutil

from tests.bench.attack_parts.app_terminal import AppTerminal
from tests.bench.attack_parts.lab import PYTHON, TRACEBACK, Lab, Outcome
from tests.bench.attack_parts.output import EMIT

KEYS = [*(bytes([byte]) for byte in range(33, 127)), b"\t", b"\r", b"\x1b", b" ", b"\x7f", b"\x1b[A", b"\x1b[B",
        b"\x1b[C", b"\x1b[D", b"\x1b[5~", b"\x1b[6~", b"\x1b[Z", b"\x01", b"\x05", b"\x15"]  # fmt: skip
QUITS = (b"q", b"Q", b"\x03", b"\x11", b"\x1a")
"""Left out of the keys alone; random bytes and mouse clicks may quit all the same."""
MARK_S = 300.0
"""Seconds between two looks at the memory."""


class Storm:
    """One storm: ``run`` it, and look at ``marks`` and ``wrong``.

    Args:
        lab: The project; its runs are thrown away.
        minutes: How long.
        seed: Of the chance.
    """

    def __init__(self, lab: Lab, minutes: float, seed: int) -> None:
        self.lab, self.minutes = lab, minutes
        self.marks: list[str] = []
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self._chance = random.Random(seed)

    def run(self) -> None:
        """Storm an app that may only look for half of the time, then one that may do all; restart what quits well."""
        self.lab.experiments(
            live=[PYTHON, EMIT, "4", "3600"], many=[PYTHON, EMIT, "2", "3600", "200"], nap=["sleep", "1"]
        )
        for name in ("live", "many"):
            self.lab.submit(name, "--wait")
        worker = self.lab.start("work", "--forever", "--devices", "cpu:3")
        self.lab.wait(lambda: (self.lab.root / ".queue.json").exists(), 20)
        for words in (("--readonly",), ()):
            end = time.monotonic() + 30 * self.minutes
            while time.monotonic() < end:
                self._storm(words, end)
        worker.terminate()
        worker.communicate()

    def _storm(self, words: tuple[str, ...], end: float) -> None:
        """Storm one app until it ends or time is up; then it has to quit, and leave the terminal as it was."""
        env = {"EDITOR": "true", "VISUAL": "true"}
        terminal = AppTerminal(self.lab, *words, env=env)
        mark = time.monotonic()
        try:
            while terminal.lives and time.monotonic() < end:
                self._gust(terminal)
                if time.monotonic() >= mark:
                    mark += MARK_S
                    self.marks.append(f"{terminal.memory():.0f}")
                if TRACEBACK in terminal.said:
                    break
                terminal.said = terminal.said[-200_000:]
            if terminal.lives:
                self.marks.append(f"{terminal.memory():.0f}")
                self._quit(terminal)
            else:
                self.counts["quit by chance"] += 1
            self._judge(terminal, words)
        finally:
            terminal.close()

    def _quit(self, terminal: AppTerminal) -> None:
        terminal.resize(120, 36)
        for _ in range(8):
            terminal.press(b"\x1b[201~", b"\x1b", b"\x1b", b"\x1b", b"q", seconds=1.0)
            if terminal.ends(3):
                return

    def _judge(self, terminal: AppTerminal, words: tuple[str, ...]) -> None:
        terminal.listen(1)
        code, left = terminal.process.poll(), terminal.left_behind()
        kind = " ".join(words) or "full"
        if TRACEBACK in terminal.said:
            self.wrong.append(f"{kind}: a traceback: {terminal.said[-300:]!r}")
        if code is None:
            self.wrong.append(f"{kind}: it does not quit")
        elif code != 0:
            self.wrong.append(f"{kind}: exit code {code}")
        if left and code is not None:
            self.wrong.append(f"{kind}: left on: {', '.join(left)}")

    def _gust(self, terminal: AppTerminal) -> None:
        chance = self._chance
        kind = chance.choice(["bytes", "keys", "keys", "keys", "mouse", "resize", "paste", "signal"])
        self.counts[kind] += 1
        if kind == "resize":
            terminal.resize(chance.randrange(1, 250), chance.randrange(1, 80))
            terminal.process.send_signal(signal.SIGWINCH)
        elif kind == "signal":
            self._signal(terminal)
        else:
            terminal.press(getattr(self, f"_{kind}")(), seconds=0.3)
        terminal.listen(0.05)

    def _bytes(self) -> bytes:
        return bytes(byte for byte in self._chance.randbytes(200) if bytes([byte]) not in QUITS)

    def _keys(self) -> bytes:
        return b"".join(key for key in self._chance.choices(KEYS, k=20) if key not in QUITS)

    def _mouse(self) -> bytes:
        chance = self._chance
        return b"".join(
            b"\x1b[<%d;%d;%d%s" % (chance.choice([0, 0, 2, 32, 35, 64, 65]), chance.randrange(1, 250),
                                   chance.randrange(1, 80), chance.choice([b"M", b"m"]))
            for _ in range(20)
        )  # fmt: skip

    def _paste(self) -> bytes:
        return b"\x1b[200~" + os.urandom(20).hex().encode() * self._chance.randrange(1, 100) + b"\x1b[201~"

    def _signal(self, terminal: AppTerminal) -> None:
        for number in self._chance.choice(
            [
                [signal.SIGWINCH],
                [signal.SIGCONT],
                [signal.SIGSTOP, signal.SIGCONT],
                [signal.SIGTSTP, signal.SIGCONT],
            ]
        ):
            if terminal.lives:
                terminal.process.send_signal(number)
                self._settle(terminal, number)

    def _settle(self, terminal: AppTerminal, number: signal.Signals) -> None:
        """Give a signal its time; a SIGCONT that came before the app has stopped itself would be lost."""
        deadline = time.monotonic() + (10 if number == signal.SIGTSTP else 0.05)
        while terminal.lives and time.monotonic() < deadline:
            terminal.listen(0.05)
            if psutil.Process(terminal.process.pid).status() == psutil.STATUS_STOPPED:
                return


def storm(lab: Lab, minutes: float, seed: int) -> Outcome:
    """Storm the app, and say how it went."""
    weather = Storm(lab, minutes, seed)
    weather.run()
    counts = ", ".join(f"{count} {name}" for name, count in sorted(weather.counts.items()))
    said = f"{counts}; MiB: {' '.join(weather.marks)}; {'; '.join(weather.wrong[:5]) or 'nothing was wrong'}"
    return Outcome(said, not weather.wrong)
