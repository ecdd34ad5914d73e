"""The house keeps its walls: few floors between rooms, folders that can be overlooked, classes of one idea."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
MOST_MODULES = 20
"""Modules that a folder may hold, its ``__init__`` apart."""


@cache
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("engine", "tui", cache_dir=None)


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize(("package", "most"), [("engine", 9), ("tui", 7)])
def test_the_longest_path_between_rooms_is_short(package, most):
    below: dict[str, set[str]] = defaultdict(set)
    graph = imports()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            if room_of(module) != room_of(imported) and {*map(root_of, (module, imported))} == {package}:
                below[room_of(module)].add(room_of(imported))

    @cache
    def floors(room: str) -> int:
        return 1 + max(map(floors, below[room]), default=0)

    assert max(floors(room) for room in list(below)) <= most


def root_of(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("top", ["engine", "tui", "tests"])
def test_no_folder_holds_more_modules_than_one_can_overlook(top):
    counts = Counter(path.parent for path in (ROOT / top).rglob("*.py") if path.name != "__init__.py")
    assert {str(folder): count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_private_parts_of_textual_are_touched_in_one_room_only():
    touching = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tui").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual._")
    }
    assert {path for path in touching if not path.startswith("tui/terminal/")} == {"tui/app.py"}


MOST_LINES = 400
"""Lines that a class may have, together with the classes of this program that it is made from."""


def classes() -> dict[str, list[tuple[str, ast.ClassDef]]]:
    """Return the classes of the program by name, each with the file that it is in."""
    found = defaultdict(list)
    for path in (path for top in ("engine", "tui") for path in (ROOT / top).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name].append((str(path.relative_to(ROOT)), node))
    return found


def test_no_class_is_larger_than_one_can_overlook():
    known = classes()

    def lines(node: ast.ClassDef, seen: frozenset[str] = frozenset()) -> int:
        names = {base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases}
        bases = [
            max(lines(kind, seen | {node.name}) for _, kind in known[name])
            for name in names - seen
            if name in known
        ]
        return (node.end_lineno or 0) - node.lineno + 1 + sum(bases)

    sizes = {f"{path}: {name}": lines(node) for name, kinds in known.items() for path, node in kinds}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def test_every_method_of_a_screen_does_what_it_says():
    promised = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "tui" / "screens").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name) and node.id == "NotImplementedError"
    }
    assert promised == set()


def test_screens_reach_the_app_by_what_it_is_typed_as():
    untyped = [
        path
        for path in (ROOT / "tui" / "screens").rglob("*.py")
        if "ignore[attr-defined]" in path.read_text()
    ]
    assert untyped == []
