"""What people bring as a folder: other layouts, files that are no images, images in two splits; nothing goes unsaid."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.config.schema import Experiment
from engine.training.data.dataset import DataError, load_dataset

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))


def of(folder, seed=0, say=lambda message: None, **changes):
    made = {"image_size": 8, "patch_size": 4, "dataset": f"folder:{folder}", "workers": 0, **changes}
    return load_dataset(Experiment(name="f", model="vit_mini", **made), seed, say)


def shades(split):
    """Return the red of every image: in the folder of the fixture it names the image."""
    return split.images[:, 0, 0, 0].tolist()


def said(data):
    return "\n".join([*data.notes, *data.warnings])


class TestSplits:
    """The fixture's images are 1 to 20 cats, 21 to 40 dogs to train on, then 5 and 5 to test on."""

    @pytest.mark.parametrize("name", ["val", "validation", "valid", "Val"])
    def test_val_without_test_is_the_test_split(self, folder, name):
        (folder / "test").rename(folder / name)
        data = of(folder, val_fraction=0.25)
        assert sorted(shades(data.test)) == list(range(41, 51))
        assert sorted(shades(data.train) + shades(data.val)) == list(range(1, 41))
        assert len(data.val) == 10
        assert f"{name}/ is the test split, as there is no test/" in said(data)

    def test_val_beside_test_validates_and_nothing_is_held_out(self, folder):
        for name in ("cat", "dog"):
            (folder / "val" / name).mkdir(parents=True)
        for i, name in enumerate(("cat", "dog", "dog")):
            Image.new("RGB", (8, 8), (100 + i, 0, 0)).save(folder / "val" / name / f"{i}.png")
        data = of(folder, subset_per_class=4)
        assert sorted(shades(data.val)) == [100, 101, 102]
        assert data.val.labels.tolist() == [0, 1, 1]
        assert len(data.train) == 8
        assert "val/ is the validation split" in said(data)

    def test_classes_of_val_are_compared_too(self, folder):
        shutil.copytree(folder / "test", folder / "val")
        (folder / "val" / "dog").rename(folder / "val" / "emu")
        with pytest.raises(DataError, match="only in train/: dog; only in val/: emu"):
            of(folder)

    def test_two_folders_that_mean_the_same_are_asked_about(self, folder):
        shutil.copytree(folder / "test", folder / "val")
        shutil.copytree(folder / "test", folder / "valid")
        with pytest.raises(DataError, match="has val/ and valid/: which"):
            of(folder)

    def test_without_val_and_test_split_is_offered(self, folder):
        shutil.rmtree(folder / "test")
        with pytest.raises(DataError, match=r"no folder test and no folder val; split = 0\.2"):
            of(folder)
        (folder / "test").mkdir()
        with pytest.raises(DataError, match=r"has test/: leave split = 0\.2 out"):
            of(folder, split=0.2)

    @pytest.mark.parametrize("flat", [True, False])
    def test_a_part_is_cut_off_to_test_on(self, folder, flat):
        shutil.rmtree(folder / "test")
        data = of(folder / "train" if flat else folder, split=0.2, val_fraction=0.25)
        assert torch.bincount(data.test.labels).tolist() == [4, 4]
        assert torch.bincount(data.val.labels).tolist() == [4, 4]
        every = shades(data.train) + shades(data.val) + shades(data.test)
        assert sorted(every) == list(range(1, 41))
        assert "the same images for every seed" in said(data)

    def test_every_seed_tests_on_the_same_images_and_one_more_moves_few(self, folder):
        flat = folder / "train"
        first, second = of(flat, 0, split=0.5), of(flat, 1, split=0.5)
        assert shades(first.test) == shades(second.test)
        assert first.test_digest == second.test_digest
        Image.new("RGB", (8, 8), (200, 0, 0)).save(flat / "cat" / "another.png")
        assert len({*shades(of(flat, split=0.5).test)} - {*shades(first.test)}) <= 1

    def test_flat_without_split_says_what_to_set(self, folder):
        with pytest.raises(DataError, match=r"if its folders are the classes, split = 0\.2"):
            of(folder / "train")


class TestWhatIsTaken:
    def test_folders_below_a_class(self, folder):
        deep = folder / "train" / "cat" / "more" / "still more"
        deep.mkdir(parents=True)
        for i in range(5):
            Image.new("RGB", (8, 8), (100 + i, 0, 0)).save(deep / f"{i}.png")
        data = of(folder)
        assert {100, 101, 102, 103, 104} <= {*shades(data.train), *shades(data.val)}
        assert torch.bincount(torch.cat([data.train.labels, data.val.labels])).tolist() == [25, 20]

    def test_a_link_back_up_ends(self, folder):
        (folder / "train" / "cat" / "up").symlink_to(folder / "train" / "cat")
        data = of(folder)
        assert len(data.train) + len(data.val) == 40
        assert "left out of train/: links back to a folder above them: 1" in said(data)

    @pytest.mark.parametrize(
        "suffix",
        ["bmp", "tif", "TIFF", "ppm", "pgm", "pnm", "jfif", "avif", "jp2", "tga", "pcx", "sgi", "ico", "qoi"],
    )
    def test_every_suffix_that_pillow_reads(self, folder, suffix):
        kind = {"jfif": "JPEG", "jpe": "JPEG", "pgm": "PPM", "pnm": "PPM"}.get(suffix)
        Image.new("RGB", (8, 8), (200, 0, 0)).save(folder / "train" / "cat" / f"x.{suffix}", format=kind)
        data = of(folder)
        assert max(shades(data.train) + shades(data.val)) == pytest.approx(200, abs=6)

    def test_what_is_left_out_is_counted_by_reason(self, folder):
        cat = folder / "train" / "cat"
        for name in ("a.heic", "b.HEIC", "notes.txt", "none", ".DS_Store", "._0.png", ".hidden.png"):
            (cat / name).write_bytes(b"?")
        (folder / "train" / "list.csv").write_text("a,b")
        (folder / "train" / "loose.png").write_bytes(b"?")
        (folder / "train" / "__MACOSX").mkdir()
        (folder / "unlabelled").mkdir()
        text = said(of(folder))
        assert text.splitlines() == [
            "left out of train/: no images that Pillow reads: 4 (.heic 2, .txt 1, without a suffix 1); "
            "folder __MACOSX: 1; hidden: 3; images beside the class folders, of no class: 1; "
            "other files beside the class folders, of no class: 1",
            "left out of images/: no splits: 1 (unlabelled)",
        ]

    def test_a_class_without_images_says_what_its_files_are(self, folder):
        for part in ("train", "test"):
            (folder / part / "emu").mkdir()
            (folder / part / "emu" / "1.heic").write_bytes(b"?")
        with pytest.raises(DataError, match=r"train/emu holds no images: its files are \.heic 1"):
            of(folder)

    def test_no_program_is_started_for_postscript(self, folder, monkeypatch, tmp_path):
        ghost = tmp_path / "gs"
        ghost.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        ghost.chmod(0o700)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        Image.new("RGB", (8, 8)).save(folder / "train" / "cat" / "x.eps")
        (folder / "train" / "cat" / "x.eps").rename(folder / "train" / "cat" / "x.png")
        with pytest.raises(DataError, match=r"x\.png \(no image, or a damaged one\)"):
            of(folder)
        assert not (tmp_path / "started").exists()


class TestWhatCannotBeRead:
    def test_a_pipe_a_socket_and_a_device_are_named_and_not_waited_for(self, folder, monkeypatch):
        cat = folder / "train" / "cat"
        os.mkfifo(cat / "a.png")
        monkeypatch.chdir(cat)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind("b.png")
        (cat / "c.png").symlink_to("/dev/zero")
        with pytest.raises(
            DataError, match=r"3 of 43 .*a\.png \(it is a pipe\).*b\.png \(.*c\.png \(it is a dev"
        ):
            of(folder)
        assert len(of(folder, corrupt="skip", val_fraction=0.25).train) == 30

    def test_too_many_pixels_are_refused_by_name(self, folder, monkeypatch):
        Image.new("1", (3000, 3000)).save(folder / "train" / "cat" / "x.png")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
        with pytest.raises(DataError, match=r"x\.png \(of more than the 2,000,000 pixels that are decoded\)"):
            of(folder)

    def test_thin_images_take_little_memory(self, tmp_path):
        """Scaled as a whole, the last one would be 224 x 4,480,000 pixels: 4 GiB."""
        for i, size in enumerate(((1, 2000), (1000, 3), (20_000, 1))):
            Image.new("RGB", size, (90, 0, 0)).save(tmp_path / f"{i}.png")
        program = (
            "import resource, sys\nfrom pathlib import Path\nfrom engine.training.data.image_decoder import *\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "done = decode(DecodeTask(Path(sys.argv[1]), ['0.png', '1.png', '2.png'], 0, 224, True, None))\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, done.broken, done.pixels[:, 0].min())"
        )
        out = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout.split()
        assert int(out[0]) < 32 * 1024
        assert out[1:] == ["{}", "90"]


class TestSameImages:
    def test_in_train_and_test_are_counted(self, folder):
        shutil.copy(folder / "train" / "cat" / "3.png", folder / "test" / "cat" / "copied.png")
        with Image.open(folder / "train" / "dog" / "5.png") as image:
            image.save(folder / "test" / "dog" / "other bytes.bmp")
        data = of(folder)
        assert (
            "2 of the 12 images to test on are also among those to train on (cat/copied.png is cat/3.png)"
            in said(data)
        )

    def test_apart_are_not_warned_of(self, folder):
        assert of(folder).warnings == ()

    def test_within_train_are_counted_and_under_another_class(self, folder):
        shutil.copy(folder / "train" / "cat" / "3.png", folder / "train" / "dog" / "99.png")
        text = said(of(folder))
        assert (
            "1 of the 41 images to train on are there before, to the byte (dog/99.png is cat/3.png)" in text
        )
        assert "1 of them under another class" in text

    def test_one_colour_is_warned_of(self, folder):
        for file in (folder / "test").rglob("*.png"):
            Image.new("RGB", (8, 8), (7, 8, 9)).save(file)
        (warning, *_) = (each for each in of(folder).warnings if "colour" in each)
        assert warning.startswith("all 10 images to test on are of one colour (red 7, green 8, blue 9)")


class TestIdentity:
    def test_is_that_of_the_images_wherever_they_lie(self, folder, tmp_path):
        here = of(folder)
        other = Path(shutil.copytree(folder, tmp_path / "elsewhere"))
        for file in other.rglob("*.png"):
            os.utime(file, (1, 1))
        assert of(other).identity == here.identity

    def test_is_another_where_a_pixel_a_name_or_a_class_is(self, folder):
        known = {of(folder).identity}
        file = folder / "train" / "cat" / "0.png"
        for change in (
            lambda: Image.new("RGB", (8, 8), (222, 0, 0)).save(file),
            lambda: file.rename(file.with_name("00.png")),
            lambda: shutil.copy(folder / "test" / "cat" / "0.png", folder / "test" / "dog" / "x.png"),
            lambda: [(folder / part / "cat").rename(folder / part / "kitten") for part in ("train", "test")],
        ):
            change()
            known.add(of(folder).identity)
        assert len(known) == 5


def test_classes_in_two_ways_of_writing_are_told(tmp_path):
    for part, name in (("train", "café"), ("test", "cafe\u0301")):
        for each in (name, "b"):
            (tmp_path / part / each).mkdir(parents=True)
    with pytest.raises(DataError, match="café is written in two ways, composed and decomposed"):
        of(tmp_path)


def test_scaling_is_what_resizing_all_and_cutting_gives():
    """The middle square alone is scaled: the same pixels as of the whole image, scaled and cut."""
    from engine.training.data.colour_conversion import UNDECIDED, Seen
    from engine.training.data.image_decoder import _fit

    random = np.random.default_rng(0)
    for width, height in ((40, 30), (30, 47), (200, 17), (9, 300), (16, 16), (5, 4)):
        image = Image.fromarray(random.integers(0, 255, (height, width, 3), dtype=np.uint8))
        scale = 16 / min(image.size)
        scaled = image.resize(
            tuple(max(16, round(side * scale)) for side in image.size), Image.Resampling.BILINEAR
        )
        left, top = (scaled.width - 16) // 2, (scaled.height - 16) // 2
        expected = np.asarray(scaled.crop((left, top, left + 16, top + 16))).astype(int)
        assert abs(np.asarray(_fit(image, 16, UNDECIDED, Seen())).astype(int) - expected).max() <= 1
