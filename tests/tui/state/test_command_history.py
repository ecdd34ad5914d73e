"""What is remembered of commands is bounded, and holds nothing that a terminal would act on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.state.command_history import LONGEST, MOST, CommandHistory


@given(st.lists(st.text(max_size=LONGEST + 1), max_size=2 * MOST), st.text())
def test_it_is_bounded_and_printable_and_has_each_once(used: list[str], last: str) -> None:
    history = CommandHistory(used)
    assert history.used == CommandHistory(history.used).used
    history.add(last)
    assert len(history.used) == len(set(history.used)) <= MOST
    assert all(text.isprintable() and 0 < len(text) <= LONGEST for text in history.used)


def test_the_last_one_stands_first_and_once() -> None:
    history = CommandHistory([":sort lr", "Stop runs", ":run a\x1b[2J"])
    history.add("Stop runs")
    assert history.used == ["Stop runs", ":sort lr"]
    assert history.lines == [":sort lr"]
