"""What people read is written for them: docstrings that say enough, options with help, words that mean something."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click
import pytest

import engine.cli
import tui.cli
from tests.test_structure import nodes_of, tree_of

pytestmark = pytest.mark.xdist_group("source")
ROOT = Path(__file__).parent.parent
MANY = 4
"""Parameters from which on a docstring describes each."""
EMPTY_WORDS = {
    r"nobody|no one": "say what happens, or who does it",
    r"somebody|someone": "the user, the process, the caller",
    r"(?:can|cannot|could) be had": "can be read, downloaded, taken",
    r"(?:is|are) at it": "is running, works on it",
    r"(?:that|which) (?:is|are) none\b(?! of)": "say what it is instead, or what the function returns then",
    r"what(?:ever)? there is\b": "name it: the models, the runs",
    r"(?:is|are|has|have) to be (?:known|said|told)": "say who has to know what",
    r"(?:for|of|after|within|holds|has) one that": "name it: a metric that, a run that",
    r"worth (?:naming|mentioning|saying)": "leave it out",
    r"(?:basically|simply|just|really|actually|obviously|of course|very)": "leave it out",
    r"and so on|etc": "complete the list, or name what it has in common",
    r"things?|stuff": "name it",
    r"of theirs|of its own accord": "its own, by itself",
    r"in vain": "say what does not happen",
    r"it is noted|note that": "leave it out",
    r"takes? leave of": "ends, forgets",
}
"""Words that say nothing, as regular expressions, and what to write in their place."""


class Function(NamedTuple):
    """A public function or class of ours, with what its docstring has to describe."""

    place: str
    name: str
    docstring: str
    parameters: tuple[str, ...]
    returns: bool
    raises: frozenset[str]


@cache
def source_files() -> tuple[Path, ...]:
    return tuple(path for top in ("engine", "tui") for path in sorted((ROOT / top).rglob("*.py")))


@cache
def public_functions(path: Path) -> tuple[Function, ...]:
    return tuple(_functions_in(path, tree_of(path), ""))


def _functions_in(path: Path, parent: ast.AST, inside: str) -> Iterator[Function]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _functions_in(path, node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_verb(node):
            of_class = node.name == "__init__"
            if of_class or not node.name.startswith("_"):
                docstring = ast.get_docstring(node) or ""
                if of_class and isinstance(parent, ast.ClassDef):
                    docstring = f"{ast.get_docstring(parent) or ''}\n{docstring}"
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield Function(
                    where,
                    inside + node.name,
                    docstring,
                    _parameters(node),
                    _returns(node),
                    frozenset(_raises(node)),
                )


def _is_verb(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a function is a verb of a command, whose parameters are described by its options."""
    return any(
        ast.unparse(each).partition("(")[0].endswith((".command", ".group")) for each in node.decorator_list
    )


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    arguments = node.args
    catching = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *catching)]
    return tuple(name for name in names if name not in ("self", "cls") and not name.startswith("_"))


def _returns(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return node.returns is not None and ast.unparse(node.returns) not in ("None", "NoReturn", "Self")


def _raises(node: ast.AST) -> Iterator[str]:
    """Yield the errors that a function raises itself and does not catch."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call):
            yield ast.unparse(child.exc.func).rpartition(".")[2]
        elif isinstance(child, ast.Try):
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                yield from _raises(part)
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _raises(child)


def described_parameters(docstring: str) -> list[str] | None:
    """Return the names under ``Args:``, None where there is no such section."""
    match = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)*)", docstring, re.MULTILINE)
    return None if match is None else re.findall(r"^ {4}(\w+):", match[1], re.MULTILINE)


@cache
def functions() -> list[Function]:
    return [function for path in source_files() for function in public_functions(path)]


def test_parameters_are_described_where_there_are_many() -> None:
    wrong = []
    for function in functions():
        described = described_parameters(function.docstring)
        missing = set(function.parameters) - set(described or ())
        if len(function.parameters) >= MANY and missing:
            wrong.append(f"{function.place} {function.name}: Args lacks {', '.join(sorted(missing))}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_parameter_is_described_that_there_is_not() -> None:
    wrong = []
    for path in source_files():
        for function in public_functions(path):
            stale = set(described_parameters(function.docstring) or ()) - set(function.parameters)
            if stale and not function.name.endswith("__init__"):
                wrong.append(f"{function.place} {function.name}: {', '.join(sorted(stale))}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_what_many_parameters_lead_to_is_said() -> None:
    says = re.compile(r"\b(?:[Rr]eturns?|[Yy]ields?)\b")
    wrong = [
        f"{function.place} {function.name}"
        for function in functions()
        if function.returns and len(function.parameters) >= MANY and not says.search(function.docstring)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_errors_are_said() -> None:
    wrong = []
    for function in functions():
        unsaid = [name for name in function.raises if name[:1].isupper() and name not in function.docstring]
        if unsaid and function.docstring and not function.name.endswith("__init__"):
            wrong.append(f"{function.place} {function.name} raises {', '.join(sorted(unsaid))}")
    assert not wrong, "\n" + "\n".join(wrong)


@cache
def lines_of_docstrings(path: Path) -> tuple[tuple[int, str], ...]:
    """Return the lines of a module's docstrings, those of attributes included, with their numbers."""
    found: list[tuple[int, str]] = []
    for node in nodes_of(path):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            found += enumerate(node.value.value.splitlines(), node.lineno)
    return tuple(found)


@cache
def sentences_of(path: Path) -> tuple[tuple[int, str], ...]:
    """Return the lines of a page, or of a module's docstrings, with their numbers and without their code."""
    if path.suffix == ".md":
        lines = tuple(enumerate(path.read_text(encoding="utf-8").splitlines(), 1))
    else:
        lines = lines_of_docstrings(path)
    return tuple((number, re.sub(r"`[^`]*`", "", line)) for number, line in lines)


def pages() -> list[Path]:
    written_once = {"results.md"}
    found = (ROOT / "docs").glob("*.md")
    return [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(page for page in found if page.name not in written_once),
    ]


def test_modules_that_docstrings_name_exist() -> None:
    files = source_files()
    modules = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in files}
    modules |= {module.removesuffix(".__init__") for module in modules}
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {name}"
        for path in files
        for number, line in lines_of_docstrings(path)
        for name in re.findall(r"(?<![\w/.])(?:engine|tui)(?:\.\w+)+", line)
        if modules.isdisjoint({name, name.rpartition(".")[0]} - {"engine", "tui"})
    ]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("pattern", EMPTY_WORDS)
def test_no_words_that_say_nothing(pattern: str) -> None:
    words = re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (*pages(), *source_files())
        for number, line in sentences_of(path)
        if words.search(line)
    ]
    assert not wrong, f"\n{EMPTY_WORDS[pattern]}\n" + "\n".join(wrong)


@pytest.mark.parametrize("command", [engine.cli.main, tui.cli.main], ids=["engine", "vitui"])
def test_every_option_of_a_verb_has_its_help(command: click.Group) -> None:
    context = click.Context(command)
    verbs = {verb: command.get_command(context, verb) for verb in command.list_commands(context)}
    silent = [
        f"{verb} {parameter.opts[0]}"
        for verb, found in verbs.items()
        for parameter in (found.params if found is not None else ())
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert not silent
