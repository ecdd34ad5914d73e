"""Whatever runs say, no screen and no widget shows what a terminal acts on, and no bytes that are sent carry it.

Looked at is what widgets draw, before the last wall. A screen or a widget that is new has to be opened here.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.dom import DOMNode

from engine.runs.labels import labels_of
from engine.runs.store import Store
from tests.hostile_runs import write_project
from tests.hostile_texts import HOSTILE, acted_on
from tests.tui.keymap.test_all_keys import classes
from tests.tui.pilot import AppPilot, board, opened, settle, toasts
from tui.app_options import Options
from tui.screens.line_prompt import Prompt
from tui.state.snapshot import Project
from tui.terminal.textual_private import screen_strips


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of hostile runs."""
    write_project(tmp_path / "lab")
    monkeypatch.chdir(tmp_path / "lab")
    return Project(folder=tmp_path / "lab", config=Path("experiments.toml"), runs=Path("runs"))


class Walk:
    """Presses keys, and looks at all that is on the screen.

    Args:
        pilot: Of the app.
    """

    def __init__(self, pilot: AppPilot) -> None:
        self.pilot = pilot
        self.seen: set[type[DOMNode]] = set()

    async def press(self, *keys: str) -> None:
        """Press keys, and look."""
        await self.pilot.press(*keys)
        await settle(self.pilot)
        self.look(*keys)

    def look(self, *where: str) -> None:
        """Look at the screen: each widget on it counts as seen."""
        screen = self.pilot.app.screen
        for node in (self.pilot.app, screen, *screen.walk_children()):
            self.seen.update(kind for kind in type(node).__mro__ if issubclass(kind, DOMNode))
        shown = "\n".join(strip.text for strip in screen_strips(screen))
        assert acted_on(shown) == [], (where, type(screen).__name__)
        assert acted_on(toasts(self.pilot)) == []

    async def leave(self) -> None:
        """Go back to the dashboard, with nothing open on it."""
        for _ in range(6):
            await self.pilot.press("escape")
        while self.pilot.app.screen is not board(self.pilot):
            await self.pilot.press("escape")


OPENED = (
    ("t", "tab"), ("T",), ("f", *"tag=", "tab", "tab"), ("f", *"evil", "tab", "tab"), ("f", *"device=", "tab"),
    ("f", *"best:ev", "tab", "tab", "tab"), ("E", "tab"), ("Y", "r"), ("Y", "m"), ("C", "slash", *"ev"), ("B", "tab"),
    ("question_mark", *"x"), ("colon", *"fil"), ("5", "5"), ("delete",), ("slash", *"ev"), ("n",), ("z",), ("y",),
    ("i", "right"), ("p",), ("full_stop",), ("R",), ("e",), ("o",), ("b",), ("s",), ("M",),
    ("exclamation_mark",), ("down", "w"), ("colon", *"run ", "tab", "tab"), ("colon", *"sort ev"),
    ("colon", *"filter tag=", "tab"),
)  # fmt: skip
"""What is opened on the dashboard, with a key and what is typed then."""


async def test_the_dashboard_and_its_boxes_show_text_alone(hostile: Project) -> None:
    async with opened(hostile, size=(150, 40)) as pilot:
        walk = Walk(pilot)
        walk.look()
        await walk.press("t", "tab")
        await walk.leave()
        await walk.press("f", *"tag=", "tab", "tab")


@pytest.mark.slow
async def test_every_screen_and_widget_shows_text_alone(hostile: Project, tmp_path: Path) -> None:
    async with opened(hostile, size=(170, 45), options=Options(state=tmp_path / "state")) as pilot:
        walk = Walk(pilot)
        for keys in OPENED:
            await walk.press(*keys)
            await walk.leave()
        await walk.press("f", *"markup", "enter", "home")  # an experiment that experiments.toml has
        await walk.press("o", *"lr=", "tab")
        await walk.leave()
        await walk.press("f", *"markup", "enter", "home")
        for keys in (("e", "f"), ("down",), ("enter",)):
            await walk.press(*keys)
        await walk.leave()
        await walk.press("f", *["backspace"] * 10, "enter", "home")
        for _ in HOSTILE:
            await walk.press("enter")
            for key in ("1", "2", "3", "4", "5", "L"):
                await walk.press(key)
            await walk.press("slash", *"e", "enter", "n")
            await walk.leave()
            await pilot.press("down")
        await pilot.press("A")
        await walk.press("c")
        missing = {name for name, kind in classes().items() if kind not in walk.seen}
        assert missing == set()


@pytest.mark.slow
async def test_what_is_left_as_it_was_is_not_written(hostile: Project) -> None:
    """Tags and notes that no box can hold are shown without what they hold, and stay."""
    (run,) = (each for each in Store(hostile.runs).runs() if each.id.startswith("osc52"))
    before = labels_of(run)
    assert any(not tag.isprintable() for tag in before.tags)
    async with opened(hostile) as pilot:
        await pilot.press("f", *"osc52", "enter", "home")
        await settle(pilot)
        for key in ("t", "T"):
            await pilot.press(key)
            assert isinstance(pilot.app.screen, Prompt)
            await pilot.press("enter")
            await settle(pilot)
        assert labels_of(run) == before
        await pilot.press("t", *"new", "enter")
        await settle(pilot)
    assert labels_of(run).tags == (*before.tags, "new")
