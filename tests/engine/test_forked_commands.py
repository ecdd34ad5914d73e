"""A forked command is what a started one is: its folder, environment, output and end."""

from __future__ import annotations

import pytest

from tests.conftest import Engine
from tests.engine.forked_commands import Forkserver, Forkservers


@pytest.mark.parametrize("words", [["check", "tiny"], ["ls", "-nothing="]])
def test_a_forked_command_says_and_ends_as_one_that_is_started(engine: Engine, words: list[str]) -> None:
    started = engine.start(*words)
    out, err = started.communicate()
    forked = engine(*words)
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, out, err)
    assert out + err


def test_what_is_read_as_a_program_starts_keeps_it_from_being_forked(forkservers: Forkservers) -> None:
    environment = {**forkservers.environment, "HOME": "/nowhere"}
    assert isinstance(forkservers.of("", environment), Forkserver)
    assert forkservers.of("", environment | {"LD_PRELOAD": "x.so"}) is None
    assert forkservers.of("import time; time.sleep(1)", environment) is None
