"""Data sets in the layout of the Hugging Face hub, from folders on this machine; skipped without the extra ``hf``."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from engine.config.schema import Experiment
from engine.config.validate import build_experiment
from engine.training.data.dataset import DataError, load_dataset

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engine"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The package, offline, with a cache of its own."""
    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VITUI_DATA", str(tmp_path / "data"))
    package = pytest.importorskip("datasets")
    monkeypatch.setattr(package.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(package.config, "HF_HUB_OFFLINE", True, raising=False)
    monkeypatch.setattr(package.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    return package


def load(where, **changes):
    made = {
        "image_size": 8,
        "patch_size": 4,
        "workers": 0,
        "val_fraction": 0.25,
        "dataset": f"hf:{where}",
        **changes,
    }
    return load_dataset(Experiment(name="h", model="vit_mini", **made), 0)


def shades(split):
    return sorted(split.images[:, 0, 0, 0].tolist())


def folder(home, splits):
    """An image folder as the hub has it: split/class/*.png, each image of its own red."""
    shade = iter(range(1, 256))
    for split, count in splits.items():
        for name in ("cat", "dog"):
            (home / split / name).mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (8, 8), (next(shade), 0, 0)).save(home / split / name / f"{i}.png")
    return home


def table(hub, count, first=0, labels=None, names=("cat", "dog")):
    features = {"image": hub.Image()}
    features["label"] = hub.ClassLabel(names=list(names)) if names else hub.Value("string")
    values = labels or [i % 2 for i in range(count)]
    images = [Image.new("RGB", (8, 8), (first + i, 0, 0)) for i in range(count)]
    return hub.Dataset.from_dict({"image": images, "label": values}, features=hub.Features(features))


def test_a_folder_of_images(hub, tmp_path):
    home = folder(tmp_path / "set", {"train": 8, "validation": 2, "test": 3})
    data = load(home)
    assert data.classes == ("cat", "dog")
    assert (shades(data.train), shades(data.val)) == (list(range(1, 17)), [17, 18, 19, 20])
    assert shades(data.test) == list(range(21, 27))
    moved = shutil.move(home, tmp_path / "elsewhere")
    assert load(moved).identity == data.identity


@pytest.mark.parametrize("kind", ["saved", "parquet"])
def test_a_saved_set_and_parquet(hub, tmp_path, kind):
    made = hub.DatasetDict(
        {"train": table(hub, 16), "test": table(hub, 4, 100), "unsupervised": table(hub, 2, 200)}
    )
    home = tmp_path / "set"
    if kind == "saved":
        made.save_to_disk(str(home))
    else:
        for split, each in made.items():
            (home / "data").mkdir(parents=True, exist_ok=True)
            each.to_parquet(str(home / "data" / f"{split}-00000-of-00001.parquet"))
    data = load(home)
    assert sorted(shades(data.train) + shades(data.val)) == list(range(16))
    assert data.test.labels.tolist() == [0, 1, 0, 1]
    assert torch.equal(load(home).train.images, data.train.images)
    if kind == "saved":
        assert "left out: no splits to train, validate or test on: 1 (unsupervised)" in data.notes


def test_splits_and_images_without_labels(hub, tmp_path):
    made = {"train": table(hub, 12, labels=[0, 1] * 5 + [-1, -1]), "validation": table(hub, 4, 100)}
    made["test"] = table(hub, 4, 200, labels=[-1] * 4)
    hub.DatasetDict(made).save_to_disk(str(tmp_path / "set"))
    data = load(tmp_path / "set")
    assert shades(data.test) == [100, 101, 102, 103]
    assert len(data.train) + len(data.val) == 10
    notes = "\n".join(data.notes)
    assert "validation is the test split, as there is no test" in notes
    assert "left out: splits without labels: 1 (test)" in notes
    assert "left out of train: 2 of 12 images without a label" in notes


def test_labels_that_are_words_and_a_split_that_is_cut(hub, tmp_path):
    words = [("emu", "ant")[i % 2] for i in range(20)]
    table(hub, 20, labels=words, names=None).save_to_disk(str(tmp_path / "set"))
    with pytest.raises(DataError, match=r"no split to test on; split = 0\.2 cuts"):
        load(tmp_path / "set")
    data = load(tmp_path / "set", split=0.2)
    assert data.classes == ("ant", "emu")
    assert torch.bincount(data.test.labels).tolist() == [2, 2]


def test_what_cannot_be_used_is_named(hub, tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        load(tmp_path / "none")
    with pytest.raises(
        DataError, match=r"hf:nobody/nothing cannot be loaded \(.*copy its folder here and name it"
    ):
        load("nobody/nothing")
    hub.Dataset.from_dict({"text": ["a", "b"]}).save_to_disk(str(tmp_path / "texts"))
    with pytest.raises(DataError, match="has no column of images; its columns are text"):
        load(tmp_path / "texts")


def test_a_relative_folder_begins_at_the_file(tmp_path):
    said = []
    values = {"model": "vit_mini", "patch_size": 4, "dataset": "hf:./set"}
    made = build_experiment("x", values, tmp_path, lambda *it: said.append(it))
    assert made is not None
    assert made.dataset == f"hf:{tmp_path / 'set'}"
    assert np.array_equal(said, [])
