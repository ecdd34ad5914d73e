"""What the `engine` command answers to a word that it does not know."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from engine.cli import main


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["lss"], "there is no verb 'lss'; did you mean 'ls'?"),
        (["Submit", "tiny"], "there is no verb 'Submit'; did you mean 'submit'?"),
        (["xyzzy"], "there is no verb 'xyzzy'."),
        (["ls", "--jsn"], "Did you mean '--json'?"),
        (["-x"], "No such option"),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest_one(words: list[str], answer: str) -> None:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert answer in done.stderr
