"""Whatever is killed, here or at a machine over ssh, and whenever: no run is lost, and none is trained twice."""

from __future__ import annotations

import pytest

from engine.runs.posted import posted_state
from tests.bench.chaos_parts.over_ssh import FRESH_S, SOON_S, ChaosOverSsh

pytestmark = [pytest.mark.sites, pytest.mark.slow, pytest.mark.timeout(300)]


def test_runs_at_a_machine_outlive_everything_that_serves_them(
    engine, far_host, monkeypatch: pytest.MonkeyPatch
):
    for name, seconds in (("SURE_S", SOON_S), ("SILENCE_S", SOON_S), ("FRESH_S", FRESH_S)):
        monkeypatch.setattr(posted_state, name, seconds)
    chaos = ChaosOverSsh(engine, far_host)
    chaos.run()
    wrong = chaos.verdict()
    print(chaos.told())
    assert wrong == []
