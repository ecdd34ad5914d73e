"""What a log shows: its lines as they are, one for one without their times, or those that were asked for."""

from __future__ import annotations

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.state.log_buffer import Transcript
from tui.state.log_excerpt import ChosenLines, UntimedLines

TEXTS = st.sampled_from(
    [
        "12:03:04  epoch 1",
        " " * 10 + "goes on",
        "│ printed",
        "12:03:04",
        "",
        "12:03:04  模型",
        "attempt 1  2026-01-01",
    ]
)


def without_time(text: str) -> str:
    return text[10:] if text[:10] in ("12:03:04  ", " " * 10) else text


@given(st.lists(st.lists(TEXTS, max_size=8), max_size=6), st.integers(2, 30))
@settings(deadline=None, max_examples=25)
def test_each_line_is_looked_at_once_and_none_is_lost(pieces: list[list[str]], most: int) -> None:
    log, untimed, chosen = Transcript(most_lines=most), UntimedLines(), ChosenLines()
    numbers, said = array("l"), 0
    for piece in pieces:
        for text in piece:
            log.append(text)
            if "epoch" in text:
                numbers.append(said)
            said += 1
        lines = log.view()
        shown = untimed.of(lines)
        assert shown.text[: shown.count] == [without_time(text) for text in lines.text[: lines.count]]
        assert [abs(extent) for extent in shown.extents[: shown.count]] == [
            len(text) for text in shown.text[: shown.count]
        ]
        assert all(
            (extent >= 0) == (cell_len(text) == len(text))
            for text, extent in zip(shown.text, shown.extents, strict=False) if text
        )  # fmt: skip
        found = chosen.of(shown, numbers)
        kept = [number for number in numbers if number >= lines.forgotten]
        assert found.text[: found.count] == [shown.text[number - lines.forgotten] for number in kept]
        assert (found.count, found.forgotten) == (len(kept), len(numbers) - len(kept))
