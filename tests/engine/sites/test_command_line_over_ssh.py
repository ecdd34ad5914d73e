"""One command at a machine of another name, by a real ssh."""

from __future__ import annotations

import pytest

from engine.sites.command_line import Ssh, Unreachable
from tests import far_host as machine

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
