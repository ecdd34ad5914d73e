from __future__ import annotations

from pathlib import Path

import pytest
import tomli
from textual.widgets import Static

from engine.config.setting_choices import choices, help_of, keys_of, starting_with
from engine.config.setting_meanings import meaning_of
from engine.config.validate import FIELDS
from tests.tui.conftest import EXPERIMENTS
from tests.tui.pilot import AppPilot, board, opened, settle, toasts, until
from tests.tui.test_app_options import contrast
from tui.screens.dashboard.screen import Dashboard
from tui.screens.dialogs import Dialog
from tui.screens.experiment_form import FormScreen
from tui.state.snapshot import Project
from tui.terminal.external_editor import editor_command
from tui.views.experiment_form_rows import Form, free_name, passing, written
from tui.widgets.completing_input import CompletingInput
from tui.widgets.form_list import FormList
from tui.widgets.key_bar import KeyBar

PATH = Path("experiments.toml")


def form(name: str = "ViT-small") -> Form:
    return Form(PATH, EXPERIMENTS, name)


def entry(of: Form, key: str) -> tuple[str, str]:
    found = next(each for each in of.entries if each.key == key)
    return found.value, found.source


# ---- the form itself


def test_the_first_key_that_is_wrong_is_one_of_the_experiment_itself() -> None:
    assert form().mistaken_key == ""
    text = EXPERIMENTS.replace('model = "bit_mini"', 'model = "bit_mini"\nfrobnicate = 1\nlr = -1')
    assert Form(PATH, text, "BiT-small").mistaken_key == "frobnicate"
    assert Form(PATH, text, "ViT-small").mistaken_key == ""


def test_a_row_says_what_a_key_has_and_where_that_is_from() -> None:
    assert entry(form(), "model") == ("vit_mini", "here")
    assert entry(form(), "epochs") == ("4", "defaults")
    assert entry(form(), "optimizer") == ("adamw", "recipe")
    assert entry(form(), "workers") == ("", "built in")
    assert entry(form(), "tags") == ('["vit"]', "here")
    assert {"options.pool", "options.drop_path"} <= {each.key for each in form().entries}
    assert {"options.stem"} <= {each.key for each in form("BiT-small").entries}


def test_a_change_shows_and_an_empty_one_inherits() -> None:
    changed = form().with_value("epochs", "9").with_value("options.pool", "mean")
    assert entry(changed, "epochs") == ("9", "changed")
    table = tomli.loads(changed.edited)["experiments"]["ViT-small"]
    assert (table["epochs"], table["options"]) == (9, {"pool": "mean"})
    assert changed.mistakes == []
    gone = changed.with_value("tags", "")
    assert entry(gone, "tags") == ("[]", "changed")
    assert "tags" not in tomli.loads(gone.edited)["experiments"]["ViT-small"]


def test_what_is_odd_is_noted_and_is_no_mistake() -> None:
    changed = form().with_value("batch_size", "99999999").with_value("val_fraction", "0.1")
    assert changed.mistakes == []
    assert [note for note in changed.notes if note.startswith("batch_size is more than the 1,295")]
    assert not [note for note in form().notes if "batch_size" in note]
    assert changed.with_value("model", "nothing").notes == []


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("patch_size", "5", "patches of 5 do not divide an image of 16"),
        ("model", "vit_mni", "did you mean 'vit_mini'?"),
        ("epochs", "many", "found 'many' (a string); it has to be a whole number of at least 1"),
        ("options.pool", "all", "pool is 'token' or 'mean', not 'all'"),
    ],
)
def test_a_mistake_is_said_with_its_place(key: str, text: str, said: str) -> None:
    (mistake,) = form().with_value(key, text).mistakes
    assert mistake.startswith("experiments.toml:")
    assert said in mistake


def test_mistakes_that_were_there_before_are_not_held_against_a_change() -> None:
    broken = Form(PATH, EXPERIMENTS.replace("bit_mini", "bit_mni"), "ViT-small")
    assert broken.with_value("epochs", "9").mistakes == []


UNKNOWN = """\
[experiments.x]
model = "vit_mini"
leraning_rate = 1e-3 # high
bach_size = 8
batch_size = 16
zzz = [1]
options = { poool = "mean" }
"""


def test_a_key_that_there_is_not_is_a_row_that_is_taken_out_or_for_the_one_that_is_meant() -> None:
    broken = Form(PATH, UNKNOWN, "x")
    unknown = {each.key: each for each in broken.entries if each.source == "unknown"}
    assert list(unknown) == [each.key for each in broken.entries[1:5]]
    assert {key: (each.help, each.meant) for key, each in unknown.items()} == {
        "leraning_rate": ("unknown key; did you mean 'lr'?", "lr"),
        "bach_size": ("unknown key; did you mean 'batch_size'? batch_size is set too", ""),
        "zzz": ("unknown key.", ""),
        "options.poool": ("unknown key; did you mean 'options.pool'?", "options.pool"),
    }
    mended = broken.taken_for(unknown["leraning_rate"]).taken_for(unknown["options.poool"])
    mended = mended.with_value("bach_size", "").with_value("zzz", "")
    assert entry(mended, "lr") == ("0.001", "changed")
    assert [each for each in mended.entries if each.source == "unknown"] == mended.mistakes == []
    assert tomli.loads(mended.edited)["experiments"]["x"] == {
        "model": "vit_mini", "lr": 1e-3, "batch_size": 16, "options": {"pool": "mean"}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("optinos = 3", None),  # options are a table
        ("optinos = { pool = 'cls' }", "options"),
        ("options.zzzz = 1", None),  # that it is an option too is no likeness
    ],
)
def test_only_what_can_be_meant_is_meant(line: str, meant: str | None) -> None:
    broken = Form(PATH, f'[experiments.x]\nmodel = "vit_mini"\n{line}\n', "x")
    (unknown,) = (each for each in broken.entries if each.source == "unknown")
    assert unknown.meant == (meant or "")
    if meant:
        mended = broken.taken_for(unknown)
        assert (
            entry(mended.with_value("options.pool", "mean").with_value("lr", "1"), "options.pool")[0]
            == "mean"
        )
        assert mended.counted().changes[meant] == {"pool": "cls"}  # the form before is as it was


def test_a_clone_has_a_name_of_its_own() -> None:
    assert free_name(form()) == "ViT-small-2"
    cloned = form().with_value("name", "ViT-two").with_value("patch_size", "8")
    found = tomli.loads(cloned.edited)["experiments"]
    assert found["ViT-two"] == found["ViT-small"] | {"patch_size": 8}
    assert "already" in form().with_value("name", "BiT-small").mistakes[0]


def test_what_is_written_is_read_back() -> None:
    assert [written(value) for value in (None, "a b", 0.002, 1e-7, [0, 1], True, {"a": "b"})] == [
        "", "a b", "0.002", "1e-07", "[0, 1]", "true", '{a = "b"}'
    ]  # fmt: skip


def test_completion_knows_the_catalog() -> None:
    values = {"model": "vit_mini", "image_size": 16}
    assert starting_with("vit_m", choices("model", values))[0] == "vit_mini"
    assert choices("patch_size", values) == ["2", "4", "8", "16"]
    assert choices("augment", values) == ["none", "light", "randaugment"]
    assert choices("options.attention", values) == ["fused", "math"]
    assert choices("lr", values) == choices("nonsense", values) == []
    assert "options.pool" in keys_of(values)
    assert "options" in keys_of({"model": "timm:x"})
    assert help_of("epochs", values) == "a whole number of at least 1"


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({"EDITOR": "vim"}, ["vim", "+7", "e.toml"]),
        (
            {"VISUAL": "/usr/bin/nvim -u NONE", "EDITOR": "ed"},
            ["/usr/bin/nvim", "-u", "NONE", "+7", "e.toml"],
        ),
        ({"VISUAL": "", "EDITOR": "code --wait"}, ["code", "--wait", "e.toml"]),
        ({"VISUAL": "'", "EDITOR": "nano"}, ["nano", "+7", "e.toml"]),
        ({}, None),
    ],
)
def test_the_editor_is_told_the_line_where_it_can_be(
    environment: dict[str, str], command: list[str] | None
) -> None:
    assert editor_command(environment, Path("e.toml"), 7) == command


def test_every_key_says_what_it_means() -> None:
    assert [key for key in FIELDS if not meaning_of(key)] == []
    assert meaning_of("lr") == "The peak learning rate."
    assert meaning_of("nonsense") == meaning_of("options.pool") == ""
    assert all("  " not in meaning_of(key) for key in FIELDS)


def test_keys_are_found_by_what_they_are_called_and_mean() -> None:
    entries = form().entries
    assert [each.key for each in passing(entries, "learning RATE peak")] == ["lr"]
    assert {"ema", "patience"} <= {each.key for each in passing(entries, "validat")}
    assert next(each.key for each in passing(entries, "lear")) == "lr"
    assert [each.key for each in passing(entries, "decay")][:2] == ["weight_decay", "layer_decay"]
    assert passing(entries, "") == entries
    assert passing(entries, "no such words") == []


# ---- on the screen


@pytest.fixture(autouse=True)
def _no_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)


def screen(pilot: AppPilot) -> FormScreen:
    assert isinstance(pilot.app.screen, FormScreen)
    return pilot.app.screen


def at(pilot: AppPilot, key: str) -> None:
    screen(pilot).query_one(FormList).go_to(key)


async def type_in(pilot: AppPilot, text: str) -> None:
    await pilot.press("enter")
    screen(pilot).query_one(CompletingInput).value = text
    await pilot.press("enter")
    await settle(pilot)


@pytest.mark.slow
async def test_a_value_is_changed_in_place_and_saved(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("e", "f")
        await settle(pilot)
        at(pilot, "epochs")
        await type_in(pilot, "9")
        assert entry(screen(pilot).form, "epochs") == ("9", "changed")
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Dashboard)
        assert "ViT-small is saved" in toasts(pilot)
    assert tomli.loads(project.config.read_text())["experiments"]["ViT-small"]["epochs"] == 9


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["vitui-dark", "vitui-light", "vitui-contrast"])
async def test_the_old_value_is_selected_and_seen_so_when_its_box_opens(project: Project, theme: str) -> None:
    async with opened(project, size=(100, 30)) as pilot:
        pilot.app.theme = theme
        await pilot.press("e", "f")
        await settle(pilot)
        at(pilot, "epochs")
        await pilot.press("enter")
        box = screen(pilot).query_one(CompletingInput)
        assert box.selected_text == box.value == "4"
        grounds = [segment.style.bgcolor for segment in box.render_line(0) if segment.style is not None]
        selected, empty = (each.get_truecolor().hex for each in (grounds[0], grounds[-1]) if each is not None)
        assert contrast(selected, empty) > 4
        words = [offer.words for offer in screen(pilot).query_one(KeyBar).fitting_offers()]
        assert {"Take it", "Empty it", "Complete"} <= set(words)
        await pilot.press("1", "2")
        assert box.value == "12"
        await pilot.press("escape", "enter", "end", "0")
        assert box.value == "40"
        await pilot.press("escape", "enter", "left", "1")
        assert box.value in ("14", "41")  # where an arrow key leaves the cursor is Textual's
        await pilot.press("ctrl+e", "ctrl+u", "7", "enter")
        await settle(pilot)
        assert entry(screen(pilot).form, "epochs") == ("7", "changed")


WRONG = """
[experiments.wrong]
model = "vit_mini"
dataset = "digits"
image_size = 16
patch_size = 4
epochs = 3
learning_rat = 0.1
lr = -1
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (WRONG.replace("lr = -1\n", ""), "learning_rat", "enter takes it for lr"),
        (WRONG.replace("learning_rat = 0.1\n", ""), "lr", "a number above 0"),
    ],
)
async def test_the_form_begins_at_what_is_wrong_however_it_is_opened(
    project: Project, text: str, key: str, said: str
) -> None:
    async with opened(project) as pilot:
        project.config.write_text(EXPERIMENTS + text)
        await until(pilot, lambda: board(pilot).snapshot.config_error != "")
        await pilot.press("exclamation_mark", "e")
        await settle(pilot)
        ways = [screen(pilot)]
        name, path = ways[0].form.experiment, ways[0].form.path
        await pilot.app.push_screen(FormScreen(Form(path, project.config.read_text(), name).counted()))
        await settle(pilot)
        ways.append(screen(pilot))
        for each in ways:
            rows = each.query_one(FormList)
            assert rows.entry is not None
            assert rows.entry.key == key
            assert rows.scroll_offset.y == 0 or rows.cursor >= rows.size.height  # none is hidden for nothing
            assert said in str(each.query_one("#form-help", Static).content)


@pytest.mark.slow
async def test_tab_completes_and_a_mistake_cannot_be_saved(project: Project) -> None:
    before = project.config.read_text()
    async with opened(project) as pilot:
        await pilot.press("e", "f")
        await settle(pilot)
        at(pilot, "model")
        await pilot.press("enter")
        screen(pilot).query_one(CompletingInput).value = "bit_r50"
        await pilot.press("tab", "tab", "enter")
        await settle(pilot)
        assert screen(pilot).form.changes == {"model": "bit_r50x1"}
        assert "has no patches: leave patch_size out" in screen(pilot).form.mistakes[0]
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert "Not saved" in toasts(pilot)
        assert project.config.read_text() == before
        at(pilot, "patch_size")
        await pilot.press("d")
        await settle(pilot)
        assert screen(pilot).form.mistakes == []


@pytest.mark.slow
async def test_a_clone_asks_for_its_name_and_appears_in_the_list(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("down", "e", "c")
        await settle(pilot)
        await pilot.pause()
        box = screen(pilot).query_one(CompletingInput)
        assert (box.has_class("-shown"), box.value) == (True, "BiT-small-2")
        box.value = "BiT-other"
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("ctrl+s")
        await settle(pilot)
        names = list(tomli.loads(project.config.read_text())["experiments"])
        assert names == ["ViT-small", "BiT-small", "BiT-other", "one-token"]


@pytest.mark.slow
async def test_a_file_that_has_changed_meanwhile_is_not_written_over(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("e", "f")
        await settle(pilot)
        at(pilot, "epochs")
        await type_in(pilot, "9")
        other = EXPERIMENTS.replace("epochs = 4", "epochs = 5")
        project.config.write_text(other)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Dialog)
        assert project.config.read_text() == other
        await pilot.press("l")
        await settle(pilot)
        await pilot.press("ctrl+s")
        await settle(pilot)
    found = tomli.loads(project.config.read_text())
    assert (found["defaults"]["epochs"], found["experiments"]["ViT-small"]["epochs"]) == (5, 9)


@pytest.mark.slow
async def test_a_key_is_found_explained_and_judged_as_it_is_typed(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("e", "f")
        await settle(pilot)
        rows, help_line = screen(pilot).query_one(FormList), screen(pilot).query_one("#form-help", Static)
        await pilot.press("slash", *"layer", "ctrl+u", *"rate")  # the cursor is on another key before
        assert rows.cursor == 0
        await pilot.press("ctrl+u", *"learning peak", "enter")
        assert rows.entry is not None
        assert rows.entry.key == "lr"
        assert str(help_line.content) == "lr: The peak learning rate.\na number above 0"
        await pilot.press("enter")
        screen(pilot).query_one(CompletingInput).value = "-1"
        said = screen(pilot).query_one("#form-mistakes", Static)
        await until(pilot, lambda: "lr" in str(said.content) and said.has_class("-shown"))
        await pilot.press("escape")  # out of the value: nothing has been changed
        assert "✗" not in str(said.content)
        await pilot.press("escape")  # out of the search
        assert len(rows._entries) == len(screen(pilot).form.entries)
        assert screen(pilot).form.changes == {}


@pytest.mark.slow
async def test_leaving_with_changes_asks(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("e", "f")
        await settle(pilot)
        at(pilot, "epochs")
        await type_in(pilot, "9")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, Dialog)
        await pilot.press("escape", "escape", "d")
        assert isinstance(pilot.app.screen, Dashboard)
    assert project.config.read_text() == EXPERIMENTS


@pytest.mark.slow
async def test_without_an_editor_that_is_said(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("e")
        shown = str(pilot.app.screen.query_one("#dialog-text").render())  # type: ignore[attr-defined]
        assert "Neither $VISUAL nor $EDITOR is set" in shown


@pytest.mark.slow
async def test_a_terminal_that_cannot_be_lent_is_said(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "vim")
    async with opened(project) as pilot:  # as every Pilot's
        await pilot.press("e", "enter")
        assert "cannot be lent" in toasts(pilot)
