"""A list names images with their labels and splits, however its columns are called; what cannot be used is told."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from engine.config.schema import Experiment
from engine.training.data.dataset import DataError, load_dataset


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def home(tmp_path):
    """A folder of 20 images, each of its own colour: the red of ``i.png`` is i."""
    (tmp_path / "pictures").mkdir()
    for i in range(20):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / "pictures" / f"{i}.png")
    return tmp_path


def of(file, text, encoding="utf-8", **changes):
    file.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    made = {
        "image_size": 8,
        "patch_size": 4,
        "dataset": f"csv:{file}",
        "workers": 0,
        "val_fraction": 0.25,
        **changes,
    }
    return load_dataset(Experiment(name="f", model="vit_mini", **made), 0)


def shades(split):
    return split.images[:, 0, 0, 0].tolist()


def rows(splits=("train",) * 12 + ("test",) * 8, comma=",", labels=("cat", "dog")):
    return "\n".join(
        comma.join(filter(None, (f"pictures/{i}.png", labels[i % 2], split)))
        for i, split in enumerate(splits)
    )


@pytest.mark.parametrize("comma", [",", ";", "\t"])
@pytest.mark.parametrize(
    "heading", ["path,label,split", "\ufeffImage, Class ,subset", "filename,breed,split", ""]
)
def test_columns_are_found_by_name_or_by_what_they_hold(home, comma, heading):
    text = (heading.replace(",", comma) + "\n" if heading else "") + rows(comma=comma)
    data = of(home / "list.csv", text)
    assert sorted(shades(data.test)) == list(range(12, 20))
    assert sorted(shades(data.train) + shades(data.val)) == list(range(12))
    assert data.classes == ("cat", "dog")
    assert data.test.labels.tolist() == [0, 1] * 4


def test_a_list_has_its_own_validation_split(home):
    splits = ("Training",) * 8 + ("valid",) * 4 + ("TEST",) * 8
    data = of(home / "list.csv", "path,label,split\n" + rows(splits))
    assert sorted(shades(data.val)) == [8, 9, 10, 11]


def test_val_without_test_is_the_test_split(home):
    data = of(home / "list.csv", "path,label,split\n" + rows(("train",) * 12 + ("val",) * 8))
    assert sorted(shades(data.test)) == list(range(12, 20))
    assert "val is the test split, as no line says test" in data.notes[0]


def test_without_a_split_one_is_cut_off(home):
    text = "path,label\n" + rows(("",) * 20)
    with pytest.raises(DataError, match=r"has no column split; split = 0\.2 cuts"):
        of(home / "list.csv", text)
    data = of(home / "list.csv", text, split=0.2)
    assert torch.bincount(data.test.labels).tolist() == [2, 2]
    assert sorted(shades(data.train) + shades(data.val) + shades(data.test)) == list(range(20))


def test_labels_that_are_numbers_are_in_their_order(home):
    data = of(home / "list.csv", "path,label,split\n" + rows(labels=("10", "9")))
    assert data.classes == ("9", "10")


def test_what_is_left_out_is_counted(home):
    text = "path,label,split\n" + rows() + "\npictures/0.png,cat,train\n\npictures/1.png,,train\n,cat,train\n"
    data = of(home / "list.csv", text + "pictures/2.png,cat,\n")
    assert data.notes == (
        "left out of list.csv: 1 line that say the same as one before, 1 line without a label, 1 line without a path",
        "left out: 1 of 21 lines that name no split",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: it has to have the columns path and label"),
        ("path,label\n", "names no image"),
        ("a,b,c,d\n1,2,3,4", "has no column path and label; its columns are a, b, c, d"),
        (
            "path,label,split\n" + rows() + "\nx.png,cat,holdout",
            "line 22: split is 'holdout'; it has to be train",
        ),
        (
            "path,label,split\n" + rows() + "\npictures/0.png,dog,test",
            "0.png is of class dog here and of class cat",
        ),
        ("path,label,split\n" + rows(("test",) * 20), "no line says train"),
        ("path,label,split\n" + rows(("train",) * 20), "names no image to test on; split = 0.2"),
        ("path,label,split\n" + rows(labels=("a", "a")), "at least two classes, it names a alone"),
        ("path,label,split\n" + rows() + "\npictures/9.png,emu,test", "is of class emu here"),
        ("path,label,split\n" + rows() + "\nmore.png,emu,test", "the train split has no image of emu"),
        ("path,label,split\n" + rows() + "\ngone.png,cat,train", "gone.png (No such file or directory)"),
        (b"path,label\n\xff\xfe,a", "line 2: this is no UTF-8 text"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_line(home, text, message):
    with pytest.raises(DataError) as caught:
        of(home / "list.csv", text)
    assert message in str(caught.value)


def test_a_list_that_is_no_file(home):
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(Experiment(name="x", model="vit_mini", dataset=f"csv:{home}/none.csv"), 0)
    with pytest.raises(DataError, match="is no file"):
        load_dataset(Experiment(name="x", model="vit_mini", dataset=f"csv:{home}"), 0)


def test_split_together_with_a_test_split_is_refused(home):
    with pytest.raises(DataError, match=r"names images to test on: leave split = 0\.2 out"):
        of(home / "list.csv", "path,label,split\n" + rows(), split=0.2)
