"""When runs at sites start and end: the site's guess, their speed, their time limit."""

from __future__ import annotations

from typing import Any

from engine.queue.forecast import Forecast, forecast_queue
from engine.queue.site_forecast import forecast_at_sites
from engine.runs.posted.posting import Seen
from engine.runs.status import Status

NOW = 1_795_000_000.0


def running(name: str = "r", **more: Any) -> Status:
    """A run in its tenth of forty epochs, of one minute each."""
    usual = {
        "run": name, "experiment": "e", "state": "running", "on": "jz", "started": NOW - 600, "heartbeat": NOW,
        "step": 100, "epoch": 10.0, "epochs": 40, "steps_per_epoch": 10, "pace_s": 6.0, "eta_s": 1800.0,
    }  # fmt: skip
    return Status(**(usual | more))


def said(state: str, **more: Any) -> Seen:
    return Seen(at=NOW, state=state, **more)  # type: ignore[arg-type]


def only(status: Status, seen: Seen | None) -> Forecast:
    (found,) = forecast_at_sites([status], {status.run: seen} if seen else {}, NOW, {})
    return found


def test_a_run_ends_as_its_speed_says_within_its_limit():
    found = only(running(), said("running", starts=NOW - 700, ends=NOW + 7200))
    assert (found.start, found.finish, found.limit) == (NOW - 600, NOW + 1800, NOW + 7200)


def test_one_that_needs_longer_ends_with_its_job_and_says_how_many_follow():
    found = only(running(), said("running", starts=NOW - 600, ends=NOW + 600))
    assert (found.finish, found.limit) == (NOW + 600, NOW + 600)
    assert found.how == "1 more job of 20 min"
    found = only(running(eta_s=6000.0), said("running", starts=NOW - 600, ends=NOW + 600))
    assert found.how.endswith("5 more jobs of 20 min")


def test_one_that_waits_begins_where_its_site_guesses():
    waits = running(state="queued", started=0.0)
    done = Status(
        run="d", experiment="e", state="finished", trained_s=2400.0, epoch=40.0, epochs=40, attempt=1
    )
    found = forecast_at_sites([done, waits], {"r": said("pending", starts=NOW + 300)}, NOW, {})[0]
    assert found.start == NOW + 300
    assert found.finish is not None
    assert found.finish > found.start


def test_a_guess_of_a_year_is_none():
    waits = running(state="queued", started=0.0)
    assert only(waits, said("pending", starts=NOW + 364 * 86_400)).start is None
    assert only(waits, said("pending", reason="Priority")).start is None
    assert only(waits, None).start is None


def test_known_starts_come_first():
    waits = [running(name, state="queued", started=0.0) for name in ("unknown", "later", "soon")]
    seen = {"later": said("pending", starts=NOW + 600), "soon": said("pending", starts=NOW + 60)}
    assert [found.run for found in forecast_at_sites(waits, seen, NOW, {})] == ["soon", "later", "unknown"]


def test_while_a_site_is_away_the_end_is_unknown():
    assert only(running(state="silent", heard=NOW - 300), said("running", ends=NOW + 600)).finish is None


def test_they_take_no_device_of_this_machine():
    assert forecast_queue([running(device="cpu")], {}, [], [], NOW) == []
    assert forecast_at_sites([running(on="")], {}, NOW, {}) == []
