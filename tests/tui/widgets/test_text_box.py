"""A box for text holds printable text alone, whichever way the text comes into it."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult

from tests.hostile_texts import HOSTILE, acted_on
from tui.text import MISTAKE, mistake
from tui.widgets.completing_input import CompletingInput
from tui.widgets.text_box import LONGEST, TextBox


class Boxes(App[None]):
    """A box, and one that completes hostile texts."""

    def compose(self) -> ComposeResult:
        yield TextBox(id="box")
        yield from (TextBox(text, classes="hostile") for text in HOSTILE.values())
        yield CompletingInput(lambda text, cursor: [*HOSTILE.values(), f"{text}tail"], id="completing")


async def test_what_is_typed_pasted_or_completed_is_printable() -> None:
    async with Boxes().run_test() as pilot:
        box = pilot.app.query_one("#box", TextBox)
        for text in HOSTILE.values():
            box.value = "ab"
            box.cursor_position = 1
            box.post_message(events.Paste(text))
            await pilot.pause()
            assert box.value.isprintable()
            assert (box.value[0], box.value[-1]) == ("a", "b")
            assert box.cursor_position == len(box.value) - 1
            box.value = text
            pilot.app.copy_to_clipboard(text)
            box.action_paste()
            assert acted_on(box.value) == []
        completing = pilot.app.query_one("#completing", CompletingInput)
        assert len(completing.offers()) > 10
        for _ in completing.offers():
            completing.action_complete(1)
            assert completing.value.isprintable()


async def test_a_value_is_printable_from_the_beginning() -> None:
    async with Boxes().run_test() as pilot:
        boxes = pilot.app.query(".hostile").results(TextBox)
        for box, text in zip(boxes, HOSTILE.values(), strict=True):
            assert box.value.isprintable()
            assert len(box.value) == len(text)


async def test_lines_that_are_pasted_become_one() -> None:
    async with Boxes().run_test() as pilot:
        box = pilot.app.query_one("#box", TextBox)
        box.post_message(events.Paste("lr=1e-3\r\nseeds=0,1\n\x1b[31mred\x1b[0m"))
        await pilot.pause()
        assert box.value == "lr=1e-3 seeds=0,1 red"


async def test_a_box_holds_no_more_than_can_be_judged_with_each_key() -> None:
    async with Boxes().run_test() as pilot:
        box = pilot.app.query_one("#box", TextBox)
        box.focus()
        for _ in range(3):
            box.post_message(events.Paste("a" * LONGEST))
        await pilot.press("b")
        assert len(box.value) == LONGEST
        assert box.cursor_position <= LONGEST


def test_what_is_said_of_it_is_short() -> None:
    assert len(mistake(f"no setting is called {'a' * LONGEST}")) == MISTAKE
