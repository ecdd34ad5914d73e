"""Pages and code say the same: verbs, options, keys, defaults, fields, events, folders; and links lead somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, get_args

import click
import msgspec
import pytest

import engine.cli
import tui.cli
from engine import events
from engine.catalog.datasets import DATASETS
from engine.catalog.figure_kinds import EVERY, KINDS
from engine.catalog.model_sizes import MODELS, OPTIONS
from engine.config import schema
from engine.config.schema import Experiment, Figure
from engine.query.fields import known_keys
from engine.query.matching import OPERATORS
from engine.query.units import UNITS
from engine.runs.state_symbols import MARKS
from engine.runs.status import State
from engine.runs.store import RunInfo
from tui.screens.help import KEYS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOTS: dict[str, click.Command] = {"engine": engine.cli.main, "vitui": tui.cli.main}
FOR_DEVELOPERS = {"dev", "bench", "fuzz", "loggers"}
NOTHING = "none"
"""How a table writes the default None."""
REQUIRED = "required"

Row = tuple[str, ...]


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def doc(name: str) -> str:
    return text_of(ROOT / "docs" / name)


def all_pages() -> str:
    return "\n".join(map(text_of, PAGES))


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of its level or a higher one."""
    match = re.search(rf"^(#+) {re.escape(heading)}\n", text, re.MULTILINE)
    assert match is not None, f"there is no heading {heading!r}"
    rest = text[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[Row]:
    """Return the rows of all tables in a text, without their headings."""
    lines = text.splitlines()
    found = []
    for i, line in enumerate(lines):
        is_heading = i + 1 < len(lines) and set(lines[i + 1]) <= set("|-: ") and lines[i + 1].startswith("|")
        if line.startswith("|") and not set(line) <= set("|-: ") and not is_heading:
            cells = re.split(r"(?<!\\)\|", line.strip("|"))
            found.append(tuple(cell.strip().replace("\\|", "|") for cell in cells))
    return found


def code(cell: str) -> str:
    return cell.strip("`")


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


# ---- links and length


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", text_of(file), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name} links to {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)", text_of(PAGES[0])))
    assert {page.name for page in PAGES[1:]} <= linked


def test_the_readme_is_short() -> None:
    assert len(text_of(PAGES[0]).splitlines()) <= 150


# ---- commands


def typed_commands(text: str) -> list[str]:
    """Return every command of ours in a code span or a shell block, without its comment."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.split("  #")[0] for block in blocks for line in block.splitlines()]
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    lines += [span.replace("\n", " ") for span in spans]
    return sorted({line.strip() for line in lines if line.split(" ")[0] in ROOTS})


def verbs(name: str) -> dict[str, click.Command]:
    group = ROOTS[name]
    assert isinstance(group, click.Group)
    context = click.Context(group)
    found = {verb: group.get_command(context, verb) for verb in group.list_commands(context)}
    return {verb: command for verb, command in found.items() if command is not None and not command.hidden}


def options_of(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("typed", typed_commands(all_pages()))
def test_what_a_page_types_exists(typed: str) -> None:
    words = shlex.split(typed)
    group = ROOTS[words[0]]
    command: click.Command = group
    if len(words) > 1 and words[1] in verbs(words[0]):
        command = verbs(words[0])[words[1]]
        if isinstance(command, click.Group) and len(words) > 2:
            command = command.commands[words[2]]
    elif words[0] == "vitui" and "--version" not in words:
        command = verbs("vitui")["open"]
    elif len(words) > 1:
        assert words[1].startswith("-"), f"there is no verb {words[1]!r}"
    asked = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert asked <= options_of(command) | options_of(group) | {"--help", "--version"}


@pytest.mark.parametrize("name", ROOTS)
def test_every_verb_and_option_is_in_a_page(name: str) -> None:
    pages = all_pages()
    typed = [shlex.split(line)[:2] for line in typed_commands(pages)]
    missing = [f"{name} {verb}" for verb in verbs(name) if [name, verb] not in typed]
    missing += [
        f"{name} {verb} {option}"
        for verb, command in verbs(name).items()
        for option in sorted(options_of(command))
        if option.startswith("--") and not re.search(rf"(?<![\w-]){option}\b", pages)
    ]
    assert missing == []


# ---- experiments.toml


def defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the default of each key; ``REQUIRED`` for one that has none."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        if field.default_factory is not msgspec.NODEFAULT:
            found[field.name] = field.default_factory()
        else:
            found[field.name] = REQUIRED if field.required else field.default
    return {name: default for name, default in found.items() if name != "name"}


def documented_defaults(heading: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, default, *_ in rows(section(doc("experiments.md"), heading)):
        if default in (NOTHING, REQUIRED):
            found[code(key)] = None if default == NOTHING else REQUIRED
        else:
            found[code(key)] = tomllib.loads(f"value = {code(default)}")["value"]
    return found


@pytest.mark.parametrize(
    ("heading", "struct"), [("Keys of an experiment", "Experiment"), ("Keys of a figure", "Figure")]
)
def test_every_key_stands_with_its_default(heading: str, struct: str) -> None:
    assert documented_defaults(heading) == defaults(getattr(schema, struct))


def test_every_key_of_statistics_stands_with_its_default() -> None:
    struct = getattr(schema, "Statistics", None)
    if struct is None:
        pytest.skip("this version has no [statistics]")
    documented = documented_defaults("Keys of statistics")
    assert documented.keys() == defaults(struct).keys()


def test_every_key_of_notify_stands_with_its_default() -> None:
    from engine.config.notify import Notify

    assert documented_defaults("Keys of notify") == defaults(Notify)


def test_every_field_of_a_message_is_explained() -> None:
    from engine.notifications.message import Message

    cells = [cell for cell, *_ in rows(section(doc("queue.md"), "Being told"))]
    assert [code(name) for cell in cells for name in cell.split(", ")] == list(Message.__struct_fields__)


def test_every_section_of_the_file_is_named() -> None:
    from engine.config.loader import _SECTIONS

    named = {code(name).strip("[]").partition(".")[0] for name, _ in rows(doc("experiments.md"))[:6]}
    assert set(_SECTIONS) <= named


def test_examples_are_valid(tmp_path: Path) -> None:
    from engine.config.loader import _SECTIONS, load_config

    for page in PAGES:
        for block in re.findall(r"```toml\n(.*?)```", text_of(page), re.DOTALL):
            document = tomllib.loads(block)
            if set(document) <= set(_SECTIONS):
                (tmp_path / "experiments.toml").write_text(block)
                load_config(tmp_path / "experiments.toml")


def test_models_options_and_datasets_are_named() -> None:
    page = doc("experiments.md")
    models = section(page, "Models")
    optimized = {name for name in MODELS if name.endswith("_optimized")}
    assert set(re.findall(r"`((?:vit|bit|hybrid)_\w+)`", models)) == set(MODELS) - optimized
    option_rows = {code(name) for name, *_ in rows(models)} - {"ViT", "BiT", "hybrid"}
    assert option_rows == {name for options in OPTIONS.values() for name in options}
    datasets = section(page, "Datasets")
    of_torchvision = {name.removeprefix("torch:") for name in DATASETS if name.startswith("torch:")}
    assert of_torchvision <= set(re.findall(r"`(\w+)`", datasets))
    named = {code(name) for name, *_ in rows(datasets)}
    assert named >= {name for name in DATASETS if not name.startswith("torch:")}


# ---- figures


def test_kinds_of_figure_their_keys_and_axes() -> None:
    table = rows(section(doc("figures-and-statistics.md"), "Kinds of figure"))
    kinds = {code(kind): keys for kind, _, *rest in table if rest for keys in rest}
    assert kinds.keys() == KINDS.keys()
    for name, kind in KINDS.items():
        words = set(re.findall(r"`([^`]+)`", kinds[name]))
        assert kind.keys <= words
        assert {word for word in words if word in Figure.__struct_fields__} <= kind.keys | EVERY
    axes = {code(kind): re.findall(r"`([^`]+)`", names) for kind, names, *rest in table if not rest}
    assert axes == {name: list(kind.axes) for name, kind in KINDS.items() if kind.axes}


# ---- filters


def test_fields_of_filters() -> None:
    table = rows(section(doc("filters.md"), "Fields"))
    documented = {code(name): kind for name, _, kind in table}
    own = {name: key for name, key in known_keys().items() if name not in Experiment.__struct_fields__}
    own |= {
        name: known_keys()[name] for name in ("seed", "tags", "notes")
    }  # asked of the run, not of its settings
    assert documented == {name: key.kind for name, key in own.items()}


def test_operators_and_units_of_filters() -> None:
    page = doc("filters.md")
    assert [code(name) for name, *_ in rows(section(page, "Operators"))] == list(OPERATORS)
    for kind, units in rows(section(page, "Units")):
        words = set(re.findall(r"`([^`]+)`", units))
        known = {unit for name, unit_of in UNITS.items() if name == kind for unit in unit_of if unit}
        assert known <= words, f"units of {kind}"
        assert {word for word in words if not word[0].isdigit()} <= known


def test_states() -> None:
    fields = {code(name): what for name, what, _ in rows(section(doc("filters.md"), "Fields"))}
    assert set(re.findall(r"`(\w+)`", fields["state"])) == set(get_args(State))
    marks = section(doc("app.md"), "Marks")
    assert {mark for mark, _ in MARKS.values()} <= set(re.findall(r"`(.)`", marks))


# ---- the app


def test_keys_of_the_app() -> None:
    page = section(doc("app.md"), "Keys")
    for name, keys in KEYS.items():
        wanted = [(key, what) for key, what in keys]
        table = [(code(key), what) for key, what in rows(section(page, name))]
        assert table == wanted, "the table should be:\n" + "\n".join(
            f"| `{key}` | {what} |".replace("`|`", "`\\|`") for key, what in wanted
        )


def test_environment_variables_are_in_a_page() -> None:
    sources = [path.read_text() for top in ("engine", "tui") for path in (ROOT / top).rglob("*.py")]
    names = {name for source in sources for name in re.findall(r"\bVITUI_[A-Z_]*[A-Z]\b", source)}
    assert names <= set(re.findall(r"\bVITUI_[A-Z_]*[A-Z]\b", all_pages()))


def test_extras_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    table = {code(name) for name, _ in rows(section(text_of(PAGES[0]), "Install"))}
    assert table == set(project) - FOR_DEVELOPERS
    for name in FOR_DEVELOPERS:
        assert f"`{name}`" in doc("contributing.md")


# ---- formats


def kinds_of_event() -> dict[str, type[msgspec.Struct]]:
    known = (events.Start, events.Metrics, events.Confusion, events.Checkpoint, events.Log, events.End)
    return {str(kind.__struct_config__.tag): kind for kind in known}


def test_events_and_their_fields() -> None:
    page = section(doc("formats.md"), "Events")
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == list(kinds_of_event())
    for name, kind in kinds_of_event().items():
        documented = [code(key) for key, _ in rows(section(page, name))]
        own = [field for field in kind.__struct_fields__ if field not in ("time", "run")]
        assert sorted(documented) == sorted(own), name


def test_run_json() -> None:
    documented = [code(key) for key, _ in rows(section(doc("formats.md"), "run.json"))]
    assert documented == list(RunInfo.__struct_fields__)


# ---- the tree


def folders() -> set[str]:
    found = (path.parent for top in ("engine", "tui") for path in (ROOT / top).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix() for path in found} - {"engine", "tui"}


def test_the_tree_is_the_one_that_there_is() -> None:
    documented = [code(name) for name, _ in rows(section(doc("contributing.md"), "The tree"))]
    assert sorted(documented) == sorted(folders())


def test_files_that_pages_name_exist() -> None:
    named = set(re.findall(r"`((?:engine|tui|tests|docs|\.ci)/[\w./-]+)`", all_pages()))
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_key_of_a_site_is_explained() -> None:
    from engine.config.site_tables import FIELDS

    assert [code(name) for name, *_ in rows(section(doc("sites.md"), "The table"))] == list(FIELDS)
