"""The run view: each key, by what it changes; what a run says is shown as text, and followed while it lives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.widgets import ContentSwitcher, Input, Static

from engine.events import Checkpoint, Confusion, End, Event, Failure, Log, Start, encode
from engine.runs import run_lock, stop_request
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import Run
from tests.tui.conftest import NOW, Write
from tests.tui.pilot import AppPilot, toasts, until
from tui.app import VituiApp
from tui.screens.dialogs import Dialog
from tui.screens.help import HelpScreen
from tui.screens.run_page import RunScreen
from tui.state.snapshot import Project
from tui.terminal.textual_private import screen_strips
from tui.widgets.key_bar import KeyBar
from tui.widgets.run_page.class_bars import ClassBars
from tui.widgets.run_page.confusion_matrix import MatrixView
from tui.widgets.run_page.fact_sheet import FactSheet
from tui.widgets.run_page.frequent_mistakes import Mistakes
from tui.widgets.run_page.log_view import LogView
from tui.widgets.run_page.tab_bar import TabBar

pytestmark = pytest.mark.slow  # each opens the app and walks a screen

ANIMALS = ["cat", "dog", "frog"]


def say(run: Run, *events: Event) -> None:
    with run.events.open("ab") as file:
        file.write(b"".join(map(encode, events)))


def matrix(run: Run, epoch: int, cells: Sequence[Sequence[int]], split: str = "test") -> Confusion:
    labels = ANIMALS if len(cells) == 3 else [f"class {number}" for number in range(len(cells))]
    return Confusion(
        time=NOW + 10 * epoch, run=run.id, step=10 * epoch, epoch=epoch, split=split, labels=labels,
        matrix=[list(row) for row in cells],
    )  # fmt: skip


@pytest.fixture
def animals(write_run: Write) -> Run:
    """A run with three evaluations, that get better."""
    run = write_run("ViT-small")
    say(
        run,
        matrix(run, 1, [[1, 9, 0], [5, 5, 0], [0, 0, 10]]),
        matrix(run, 2, [[4, 6, 0], [2, 8, 0], [0, 0, 10]]),
        matrix(run, 2, [[2, 0, 0], [0, 2, 0], [0, 0, 2]], "val"),
        matrix(run, 3, [[9, 1, 0], [3, 7, 0], [0, 0, 10]]),
    )
    return run


@asynccontextmanager
async def opened(
    project: Project, *keys: str, size: tuple[int, int] = (120, 36)
) -> AsyncIterator[tuple[AppPilot, RunScreen]]:
    async with VituiApp(project).run_test(size=size) as pilot:
        board = pilot.app.dashboard  # type: ignore[attr-defined]
        await until(pilot, lambda: board.focused_run is not None)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: board.snapshot.record is not None and not screen.record.loading)
        await pilot.press(*keys)
        await pilot.pause()
        yield pilot, screen


def tab(screen: RunScreen) -> str | None:
    return screen.query_one(ContentSwitcher).current


def log(screen: RunScreen) -> LogView:
    return screen.query_one(f"#{tab(screen)} LogView", LogView)


def text(widget: Static) -> str:
    return str(widget.render())


def shown(pilot: AppPilot) -> str:
    strips = screen_strips(pilot.app.screen)
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def drawn(widget: MatrixView | ClassBars | LogView | Mistakes | FactSheet) -> list[str]:
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


def named(view: MatrixView, label: str) -> str:
    """Return the line of a class that has its name."""
    return next(line for line in drawn(view) if line.startswith(label))


async def shown_epoch(pilot: AppPilot, screen: RunScreen, epoch: float) -> None:
    await until(pilot, lambda: screen.record.place is not None and screen.record.place.epoch == epoch)


# ---- tabs


async def test_numbers_tab_and_clicks_open_tabs(project: Project, animals: Run) -> None:
    async with opened(project) as (pilot, screen):
        assert tab(screen) == "run-overview"
        for key, name in (
            ("2", "confusion"),
            ("3", "classes"),
            ("4", "console"),
            ("5", "events"),
            ("1", "overview"),
        ):
            await pilot.press(key)
            assert tab(screen) == f"run-{name}"
        await pilot.press("tab", "tab")
        assert tab(screen) == "run-classes"
        await pilot.press("shift+tab", "shift+tab", "shift+tab")
        assert tab(screen) == "run-events"
        await pilot.click(TabBar, offset=(16, 0))
        assert tab(screen) == "run-confusion"
        assert screen.query_one(TabBar).index == 1


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_it_closes_and_the_feed_reads_the_run_no_more(project: Project, animals: Run, key: str) -> None:
    async with opened(project) as (pilot, _):
        board = pilot.app.dashboard  # type: ignore[attr-defined]
        await pilot.press(key)
        await until(pilot, lambda: pilot.app.screen is board and board.snapshot.record is None)


async def test_help_stands_over_it(project: Project, animals: Run) -> None:
    async with opened(project, "question_mark") as (pilot, screen):
        assert isinstance(pilot.app.screen, HelpScreen)
        await until(pilot, lambda: "open the run; its full log" in shown(pilot))  # its own keys stand first
        await pilot.press("escape")
        assert pilot.app.screen is screen


async def test_l_on_the_dashboard_opens_the_log(project: Project, animals: Run) -> None:
    async with opened(project, "escape") as (pilot, _):
        await pilot.press("L")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert isinstance(pilot.app.screen, RunScreen)
        assert tab(pilot.app.screen) == "run-console"


async def test_l_without_a_run_says_so(project: Project) -> None:
    async with VituiApp(project).run_test() as pilot:
        await pilot.press("L")
        await pilot.pause()
        assert "no run" in toasts(pilot)


# ---- overview


async def test_the_overview_has_what_was_set_before_what_is_usual(project: Project, animals: Run) -> None:
    async with opened(project, size=(60, 90)) as (_, screen):
        lines = drawn(screen.query_one(FactSheet))
        places = {line.split("  ")[0].strip(): at for at, line in enumerate(lines) if line.strip()}
        assert (
            places["Set for this run"] < places["epochs"] < places["As the recipe and the defaults have it"]
        )
        assert places["As the recipe and the defaults have it"] < places["precision"]
        sheet = "\n".join(lines)
        assert "306,730" in sheet
        assert "16 patches and the class token" in sheet
        assert "95 % .872 to .895 on 5,000 images" in sheet
        assert "0123456789" in sheet


# ---- confusion


async def test_arrows_scrub_through_the_epochs(project: Project, animals: Run) -> None:
    async with opened(project, "2") as (pilot, screen):
        await shown_epoch(pilot, screen, 3)
        for key, epoch in (("left", 2), ("left", 1), ("left", 1), ("right", 2), ("end", 3), ("home", 1)):
            await pilot.press(key)
            await shown_epoch(pilot, screen, epoch)
        view = screen.query_one(MatrixView)
        assert named(view, "cat").split() == ["cat", "1", "9", "·"]
        assert text(screen.query_one("#cell", Static)) == "dog, taken for cat: 5 of 10, 50 %"
        assert "last F1 .8" in text(screen.query_one("#run-title", Static))
        assert "F1 .5" in screen.query_one("#run-confusion EpochSlider").render_line(0).text
        await pilot.press("1")
        assert "last F1" not in text(screen.query_one("#run-title", Static))


async def test_percent_says_shares_of_each_row(project: Project, animals: Run) -> None:
    async with opened(project, "2", "percent_sign") as (pilot, screen):
        view = screen.query_one(MatrixView)
        assert named(view, "cat").split() == ["cat", "90", "10", "·"]
        await pilot.press("percent_sign")
        assert named(view, "cat").split() == ["cat", "9", "1", "·"]


@pytest.mark.parametrize(
    ("wrong", "of", "share"),
    [(77, 200, "38"), (1, 400, "0.2"), (1, 9000, "<0.1"), (599, 600, "99.8"), (7, 7, "100")],
)
async def test_the_share_of_a_row_is_one_number_in_all_that_shows_it(
    project: Project, write_run: Write, wrong: int, of: int, share: str
) -> None:
    run = write_run("ViT-small")
    say(run, matrix(run, 1, [[of - wrong, wrong, 0], [0, of, 0], [0, 0, of]]))
    async with opened(project, "2", "percent_sign") as (_, screen):
        assert (
            text(screen.query_one("#cell", Static)) == f"cat, taken for dog: {wrong:,} of {of:,}, {share} %"
        )
        assert drawn(screen.query_one(Mistakes))[1].split()[-3:] == [f"{wrong:,}", share, "%"]
        assert named(screen.query_one(MatrixView), "cat").split()[2] == share


async def test_z_shows_shades_that_can_be_told_without_colour(project: Project, animals: Run) -> None:
    async with opened(project, "2", "z") as (_, screen):
        *rows, scale = (row for row in drawn(screen.query_one(MatrixView))[1:] if row[:1].strip())
        assert [" ".join(cell[0] for cell in row.split()[1:]) for row in rows] == ["█ ░", "▒ █", "█"]
        assert scale.startswith("share of a row")


async def test_the_cursor_reads_a_cell(project: Project, animals: Run) -> None:
    async with opened(project, "2") as (pilot, screen):
        view, cell = screen.query_one(MatrixView), screen.query_one("#cell", Static)
        assert view.cursor == (1, 0)  # the worst mistake
        assert text(cell) == "dog, taken for cat: 3 of 10, 30 %"
        await pilot.press("l")
        assert text(cell) == "dog, rightly: 7 of 10, 70 %"
        await pilot.press("k", "h")
        assert view.cursor == (0, 0)
        await pilot.press("up", "h")
        assert view.cursor == (0, 0)
        await pilot.press("G", "l", "l", "l")
        assert view.cursor == (2, 2)
        await pilot.press("g", "down", "j")
        assert view.cursor == (2, 2)


async def test_clicks_go_to_a_cell_and_to_a_mistake(project: Project, animals: Run) -> None:
    async with opened(project, "2") as (pilot, screen):
        view = screen.query_one(MatrixView)
        await pilot.click(view, offset=(view.plan.label + 2 * view.plan.cell + 1, 1))
        assert view.cursor == (0, 2)
        await pilot.click(Mistakes, offset=(2, 2))
        assert view.cursor == (0, 1)


async def test_s_switches_the_split_at_the_same_epoch(project: Project, animals: Run) -> None:
    async with opened(project, "2", "left") as (pilot, screen):
        await shown_epoch(pilot, screen, 2)
        await pilot.press("s")
        await until(pilot, lambda: screen.record.place is not None and screen.record.place.split == "val")
        assert screen.record.place is not None
        assert screen.record.place.epoch == 2
        await pilot.press("s")
        await until(pilot, lambda: screen.record.place is not None and screen.record.place.split == "test")
        assert screen.record.place.epoch == 2


async def test_a_live_run_is_followed_until_one_looks_back(project: Project, animals: Run) -> None:
    async with opened(project, "2") as (pilot, screen):
        say(animals, matrix(animals, 4, [[10, 0, 0], [0, 10, 0], [0, 0, 10]]))
        await shown_epoch(pilot, screen, 4)
        await pilot.press("left")
        await shown_epoch(pilot, screen, 3)
        say(animals, matrix(animals, 5, [[10, 0, 0], [0, 10, 0], [0, 0, 10]]))
        await until(pilot, lambda: len(screen.record.places) == 6)
        assert screen.record.place is not None
        assert screen.record.place.epoch == 3


@pytest.mark.parametrize(
    "cells", [[], [[1, 2], [3]], [[2**53] * 2] * 2, [[0]]], ids=["empty", "ragged", "huge", "nothing"]
)
async def test_odd_matrices_do_no_harm(project: Project, animals: Run, cells: list[list[int]]) -> None:
    say(animals, matrix(animals, 4, cells))
    async with opened(project, "2") as (pilot, screen):
        await shown_epoch(pilot, screen, 4)
        await pilot.press("percent_sign", "z", "l", "j", "3", "s", "S")
        assert ("not square" in text(screen.query_one("#cell", Static))) == (screen.record.matrix is None)


async def test_a_thousand_classes_scroll(project: Project, animals: Run) -> None:
    say(animals, matrix(animals, 4, [[int(i == k) for k in range(1000)] for i in range(1000)]))
    async with opened(project, "2", size=(80, 24)) as (pilot, screen):
        await shown_epoch(pilot, screen, 4)
        view = screen.query_one(MatrixView)
        await pilot.press("G", *["l"] * 3)
        assert view.cursor == (999, 3)
        assert drawn(view)[-2].startswith("class 999")  # above what shades stand for
        view.cursor = (999, 999)
        await pilot.pause()
        assert drawn(view)[-2].endswith("█")


async def test_labels_of_a_run_are_text(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    labels = ["[/x]", "\x1b[31mred", "日本語のとても長い名前のクラス", ""]
    cells = [[3, 1, 0, 0], [0, 4, 0, 0], [0, 2, 2, 0], [1, 0, 0, 3]]
    say(
        run,
        Confusion(time=NOW, run=run.id, step=10, epoch=1, split="\x1b[2Jtest", labels=labels, matrix=cells),
    )
    async with opened(project, "2") as (pilot, screen):
        await until(pilot, lambda: screen.query_one(MatrixView).matrix is not None)
        lines = drawn(screen.query_one(MatrixView))
        await pilot.press("3")
        lines += drawn(screen.query_one(ClassBars))
        shown = "\n".join(lines)
        assert "\x1b" not in shown
        assert all(name in shown for name in ("[/x]", "red", "日本", "3"))
        assert "\x1b" not in screen.query_one("#run-classes EpochSlider").render_line(0).text


async def test_without_matrices_it_says_so(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project, "2", "left", "s", "percent_sign", "j", "3", "s") as (_, screen):
        assert "no confusion matrix yet" in screen.query_one("#run-classes EpochSlider").render_line(0).text


# ---- classes


async def test_classes_stand_worst_first_and_sort_otherwise(project: Project, animals: Run) -> None:
    async with opened(project, "3") as (pilot, screen):
        bars = screen.query_one(ClassBars)
        assert [ANIMALS[index] for index in bars.rows] == ["dog", "cat", "frog"]
        assert drawn(bars)[1].split()[-4:] == [".778", ".875", ".700", "10"]
        await pilot.press("S")
        assert [ANIMALS[index] for index in bars.rows] == ["frog", "cat", "dog"]
        await pilot.press("s")
        assert "by precision, lowest first" in drawn(bars)[0]
        assert [ANIMALS[index] for index in bars.rows] == ["cat", "dog", "frog"]
        await pilot.press("home")
        await shown_epoch(pilot, screen, 1)
        assert drawn(bars)[1].split()[-4:] == [".125", ".167", ".100", "10"]


# ---- console


@pytest.fixture
def talker(write_run: Write) -> Run:
    run = write_run("ViT-small", epochs=1)
    run.console.write_bytes(b"".join(b"printed %d of \x1b[31mmany\x1b[0m [/x]\n" % i for i in range(2000)))
    return run


async def test_the_console_has_everything_and_follows_the_end(project: Project, talker: Run) -> None:
    async with opened(project, "4") as (pilot, screen):
        view = log(screen)
        await until(pilot, lambda: view.lines.count > 2000)
        assert "│ printed 0 of many [/x]" in view.lines.text
        assert "finished" in drawn(view)[-1] + drawn(view)[-2]
        with talker.console.open("ab") as file:
            file.write(b"one more\n")
        await until(pilot, lambda: "one more" in drawn(view)[-1])


async def test_f_follows_the_end_and_scrolling_up_stays(project: Project, talker: Run) -> None:
    async with opened(project, "4") as (pilot, screen):
        view = log(screen)
        await pilot.press("k", "k", "k")
        await until(pilot, lambda: not view.following)
        before = drawn(view)
        with talker.console.open("ab") as file:
            file.write(b"one more\n" * 5)
        await until(pilot, lambda: "│ one more" in view.lines.text)
        assert drawn(view) == before
        await pilot.press("f")
        assert view.following
        assert "one more" in drawn(view)[-1]
        await pilot.press("f")
        assert not view.following
        await pilot.press("g")
        assert drawn(view)[0] == "│ printed 0 of many [/x]"
        await pilot.press("G")
        assert "one more" in drawn(view)[-1]
        assert view.following


async def test_slash_searches_a_regular_expression(project: Project, talker: Run) -> None:
    async with opened(project, "4", "slash", *"printed 1.9 ") as (pilot, screen):
        view = log(screen)
        await until(pilot, lambda: len(view.hits) == 10 and not view.searching)
        assert [view.lines.text[at] for at in view.hits][:2] == [
            "│ printed 109 of many [/x]",
            "│ printed 119 of many [/x]",
        ]
        await pilot.press("enter")
        assert view.has_focus
        bar = screen.query_one(KeyBar)
        await until(pilot, lambda: "Matches" in [offer.words for offer in bar.fitting_offers()])
        await pilot.press("g", "n")
        first = view.hit
        assert first is not None
        await until(pilot, lambda: f"match {first + 1} of 10" in shown(pilot))
        assert view.lines.text[view.hits[first]] in drawn(view)
        await pilot.press("n")
        assert view.hit == (first + 1) % 10
        await pilot.press("N", "N")
        assert view.hit == (first - 1) % 10
        await pilot.press("escape")
        assert view.pattern is None
        assert pilot.app.screen is screen
        await until(pilot, lambda: "Matches" not in [offer.words for offer in bar.fitting_offers()])
        await pilot.press("escape")
        assert pilot.app.screen is not screen


async def test_each_letter_searches_from_where_the_log_stood_when_the_search_began(
    project: Project, talker: Run
) -> None:
    async with opened(project, "4", "g", *["pagedown"] * 4, "slash") as (pilot, screen):
        view = log(screen)
        began = drawn(view)
        top = next(at for at, line in enumerate(view.lines.text) if line == began[0])
        for letters in ("printed 1", "printed 12", "printed 125", "printed 1259"):
            await pilot.press(*letters[len(screen.query_one("#run-console Input", Input).value) :])
            await until(pilot, lambda: view.hit is not None and not view.searching)
            line = next(at for at in range(top, view.lines.count) if letters in view.lines.text[at])
            assert view.hit is not None
            assert view.hits[view.hit] == line, letters
        await pilot.press("x")  # nothing matches
        await until(pilot, lambda: view.hit is None and not view.searching and drawn(view) == began)
        await pilot.press("backspace")
        await until(pilot, lambda: view.hit is not None)
        assert drawn(view) != began
        await pilot.press("ctrl+u")  # nothing is searched for
        await until(pilot, lambda: view.pattern is None)
        assert drawn(view) == began
        await pilot.press(*"printed 1", "enter", "n", "n")
        await until(pilot, lambda: not view.searching)
        there = drawn(view)[0]
        await pilot.press("escape")
        await pilot.pause()
        assert drawn(view)[0] == there  # the box is gone below
        await pilot.press("G", "slash", *"nowhere")
        await until(pilot, lambda: view.pattern is not None and not view.searching)
        assert view.following


async def test_a_log_is_narrowed_shown_without_times_and_copied(project: Project, talker: Run) -> None:
    async with opened(project, "4", "slash", *"printed 1.9 ", "enter") as (pilot, screen):
        view = log(screen)
        await until(pilot, lambda: len(view.hits) == 10 and not view.searching)
        await pilot.press("ampersand")
        await pilot.pause()
        assert drawn(view)[:10] == [f"│ printed 1{tens}9 of many [/x]" for tens in range(10)]
        await until(pilot, lambda: f"only 10 of {view.lines.count:,} lines, & shows all" in shown(pilot))
        await pilot.press("n")
        assert view.hit == 0  # it was at the last
        await pilot.press("Y", "a")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert pilot.app.clipboard.splitlines()[1:3] == drawn(view)[1:3]
        assert len(pilot.app.clipboard.splitlines()) == 10
        await pilot.press("ampersand", "escape", "G")
        await pilot.pause()
        ends = drawn(view)
        await pilot.press("t")
        await pilot.pause()
        assert [line[10:] for line in ends if line[2:3] == ":"] == drawn(view)[
            -sum(line[2:3] == ":" for line in ends) :
        ]
        await pilot.press("Y", "v")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert pilot.app.clipboard.splitlines() == [line for line in drawn(view) if line]
        await pilot.press("1", "Y", "p")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert pilot.app.clipboard.endswith(talker.id)


async def test_braces_go_through_the_seeds(project: Project, write_run: Write) -> None:
    first = [write_run("ViT-small", seed=seed) for seed in (2, 0, 1)]
    again = write_run("ViT-small", seed=0)
    write_run("BiT-small", seed=3)
    async with opened(project, "1") as (pilot, screen):
        order = [again.id, first[2].id, first[0].id]
        seen = []
        for _ in range(3):
            await pilot.press("right_curly_bracket")
            await until(pilot, lambda: screen.record.run == screen.run and not screen.record.loading)
            seen.append(screen.run)
        turn = order.index(seen[0])
        assert seen == order[turn:] + order[:turn]
        await pilot.press("left_curly_bracket")
        assert screen.run == seen[-2]


async def test_half_an_expression_is_taken_as_text(project: Project, talker: Run) -> None:
    async with opened(project, "4", "slash", *"[/x") as (pilot, screen):
        view = log(screen)
        await until(pilot, lambda: len(view.hits) == 2000)
        await pilot.press("tab")
        assert tab(screen) == "run-events"
        await pilot.press("4", "slash", "escape")
        assert screen.query_one("#run-console Input", Input).value == ""


@pytest.mark.slow
async def test_w_wraps_and_keeps_the_place(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=1)
    run.console.write_bytes(b"".join(b"%03d %s end\n" % (i, b"long " * 40) for i in range(200)))
    async with opened(project, "4", "g", size=(80, 24)) as (pilot, screen):
        view = log(screen)
        assert drawn(view)[0].startswith("│ 000 long")
        assert drawn(view)[3].endswith("end")
        assert {word for row in drawn(view) for word in row.split()} <= {
            "│",
            "long",
            "end",
            *map("{:03}".format, range(9)),
        }
        await pilot.press(*["pagedown"] * 3)
        top = drawn(view)[0]
        await pilot.press("w")
        assert not view.wrapped
        rows = drawn(view)
        assert all(row.startswith("│ ") and not row.endswith("end") for row in rows)
        assert top.strip()[:10] in rows[0]
        await pilot.press(*["l"] * 200)
        assert drawn(view)[0].endswith("end")
        await pilot.press("w")
        assert view.wrapped
        assert any(row.endswith("end") for row in drawn(view))


# ---- events


async def test_the_story_has_attempts_checkpoints_and_the_whole_traceback(
    project: Project, write_run: Write
) -> None:
    run = write_run("ViT-small", epochs=2, end=None)
    trace = (
        "Traceback (most recent call last):\n"
        + "".join(f"  line {i} [/x]\n" for i in range(30))
        + "Boom: bang"
    )
    say(
        run,
        Checkpoint(time=NOW, run=run.id, step=10, epoch=1, path="checkpoints/best.pt", kind="best", bytes=2_500_000),
        Log(time=NOW, run=run.id, level="warning", message="two\nlines \x1b[31m[/b]"),
        End(time=NOW, run=run.id, state="failed", reason="it went bang",
            error=Failure(type="Boom", message="bang", traceback=trace)),
        Start(time=NOW + 60, run=run.id, attempt=2, step=10, device="cpu"),
    )  # fmt: skip
    async with opened(project, "5") as (pilot, screen):
        view = log(screen)
        await until(pilot, lambda: view.lines.count > 30)
        story = "\n".join(view.lines.text)
        for part in (
            "attempt 1",
            "attempt 2",
            "from step 10",
            "best",
            "2.5 MB",
            "warning",
            "lines [/b]",
            "it went bang",
        ):
            assert part in story
        assert all(f"line {i} [/x]" in story for i in range(30))
        assert "\x1b" not in story
        assert drawn(view)[0].startswith("attempt 1")


# ---- doing


async def test_full_stop_asks_how_to_stop_this_run(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with run_lock.hold(run):
        async with opened(project, "full_stop") as (pilot, screen):
            assert isinstance(pilot.app.screen, Dialog)
            await pilot.press("n")
            await until(pilot, lambda: stop_request.asked(run) == "stop-now")
            assert pilot.app.screen is screen


async def test_r_resumes_this_run_though_the_cursor_has_gone_elsewhere(
    project: Project, write_run: Write
) -> None:
    run = write_run("ViT-small", epochs=2, end="stopped", reason="asked to")
    write_run("BiT-small")
    async with opened(project) as (pilot, screen):
        board = pilot.app.dashboard  # type: ignore[attr-defined]
        board.query_one("#runs").cursor = 1
        await pilot.press("R")
        await until(pilot, lambda: waiting_entry(run) is not None)
        await until(
            pilot, lambda: "Cancel" in {each.words for each in screen.query_one(KeyBar).fitting_offers()}
        )


async def test_a_run_that_goes_away_is_said_to_be_gone(project: Project, animals: Run) -> None:
    async with opened(project) as (pilot, screen):
        animals.path.rename(project.folder / "elsewhere")
        await until(pilot, lambda: screen.status is None)
        await pilot.press("2", "left", "3", "4", "5", "full_stop", "R")
        assert "no longer there" in text(screen.query_one("#run-title", Static))
