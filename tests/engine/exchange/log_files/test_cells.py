"""What cells say, in the ways that programs and spreadsheets write numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exchange.log_files.cells import NOTHING, NUMERIC, Says, read_cell, read_json_value


@pytest.mark.parametrize(
    ("text", "says", "value"),
    [
        (" 1e-3 ", Says.NUMBER, 0.001),
        ("\N{MINUS SIGN}0.5", Says.NUMBER, -0.5),
        ("1,234.5", Says.NUMBER, 1234.5),
        ("1,234,567", Says.NUMBER, 1_234_567),
        ("1'234", Says.NUMBER, 1234),
        ("1\u202f234,5", Says.DECIMAL_COMMA, 1234.5),
        ("1.234,5", Says.DECIMAL_COMMA, 1234.5),
        ("0,512", Says.DECIMAL_COMMA, 0.512),
        ("1,25e-2", Says.DECIMAL_COMMA, 0.0125),
        ("1,234", Says.COMMA, 1234),
        ("93.2%", Says.PERCENT, 93.2),
        ("93,2 %", Says.PERCENT, 93.2),
        ("tensor(0.5)", Says.NUMBER, 0.5),
        ("tensor([[0.5]], device='cuda:0', grad_fn=<NllLossBackward0>)", Says.NUMBER, 0.5),
        ("np.float32(0.5)", Says.NUMBER, 0.5),
        ("array([0.5], dtype=float32)", Says.NUMBER, 0.5),
        ("[0.5]", Says.NUMBER, 0.5),
        ("<tf.Tensor: shape=(), dtype=float32, numpy=0.5>", Says.NUMBER, 0.5),
        ("1.#INF", Says.NUMBER, math.inf),
        ("04:39", Says.DURATION, 279),
        ("1:02:03.5", Says.DURATION, 3723.5),
        ("1 day, 2:03:04", Says.DURATION, 93_784),
        ("3/10", Says.COUNTED, 3),
        ("[3/10]", Says.COUNTED, 3),
        ("Epoch 3", Says.COUNTED, 3),
        ("2025-01-02 10:11:12,5", Says.ZONELESS, 1_735_812_672.5),
        ("2025/01/02 10:11:12", Says.ZONELESS, 1_735_812_672),
        ("2025-01-02_10-11-12", Says.ZONELESS, 1_735_812_672),
        ("20250102_101112", Says.ZONELESS, 1_735_812_672),
        ("2.1.2025 10:11:12", Says.ZONELESS, 1_735_812_672),
        ("2025-01-02T11:11:12+01:00", Says.MOMENT, 1_735_812_672),
        ("2025-01-02T10:11:12Z", Says.MOMENT, 1_735_812_672),
    ],
)
def test_a_number_or_a_time_is_read_in_every_way_it_is_written(text, says, value):
    assert read_cell(text) == (says, value)


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan(ind)", "1.#QNAN", "tensor(nan)"])
def test_what_is_not_finite_is_a_number(text):
    says, value = read_cell(text)
    assert says is Says.NUMBER
    assert math.isnan(value)


@pytest.mark.parametrize("text", [*sorted(NOTHING), " N/A ", "None", "NULL", "#N/A", "NA"])
def test_words_for_nothing_are_an_empty_cell(text):
    assert read_cell(text)[0] is Says.NOTHING


@pytest.mark.parametrize(
    "text", ["word", "1_000", "1.5.2", "1,2,3", "12:99", "True", "0x1f", "1" * 300 + "x", "#"]
)
def test_all_else_is_a_word(text):
    assert read_cell(text)[0] is Says.WORD


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (1.5, Says.NUMBER),
        ([1.5], Says.NUMBER),
        ("1.5", Says.NUMBER),
        (None, Says.NOTHING),
        (True, Says.WORD),
        ([1, 2], Says.WORD),
        ([[1.0]], Says.WORD),
        ({}, Says.WORD),
        ("NaN", Says.NUMBER),
    ],
)
def test_values_of_json_say_what_a_cell_would(value, says):
    assert read_json_value(value)[0] is says


@given(
    value=st.floats(),
    form=st.sampled_from(["{!r}", " {!r} ", "tensor({!r})", "[{!r}]", "{:e}", "np.float64({!r})"]),
)
def test_a_number_comes_back_however_it_is_wrapped(value, form):
    says, number = read_cell(form.format(value))
    assert says is Says.NUMBER
    assert number == pytest.approx(value, rel=1e-6, nan_ok=True)


@given(whole=st.integers(0, 10**12), cents=st.integers(0, 99), swap=st.booleans())
def test_thousands_apart_are_one_number(whole, cents, swap):
    text = f"{whole:,}.{cents:02d}"
    if swap:
        text = text.translate({ord(","): ".", ord("."): ","})
    says, value = read_cell(text)
    assert says in NUMERIC
    assert value == pytest.approx(whole + cents / 100)


@given(text=st.text(st.sampled_from("0123456789,.:-/%[]()e '#naN∞ tensor\u202f")) | st.text())
def test_any_text_says_something(text):
    says, value = read_cell(text)
    assert isinstance(value, float)
    assert says in NUMERIC | {Says.NOTHING, Says.WORD, Says.COUNTED, Says.MOMENT, Says.ZONELESS}
