from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from engine.config.editor import EditError, clone, line_of, read, save, set_values, setting_at
from engine.config.loader import load_config

TEXT = """\
# What to train.
[defaults] # for all
dataset = "digits"

# --- quick

[experiments."a-1"] # the first
model = "vit_mini" # small
image_size = 16
patch_size = 4
tags = [
    "vit", # a tag
]

[experiments."a-1".options] # beside
dropout = 0.1

# --- others

[experiments.b]
model = "bit_mini"
image_size = 16

# --- figures

[figures.f]
y = "test/f1"
experiments = ["a-1", "b"]
"""

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "epochs": st.integers(1, 1000),
    "lr": st.floats(1e-9, 10),
    "notes": st.text(st.characters(codec="utf-8"), max_size=30),
    "tags": st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=3),
    "seeds": st.lists(st.integers(0, 99), unique=True, max_size=4),
    "augment": st.sampled_from(["none", "light", None]),
    "patch_size": st.sampled_from([2, 4, 8, 16]),
    "options.drop_path": st.one_of(st.none(), st.floats(0, 0.9)),
    "options.dropout": st.one_of(st.none(), st.floats(0, 0.9)),
    "options": st.just({"pool": "mean"}),
}
CHANGES = st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=5).flatmap(
    lambda keys: st.fixed_dictionaries({key: VALUES[key] for key in keys})
)
NAMES = st.text(st.characters(codec="utf-8").filter(str.isprintable), min_size=1, max_size=40).filter(
    lambda name: name.strip() and name not in ("a-1", "b")
)


def comments(text: str) -> list[str]:
    return [line[line.index("#") :] for line in text.splitlines() if "#" in line]


def kept(before: str, after: str) -> None:
    """All comments are there in their order, those within a value that was replaced apart."""
    found = iter(comments(after))
    for comment in comments(before):
        if comment != "# a tag":
            assert comment in found


@given(changes=CHANGES)
def test_a_change_reads_back_and_touches_nothing_else(changes: dict[str, Any]) -> None:
    before, after = tomli.loads(TEXT), set_values(TEXT, "a-1", changes)
    found = tomli.loads(after)
    for key, value in changes.items():
        name = key.partition(".")[2]
        table = found["experiments"]["a-1"]
        if key == "options":
            assert table["options"]["pool"] == "mean"
        elif name:
            assert table.get("options", {}).get(name) == value or "options" in changes
        else:
            assert table.get(key) == value
    del found["experiments"]["a-1"], before["experiments"]["a-1"]
    assert found == before
    kept(TEXT, after)


@given(name=NAMES)
def test_a_clone_is_the_same_under_another_name_right_below(name: str) -> None:
    after = clone(TEXT, "a-1", name)
    before, found = tomli.loads(TEXT), tomli.loads(after)
    assert list(found["experiments"]) == ["a-1", name, "b"]
    assert found["experiments"].pop(name) == found["experiments"]["a-1"]
    assert found == before
    kept(TEXT, after)


@given(changes=CHANGES.filter(lambda changes: not {"options", "patch_size"} & changes.keys()))
def test_what_a_clone_was_changed_to_loads(changes: dict[str, Any], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("lab") / "experiments.toml"
    path.write_bytes(set_values(clone(TEXT, "a-1", "new"), "new", changes).encode())
    config = load_config(path)
    assert config.experiments["a-1"].options == {"dropout": 0.1}
    for key in changes.keys() & {"epochs", "lr", "notes", "tags", "seeds"}:
        assert getattr(config.experiments["new"], key) == changes[key]


@pytest.mark.parametrize(
    "text",
    [
        '[experiments]\na.model = "vit_mini"\na.epochs = 3 # why\n[experiments.b]\nmodel = "x"\n',
        'experiments.a = {model = "vit_mini", epochs = 3}\n',
        'experiments = {a = {model = "vit_mini", epochs = 3}}\n',
        '[experiments.a]\nmodel = "vit_mini"\nepochs = 3\n[figures.f]\n[experiments.a.options]\ndropout = 0.1\n',
        '[experiments.a]\r\nmodel = "vit_mini" # one\r\nepochs = 3\r\n\r\n# end\r\n',
        '[experiments.a]\nmodel = "vit_mini"\nepochs = 3',
        '[experiments.a]\n  model = "vit_mini"\n  epochs = 3\n  options.dropout = 0.1\n# end\n',
    ],
)
def test_all_ways_of_writing_an_experiment_can_be_changed(text: str) -> None:
    after = set_values(text, "a", {"epochs": 5, "lr": 0.5, "options.drop_path": 0.25})
    table = tomli.loads(after)["experiments"]["a"]
    assert (table["epochs"], table["lr"], table["options"]["drop_path"]) == (5, 0.5, 0.25)
    assert comments(after) == comments(text)
    assert ("\r\n" in after) == ("\r\n" in text)
    assert "\n" not in after.replace("\r\n", "") or "\r\n" not in text


def test_a_new_key_stands_with_the_others_not_below_the_comment_for_the_next_table() -> None:
    assert "image_size = 16\nlr = 0.5\n\n# --- figures" in set_values(TEXT, "b", {"lr": 0.5})


def test_a_clone_of_what_has_no_header_stands_at_the_end() -> None:
    after = clone('[experiments]\na.model = "vit_mini"\na.options = {pool = "mean"}\n', "a", "a b")
    assert after.endswith('[experiments."a b"]\nmodel = "vit_mini"\noptions = {pool = "mean"}\n')


@pytest.mark.parametrize(
    ("name", "why"), [("b", "already"), ("", "no name"), ("a\nb", "no name"), ("x" * 121, "no name")]
)
def test_a_clone_needs_a_name_of_its_own(name: str, why: str) -> None:
    with pytest.raises(EditError, match=why):
        clone(TEXT, "a-1", name)


def test_what_cannot_be_changed_is_said() -> None:
    with pytest.raises(EditError, match="no experiment 'c'"):
        set_values(TEXT, "c", {"lr": 1.0})
    with pytest.raises(EditError, match="not TOML"):
        set_values("[", "c", {})
    with pytest.raises(EditError, match="only an editor"):
        clone('experiments = {a = {model = "x"}}\n', "a", "b")


def test_an_experiment_and_its_key_are_found_by_their_line() -> None:
    assert TEXT.splitlines()[line_of(TEXT, "b") - 1] == "[experiments.b]"
    assert line_of(TEXT, "c") == line_of("[", "c") == 1
    at = line_of(TEXT, "b")
    assert [setting_at(TEXT, line) for line in (at, at + 1)] == [("b", ""), ("b", "model")]
    dropout = next(number for number, line in enumerate(TEXT.splitlines(), 1) if line.startswith("dropout"))
    assert setting_at(TEXT, dropout) == ("a-1", "options.dropout")
    assert setting_at(TEXT, len(TEXT.splitlines())) == (None, "")
    assert setting_at(TEXT, 0) == (None, "")
    assert setting_at("[", 1) == (None, "")
    nested = '[experiments.x]\nbach.size = 4\noptions.pool = "cls"\n[experiments.x.env]\nFOO = "1"\n'
    assert [setting_at(nested, line)[1] for line in (2, 3, 5)] == ["bach", "options.pool", "env"]


def test_saving_keeps_the_mode_and_the_link_and_refuses_what_has_changed(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text(TEXT)
    real.chmod(0o640)
    link.symlink_to(real)
    save(link, TEXT, "x = 1\n")
    assert (read(link), link.is_symlink(), stat.S_IMODE(real.stat().st_mode)) == ("x = 1\n", True, 0o640)
    with pytest.raises(EditError, match="changed on disk"):
        save(link, TEXT, "x = 2\n")
    assert read(real) == "x = 1\n"
