"""Random bytes, keys, mouse, resizes, pastes and signals into the app over live runs, for minutes."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence

import psutil

from tests.bench.attack_parts.app_terminal import AppTerminal
from tests.bench.attack_parts.evidence import TELLING, keep_evidence
from tests.bench.attack_parts.lab import PYTHON, TRACEBACK, Lab, Outcome
from tests.bench.attack_parts.output import EMIT

KEYS = [*(bytes([byte]) for byte in range(33, 127)), b"\t", b"\r", b"\x1b", b" ", b"\x7f", b"\x1b[A", b"\x1b[B",
        b"\x1b[C", b"\x1b[D", b"\x1b[5~", b"\x1b[6~", b"\x1b[Z", b"\x01", b"\x05", b"\x15"]  # fmt: skip
QUITS = (b"q", b"Q", b"\x03", b"\x11", b"\x1a")
"""Left out of the keys alone; random bytes and mouse clicks may quit all the same."""
LOOK_S = 5.0
"""Seconds between two looks at the memory."""
SAID_EVERY = 12
"""Looks at the memory of which one is printed: one a minute."""
LIVE_S = "7200"
"""Seconds that the runs go on."""
PATIENCE_S = 120.0
"""Seconds that an app has to leave: before the key for it, it may have a thousand to act on."""
GUSTS = 300
"""How many are kept for who asks what an app died of."""


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
        self._gusts: deque[str] = deque(maxlen=GUSTS)

    def run(self) -> None:
        """Storm an app that may only look for half of the time, then one that may do all; restart what quits well."""
        self.lab.experiments(
            live=[PYTHON, EMIT, "4", LIVE_S], many=[PYTHON, EMIT, "2", LIVE_S, "200"], nap=["sleep", "1"]
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
        terminal = AppTerminal(self.lab, *words, env={"EDITOR": "true", "VISUAL": "true"} | TELLING)
        self._gusts.clear()
        began, memory = time.monotonic(), [terminal.memory()]
        try:
            while terminal.lives and time.monotonic() < end and TRACEBACK not in terminal.said:
                self._gust(terminal)
                if time.monotonic() >= began + LOOK_S * len(memory) and terminal.lives:
                    memory.append(terminal.memory())
                    if len(memory) % SAID_EVERY == 1:
                        _say(f"{memory[-1]:.1f} MiB")
                terminal.forget()
            by_chance = not terminal.lives
            self.counts["quit by chance"] += by_chance
            stormed = time.monotonic() - began
            if not by_chance:
                self._quit(terminal)
            left = f", left in {time.monotonic() - began - stormed:.0f} s" * (not by_chance)
            kind = " ".join(words) or "full"
            self.marks.append(f"{kind} {stormed:.0f} s {_told(memory)}{left}")
            _say(self.marks[-1])
            if wrong := self._wrong(terminal):
                folder = keep_evidence(self.lab, terminal, wrong, self._gusts)
                self.wrong.append(f"{kind}: {', '.join(wrong)} ({folder})")
        finally:
            terminal.close()

    def _quit(self, terminal: AppTerminal) -> None:
        """Bring the app to the foreground if its SIGCONT came before it had stopped, and press the keys to leave.

        A form that was changed asks whether to discard that.
        """
        terminal.resize(120, 36)
        deadline = time.monotonic() + PATIENCE_S
        while terminal.lives and time.monotonic() < deadline:
            if _is_stopped(terminal):
                self.counts["SIGCONT lost"] += 1
                terminal.process.send_signal(signal.SIGCONT)
            terminal.press(
                b"\x1b[201~", b"\x1b", b"\x1b", b"\x1b", b"d", b"q", seconds=1.0
            )  # d discards a form
            terminal.ends(3)

    def _wrong(self, terminal: AppTerminal) -> list[str]:
        terminal.listen(1)
        code = terminal.process.poll()
        left = terminal.left_behind() if code is not None else []
        said = {
            "a traceback": TRACEBACK in terminal.said,
            "it does not quit": code is None,
            f"exit code {code}": bool(code),
            f"left on: {' '.join(left)}": bool(left),
        }
        return [text for text, is_so in said.items() if is_so]

    def _gust(self, terminal: AppTerminal) -> None:
        chance = self._chance
        kind = chance.choice(["bytes", "keys", "keys", "keys", "mouse", "resize", "paste", "signal"])
        self.counts[kind] += 1
        if kind == "resize":
            columns, rows = chance.randrange(1, 250), chance.randrange(1, 80)
            self._gusts.append(f"{time.strftime('%H:%M:%S')} {columns} x {rows} cells")
            terminal.resize(columns, rows)
            terminal.process.send_signal(signal.SIGWINCH)
        elif kind == "signal":
            self._signal(terminal)
        else:
            data = getattr(self, f"_{kind}")()
            self._gusts.append(f"{time.strftime('%H:%M:%S')} {kind} {data!r}")
            terminal.press(data, seconds=0.3)
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
                self._gusts.append(f"{time.strftime('%H:%M:%S')} {number.name}")
                terminal.process.send_signal(number)
                self._settle(terminal, number)

    def _settle(self, terminal: AppTerminal, number: signal.Signals) -> None:
        """Give a signal its time; a SIGCONT that came before the app has stopped itself would be lost."""
        deadline = time.monotonic() + (10 if number == signal.SIGTSTP else 0.05)
        while terminal.lives and time.monotonic() < deadline:
            terminal.listen(0.05)
            if _is_stopped(terminal):
                return


def _is_stopped(terminal: AppTerminal) -> bool:
    try:
        return psutil.Process(terminal.process.pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def _told(memory: Sequence[float]) -> str:
    """Return the MiB at first, in the middle, at last and at most."""
    return f"{memory[0]:.0f} {memory[len(memory) // 2]:.0f} {memory[-1]:.0f} (most {max(memory):.0f}) MiB"


def storm(lab: Lab, minutes: float, seed: int) -> Outcome:
    """Storm the app, and say how it went."""
    weather = Storm(lab, minutes, seed)
    weather.run()
    counts = ", ".join(f"{count} {name}" for name, count in sorted(weather.counts.items()))
    said = f"{counts}; {'; '.join(weather.marks)}; {'; '.join(weather.wrong[:5]) or 'nothing was wrong'}"
    return Outcome(said, not weather.wrong)
