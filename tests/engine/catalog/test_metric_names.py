"""Names of metrics stay readable in any script, and can be asked for."""

from __future__ import annotations

import pytest

from engine.catalog.metric_names import metric_name
from engine.catalog.metrics import is_overlong
from engine.query.parser import parse


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("准确率", "准确率"),
        ("val/точность", "val/точность"),
        ("दक्षता", "दक्षता"),
        ("Métrique / précision %", "Métrique_/_précision_%"),
        ("cafe\N{COMBINING ACUTE ACCENT}", "café"),
        (' a "b"=c ', "a__b__c"),
        ("-loss", "_loss"),
        ("right\N{RIGHT-TO-LEFT OVERRIDE}left\x1b[0m", "right_left_[0m"),
        ("", "value"),
    ],
)
def test_letters_of_any_script_stay(name, called):
    assert metric_name(name) == called
    assert parse(f"last:{called}>0.5").terms[0].key == f"last:{called}"


@pytest.mark.parametrize("letter", ["a", "率", "\\", "\N{GRINNING FACE}"])
def test_a_long_name_is_cut_to_what_readers_take_and_keeps_its_end(letter):
    name = metric_name(letter * 500, "_2")
    assert name.endswith(f"{letter}_2")
    assert not is_overlong(name)
