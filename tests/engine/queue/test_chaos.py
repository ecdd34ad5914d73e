"""Whatever is killed, and whenever: every queued run finishes, once at a time, and nothing that it said is lost."""

from __future__ import annotations

import pytest

from tests.bench.chaos import Chaos


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_queue_outlives_everything_that_serves_it(tmp_path):
    chaos = Chaos(tmp_path, seed=0)
    chaos.run()
    wrong = chaos.verdict()
    print(chaos.report())
    print((tmp_path / "chaos.log").read_text())
    assert wrong == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_strangers_runs_beside_it_never_start(tmp_path):
    chaos = Chaos(tmp_path, seed=1, runs=12, trainings=2, kills=25, strangers=True)
    chaos.run()
    wrong = chaos.verdict()
    print((tmp_path / "chaos.log").read_text())
    assert wrong == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("no_flock")
@pytest.mark.parametrize(("runs", "trainings", "kills"), [(4, 0, 8), (14, 2, 40)], ids=["short", "long"])
def test_a_disk_without_flock_changes_nothing_of_that(tmp_path, runs, trainings, kills):
    chaos = Chaos(tmp_path, seed=2, runs=runs, trainings=trainings, kills=kills)
    chaos.run()
    wrong = chaos.verdict()
    print(chaos.report())
    print((tmp_path / "chaos.log").read_text())
    assert wrong == []
    assert list((tmp_path / "runs" / ".worker.lock.lease").iterdir())
