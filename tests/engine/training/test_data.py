"""Splits are stratified, seeded and apart; images are decoded as they are, or the broken one is named."""

from __future__ import annotations

import msgspec
import pytest
import torch
from PIL import Image

from engine.config import Experiment
from engine.training.data import DataError, _statistics, load_dataset


def digits(seed=0, **changes):
    return load_dataset(
        Experiment(name="d", model="vit_mini", patch_size=4, dataset="digits", **changes), seed
    )


def of(folder, seed=0, **changes):
    experiment = Experiment(
        name="f", model="vit_mini", patch_size=4, image_size=8, dataset=f"folder:{folder}"
    )
    return load_dataset(msgspec.structs.replace(experiment, **changes), seed)


def shades(split):
    """Return the red of every image: in the folder of the fixture it names the image."""
    return split.images[:, 0, 0, 0].tolist()


class TestCutting:
    def test_the_test_split_is_whole_and_the_same_for_every_seed_and_subset(self):
        whole, part = digits(seed=0), digits(seed=5, subset_per_class=10)
        assert len(whole.test) == 360
        assert torch.equal(whole.test.images, part.test.images)
        assert len(whole.train) + len(whole.val) + len(whole.test) == 1797

    def test_no_image_is_in_two_splits_and_none_is_lost(self, folder):
        data = of(folder, val_fraction=0.25)
        train, val, test = map(shades, (data.train, data.val, data.test))
        assert sorted(train + val) == list(range(1, 41))
        assert sorted(test) == list(range(41, 51))

    def test_every_class_gives_its_share(self, folder):
        data = of(folder, val_fraction=0.2, subset_per_class=10)
        assert torch.bincount(data.train.labels).tolist() == [8, 8]
        assert torch.bincount(data.val.labels).tolist() == [2, 2]

    def test_every_class_gives_at_least_one_to_validate(self, folder):
        assert torch.bincount(of(folder, val_fraction=0.001).val.labels).tolist() == [1, 1]

    def test_the_seed_decides_the_cut(self, folder):
        assert shades(of(folder, 1, subset_per_class=5).train) == shades(
            of(folder, 1, subset_per_class=5).train
        )
        assert shades(of(folder, 1, subset_per_class=5).train) != shades(
            of(folder, 2, subset_per_class=5).train
        )

    def test_labels_stay_with_their_images(self, folder):
        data = of(folder)
        for split, first_dog in ((data.train, 21), (data.val, 21), (data.test, 46)):
            assert split.labels.tolist() == [int(shade >= first_dog) for shade in shades(split)]
        assert data.classes == ("cat", "dog")

    def test_more_than_there_is_cannot_be_had(self, folder):
        with pytest.raises(DataError, match="subset_per_class = 21, but class 0 has 20"):
            of(folder, subset_per_class=21)
        with pytest.raises(DataError, match="too few to train on and to validate"):
            of(folder, subset_per_class=1)

    def test_digits_are_never_mirrored(self, folder):
        assert not digits().flips
        assert of(folder).flips


class TestStatistics:
    def test_are_those_of_the_training_images(self, folder):
        data = of(folder)
        pixels = data.train.images.double() / 255
        assert data.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist(), abs=1e-6)
        assert data.std[0] == pytest.approx(pixels[:, 0].std().item(), rel=1e-4)
        assert data.std[1] > 0  # a channel without any spread can still be divided by

    def test_do_not_come_from_the_first_classes_alone(self):
        images = torch.zeros(30_000, 3, 1, 1, dtype=torch.uint8)
        images[15_000:] = 255
        assert _statistics(images)[0] == pytest.approx((0.5, 0.5, 0.5), abs=1e-3)


class TestDecoding:
    @pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "PNG"])
    def test_each_format(self, folder, suffix):
        file = folder / "train" / "cat" / "0.png"
        file.unlink()
        Image.new("RGB", (8, 8), (200, 0, 0)).save(file.with_suffix(f".{suffix}"))
        data = of(folder)
        assert max(shades(data.train) + shades(data.val)) == pytest.approx(200, abs=4)

    @pytest.mark.parametrize(
        ("mode", "colour"), [("L", 200), ("RGBA", (200, 200, 200, 255)), ("I;16", 200 * 257)]
    )
    def test_other_colours_become_rgb_of_8_bits(self, folder, mode, colour):
        Image.new(mode, (8, 8), colour).save(folder / "train" / "cat" / "0.png")
        data = of(folder)
        assert data.train.images.dtype == torch.uint8
        assert 200 in shades(data.train) + shades(data.val)

    def test_of_a_moving_picture_the_first_is_taken(self, folder):
        frames = [Image.new("RGB", (8, 8), (red, 0, 0)) for red in (200, 210)]
        frames[0].save(folder / "train" / "cat" / "0.gif", save_all=True, append_images=frames[1:])
        data = of(folder)
        assert data.train.images.shape[1:] == (3, 8, 8)
        assert {200, 210} & {*shades(data.train), *shades(data.val)} == {200}

    def test_small_images_of_one_size_keep_it(self, folder):
        assert of(folder, image_size=32).train.images.shape[2:] == (8, 8)

    def test_large_and_mixed_images_are_cut_to_size(self, folder):
        Image.new("RGB", (30, 20), (250, 0, 0)).save(folder / "train" / "cat" / "0.png")
        assert of(folder, image_size=16).train.images.shape[2:] == (16, 16)

    def test_a_broken_image_is_named(self, folder):
        (folder / "test" / "dog" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
        (folder / "test" / "dog" / "4.png").write_bytes(b"")
        with pytest.raises(DataError, match=r"2 of 10 images cannot be decoded: .*dog/3\.png, .*dog/4\.png"):
            of(folder)

    def test_other_files_are_passed_over(self, folder):
        (folder / "train" / "cat" / "notes.txt").write_text("hello")
        (folder / "train" / "list.csv").write_text("a,b")
        assert len(of(folder).train) + len(of(folder).val) == 40


class TestFolders:
    def test_a_missing_folder_is_named(self, tmp_path):
        with pytest.raises(DataError, match=r"none/train cannot be read \(No such file or directory\)"):
            of(tmp_path / "none")

    def test_classes_have_to_be_the_same_in_both_parts(self, folder):
        (folder / "test" / "dog").rename(folder / "test" / "wolf")
        with pytest.raises(DataError, match="differ in: dog, wolf"):
            of(folder)

    def test_an_empty_class_is_named(self, folder):
        (folder / "train" / "emu").mkdir()
        (folder / "test" / "emu").mkdir()
        with pytest.raises(DataError, match="train/emu holds no images"):
            of(folder)

    def test_one_class_is_none_to_tell_apart(self, tmp_path):
        for part in ("train", "test"):
            (tmp_path / part / "only").mkdir(parents=True)
        with pytest.raises(DataError, match="at least two class folders, it holds 1"):
            of(tmp_path)


def test_cifar_that_is_not_there_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").write_text("in the way of a download")
    with pytest.raises(DataError, match=r"put cifar-10-python\.tar\.gz \(md5 [0-9a-f]{32}\) there"):
        load_dataset(Experiment(name="c", model="vit_b", patch_size=16, dataset="cifar10"), 0)
