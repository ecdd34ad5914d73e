"""[notify]: what is right, what is wrong, and what is kept out of every message."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.loader import check_notes, load_config
from engine.config.notify import Notify, read_notify
from engine.config.validate import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "experiments.toml"
    path.write_text(text)
    return path


def mistake(folder: Path, table: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(written(folder, f"[notify]\n{table}\n"))
    (one,) = caught.value.mistakes
    assert one.position.line >= 1
    return one.message


def test_nobody_is_told_without_it(tmp_path):
    assert load_config(written(tmp_path, "")).notify is None
    assert read_notify(tmp_path / "experiments.toml") is None
    assert read_notify(tmp_path / "none.toml") is None


def test_all_occasions_unless_some_are_named(tmp_path):
    path = written(tmp_path, '[notify]\nurl = "https://host/path"\n')
    assert load_config(path).notify == read_notify(path) == Notify(url="https://host/path")
    assert read_notify(path).on == ["finished", "failed", "alarm", "queue-empty"]
    path = written(tmp_path, '[notify]\ncommand = ["mail", "me"]\non = ["failed"]\n')
    assert read_notify(path) == Notify(command=["mail", "me"], on=["failed"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "url in [notify]: and command are missing: set one"),
        ('url = "https://h"\ncommand = ["a"]', "is there beside command: leave one of them out"),
        ('url = "ftp://h"', "it has to begin with https://, http:// or $NAME"),
        ('url = "https:///path"', "it has to begin with https://, http:// or $NAME"),
        ('url = "https://h/a b"', "characters that no address has"),
        ('url = "https://h:x/"', "it is no address"),
        ('url = "https://me:pass@h/"', "name or password before the host"),
        ('url = "http://h/$KEY"', "a secret goes over https:// alone"),
        ("command = []", "and command are missing"),
        ('command = [" "]', "its first word has to be a program"),
        ('command = "mail"', "it has to be a list of strings"),
        (
            'url = "https://h"\non = ["finish"]',
            "a list of 'finished', 'failed', 'alarm' and 'queue-empty'",
        ),
        ('url = "https://h"\non = []', "it has to be a list of"),
        ('url = "https://h"\nwhen = ["failed"]', "unknown key 'when' in [notify]"),
    ],
)
def test_each_mistake_is_told(tmp_path, table, words):
    assert words in mistake(tmp_path, table)


def test_a_variable_stands_for_a_part_or_all_of_the_address():
    part, whole = Notify(url="https://host/$KEY/${ROOM}"), Notify(url="$HOOK")
    assert part.variables == ["KEY", "ROOM"]
    assert part.address({"KEY": "k", "ROOM": "r\n"}) == "https://host/k/r"
    assert whole.address({"HOOK": "https://hooks/1"}) == "https://hooks/1"
    with pytest.raises(ValueError, match=r"^\$KEY is not set"):
        part.address({})
    for value in ("ftp://secret", "secret", "http://secret/x", "https://\x1b[2Jsecret"):
        with pytest.raises(ValueError, match=r"^\$HOOK make no address: ") as caught:
            whole.address({"HOOK": value})
        assert "//" not in str(caught.value).replace("https://", "").replace("http://", "")
        assert "\x1b" not in str(caught.value)
    assert Notify(url="http://localhost:1/$KEY").address({"KEY": "k"}) == "http://localhost:1/k"


def test_other_tables_may_have_mistakes_while_a_worker_reads_it(tmp_path):
    path = written(tmp_path, '[experiments.x]\nmodle = 3\n[notify]\nurl = "https://h"\n')
    assert read_notify(path) == Notify(url="https://h")
    with pytest.raises(ConfigError, match="it cannot be read"):
        read_notify(written(tmp_path, "[notify\n"))
    with pytest.raises(ConfigError, match="has to be a table"):
        read_notify(written(tmp_path, "notify = 3\n"))


def test_a_file_that_others_can_write_executes_nothing(tmp_path):
    path = written(tmp_path, '[notify]\ncommand = ["true"]\n')
    path.chmod(0o666)
    with pytest.raises(ConfigError, match=r"is not used, as everybody can write"):
        read_notify(path)
    assert any("everybody can write" in note for note in check_notes(load_config(path)))


def test_check_says_which_variables_are_not_set(tmp_path, monkeypatch):
    config = load_config(written(tmp_path, '[notify]\nurl = "https://h/$VERY_SECRET"\n'))
    assert [note for note in check_notes(config) if "$VERY_SECRET is not set here" in note]
    monkeypatch.setenv("VERY_SECRET", "x")
    assert not [note for note in check_notes(config) if "VERY_SECRET" in note]
