"""What vitui relies on of Textual's private parts is there, and does what it is relied on for.

Whoever upgrades Textual begins here: each failure names what is gone and the function that has to be mended.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

import pytest
import textual
import textual._wait
from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual._xterm_parser import XTermParser
from textual.app import App, ComposeResult
from textual.css import stylesheet
from textual.css.stylesheet import Stylesheet
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key
from textual.geometry import Region
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static

import tui
from tests.test_structure import tree_of
from tests.tui.textual_private import is_leaving, painting_at_rest, type_key
from tui.terminal import textual_private

SIZE = 30, 4


def relied_on(true: object, what: str, where: str) -> None:
    assert true, f"{where} relies on {what}; with Textual {textual.__version__} that is not so"


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("function", "names", "where"),
    [
        (App._display, ["self", "screen", "renderable"], "DiffingApp"),
        (CompositorUpdate.render_segments, ["self", "console"], "DiffUpdate"),
        (_character_to_key, ["character"], "type_key"),
        (App._handle_exception, ["self", "error"], "ReportingApp"),
        (App._print_error_renderables, ["self"], "ReportingApp"),
        (XTermParser.feed, ["self", "data"], "input_parser"),
        (XTermParser.tick, ["self"], "input_parser"),
    ],
)  # fmt: skip
def test_functions_take_what_they_are_given(function: Any, names: list[str], where: str) -> None:
    relied_on(parameters(function) == names, f"{function.__qualname__}({', '.join(names)})", where)


def test_rows_of_a_screen_can_be_had_without_parameters() -> None:
    required = [
        name
        for name, parameter in inspect.signature(Compositor.render_strips).parameters.items()
        if parameter.default is parameter.empty
    ]
    relied_on(required == ["self"], "Compositor.render_strips()", "screen_strips")


class Words(App[str]):
    """Two lines of text, and all that is to be displayed of them."""

    def __init__(self) -> None:
        super().__init__()
        self.displayed: list[RenderableType | None] = []

    def compose(self) -> ComposeResult:
        yield Static("one", id="first")
        yield Static("two", id="second")

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        self.displayed.append(renderable)
        super()._display(screen, renderable)


async def test_every_update_of_the_screen_is_displayed() -> None:
    app = Words()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        whole = [update for update in app.displayed if isinstance(update, LayoutUpdate)]
        relied_on(whole, "App._display() to get a LayoutUpdate when a screen is shown", "DiffingApp")
        pieces = list(textual_private._layout(whole[-1]))
        relied_on(covers(pieces), "LayoutUpdate.strips and .region, which cover the screen", "_layout")
        app.displayed.clear()
        app.query_one("#second", Static).update("2nd")
        await pilot.pause()
        parts = [update for update in app.displayed if isinstance(update, ChopsUpdate)]
        relied_on(parts, "App._display() to get a ChopsUpdate when a widget changes", "DiffingApp")
        changed = {y: strip.text for y, x, strip in textual_private._chops(parts[-1])}
        relied_on(
            set(changed) == {1} and "2nd" in changed[1],
            "ChopsUpdate.spans, .chops and .chop_ends, which hold the rows that changed",
            "_chops",
        )


def covers(pieces: list[tuple[int, int, Strip]]) -> bool:
    width, height = SIZE
    rows = [sum(strip.cell_length for y, _, strip in pieces if y == row) for row in range(height)]
    return rows == [width] * height and {y for y, _, _ in pieces} == set(range(height))


class Resting(textual_private.RestsInBatches, Screen[None]):
    def compose(self) -> ComposeResult:
        yield Static("one", id="first")


async def test_what_changes_in_a_batch_is_displayed_after_it_and_once() -> None:
    app = Words()
    async with app.run_test(size=SIZE) as pilot:
        screen = Resting()
        await app.push_screen(screen)
        await pilot.pause()
        app.displayed.clear()
        with app.batch_update():
            screen.query_one(Static).update("1st")
            screen._refresh_layout()
            relied_on(app._batch_count == 1, "App._batch_count", "RestsInBatches")
            relied_on(not app.displayed, "Screen._compositor_refresh() to draw", "RestsInBatches")
        await pilot.pause()
        shown = [strip.text for strip in textual_private.screen_strips(screen)]
        relied_on("1st" in shown[0] and any(app.displayed), "what is dirty to stay so", "RestsInBatches")
        relied_on(len([each for each in app.displayed if each]) == 1, "one update to do", "RestsInBatches")


def test_style_sheets_are_read_once_for_their_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    parse = stylesheet.parse

    def counted(scope: str, css: str, *place: Any, **options: Any) -> Any:
        read.append(css)
        return parse(scope, css, *place, **options)

    monkeypatch.setattr(stylesheet, "parse", counted)
    sheet = textual_private.StylesheetReadOnce(variables={"ink": "red"})
    sheet.add_source("Static { color: $ink; }", read_from=("first", ""))
    sheet.parse()
    sheet.set_variables({"ink": "red"})
    sheet.reparse()
    sheet.add_source("Label { color: $ink; }", read_from=("second", ""))
    sheet.reparse()
    relied_on([css[:5] for css in read] == ["Stati", "Label"], "parse() to be cached", "StylesheetReadOnce")
    sheet.set_variables({"ink": "blue"})
    sheet.reparse()
    relied_on(len(read) == 4, "set_variables() to forget what was read", "StylesheetReadOnce")
    assert {rule.styles.color.hex for rule in sheet.rules} == {"#0000FF"}


class Recording(HeadlessDriver):
    """A terminal that keeps what is written to it."""

    written: list[str]

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.__dict__.setdefault("written", []).append(data)


class Diffing(Words, textual_private.DiffingApp):
    pass


def test_a_terminal_is_written_what_an_update_returns() -> None:
    app = Diffing()
    app.driver_class = Recording
    written: list[str] = []

    async def look(pilot: Pilot[str]) -> None:
        await pilot.pause()
        driver = app._driver
        assert isinstance(driver, Recording)
        driver.written.clear()
        app.query_one("#second", Static).update("two.")
        await pilot.pause()
        textual_private.write_to_terminal(app, "\a")
        written.extend(driver.written)
        app.exit()

    app.run(size=SIZE, auto_pilot=look)
    what = "App._display() to write what CompositorUpdate.render_segments() returns"
    relied_on(any("." in part for part in written), what, "DiffingApp")
    relied_on(not any("two" in part for part in written), what + ", and nothing else", "DiffingApp")
    relied_on(written[-1] == "\a", "App._driver to be where the terminal is written to", "write_to_terminal")


async def test_nothing_is_kept_of_what_was_cut_for_the_screen() -> None:
    cuts = Segment._split_cells.cache_info
    async with Diffing().run_test(size=SIZE) as pilot:
        Strip([Segment("\ufffd" * 1000)]).crop(1, 30)
        relied_on(cuts().currsize, "Segment._split_cells to be the cache of texts beyond Latin", "DiffingApp")
        pilot.app.query_one("#second", Static).update("2nd")
        await pilot.pause()
        assert cuts().currsize == 0


async def test_pieces_of_rows_are_let_go_of_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Diffing().run_test(size=SIZE) as pilot:
        rows = textual_private.screen_strips(pilot.app.screen)
        row = Strip([Segment("a row")])
        row.crop(1, 2)
        Region(0, 0, 3, 3).intersection(Region(1, 1, 9, 9))
        pieces = row._crop_cache
        relied_on(len(pieces) == 1, "Strip._crop_cache to keep what was cut", "forget_pieces")
        sizes = Region.intersection.cache_info  # type: ignore[attr-defined]
        relied_on(sizes().currsize, "Region.intersection() to be cached", "forget_regions")
        monkeypatch.setattr(textual_private, "PIECES_S", 0.0)
        monkeypatch.setattr(textual_private, "REGIONS_S", 0.0)
        pilot.app.query_one("#first", Static).update("one")
        await pilot.pause()
        assert row._crop_cache is not pieces
        assert not row._crop_cache
        assert sizes().currsize == 0
        assert textual_private.screen_strips(pilot.app.screen) == rows


def test_rows_are_made_light_and_are_what_they_were() -> None:
    textual_private.make_rows_light()
    row = Strip([Segment("one", Style(bold=True)), Segment(" two")], 7)
    relied_on(
        {*Strip.__slots__} == {*textual_private.ROW, *textual_private.PIECES},
        "Strip to have these slots, and no others",
        "make_rows_light",
    )
    relied_on(len(textual_private.PIECES) >= 5, "slots of Strip that are a FIFOCache", "make_rows_light")
    for name in textual_private.PIECES:
        with pytest.raises(AttributeError):
            object.__getattribute__(row, name)  # nothing of it was made yet
    assert row.crop(1, 5).text == "ne t"
    assert row.crop(1, 5) is row.crop(1, 5)
    assert [part.text for part in row.divide([3, 7])] == ["one", " two"]
    assert row.adjust_cell_length(9).text == "one two  "
    assert row.cell_length == 7
    with pytest.raises(AttributeError):
        row.nothing  # type: ignore[attr-defined]  # noqa: B018


async def test_the_rows_of_a_screen_are_drawn() -> None:
    async with Words().run_test(size=SIZE) as pilot:
        strips = textual_private.screen_strips(pilot.app.screen)
        texts = [strip.text.strip() for strip in strips]
        relied_on(
            texts == ["one", "two", "", ""],
            "Screen._compositor.render_strips(), a strip a row",
            "screen_strips",
        )


def test_a_new_parser_knows_what_the_one_before_knew() -> None:
    parser = textual_private.input_parser()
    list(parser.feed("\x1b[<0;7;9M"))
    relied_on((parser.last_x, parser.last_y) == (6, 8), "XTermParser.last_x and .last_y", "input_parser")
    after = textual_private.input_parser(parser)
    relied_on((after.last_x, after.last_y) == (6, 8), "public attributes for what is known", "input_parser")
    relied_on([event.key for event in after.feed("k")] == ["k"], "XTermParser.feed(text)", "input_parser")  # type: ignore[attr-defined]


def test_a_terminal_that_takes_nothing_is_told_and_written_to_in_vain() -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise OSError

        flush = fileno = write

    driver, told = LinuxDriver.__new__(LinuxDriver), []
    driver._file = Gone()  # type: ignore[assignment]
    textual_private.survive_writing(driver, lambda: told.append("gone"))
    driver._file.write("x")
    relied_on(told == ["gone"], "LinuxDriver._file", "survive_writing")
    relied_on("_file" in defined(LinuxDriver), "LinuxDriver._file to be where it writes", "survive_writing")


async def test_the_error_that_ends_an_app_is_kept() -> None:
    class Failing(Words, textual_private.ReportingApp):
        def on_key(self, event: Key) -> None:
            raise ValueError("boom")

    app = Failing()
    with pytest.raises(ValueError, match="boom"):  # noqa: PT012
        async with app.run_test(size=SIZE) as pilot:
            type_key(app, "k")
            await pilot.pause()
    kept = isinstance(app.crash, ValueError)
    relied_on(kept, "App._handle_exception() to be called with it", "ReportingApp")
    relied_on(app.return_code == 1, "App._handle_exception() to set the return code", "ReportingApp")


async def test_keys_can_be_typed_and_an_app_that_leaves_is_known() -> None:
    typed: list[str] = []

    class Keys(Words):
        def on_key(self, event: Key) -> None:
            typed.append(event.key)

    async with Keys().run_test(size=SIZE) as pilot:
        relied_on(not is_leaving(pilot.app), "App._exit to be false while it runs", "is_leaving")
        for key in ("a", "?", "enter"):
            type_key(pilot.app, key)
        await pilot.pause()
        relied_on(typed == ["a", "question_mark", "enter"], "App._driver.send_message(Key)", "type_key")
        pilot.app.exit()
        relied_on(is_leaving(pilot.app), "App._exit to be true once it leaves", "is_leaving")


def test_pilots_sleep_as_long_as_two_numbers_say() -> None:
    for name in ("SLEEP_GRANULARITY", "SLEEP_IDLE"):
        relied_on(
            isinstance(getattr(textual._wait, name, None), float), f"textual._wait.{name}", "look_often"
        )
    sheet = Stylesheet()
    relied_on(sheet._variables == {}, "Stylesheet._variables, by name", "parse_once")
    (rules,) = sheet._parse_rules("Static { color: red; }", ("", ""))
    relied_on(rules.selectors == "Static", "Stylesheet._parse_rules() to return the rules", "parse_once")


async def test_what_has_changed_can_be_painted_when_an_app_is_at_rest() -> None:
    painted: list[str] = []

    class Painted(Static):
        text = "first"

        def render_line(self, y: int) -> Strip:
            painted.append(self.text)
            return super().render_line(y)

    class Painting(App[str]):
        def compose(self) -> ComposeResult:
            yield Painted("words")

    with painting_at_rest():
        async with Painting().run_test(size=SIZE) as pilot:
            await pilot.pause()
            painted.clear()
            widget = pilot.app.query_one(Painted)
            for widget.text in ("second", "third"):
                widget.refresh()
                pilot.app.screen._on_timer_update()
            relied_on(painted == [], "Compositor.render_update() to paint", "painting_at_rest")
            await pilot.pause()
            relied_on(
                set(painted) == {"third"}, "Pilot.pause() and what is dirty to stay so", "painting_at_rest"
            )


# ---- names that only look like ours


@cache
def source(kind: type) -> ast.AST:
    """Return the code of a class as its file has it, nothing where there is none."""
    try:
        node: ast.AST = tree_of(Path(inspect.getfile(kind)))
    except (OSError, TypeError):
        return ast.Module(body=[], type_ignores=[])
    for name in kind.__qualname__.split("."):
        inside = (each for each in ast.walk(node) if isinstance(each, ast.ClassDef) and each.name == name)
        node = next(inside, ast.Module(body=[], type_ignores=[]))
    return node


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def used(kind: type) -> set[str]:
    """Return the private names that a class defines, or uses on itself."""
    return {name for node in ast.walk(source(kind)) for name in names_of(node) if is_private(name)}


def names_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif is_own(node):
        yield node.attr


def is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


@cache
def defined(kind: type) -> frozenset[str]:
    """Return the private names that a class of Textual gives its objects."""
    given = (node.attr for node in ast.walk(source(kind)) if is_own(node) and isinstance(node.ctx, ast.Store))
    return frozenset(filter(is_private, (*vars(kind), *given)))


def classes() -> Iterator[type]:
    """Yield the app's classes that are made from Textual's."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and kind.__module__ == module.name:
                yield kind


@pytest.mark.xdist_group("source")
def test_no_private_name_of_ours_is_one_of_textuals() -> None:
    taken = {
        (f"{kind.__module__}.{kind.__qualname__}", name)
        for kind in classes()
        if kind.__module__ != textual_private.__name__
        for base in kind.__mro__
        if base.__module__.startswith("textual.")
        for name in used(kind) & defined(base)
    }
    assert taken == set(), f"Textual {textual.__version__} uses these names itself: give ours others"
