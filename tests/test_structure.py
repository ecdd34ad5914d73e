"""The house keeps its walls: few floors between rooms, folders that can be overlooked, classes of one idea."""

from __future__ import annotations

import ast
import tomllib
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


@pytest.mark.parametrize("package", ["engine", "tui"])
def test_all_that_modules_read_beside_them_goes_into_the_wheel(package):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"][package]
    packed = {path for pattern in patterns for path in (ROOT / package).glob(pattern)}
    beside = {
        path
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }
    assert beside - packed == set()
    assert all(any((ROOT / package).glob(pattern)) for pattern in patterns)


def test_private_parts_of_textual_are_touched_in_one_room_only():
    touching = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tui").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual._")
    }
    assert {path for path in touching if not path.startswith("tui/terminal/")} == {"tui/app.py"}
