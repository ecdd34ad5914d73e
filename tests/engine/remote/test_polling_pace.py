"""How often a site is asked: as is worth it."""

from __future__ import annotations

import pytest

from engine.config.site import Site
from engine.remote.polling_pace import PollingPace
from engine.runs.posted.posting import Posting, Seen

NOW = 1_000_000.0
PACE = PollingPace()
HERE, OVER_SSH = Site(name="jz", slurm="gpu"), Site(name="box", ssh="gpubox")


def posted(site: Site = HERE, ago_s: float = 3600.0) -> Posting:
    return Posting(site=site, name="vitui-a-s0-1", posted=NOW - ago_s)


def seen(since_ago_s: float, **more: float) -> Seen:
    return Seen(at=NOW, since=NOW - since_ago_s, state="running", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("posting", "said", "asked_ago_s", "pause_s"),
    [
        (posted(OVER_SSH), seen(3600), 3600, PACE.soon_s),
        (posted(ago_s=5), seen(3600), 3600, PACE.soon_s),
        (posted(), seen(3600), 5, PACE.soon_s),
        (posted(), None, 3600, PACE.usual_s),
        (posted(), seen(60), 3600, PACE.usual_s),
        (posted(), seen(3600, ends=NOW + 60), 3600, PACE.usual_s),
        (posted(), seen(3600, ends=NOW + 3600), 3600, PACE.calm_s),
    ],
)
def test_a_site_is_asked_soon_after_a_request_and_seldom_while_it_is_calm(
    posting, said, asked_ago_s, pause_s
):
    runs = {} if said is None else {"a": said}
    assert PACE.pause_s({"a": posting}, runs, NOW - asked_ago_s, NOW) == pause_s


def test_a_site_that_does_not_answer_is_asked_less_and_less_often():
    assert [PACE.backoff_s(failed) for failed in (0, 1, 3, 30)] == [1.0, 2.0, 8.0, 60.0]
