"""A signal to every process of a run of several: it stops, and goes on as if nothing had been."""

from __future__ import annotations

import pytest

from tests.bench.signals import disturb


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_four_signals_to_every_process_change_nothing(tmp_path):
    outcome = disturb(tmp_path, signals=4)
    print(outcome.report())
    assert outcome.wrong == []
