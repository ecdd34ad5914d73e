from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.state.moment import FORMS, MAX_TYPED, MomentError, beside, day_and_time, iso, moment_of

NOW = dt.datetime(2026, 11, 29, 11, 50, 30).timestamp()


def at(*words: int) -> float:
    return dt.datetime(*words).timestamp()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("9:05", at(2026, 11, 29, 9, 5)),
        ("14:05", at(2026, 11, 28, 14, 5)),  # it is not yet that late today
        ("11:50:30", NOW),
        ("27 nov 14:05", at(2026, 11, 27, 14, 5)),
        ("27 Nov, 14:05:09", at(2026, 11, 27, 14, 5, 9)),
        ("27 november", at(2026, 11, 27)),
        ("3 dec 8:00", at(2025, 12, 3, 8)),
        ("3 dec 2024 8:00", at(2024, 12, 3, 8)),
        (" 2026-11-27T14:05 ", at(2026, 11, 27, 14, 5)),
        ("2026-11-27 14:05:10", at(2026, 11, 27, 14, 5, 10)),
        ("2026-11-27", at(2026, 11, 27)),
        ("2026-11-27T14:05+00:00", dt.datetime(2026, 11, 27, 14, 5, tzinfo=dt.UTC).timestamp()),
        ("-2h", NOW - 7200),
        ("-1.5 d", NOW - 1.5 * 86_400),
        ("-90", NOW - 90),
    ],
)
def test_moments_as_people_type_them(typed: str, moment: float) -> None:
    assert moment_of(typed, NOW) == moment


@pytest.mark.parametrize(
    "typed",
    ["", "25:00", "31 feb 8:00", "2026-13-01", "2h", "-2 hours", "nov 27", "27 novem. 14:05 x", "27 nova"],
)
def test_what_is_no_moment_is_told_what_would_be(typed: str) -> None:
    with pytest.raises(MomentError) as caught:
        moment_of(typed, NOW)
    assert str(caught.value) == f"{typed!r} is no moment; right are {FORMS}"


def test_what_is_still_to_come_is_refused() -> None:
    with pytest.raises(MomentError, match="29 Nov 2027 12:00 is still to come"):
        moment_of("2027-11-29T12:00", NOW)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (at(2026, 11, 26, 12, 34, 41), "12:34:41"),
        (at(2026, 11, 28, 12, 34, 41), "28 Nov 12:34:41"),
        (at(2025, 11, 26, 12, 34, 41), "26 Nov 2025 12:34:41"),
    ],
)
def test_a_moment_beside_one_of_another_day_has_its_date(moment: float, written: str) -> None:
    assert beside(moment, at(2026, 11, 26, 12), NOW) == written


@given(st.text(max_size=2 * MAX_TYPED) | st.text("0123456789:-+tzjanfebdec hmw.", max_size=30))
def test_any_text_is_a_moment_of_the_past_or_refused_in_one_line(typed: str) -> None:
    answer = ""
    try:
        assert 0 <= moment_of(typed, NOW) <= NOW
    except MomentError as error:
        answer = str(error)
    assert not answer or (FORMS in answer and "\n" not in answer)


@given(st.integers(10**9, int(NOW)))
def test_what_is_copied_is_the_moment_that_was_seen(moment: int) -> None:
    assert abs(moment_of(iso(moment), NOW) - moment) in (0, 3600)  # an hour that a clock shows twice
    assert day_and_time(moment, NOW, weekday=True).endswith(day_and_time(moment, NOW)[-5:])
