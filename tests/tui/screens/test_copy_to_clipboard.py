from __future__ import annotations

import csv
import io
import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine.config.loader import load_config
from engine.config.overrides import override
from engine.config.schema import Experiment
from engine.text import markdown_table, printable, text_of_csv
from tests.tui.conftest import Write
from tests.tui.pilot import opened, settle, toasts, until
from tui.report.latex_and_csv_syntax import _LATEX, as_csv, as_latex
from tui.state.snapshot import Project
from tui.views.shell_commands import repeat_command, settings_for

HOSTILE = st.one_of(
    st.text(max_size=20),
    st.text("|\\`*_{}[]<>()#+-.!~^&%$\"'=: ab1", max_size=20),
    st.sampled_from(
        [
            "[/x]",
            "\x1b[31mred",
            "a|b",
            "\\",
            "\\|",
            "`a|b`",
            "<b>",
            "[a](b)",
            "a_b_c",
            "&amp;",
            "1. x",
            "~~a~~",
        ]
    ),
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(HOSTILE, min_size=width, max_size=width), min_size=2, max_size=4)
)


def shown(text: str) -> str:
    return printable(text).strip()


@given(TABLES)
def test_markdown_shows_every_text_as_it_is(table: list[list[str]]) -> None:
    tokens = (
        MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown_table(table[0], table[1:]))
    )
    assert [token.type for token in tokens].count("tr_open") == len(table)
    found = [token for token in tokens if token.type == "inline"]
    assert all({child.type for child in token.children or []} <= {"text", "text_special"} for token in found)
    texts = ["".join(child.content for child in token.children or []) for token in found]
    assert texts == [shown(cell) for line in table for cell in line]


@example([[""], ["-0"]])
@given(TABLES)
def test_latex_has_every_special_letter_escaped(table: list[list[str]]) -> None:
    back = {written: letter for letter, written in _LATEX.items()}
    pieces = re.compile("|".join(re.escape(each) for each in sorted(back, key=len, reverse=True)))
    lines = as_latex(table[0], table[1:]).split("\n")
    rows = [lines[2], *lines[4:-3]]
    assert len(rows) == len(table)
    for line, cells in zip(rows, table, strict=True):
        bare = pieces.sub("", line.removesuffix(r" \\"))
        assert bare.count("&") == len(cells) - 1
        assert not re.search(r"[\\{}%$#_~^]", bare)
        read = pieces.sub(lambda found: back[found[0]], line.removesuffix(r" \\"))
        assert read.replace("−", "-") == " & ".join(map(printable, cells)).replace("−", "-")  # -0 has a minus


@given(TABLES)
def test_csv_reads_back(table: list[list[str]]) -> None:
    found = list(csv.reader(io.StringIO(as_csv(table[0], table[1:]))))
    assert [list(map(text_of_csv, line)) for line in found] == [list(map(printable, line)) for line in table]


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "lr": st.floats(1e-6, 1), "epochs": st.integers(1, 50),
        "notes": st.text(st.characters(codec="utf-8"), max_size=20),
        "tags": st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=3), "optimizer": st.just("sgd"),
        "augment": st.sampled_from(["none", "randaugment"]), "options": st.just({"pool": "mean", "drop_path": 0.1}),
    },
)  # fmt: skip


@given(CHANGES)
@example({"tags": ["\x7f"]})
def test_the_command_makes_the_run_what_it_was(changes: dict[str, Any]) -> None:
    experiment = Experiment(name="a", model="vit_mini", image_size=16, patch_size=4, dataset="digits")
    made = msgspec.structs.replace(experiment, **changes)
    settings = settings_for(experiment, msgspec.to_builtins(made))
    assert override(experiment, settings) == made if settings else experiment == made
    command = repeat_command(
        "a", experiment, msgspec.to_builtins(made), 3, Project(Path(), Path("x y.toml"), Path("runs"))
    )
    words = shlex.split(command)
    assert words[:4] == ["engine", "run", "--config", "x y.toml"]
    assert words[-3:] == ["--seed", "3", "a"]
    assert [word for before, word in itertools.pairwise(words) if before == "--set"] == settings


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "what", "start"),
    [
        ("r", "the row", "ViT-small  "),
        ("p", "the path of the run's folder", "/"),
        ("c", "the command that repeats it", "engine run --seed 0 ViT-small"),
        ("g", "the command that goes on with it", "engine resume ViT-small-s0"),
        ("t", "the list as Markdown", "| experiment | run |"),
        ("v", "the list as CSV", "experiment,run,state"),
    ],
)
async def test_y_copies(project: Project, write_run: Write, key: str, what: str, start: str) -> None:
    run = write_run("ViT-small", epochs=2, end="failed", reason="out of memory")
    async with opened(project) as pilot:
        await pilot.press("Y", key)
        await settle(pilot)
        assert pilot.app.clipboard.startswith(start)
        assert f"Copied {what}." in toasts(pilot)
        if key == "p":
            assert Path(pilot.app.clipboard).samefile(run.path)
        if key in "tv":
            assert all(
                name in pilot.app.clipboard.replace("{-}", "-")
                for name in load_config(project.config).experiments
            )


@pytest.mark.slow
async def test_results_are_copied_ready_for_a_paper(project: Project, write_run: Write) -> None:
    for seed in range(2):
        write_run("ViT-small", seed=seed)
    write_run("BiT-small")
    async with opened(project) as pilot:
        for key, begins in (
            ("m", "| experiment | seeds | test F1 |"),
            ("l", "% made by vitui export --table"),
        ):
            await pilot.press("Y", key)
            await until(pilot, lambda begins=begins: pilot.app.clipboard.startswith(begins))  # type: ignore[misc]
            copied = pilot.app.clipboard.replace("{-}", "-")
            assert all(name in copied for name in ("ViT-small", "BiT-small"))
            assert "one-token" not in copied  # it has not run
        assert "95 \\% CI" in copied
        await pilot.press("space", "Y", "m")
        await until(pilot, lambda: pilot.app.clipboard.startswith("|"))
        assert len({name for name in ("ViT-small", "BiT-small") if name in pilot.app.clipboard}) == 1
