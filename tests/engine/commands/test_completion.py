"""What tab offers: the words that can stand there, none that acts in a shell, in the shells themselves."""

from __future__ import annotations

import os
import pty
import select
import shutil
import sys
import time
from pathlib import Path

import pytest

import engine.cli
import tui.cli
from engine.commands.completion import COMPLETION_ASKED
from engine.commands.completion.candidates import PLAIN
from engine.commands.completion.shells import BREAKS, print_candidates
from engine.queue.submit import submit
from engine.remote import verbs
from engine.runs.labels import change_tags
from engine.runs.store import Store

ROOTS = {"engine": engine.cli.main, "vitui": tui.cli.main}
CONFIG = """\
[experiments.one]
model = "bit_mini"
[experiments.two]
model = "bit_mini"
[figures.f1]
y = "test/f1"
experiments = ["one", "two"]
[sites.far]
ssh = "far"
folder = "lab"
"""


@pytest.fixture
def offered(tmp_path, monkeypatch, capsys):
    """Return what is offered where a line ends."""
    monkeypatch.chdir(tmp_path)
    Path("experiments.toml").write_text(CONFIG)

    def ask(line: str, breaks: str = "") -> list[str]:
        monkeypatch.setenv(COMPLETION_ASKED, line)
        monkeypatch.setenv(BREAKS, breaks)
        name = line.split()[0]
        print_candidates(ROOTS[name], name)
        return [text.split(" ")[0] for text in capsys.readouterr().out.splitlines()]

    return ask


@pytest.fixture
def made(offered, tiny):
    """A run with a tag, and one that would act."""
    store = Store("runs")
    run = store.create(tiny, seed=0)
    change_tags(run, ["baseline", "$(reboot)"])
    return run


@pytest.mark.parametrize(
    ("line", "among"),
    [
        ("engine sub", ["submit"]),
        ("engine submit o", ["one"]),
        ("engine submit one t", ["two"]),
        ("engine run ", ["one", "two"]),
        ("engine submit one --set optimi", ["optimizer="]),
        ("engine submit one --set optimizer=ad", ["optimizer=adamw", "optimizer=adam"]),
        ("engine submit one --on f", ["far"]),
        ("engine site check f", ["far"]),
        ("engine ls state=f", ["state=finished", "state=failed"]),
        ("engine ls state=failed,st", ["state=failed,starting", "state=failed,stopped"]),
        ("engine ls sta", ["state="]),
        ("engine ls --sort ag", ["age"]),
        ("engine check --config ", [":files"]),
        ("engine completion f", ["fish"]),
        ("vitui pl", ["plot", ":folders"]),
        ("vitui --reado", ["--readonly", ":folders"]),
        ("vitui export f", ["f1"]),
        ("vitui open --theme d", ["dark"]),
    ],
)
def test_a_word_is_completed_to_what_can_stand_there(offered, line, among):
    assert offered(line) == among


def test_runs_and_tags_are_offered_unless_they_would_act(offered, made):
    for verb in ("logs", "fetch", "tag"):
        assert made.id in offered(f"engine {verb} ")
    assert offered("engine tag +") == ["+baseline"]
    assert offered("engine ls tag=") == ["tag=baseline"]
    assert offered("vitui plot t") == [made.id]


def test_a_verb_is_offered_the_runs_that_it_does_something_to(offered, tiny):
    (run,) = submit(Store("runs"), tiny, [0])

    def takes(name: str) -> set[str]:
        asked = ("stop", "cancel x", "hold", "move", "resume", "rm")
        return {verb.split()[0] for verb in asked if name in offered(f"engine {verb} {name[:3]}")}

    assert takes(run.id) == {"stop", "cancel", "hold", "move"}
    verbs.request_stop(run, "stop-now")
    assert takes(run.id) == {"resume", "rm"}


def test_bash_is_given_what_follows_the_break_in_a_word(offered):
    assert offered("engine submit one --set optimizer=ad", breaks=" =:") == ["adamw", "adam"]
    assert offered("engine submit one --set optimizer=", breaks=" =:") == ["adamw", "adam", "sgd"]


def test_a_file_with_mistakes_offers_nothing_and_says_nothing(offered, capsys):
    Path("experiments.toml").write_text("[experiments.one\n")
    assert offered("engine run ") == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "word", ["$(id)", "a b", "`id`", "a;b", "a&b", "~", "*", "'", "\\", "-rf", "!x", "", "a\nb"]
)
def test_what_a_shell_would_take_for_more_than_a_word_is_not_plain(word):
    assert not PLAIN.fullmatch(word)


class Terminal:
    """A shell in a terminal of its own."""

    def __init__(self, words: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, environment)  # noqa: S606  the shell of the test
        self.said = b""

    def type(self, keys: str, wanted: str) -> None:
        """Press keys, and wait until it has said something."""
        self.said = b""
        os.write(self._handle, keys.encode())
        deadline = time.monotonic() + 30
        while wanted.encode() not in self.said:
            assert time.monotonic() < deadline, self.said.decode(errors="replace")
            if select.select([self._handle], [], [], 0.1)[0]:
                self.said += os.read(self._handle, 65536)

    def end(self) -> None:
        """Close it."""
        os.close(self._handle)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["bash", "--norc", "-i"], 'eval "$(engine completion bash)"'),
        (["zsh", "-f", "-i"], 'eval "$(engine completion zsh)"'),
        (["fish", "--no-config", "-i"], "engine completion fish | source"),
    ],
    ids=["bash", "zsh", "fish"],
)
def test_tab_completes_in_a_shell_that_has_read_its_line(tmp_path, words, line):
    if shutil.which(words[0]) is None:
        pytest.skip(f"there is no {words[0]} here")
    (tmp_path / "experiments.toml").write_text(CONFIG)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, module in (("engine", "engine.cli"), ("vitui", "tui.cli")):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        (programs / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(Path(engine.cli.__file__).parents[1]),
        "TERM": "dumb", "PS1": "$ ", "HOME": str(tmp_path),
    }  # fmt: skip
    terminal = Terminal(words, tmp_path, environment)
    try:
        terminal.type(f"{line}; echo re'a'dy\n", "ready")
        for typed, completed in (
            ("engine subm", "engine submit "),
            ("engine submit tw", "two "),
            ("engine submit one --set optimi", "optimizer="),
            ("engine submit one --set optimizer=s", "optimizer=sgd "),
            ("vitui rep", "report "),
        ):
            terminal.type(typed + "\t", "")
            time.sleep(1.5)  # its program has answered
            terminal.type("z\x01echo '\x05'\n", f"{completed}z")
    finally:
        terminal.end()
