"""The real app in a real terminal: the main job from the first key to the figure."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from engine.events import End, decode
from engine.runs.store import Store
from tests.hostile_runs import write_project
from tests.tui.terminal.test_cell_diff import seen

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A program in a tmux session of its own."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        self._socket = f"vitui-test-{folder.name}-{os.getpid()}"  # the server before may still be leaving
        self._folder = folder
        (folder / ".state/vitui").mkdir(parents=True)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "-s", "t",
                  "-e", "COLORTERM=truecolor", "-e", "LANG=C.UTF-8", "-e", f"XDG_STATE_HOME={folder}/.state",
                  "-c", str(folder), "sh")  # fmt: skip

    def tmux(self, *words: str) -> str:
        unsized = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        command = ["tmux", "-L", self._socket, *words]
        return subprocess.run(command, env=unsized, capture_output=True, text=True).stdout

    def type(self, *keys: str) -> None:
        for key in keys:
            self.tmux("send-keys", "-t", "t", key)
            time.sleep(
                0.5 if key == "Escape" else 0.1
            )  # a key right after it would be read as alt and the key

    def enter(self, *command: str) -> None:
        self.type(shlex.join(command), "Enter")

    @property
    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "t")

    @property
    def coloured(self) -> list[list[pyte.screens.Char]]:
        """The cells of the screen with their colours, without the line that tells the machine's load."""
        lines = self.tmux("capture-pane", "-p", "-e", "-t", "t").splitlines()
        screen = pyte.Screen(121, len(lines))
        pyte.Stream(screen).feed("\r\n".join(lines))
        return [[seen(screen.buffer[y][x]) for x in range(120)] for y in range(1, len(lines))]

    def wait_for(self, text: str, seconds: float = 30) -> str:
        deadline = time.monotonic() + seconds
        while text not in (screen := self.screen):
            assert time.monotonic() < deadline, f"{text!r} did not appear on\n{screen}"
            time.sleep(0.05)
        return screen

    def wait_without(self, text: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while text in (screen := self.screen):
            assert time.monotonic() < deadline, f"{text!r} did not go from\n{screen}"
            time.sleep(0.05)

    def close(self) -> None:
        self.tmux("kill-server")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    shutil.copy(ROOT / "experiments.toml", tmp_path)
    session = Terminal(tmp_path, 120, 36)
    yield session
    session.close()


VITUI = (sys.executable, "-m", "tui.cli")


@pytest.mark.slow
def test_every_screen_opens_and_the_app_leaves_cleanly(terminal: Terminal) -> None:
    terminal.enter(*VITUI)
    terminal.wait_for("quick-Hybrid")
    terminal.wait_for("Start here")
    terminal.type("?")
    terminal.wait_for("overlay the row")
    terminal.type("Escape", ".")
    terminal.wait_for("no run under the cursor")
    terminal.type(":")
    terminal.wait_for("Run with changes")
    terminal.type("Escape", "x", "y", "z", "0", "f", "b", "i", "t", "Enter")
    terminal.wait_without("quick-Hybrid")
    terminal.wait_for("quick-BiT")
    terminal.type("Escape", "q")
    terminal.wait_for("tui.cli")
    terminal.type("echo left with $?", "Enter")
    terminal.wait_for("left with 0")


@pytest.mark.slow
def test_a_shell_can_move_it_between_background_and_foreground(terminal: Terminal) -> None:
    terminal.enter("bash", "--norc")
    terminal.type(f"{shlex.join(VITUI)} &", "Enter")
    for word in ("jobs", "bg", "jobs"):
        terminal.wait_for("bash-")
        time.sleep(3)  # it starts, and finds that the terminal is another's
        terminal.type(word, "Enter")
        terminal.wait_for("Stopped")
    for _ in range(2):
        terminal.type("clear; fg", "Enter")
        terminal.wait_for("Start here")
        terminal.type("C-z")
        terminal.wait_for("Stopped")
    terminal.type("fg", "Enter")
    terminal.wait_for("Start here")
    terminal.type("?")
    terminal.wait_for("overlay the row")
    terminal.type("Escape", "q")
    terminal.wait_without("overlay the row")
    terminal.type("clear; echo left with $?; stty -a", "Enter")
    terminal.wait_for("left with 0")
    terminal.wait_for(" icanon")


@pytest.mark.slow
def test_what_is_sent_bit_by_bit_is_what_all_at_once_shows(terminal: Terminal) -> None:
    terminal.enter(*VITUI)
    terminal.wait_for("Start here")
    for keys in ("?", "Escape", "j", "o", "Escape", "C", "Escape", "3", "Escape", ":", "Escape", "]", "0"):
        terminal.type(keys)
        time.sleep(0.3)
        before = terminal.coloured
        terminal.type("C-l")
        time.sleep(0.3)
        assert terminal.coloured == before, keys
    tty = terminal.tmux("display", "-p", "#{pane_tty}").strip()
    Path(tty).write_text("\033[5;1Hanother program wrote this\033[1;1H")
    terminal.wait_for("another program wrote this")
    terminal.type("C-l")
    time.sleep(0.5)
    assert terminal.coloured == before


@pytest.mark.slow
def test_a_quick_start_run_from_the_key_to_the_figure(terminal: Terminal, tmp_path: Path) -> None:
    terminal.enter(*VITUI)
    terminal.wait_for("quick-Hybrid")
    terminal.type("Down", "Down", "r")
    terminal.wait_for("running", 60)
    terminal.wait_for("digits: 1295 to train", 60)
    screen = terminal.wait_for("finished", 240)
    (row,) = [line for line in screen.splitlines() if "quick-Hybrid" in line and "20/20" in line]
    assert float(row.split("20/20")[1].split()[0]) >= 0.95
    terminal.type("q")
    terminal.wait_for("tui.cli")
    terminal.enter(*VITUI, "export", "quick")
    terminal.wait_for("images/quick.png")
    assert (tmp_path / "images/quick.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_killing_the_app_touches_no_run_and_opening_it_again_finds_it_live(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.enter(*VITUI)
    terminal.wait_for("quick-ViT")
    terminal.type("r")
    terminal.wait_for("digits: 1295 to train", 60)
    (run,) = Store(tmp_path / "runs").runs()
    before = run.events.read_bytes()
    subprocess.run(
        ["pkill", "-9", "-f", "-t", terminal.tmux("display", "-p", "#{pane_tty}").strip()[5:], "tui.cli"],
        check=True,
    )
    terminal.type("C-j", "reset", "C-j")  # the killed app left the terminal raw: enter is no new line there
    terminal.wait_for("#")
    terminal.enter(*VITUI)
    terminal.wait_for("running")
    terminal.wait_for("finished", 240)
    after = run.events.read_bytes()
    assert after.startswith(before)
    end = decode(after.splitlines()[-1])
    assert isinstance(end, End)
    assert end.state == "finished"
    terminal.type("q")


@pytest.mark.slow
def test_the_editor_opens_at_the_experiment(terminal: Terminal, tmp_path: Path) -> None:
    editor = tmp_path / "vim"
    editor.write_text('#!/bin/sh\necho "$@" > said; echo in the editor; read answer\n')
    editor.chmod(0o755)
    terminal.enter("export", f"VISUAL={editor}")
    terminal.enter(*VITUI)
    terminal.wait_for("quick-Hybrid")
    terminal.type("Down", "e")
    terminal.wait_for("Edit quick-BiT?")
    terminal.type("Enter")
    terminal.wait_for("in the editor")
    terminal.type("Enter")
    terminal.wait_for("quick-Hybrid")
    line, file = (tmp_path / "said").read_text().split()
    assert file == "experiments.toml"
    assert (tmp_path / file).read_text().splitlines()[int(line[1:]) - 1] == '[experiments."quick-BiT"]'
    terminal.type("q")
    terminal.wait_for("tui.cli")


@pytest.mark.slow
def test_what_runs_say_sets_no_clipboard(tmp_path: Path) -> None:
    """tmux does what OSC 52 says; tags, names and notes say it."""
    write_project(tmp_path)
    session = Terminal(tmp_path, 150, 40)
    try:
        session.tmux("set", "-g", "set-clipboard", "on")
        session.tmux("pipe-pane", "-t", "t", f"cat > {tmp_path}/sent")
        session.enter(*VITUI)
        session.wait_for("warning: LOG")
        for keys in (
            ("f", *"tag=", "Tab", "Tab"), ("f", *"device=", "Tab", "Tab"), ("f", *"best:ev", "Tab", "Tab", "Tab"),
            ("t", "Tab"), ("T",), ("Enter", "4", "5"),
        ):  # fmt: skip
            session.type(*keys)
            session.type("C-u", "Escape", "Escape")
        sent = (tmp_path / "sent").read_bytes()
        assert session.tmux("list-buffers") == ""
        assert len(sent) > 20_000
        assert not re.findall(
            rb"\x1b\](?!22;)|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]", sent
        )
    finally:
        session.close()
