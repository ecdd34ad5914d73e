"""Tables as other programs and spreadsheets write them: delimiters, headings, encodings, cells that are nothing."""

from __future__ import annotations

import csv
import gzip
import io
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.exchange.log_files import unpacked_lines
from engine.exchange.log_files.log_reader import read_log
from engine.exchange.optional_packages import ExchangeError
from tests.engine.exchange.log_files.conftest import Read, by_epoch, by_step

PLAIN = "epoch,acc,loss\n0,0.5,1.25\n1,0.75,0.9\n"
WANTED = {"acc": {0: 0.5, 1: 0.75}, "loss": {0: 1.25, 1: 0.9}}


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace(",", "  "),
        PLAIN.replace(",", ", "),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace(",", ";").replace(".", ","),
        PLAIN.replace(",", "\t").replace(".", ","),
        'epoch,acc,loss\n0,"0,5","1,25"\n1,"0,75","0,9"\n',
        "sep=;\n" + PLAIN.replace(",", ";"),
        '"sep=,"\r\n' + PLAIN,
        "\n \n\n" + PLAIN,
        "# resnet50, lr 0.1\n# of May\n" + PLAIN + "# ended\n",
        "# epoch acc loss\n0 0.5 1.25\n1 0.75 0.9\n",
        "#epoch,acc,loss\n0,0.5,1.25\n1,0.75,0.9\n",
        "Log of resnet50\n\n" + PLAIN,
        "| epoch | acc | loss |\n|---|--:|---|\n| 0 | 0.5 | 1.25 |\n| 1 | 0.75 | 0.9 |\n",
        "epoch  acc   loss\n=====  ====  ====\n0      0.5   1.25\n1      0.75  0.9\n",
        PLAIN.replace("\n1", "\n\n1"),
        PLAIN.replace("\n", ",\n"),
        "epoch,acc,loss,\n0,0.5,1.25\n1,0.75,0.9\n",
        PLAIN + PLAIN.splitlines()[0] + "\n",
        '"epoch","acc","loss"\n"0","0.5","1.25"\n"1","0.75","0.9"\n',
        '"epoch", "acc", "loss"\n"0", "0.5", "1.25"\n"1", "0.75", "0.9"\n',
        "'epoch','acc','loss'\n'0','0.5','1.25'\n'1','0.75','0.9'\n",
        "        epoch,    acc,   loss\n     0,   0.5,  1.25\n    1,  0.75,  0.9\n",
        ",epoch,acc,loss\n0,0,0.5,1.25\n1,1,0.75,0.9\n",
        "Unnamed: 0,epoch,acc,loss\n0,0,0.5,1.25\n1,1,0.75,0.9\n",
        "epoch,acc,loss\n0,0,0.5,1.25\n1,1,0.75,0.9\n",
        "Epoch,acc,loss\n1/2,0.5,1.25\n2/2,0.75,0.9\n".replace("1/2", "0/1").replace("2/2", "1/1"),
        "epoch,acc,loss\n0,50.0e-2,tensor(1.25)\n1,.75,\"tensor(0.9, device='cuda:0')\"\n",
        'epoch,acc,loss,note\n0,0.5,1.25,"a\nb, ""c"""\n1,0.75,0.9,\n',
        "\ufeffepoch,acc,loss\n0,0.5,1.25\n\ufeffepoch,acc,loss\n1,0.75,0.9\n",
        '\ufeff"epoch",acc,loss\n0,0.5,1.25\n1,0.75,0.9\n',
    ],
)
def test_one_table_in_many_dialects_says_the_same(text, read: Read):
    (run,) = read(text)
    assert by_epoch(run) == WANTED
    assert not run.left
    assert not run.renamed


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8-sig", "Größe"),
        ("utf-16", "Größe"),
        ("utf-16-le", "Größe"),
        ("utf-16-be", "准确率"),
        ("utf-32", "率"),
        ("cp1252", "Größe"),
        ("latin-1", "Größe"),
    ],
)
@pytest.mark.parametrize("pack", [False, True])
def test_encodings_are_told_from_what_is_there(encoding, name, pack, read: Read):
    data = f"epoch,{name}\n1,0.5\n".encode(encoding)
    (run,) = read(gzip.compress(data) if pack else data)
    assert by_epoch(run) == {name: {1: 0.5}}
    is_guessed = encoding in ("cp1252", "latin-1")
    assert any("line 1 is no UTF-8 text" in note for note in run.notes) is is_guessed


def test_a_packed_file_is_called_without_its_suffix(read: Read):
    (run,) = read(gzip.compress(PLAIN.encode()), "metrics.csv.gz")
    assert run.name == "metrics"


def test_a_packed_file_that_is_cut_off_is_read_up_to_there(read: Read):
    rows = "".join(f"{step},{step / 7:.15f}\n" for step in range(4000))
    (run,) = read(gzip.compress(f"step,x\n{rows}".encode())[:-4000])
    assert 1000 < len(run) < 4000
    assert any("ends or is damaged" in note for note in run.notes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04abc", "a zip archive or a spreadsheet"),
        (b"BZh91AY", "packed by bzip2"),
        (b"\x80\x04\x95abc", "a pickle, which is not read"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is no table of measurements"),
        (b"\0" * 100, "line 1: this is no text"),
        (b"\x1f\x8bxx", "cannot be read"),
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"a,b\n", "is no table of measurements: it begins 'a,b'"),
        (b"name,note\nx,y\n", "is no table of measurements: it begins 'name,note'"),
        (b"0.9\n0.8\n", "line 1 holds numbers"),
        (b"metric,0,1,2\nloss,0.9,0.8,0.7\n", "line 1 holds numbers"),
        (b"1,0.5\n2,0.25\n", "line 1 holds numbers: a table begins with the names of its columns"),
        (b"step,x\n" + b"word,word\n" * 3, "is no table of measurements"),
        (b'{"a": \n', "line 1: this begins as JSON and is none"),
        (
            b"step 0: train loss 4.2874, val loss 4.2823\niter 0: loss 4.2647, time 47.20ms, mfu -100.00%\n"
            b"iter 10: loss 3.2, time 12.20ms, mfu 17.50%\n",
            "is no table of measurements: it begins 'step 0: train loss 4.2874, val loss 4.2823'",
        ),
        (
            b"Traceback (most recent call last):\n  File x, line 3\nValueError: no\n",
            "is no table of measurements",
        ),
    ],
)
def test_what_is_no_table_is_told_for_what_it_looks_like(data, message, read: Read):
    with pytest.raises(ExchangeError) as caught:
        read(data, "log.txt")
    assert message in str(caught.value)
    assert "log.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_given_is_read_in_place_of_the_file(tmp_path):
    (run,) = read_log(tmp_path / "-", PLAIN.encode())
    assert by_epoch(run) == WANTED


@pytest.mark.parametrize("word", ["NA", "N/A", "None", "null", "-", "#N/A", "", "NaT"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_word_for_nothing_is_an_empty_cell_wherever_it_stands(word, place, read: Read):
    cells = ["0.9", "0.8", "0.7"]
    cells[place] = word
    (run,) = read("epoch,loss,val\n" + "".join(f"{i},{1 + i},{cell}\n" for i, cell in enumerate(cells)))
    kept = {i: float(cell) for i, cell in enumerate(cells) if cell != word}
    assert by_epoch(run) == {"loss": {0: 1, 1: 2, 2: 3}, "val": kept}
    assert not run.left


def test_one_bad_cell_is_counted_and_decides_over_nothing_else(read: Read):
    (run,) = read("step,x,y\n1,word,1\n2,0.5,word\n3,oops,3\n4,0.25,4\n")
    assert by_step(run) == {"x": {2: 0.5, 4: 0.25}, "y": {1: 1, 3: 3, 4: 4}}
    assert dict(run.left) == {
        "a cell of 'x' that is no number (line 2: 'word' is the first)": 2,
        "a cell of 'y' that is no number (line 3: 'word')": 1,
    }


def test_a_column_without_a_number_is_passed_over_and_said(read: Read):
    (run,) = read("epoch,loss,comment,empty\n1,0.5,good,\n2,0.25,better,NA\n")
    assert by_epoch(run) == {"loss": {1: 0.5, 2: 0.25}}
    assert "column 'comment' holds no numbers and is passed over" in run.notes
    assert "without a value: empty" in run.notes
    assert not run.left


def test_percent_and_minutes_are_numbers_and_said(read: Read):
    (run,) = read("epoch,acc,spent\n1,93.2%,04:39\n2,94.1 %,1:04:36\n")
    assert by_epoch(run) == {"acc": {1: 93.2, 2: 94.1}, "spent": {1: 279, 2: 3876}}
    assert run.notes == [
        "'acc' is in percent, as it stands there", "'spent' is in minutes and seconds: here in seconds",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('epoch,n\n1,"1,234"\n', 1234),
        ("epoch;n\n1;1,234\n", 1.234),
        ("epoch;n;x\n1;1,234;0.5\n", 1234),
        ('epoch,n,x\n1,"1,234","0,5"\n', 1.234),
    ],
)
def test_a_comma_that_may_be_either_is_what_the_rest_of_the_file_says(text, value, read: Read):
    (run,) = read(text)
    assert by_epoch(run)["n"] == {1: value}


def test_a_comma_that_parts_cells_and_fractions_is_told(read: Read):
    with pytest.raises(
        ExchangeError, match=r"left out: 1 x a row that does not fit the heading \(line 2: '3 cells"
    ):
        read("epoch,loss\n1,0,5\n2,0,25\n")


def test_one_column_may_have_commas_in_its_numbers(read: Read):
    (run,) = read("loss\n0,9\n0,85\n")
    assert by_epoch(run) == {"loss": {0: 0.9, 1: 0.85}}


def test_rows_whose_program_leaves_the_end_out_are_whole(read: Read):
    (run,) = read("epoch,loss,val\n1,0.9\n2,0.8,0.5\n3,0.7\n4,0.6,0.4\n5,0.5\n")
    assert by_epoch(run) == {"loss": {1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6, 5: 0.5}, "val": {2: 0.5, 4: 0.4}}
    assert not run.left


def test_columns_may_be_called_by_numbers_beside_an_epoch(read: Read):
    (run,) = read("epoch,0,1,2\n1,0.1,0.2,0.3\n")
    assert by_epoch(run) == {"0": {1: 0.1}, "1": {1: 0.2}, "2": {1: 0.3}}


def test_rows_that_do_not_fit_are_counted_and_the_last_is_said_to_be_cut(read: Read):
    (run,) = read("step,x\n1,2\n2\n3,4,5\n4,8\n5")
    assert by_step(run) == {"x": {1: 2, 4: 8}}
    (lost,) = run.left
    assert run.left[lost] == 2
    assert "(line 3: '1 cell where the heading has 2' is the first)" in lost
    assert any("line 6: 1 cell where the heading has 2: it is cut off there" in note for note in run.notes)


def test_a_line_of_zeros_and_a_torn_quote_cost_only_themselves(read: Read):
    (run,) = read(b'step,x\n1,2\n\0\0\0\0\n2,"3\n3,4\n4,"5"\n')
    assert by_step(run)["x"] == {1: 2, 3: 4, 4: 5}
    assert len(run.left) == 2


def test_a_line_too_long_is_passed_over(read: Read, monkeypatch):
    monkeypatch.setattr(unpacked_lines, "MAX_LINE", 50)
    (run,) = read("step,x\n1,2\n2," + "1" * 300 + "\n3,4\n")
    assert by_step(run) == {"x": {1: 2, 3: 4}}
    assert dict(run.left) == {"a line of over 50 characters (line 3)": 1}
    monkeypatch.setattr(unpacked_lines, "MAX_TEXT", 200)
    with pytest.raises(ExchangeError, match="line 3: there are over 200 characters"):
        read("step,x\n1,2\n2," + "1" * 300 + "\n")


def test_a_heading_that_comes_again_may_have_other_columns(read: Read):
    (run,) = read("epoch,loss\n1,0.9\nepoch,loss\n2,0.8\nepoch,loss,val\n3,0.7,0.6\n")
    assert by_epoch(run) == {"loss": {1: 0.9, 2: 0.8, 3: 0.7}, "val": {3: 0.6}}
    assert run.notes == [
        "line 5: other columns from there on",
        "the heading stands there 2 times more: passed over",
    ]


def test_columns_of_one_name_are_both_kept_and_said(read: Read):
    (run,) = read("step,x,x\n1,2,3\n")
    assert by_step(run) == {"x": {1: 2}, "x.2": {1: 3}}
    assert run.notes == ["there are two columns 'x': the later is 'x.2'"]


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(
        st.text("abcäß率 _/", min_size=1, max_size=8).map(str.strip).filter(bool),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    rows=st.lists(st.lists(st.floats(allow_nan=False), min_size=4, max_size=4), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_table_reads_back_whatever_wrote_it(names, rows, delimiter, quoting, end, encoding):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["step", *(f"m{name}" for name in names)])
    writer.writerows([step, *row[: len(names)]] for step, row in enumerate(rows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.dat")
        path.write_bytes(file.getvalue().encode(encoding))
        (run,) = read_log(path)
    found = list(by_step(run).values())
    assert len(found) == len(names)
    for i, series in enumerate(found):
        assert list(series) == list(range(len(rows)))
        for value, row in zip(series.values(), rows, strict=True):
            assert value == row[i] or (value is not None and math.isinf(value) and math.isinf(row[i]))
