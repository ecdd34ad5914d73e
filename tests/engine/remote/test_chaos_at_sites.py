"""Whatever is killed, and whenever, over a real Slurm: no run is lost, and none is trained twice at once."""

from __future__ import annotations

import pytest

from engine.runs.posted import posted_state
from tests.bench.chaos_parts.over_slurm import SOON_S, ChaosOverSlurm
from tests.conftest import ROOT, Engine
from tests.engine.sites.slurm_cluster import Cluster

pytestmark = [pytest.mark.sites, pytest.mark.slow, pytest.mark.timeout(400)]


def test_no_run_is_lost_and_none_is_trained_twice(
    engine: Engine, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    for name in ("SURE_S", "SILENCE_S"):
        monkeypatch.setattr(posted_state, name, SOON_S)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    chaos = ChaosOverSlurm(engine, cluster)
    chaos.run()
    wrong = chaos.verdict()
    print(chaos.told())
    assert wrong == []
