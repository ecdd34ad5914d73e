"""The faces of `vitui export`: each option goes with some of them, and is refused with the others by name."""

from __future__ import annotations

from itertools import combinations

import pytest
from click.testing import CliRunner

from engine.exchange.exporting import KINDS
from tui.commands.export import (
    FACES,
    FIGURES,
    PICTURES,
    RUNS,
    TABLE,
    TABLES,
    Face,
    Request,
    asked,
    export,
    misfit,
)
from tui.figures.figure_files import FORMATS
from tui.report.export_tables import TABLE_FORMATS

OPTIONS = {
    "FIGURE": ["quick"], "--style": ["--style", "slides"], "--width": ["--width", "page"], "--where": ["--where", ""],
    "--force": ["--force"], "--metric": ["--metric", "a"],
    **{f"--format {kind}": ["--format", kind] for kind in (*PICTURES, *TABLES)},
}  # fmt: skip
"""How each option that some face does not take is typed."""
CALLS: list[tuple[list[str], list[Face]]] = [
    ([], [FIGURES]),
    (["--table"], [TABLE]),
    (["--table", "--format", "svg"], [TABLE, FIGURES]),
    (["--to", "csv"], [RUNS]),
]


def request_of(arguments: list[str]) -> Request:
    return Request(**export.make_context("export", list(arguments)).params)


def test_the_formats_are_those_of_who_writes_them():
    assert PICTURES == FORMATS
    assert TABLES == TABLE_FORMATS
    (to,) = (option for option in export.params if option.name == "to")
    assert tuple(to.type.choices) == KINDS


def test_every_option_is_taken_by_some_face_or_by_all():
    common = {"--to", "--out", "--config", "--runs"}
    named = {option.split()[0] for face in FACES for option in face.takes}
    assert named - {"FIGURE"} | common == {
        option for parameter in export.params if parameter.name != "figures" for option in parameter.opts
    }
    assert named | {f"--format {kind}" for kind in (*PICTURES, *TABLES)} == {*OPTIONS, "--table", "--format"}


@pytest.mark.parametrize(("call", "faces"), CALLS)
def test_what_is_asked_for(call: list[str], faces: list[Face]) -> None:
    request = request_of(call)
    assert asked(request) == faces
    assert misfit(request.given(), faces) == ""


@pytest.mark.parametrize(("call", "faces"), CALLS)
def test_an_option_is_refused_exactly_where_no_face_takes_it(call: list[str], faces: list[Face]) -> None:
    for options in (*combinations(OPTIONS, 1), *combinations(OPTIONS, 2)):
        request = request_of([*call, *(word for option in options for word in OPTIONS[option])])
        written = asked(request)
        strangers = [option for option in options if not any(option in face.takes for face in written)]
        message = misfit(request.given(), written)
        assert bool(message) == bool(strangers), (call, options)
        if strangers:
            assert any(message.startswith(f"{option} goes with ") for option in strangers)
            assert all(f"{face.what} ({face.asked_by})" in message for face in written)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--table", "--force"], "--force goes with runs (--to); what is written here is tables (--table)"),
        (
            ["--to", "csv", "--table"],
            "--table goes with tables (--table); what is written here is runs (--to)",
        ),
    ],
)
def test_a_wrong_combination_names_both(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(export, arguments)
    assert done.exit_code == 2
    assert message in done.output
