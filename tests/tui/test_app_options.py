"""How the app was asked to be: read-only, in ASCII, with a memory, in the terminal's colours."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.theme import Theme
from textual.widgets import Static

import tui
from engine.runs.store import Store
from tests.tui.conftest import Write
from tests.tui.pilot import board, opened, settle, toasts, until
from tui.app import VituiApp
from tui.app_options import Options, theme_of
from tui.curve_palette import MARKERS
from tui.state.session import SavedView, load, save
from tui.state.snapshot import Project
from tui.terminal.ascii_text import ALIKE, asked_for, plain
from tui.terminal.textual_private import screen_strips
from tui.terminal.themes import THEMES
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.runs.run_list import RunList

pytestmark = pytest.mark.slow  # each opens the app and walks a screen


def shown(pilot: Pilot[str]) -> list[str]:
    return ["".join(segment.text for segment in strip) for strip in screen_strips(pilot.app.screen)]


# ---- read-only


@pytest.mark.parametrize("key", ["r", "o", "e", "R", "full_stop", "t", "T", "D", "u"])
async def test_nothing_can_be_changed_read_only(project: Project, write_run: Write, key: str) -> None:
    run = write_run("ViT-small", end="stopped")
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    async with opened(project, options=Options(readonly=True)) as pilot:
        await pilot.press(key)
        await settle(pilot)
        assert "Opened read-only" in toasts(pilot)
        assert pilot.app.screen is board(pilot)
        assert "read-only" in shown(pilot)[0]
    assert [each.id for each in Store(project.runs).runs()] == [run.id]
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


async def test_the_queue_cannot_be_changed_read_only(project: Project) -> None:
    async with opened(project, options=Options(readonly=True)) as pilot:
        await pilot.press("5", "5", "K")
        await pilot.pause()
        assert "Opened read-only" in toasts(pilot)


async def test_looking_goes_on_read_only(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project, options=Options(readonly=True)) as pilot:
        await pilot.press("space", "x", "Y", "r")
        assert pilot.app.clipboard.startswith("ViT-small  ViT-small-s0-")


# ---- ASCII


@given(st.text(max_size=30))
def test_ascii_takes_as_many_cells(text: str) -> None:
    text = "".join(letter for letter in text if letter.isprintable())
    assert plain(text).isascii()
    assert len(plain(text)) == cell_len(text)


def test_letters_that_look_alike_are_known_and_states_stay_apart() -> None:
    assert plain("café ViT-B±.01 ⠁⣿") == "cafe ViT-B~.01 '#"
    assert "".join(plain(f"{mark} ")[0] for mark in "»›…‖✓✗!–~·") == ">):=vX!-~."
    assert all(each.isascii() and len(each) == 1 for each in ALIKE.values())


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_all_screens_are_ascii(project: Project, write_run: Write, size: tuple[int, int]) -> None:
    write_run("ViT-small")
    write_run("BiT-small", reason="naïve ✓ 日本")
    async with opened(project, size, options=Options(ascii_only=True)) as pilot:
        await pilot.press("space", "down", "space", "down", "plus", "i")
        await settle(pilot)
        for keys in (
            ["escape"],
            ["question_mark"],
            ["escape", "e"],
            ["f"],
            ["escape", "o"],
            ["escape", "enter"],
        ):
            assert all(line.isascii() and len(line) == size[0] for line in shown(pilot))
            await pilot.press(*keys)
            await settle(pilot)
        assert all(line.isascii() for line in shown(pilot))


async def test_marks_of_curves_are_the_same_letters_in_list_and_chart(
    project: Project, write_run: Write
) -> None:
    for seed in range(2):
        write_run("ViT-small", seed=seed)
        write_run("BiT-small", seed=seed)
    async with opened(project, options=Options(ascii_only=True)) as pilot:
        await pilot.press("space", "down", "space", "right")
        await settle(pilot)
        signs = board(pilot).query_one(RunList)._signs.values()
        marks = {sign.drawn(ascii_only=True) for sign in signs}
        assert len(marks) == 2
        assert not marks & set(MARKERS)
        text = "\n".join(shown(pilot))
        assert all(
            f"{mark} " in text and f"{mark}=." in text for mark in marks
        )  # the row, and the value in the border
        await pilot.press("b")
        await settle(pilot)
        seeds = {sign.drawn(ascii_only=True) for sign in board(pilot).query_one(RunList)._signs.values()}
        assert seeds == {f"{mark}{seed}" for mark in marks for seed in range(2)}
        text = "\n".join(shown(pilot))
        assert all(f"|{mark} " in text for mark in marks)  # experiments keep their sign
        assert sum(f"{mark}=." in text for mark in seeds) >= 3
        assert {row[3:5] for row in shown(pilot) if " s0 " in row or " s1 " in row} <= seeds


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, False),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "C.utf8"}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # as Python sets it
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"VITUI_ASCII": "1"}, True),
        ({"VITUI_ASCII": "0", "LANG": "C"}, False),
    ],
)
def test_ascii_is_asked_for(environment: dict[str, str], asked: bool) -> None:
    assert asked_for(environment) is asked


# ---- the memory

VIEWS = st.builds(
    SavedView, axis=st.text(max_size=9), log_y=st.booleans(), smoothing=st.integers(0, 99), order=st.text(max_size=9),
    columns=st.lists(st.text(max_size=6), max_size=3), groups=st.lists(st.text(max_size=6), max_size=3),
    filter=st.text(max_size=9), hidden=st.lists(st.text(max_size=6), max_size=3),
    selected=st.lists(st.text(max_size=6), max_size=3), pinned=st.none() | st.text(max_size=9),
)  # fmt: skip


@given(VIEWS)
def test_a_view_is_remembered(tmp_path_factory: pytest.TempPathFactory, view: SavedView) -> None:
    state = tmp_path_factory.mktemp("state")
    save(state, Path("a"), view)
    assert load(state, Path("a")) == view
    assert load(state, Path("b")) == SavedView()
    (file,) = (state / "views").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(SavedView.__struct_fields__), inner), max_leaves=8,
)  # fmt: skip


@given(st.binary(max_size=60) | JSON.map(lambda each: json.dumps(each).encode()))
def test_damage_is_no_harm(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    state = tmp_path_factory.mktemp("state")
    save(state, Path("a"), SavedView())
    (file,) = (state / "views").iterdir()
    file.write_bytes(data)
    assert isinstance(load(state, Path("a")), SavedView)


def test_what_can_be_understood_counts(tmp_path: Path) -> None:
    save(tmp_path, Path("a"), SavedView())
    (file,) = (tmp_path / "views").iterdir()
    file.write_text('{"axis": 7, "each_seed": true, "later": 1}')
    assert load(tmp_path, Path("a")) == SavedView(each_seed=True)


async def test_the_app_opens_as_it_was_left(project: Project, write_run: Write, tmp_path: Path) -> None:
    first, second = write_run("ViT-small"), write_run("BiT-small")
    options = Options(state=tmp_path / "state")
    async with opened(project, options=options) as pilot:
        await pilot.press(
            "space", "down", "space", "up", "p", "x", "y", "plus", "s", "b", "left_square_bracket"
        )
        await settle(pilot)
        pilot.app.theme = "vitui-contrast"
        await pilot.press("q")
    async with opened(project, options=options) as pilot:
        shown = board(pilot)
        assert (shown.state.axis, shown.state.smoothing, shown.state.bands) == ("time", 1, False)
        assert shown.arrangement.order == "test/f1"
        assert shown.query_one(ChartGrid).log_y
        assert not shown.query_one("#left").display
        assert pilot.app.theme == "vitui-contrast"
        assert VituiApp(project, replace(options, asked_theme="vitui-light")).theme == "vitui-light"
        assert shown.query_one(RunList).overlaid == {first.id, second.id}
        assert shown.state.pinned == first.id

        await pilot.press("0")
        assert shown.query_one("#left").display


async def test_a_theme_that_was_asked_for_once_is_not_remembered(project: Project, tmp_path: Path) -> None:
    options = Options(state=tmp_path / "state")
    async with opened(project, options=replace(options, asked_theme="vitui-contrast")) as pilot:
        await pilot.press("q")
    assert VituiApp(project, options).theme == "vitui-dark"
    assert VituiApp(project, replace(options, theme="vitui-light")).theme == "vitui-light"


async def test_the_filter_is_remembered(project: Project, tmp_path: Path) -> None:
    options = Options(state=tmp_path / "state")
    async with opened(project, options=options) as pilot:
        await pilot.press("f", *"bit", "enter")
        await settle(pilot)
        await pilot.press("q")
    async with opened(project, options=options) as pilot:
        await settle(pilot)
        assert [row.label for row in board(pilot).query_one(RunList).rows] == ["BiT-small"]


async def test_damage_and_a_folder_that_cannot_be_written_keep_nobody_out(
    project: Project, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    save(
        state,
        project.folder,
        SavedView(axis="nonsense", smoothing=-5, order="nonsense", theme="x", selected=["no such run"]),
    )
    async with opened(project, options=Options(state=state)) as pilot:
        assert board(pilot).state.axis == "epoch"
        assert pilot.app.theme == "vitui-dark"
    (tmp_path / "file").write_text("")
    async with opened(project, options=Options(state=tmp_path / "file")) as pilot:
        await pilot.press("q")


async def test_until_the_first_run_one_pane_says_how_to_begin(project: Project, write_run: Write) -> None:
    async with opened(project, (80, 24)) as pilot:
        advice = board(pilot).query_one("#advice", Static)
        await until(pilot, lambda: "Press r to train ViT-small" in str(advice.content))
        assert str(advice.border_title) == "Start here"
        assert not board(pilot).query_one("#middle").display
        write_run("BiT-small")
        await until(pilot, lambda: board(pilot).query_one("#middle").display)


# ---- the terminal


@pytest.mark.parametrize(
    ("said", "theme"),
    [("", "vitui-dark"), ("15;0", "vitui-dark"), ("0;15", "vitui-light"), ("0;default;7", "vitui-light"),
     ("x", "vitui-dark"), ("12;8", "vitui-dark"), ("0;99", "vitui-dark")],
)  # fmt: skip
def test_the_theme_goes_with_the_terminal(said: str, theme: str) -> None:
    assert theme_of({"COLORFGBG": said}) == theme


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_theme_can_be_read(theme: Theme) -> None:
    least = 7 if theme.name == "vitui-contrast" else 4.5
    for colour in (theme.foreground, theme.primary, theme.success, theme.accent, theme.error):
        assert contrast(str(colour), str(theme.background)) >= least, colour
        assert contrast(str(colour), str(theme.panel)) >= least - 1, colour


def test_what_stands_in_a_quiet_border_is_not_as_quiet() -> None:
    """A subtitle has the border's colour where it has none of its own, and nobody reads that."""
    folder = Path(tui.__file__).parent
    sheets = [path.read_text() for path in (folder / "theme.tcss", *folder.rglob("*.py"))]
    rules = [rule for sheet in sheets for rule in re.findall(r"\{([^{}]*)\}", sheet)]
    quiet = [rule for rule in rules if re.search(r"border: round \$foreground \d", rule)]
    assert len(quiet) > 3
    for rule in quiet:
        assert re.search(r"border-subtitle-color: \$foreground (6[6-9]|[7-9]\d)%", rule), rule
