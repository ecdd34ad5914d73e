"""The house keeps its walls: few floors between rooms, folders that can be overlooked, classes of one idea."""

from __future__ import annotations

import ast
import itertools
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.xdist_group("source")
ROOT = Path(__file__).parent.parent
MOST_MODULES = 20
"""Modules that a folder may hold, its ``__init__`` apart."""


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the code of a file, parsed once for all tests of the group "source"."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a file, in the order of ``ast.walk``."""
    return tuple(ast.walk(tree_of(path)))


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


def test_tests_of_a_group_run_in_one_process(request):
    grouped = request.config.getoption("loadgroup", default=False)
    assert request.node.nodeid.endswith("@source") == grouped


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


TEXTUALS = frozenset({"app", "screen", "driver", "focused", "stylesheet", "compositor", "pilot"})
"""Names of variables and attributes that stand for objects of Textual."""
MAY_TOUCH = {
    "tui": {"tui/terminal/textual_private.py"},
    "tests": {"tests/tui/textual_private.py", "tests/tui/terminal/test_textual_contract.py"},
}


def private_parts_of_textual(node: ast.AST) -> bool:
    """Return whether code imports, names or reaches for what Textual keeps to itself."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "textual":
        return any(
            is_private(part) for part in (*node.module.split("."), *(name.name for name in node.names))
        )
    if isinstance(node, ast.Import):
        return any(name.name.startswith("textual._") for name in node.names)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.startswith("textual._")
    if isinstance(node, ast.Attribute) and is_private(node.attr):
        owner = node.value
        name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        return name in TEXTUALS and node.attr in names_of_textual()
    return False


@cache
def names_of_textual() -> frozenset[str]:
    """Return all private names in the modules of Textual whose objects are at hand everywhere."""
    (folder,) = find_spec("textual").submodule_search_locations
    texts = (
        Path(folder, f"{name}.py").read_text()
        for name in ("app", "dom", "driver", "message_pump", "screen", "widget")
    )
    return frozenset(name for text in texts for name in re.findall(r"\b_[a-z]\w*", text))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@pytest.mark.parametrize("top", ["tui", pytest.param("tests", marks=pytest.mark.slow)])
def test_private_parts_of_textual_are_touched_in_one_module_only(top):
    touching = {
        str(path.relative_to(ROOT))
        for path in (ROOT / top).rglob("*.py")
        if any(map(private_parts_of_textual, nodes_of(path)))
    }
    assert touching - {"tests/test_structure.py"} == MAY_TOUCH[top]


def test_pinned_is_what_developing_needs_and_nothing_else():
    """Reads what is installed; requirements for other systems and Pythons count as needed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["train"], *extras["dev"]]
    declared.remove("vitui[train]")  # what is above
    _, first, of_loggers = re.split(r"^#.*\n", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    pinned = pins(first)
    for requirement in map(Requirement, declared):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])
    assert set(pinned) - needed(declared) == set()
    pinned_besides = pins(of_loggers)  # whose packages need not be installed
    assert pinned.keys() & pinned_besides.keys() == set()
    for requirement in map(Requirement, extras["loggers"][1:]):
        version = (pinned | pinned_besides)[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version)


def pins(text: str) -> dict[str, str]:
    return {
        canonicalize_name(name): version for name, version in (line.split("==") for line in text.splitlines())
    }


def needed(declared: Iterable[str]) -> set[str]:
    """Return the names of what requirements need, and of what that needs in turn."""
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in declared]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [inner for inner in requirements_of(name) if is_meant(inner, extra)]
    return {name for name, _ in seen}


def requirements_of(name: str) -> list[Requirement]:
    try:
        return [Requirement(text) for text in distribution(name).requires or ()]
    except PackageNotFoundError:
        return []


def is_meant(requirement: Requirement, extra: str) -> bool:
    """Return whether a requirement belongs to an extra, or to none where that is empty."""
    extras = re.findall(r"extra == [\"']([^\"']+)", str(requirement.marker or ""))
    return extra in (extras or [""])


OVER_RUNS = frozenset(
    {"mean", "fmean", "average", "median", "stdev", "pstdev", "variance", "std", "var", "nanmean", "nanstd"}
)
"""Functions of ``statistics`` and numpy that make one number of several."""
SUMS, COUNTS = ("sum", "fsum", "nansum"), ("len", "count_nonzero")
NOT_OVER_RUNS = {
    "engine/exchange/log_files/steps_and_times.py": "of the times and steps that one file says",
    "engine/queue/durations.py": "of how long runs took, from which forecasts are made",
    "tui/figures/line_labels.py": "of the places of labels",
    "tui/terminal/ascii_text.py": "of the dots of a cell",
}
"""Where such functions are of something else than of runs, and of what."""


def test_means_spreads_and_tests_over_runs_are_made_in_one_room():
    found = {
        (str(path.relative_to(ROOT)), name)
        for top in ("engine", "tui")
        for path in (ROOT / top).rglob("*.py")
        for name in statistics_of(tree_of(path))
    }
    innocent = ("engine/analysis/", *NOT_OVER_RUNS)
    assert {(path, name) for path, name in found if not path.startswith(innocent)} == set()
    used = {home for home in NOT_OVER_RUNS for path, _ in found if path.startswith(home)}
    assert used == set(NOT_OVER_RUNS)


def statistics_of(tree: ast.AST) -> set[str]:
    """Return what a module uses of ``statistics``, numpy's means and spreads and scipy, or divides by a count."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            halves = called(node.left), called(node.right)
            names |= {"sum / len"} if halves in itertools.product(SUMS, COUNTS) else set()
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("statistics", "np", "numpy") and node.attr in OVER_RUNS:
                names.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            "statistics",
            "scipy",
        ):
            names |= {f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Import):
            names |= {each.name for each in node.names if each.name.split(".")[0] == "scipy"}
    return names


def called(node: ast.AST) -> str:
    """Return the name of the function or method that an expression calls, empty where it calls none."""
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize(
    "code",
    [
        "sum(x) / len(x)",
        "math.fsum(x) / len(x)",
        "np.mean(x)",
        "from statistics import stdev",
        "import scipy.stats",
    ],
)
def test_a_mean_of_one_s_own_is_found(code):
    assert statistics_of(ast.parse(code))


MOST_LINES = 400
"""Lines that a class may have, together with the classes of this program that it is made from."""


def classes() -> dict[str, list[tuple[str, ast.ClassDef]]]:
    """Return the classes of the program by name, each with the file that it is in."""
    found = defaultdict(list)
    for path in (path for top in ("engine", "tui") for path in (ROOT / top).rglob("*.py")):
        for node in nodes_of(path):
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


MOST_LINES_OF_A_FUNCTION = 60
"""Lines that a function may have, its docstring apart."""
MOST_BRANCHES = 18
"""Branches that a function may have, those of functions inside of it apart."""
LONG_FUNCTIONS: dict[str, int] = {}
"""Functions with more lines than that, as ``path: name``, and how many at most: this may only shrink."""
BRANCHED_FUNCTIONS: dict[str, int] = {}
"""The same of branches."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def functions() -> list[tuple[str, Function]]:
    """Return the functions and methods of the program, each as ``path: name`` with its code."""
    return [
        (f"{path.relative_to(ROOT)}: {node.name}", node)
        for top in ("engine", "tui")
        for path in (ROOT / top).rglob("*.py")
        for node in nodes_of(path)
        if isinstance(node, Function)
    ]


def lines_of(function: Function) -> int:
    first = function.body[0]
    docstring = first if ast.get_docstring(function, clean=False) is not None else None
    inside = 0 if docstring is None else docstring.end_lineno - docstring.lineno + 1
    return function.end_lineno - function.lineno + 1 - inside


def branches_of(function: Function) -> int:
    """Count what decides or repeats: if, for, while, case, except, and, or, and the conditions of comprehensions."""
    count, waiting = 0, list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(
            node,
            ast.If | ast.IfExp | ast.For | ast.AsyncFor | ast.While | ast.ExceptHandler | ast.match_case,
        ):
            count += 1
        elif isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            count += len(node.ifs)
    return count


@pytest.mark.parametrize(
    ("measure", "most", "exceptions"),
    [
        (lines_of, MOST_LINES_OF_A_FUNCTION, LONG_FUNCTIONS),
        (branches_of, MOST_BRANCHES, BRANCHED_FUNCTIONS),
    ],
)
def test_no_function_is_larger_than_one_can_overlook(measure, most, exceptions):
    sizes = {name: measure(node) for name, node in functions()}
    large = {name: size for name, size in sizes.items() if size > exceptions.get(name, most)}
    assert large == {}
    assert {name for name in exceptions if sizes.get(name, 0) <= most} == set()


def test_branches_are_counted_as_people_read_them():
    text = """
def f(a, b):
    "Docstring."
    if a and b or a:
        for x in [y for y in a if y if b]:
            while x:
                pass
    elif b:
        try:
            return 1 if a else 2
        except ValueError:
            def inner():
                if a: pass
    match a:
        case 1: pass
        case _: pass
"""
    (function,) = ast.parse(text).body
    assert branches_of(function) == 12
    assert lines_of(function) == 14


def test_every_method_of_a_screen_does_what_it_says():
    promised = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "tui" / "screens").rglob("*.py")
        for node in ast.walk(tree_of(path))
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
