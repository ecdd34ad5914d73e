"""Names in any script: drawn in a font that has them, or told once; never boxes without a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from engine.runs.store import Store
from tests.tui.figures.test_export_figures import Lab
from tui.figures.export_figures import export_figures
from tui.figures.figure_files import Format
from tui.figures.style import choose_fonts, no_font
from tui.figures.view_figure import slug

FIGURE = '[figures.f]\ntitle = "模型"\ny = "test/f1"\nexperiments = ["模型"]\n'


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def font(path: Path, characters: str) -> Path:
    """Write a font in which each of some characters is a black square."""
    pen = TTGlyphPen(None)
    for x, y in ((0, 0), (0, 800), (800, 800), (800, 0)):
        (pen.moveTo if (x, y) == (0, 0) else pen.lineTo)((x, y))
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    names = [".notdef", *(f"u{ord(each):04X}" for each in characters)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(each): name for each, name in zip(characters, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (900, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular", "psName": "SquareSans"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[str]:
    """The name of a font that is there for 模 and 型."""
    manager = font_manager.fontManager
    before = list(manager.ttflist)
    manager.addfont(font(tmp_path / "Square Sans.ttf", "模型"))
    yield "Square Sans"
    manager.ttflist[:] = before


def drawn(lab: Lab, kind: Format) -> None:
    config = lab.config(["模型"], FIGURE)
    lab.train(config, "模型")
    assert export_figures(config, Store(lab.store.root), [], lab.out, [kind], say=lab.said.append)


def test_what_no_font_has_is_said_once(lab, monkeypatch):
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    if choose_fonts("模型").families:
        pytest.skip("a font here has the characters")
    drawn(lab, "png")
    assert [line for line in lab.said if "no font here" in line] == [
        "no font here has 型 模: install Noto Sans CJK"
    ]


def test_what_another_font_has_is_drawn_with_it(lab, installed):
    drawn(lab, "pdf")
    assert not any("no font here" in line for line in lab.said)
    assert choose_fonts("模型a").families[0] == installed
    assert b"SquareSans" in (lab.out / "f.pdf").read_bytes()


def test_characters_that_no_font_has_are_named_with_what_would_help():
    assert no_font([]) == ""
    assert no_font("ߐ") == "no font here has ߐ: install a Noto font that has them"
    assert no_font([chr(0x4E00 + i) for i in range(20)]).endswith(" and 8 more: install Noto Sans CJK")


def test_files_of_figures_keep_letters_of_any_script():
    assert slug("准确率") == "准确率"
    assert slug("a b/c_d") == "a-b-c-d"
    assert len(slug("率" * 100).encode()) <= 80
