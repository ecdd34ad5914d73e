"""How text gets onto the screen is written so that no text of a run can become markup or a control sequence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.test_structure import nodes_of

pytestmark = pytest.mark.xdist_group("source")
ROOT = Path(__file__).parent.parent.parent
TEXT_BOX = "tui/widgets/text_box.py"
"""The only module that makes a box for text of Textual's."""


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """Return all code of the app, each with its file."""
    return [
        (str(path.relative_to(ROOT)), node)
        for path in sorted((ROOT / "tui").rglob("*.py"))
        for node in nodes_of(path)
    ]


def name_of(node: ast.AST) -> str:
    """Return the last name of a name or an attribute."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def says_markup(call: ast.Call) -> object:
    """Return what a call says on markup; None where it says nothing."""
    said = [each.value for each in call.keywords if each.arg == "markup"]
    return said[0].value if said and isinstance(said[0], ast.Constant) else None


def other_boxes(node: ast.AST) -> bool:
    """Return whether code makes, or makes a class of, a box for text that is Textual's own."""
    boxes = {"Input", "TextArea", "MaskedInput"}
    if isinstance(node, ast.Call):
        return name_of(node.func) in boxes
    return isinstance(node, ast.ClassDef) and bool(boxes & set(map(name_of, node.bases)))


def markup(node: ast.AST) -> bool:
    """Return whether code may take text for markup: a widget, a title, a message, or a call that says so."""
    if isinstance(node, ast.Call):
        if name_of(node.func) in ("from_markup", "render_str"):
            return True
        if name_of(node.func) in ("Static", "Label"):
            return says_markup(node) is not False
        if name_of(node.func) == "notify":
            text = node.args[0] if node.args else None
            return says_markup(node) is not False and not isinstance(text, ast.Constant)
        return says_markup(node) is True
    if isinstance(node, ast.Assign):
        titles = {"border_title", "border_subtitle", "tooltip"} & set(map(name_of, node.targets))
        is_content = isinstance(node.value, ast.Call) and name_of(node.value.func) == "Content"
        return bool(titles) and not is_content and not isinstance(node.value, ast.Constant)
    return False


def markup_of_a_class(node: ast.AST) -> bool:
    """Return whether a kind of ``Static`` leaves open whether its text is markup."""
    if not isinstance(node, ast.ClassDef) or "Static" not in map(name_of, node.bases):
        return False
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    begins = [each for each in calls if name_of(each.func) == "__init__"]
    return not begins or any(says_markup(each) is not False for each in begins)


def found(question: object) -> Iterator[str]:
    return (f"{path}:{node.lineno}" for path, node in nodes() if question(node))  # type: ignore[operator, attr-defined]


def test_there_is_one_box_for_text() -> None:
    assert {place.partition(":")[0] for place in found(other_boxes)} == {TEXT_BOX}


def test_text_is_never_markup() -> None:
    allowed = {"tui/app.py"}  # hands on what it was called with, which is Textual itself
    assert [place for place in found(markup) if place.partition(":")[0] not in allowed] == []
    assert list(found(markup_of_a_class)) == []


@pytest.mark.parametrize(
    ("code", "question"),
    [
        ("Input(id='x')", other_boxes),
        ("class Box(TextArea): pass", other_boxes),
        ("Static(name)", markup),
        ("Static(name, markup=True)", markup),
        ("self.notify(f'{name} is saved')", markup),
        ("Text.from_markup(name)", markup),
        ("box.border_title = name", markup),
        ("class Line(Static):\n  def __init__(self): super().__init__()", markup_of_a_class),
    ],
)
def test_what_would_take_text_for_markup_is_found(code: str, question: object) -> None:
    assert any(map(question, ast.walk(ast.parse(code))))  # type: ignore[arg-type]
