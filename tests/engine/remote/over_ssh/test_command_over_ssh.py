"""One command at a machine of another name, by a real ssh."""

from __future__ import annotations

import pytest

from engine.sites.ssh_command import Ssh, Unreachable
from tests.engine.remote import far_host as machine

pytestmark = [pytest.mark.sites, pytest.mark.slow]


def test_a_command_runs_on_the_other_machine(far_host):
    said = Ssh(machine.NAME).run(["sh", "-c", 'hostname; printf "%s|" "$@"', "-", "a b", "$HOME", "'; ls"])
    assert said.code == 0
    assert said.out.splitlines()[-1] == "a b|$HOME|'; ls|"
    assert machine.NAME in said.out.splitlines()


@pytest.mark.parametrize(
    ("alias", "why"),
    [(machine.STRANGER, "host key"), (machine.LOCKED, "wants a login"), (machine.NOWHERE, "refused")],
)
def test_what_cannot_be_reached_says_why_and_asks_nothing(far_host, alias, why):
    with pytest.raises(Unreachable, match=why):
        Ssh(alias).run(["true"])


def test_lines_of_setup_come_first_and_are_no_output(far_host):
    line = Ssh(machine.NAME, setup=["echo welcome", "export SET='a b'; echo more >&2"])
    said = line.run(["sh", "-c", 'printf %s "$SET$1"', "-", "$x"])
    assert said.out.endswith("a b$x")
    assert "welcome" not in said.out
    assert "welcome" in said.err
