"""Splits are stratified, seeded and apart; images are decoded as they are, or the broken one is named."""

from __future__ import annotations

import hashlib
import http.server
import pickle
import shutil
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from engine.config.schema import Experiment
from engine.training.data import dataset as data_module
from engine.training.data.dataset import DataError, Split, _statistics, load_dataset
from engine.training.data.digits import digits_source


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))


def digits(seed=0, **changes):
    return load_dataset(
        Experiment(name="d", model="vit_mini", patch_size=4, dataset="digits", **changes), seed
    )


def of(folder, seed=0, say=lambda message: None, **changes):
    experiment = Experiment(
        name="f", model="vit_mini", patch_size=4, image_size=8, dataset=f"folder:{folder}"
    )
    return load_dataset(msgspec.structs.replace(experiment, **changes), seed, say)


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
        with pytest.raises(DataError, match="subset_per_class = 21, but class cat has 20 images"):
            of(folder, subset_per_class=21)
        with pytest.raises(DataError, match="class cat has 1 image: too few to train on and to validate"):
            of(folder, subset_per_class=1)

    def test_digits_are_never_mirrored(self, folder):
        assert not digits().flips
        assert of(folder).flips

    @pytest.mark.slow
    def test_digits_are_those_of_scikit_learn_and_split_by_it(self):
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        known = load_digits()
        split = train_test_split(
            known.images, known.target, test_size=0.2, stratify=known.target, random_state=0
        )
        source = digits_source()
        made = (
            source.train.load(np.arange(len(source.train.labels))).pixels,
            source.test.load(np.arange(len(source.test.labels))).pixels,
        )
        for pixels, images in zip(made, split[:2], strict=True):
            for channel in range(3):
                assert np.array_equal(pixels[:, channel], (images * (255 / 16)).round())
        assert np.array_equal(source.train.labels, split[2])
        assert np.array_equal(source.test.labels, split[3])

    def test_digits_are_the_same_bytes_in_the_same_order_for_ever(self):
        source = digits_source()
        arrays = (
            source.train.labels, source.test.labels,
            source.train.load(np.arange(1437)).pixels, source.test.load(np.arange(len(source.test.labels))).pixels,
        )  # fmt: skip
        assert [array.dtype for array in arrays] == [np.int64, np.int64, np.uint8, np.uint8]
        digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
        assert digest == "54ad42a37442cf5e10e4fa639b44a070b846584ebbf87af279d90e58705e9c5f"


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
        split = Split(images, torch.zeros(30_000, dtype=torch.int64))
        assert _statistics(split)[0] == pytest.approx((0.5, 0.5, 0.5), abs=1e-3)


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
        with pytest.raises(
            DataError, match=r"2 of 10 images cannot be decoded: .*dog/3\.png \(.*dog/4\.png \("
        ):
            of(folder)

    def test_large_jpegs_keep_their_colours_when_they_are_decoded_at_a_fraction(self, folder):
        Image.new("RGB", (900, 700), (240, 120, 60)).save(folder / "train" / "cat" / "0.jpg", quality=95)
        data = of(folder, image_size=16)
        images = torch.cat([data.train.images, data.val.images])
        (large,) = images[images[:, 1, 0, 0] > 0]
        assert large.shape == (3, 16, 16)
        assert torch.allclose(large.float(), torch.tensor([240.0, 120, 60])[:, None, None], atol=3)

    def test_a_transparent_palette_is_no_warning(self, folder):
        image = Image.new("P", (8, 8), 1)
        image.putpalette([0, 0, 0, 200, 0, 0])
        image.save(folder / "train" / "cat" / "0.png", transparency=b"\xff\x80")
        data = of(folder)
        assert 227 in shades(data.train) + shades(data.val)  # half of 200, half of the white below

    def test_other_files_are_passed_over(self, folder):
        (folder / "train" / "cat" / "notes.txt").write_text("hello")
        (folder / "train" / "list.csv").write_text("a,b")
        (folder / "train" / "cat" / "._0.png").write_text("what macOS leaves behind")
        (folder / "train" / ".ipynb_checkpoints").mkdir()
        assert len(of(folder).train) + len(of(folder).val) == 40


class TestFolders:
    def test_a_missing_folder_is_named(self, tmp_path):
        with pytest.raises(DataError, match=r"none cannot be read \(No such file or directory\)"):
            of(tmp_path / "none")

    def test_classes_have_to_be_the_same_in_both_parts(self, folder):
        (folder / "test" / "dog").rename(folder / "test" / "wolf")
        with pytest.raises(DataError, match="only in train/: dog; only in test/: wolf"):
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


class TestCorrupt:
    """The fixture's images are 1 to 20 cats, 21 to 40 dogs to train on, then 5 and 5 to test on."""

    def test_is_left_out_and_said_once(self, folder):
        (folder / "train" / "cat" / "0.png").write_bytes(b"")
        whole = (folder / "train" / "dog" / "1.png").read_bytes()
        (folder / "train" / "dog" / "1.png").write_bytes(whole[: len(whole) // 2])
        said = []
        data = of(folder, say=said.append, corrupt="skip")
        assert sorted(shades(data.train) + shades(data.val)) == sorted({*range(1, 41)} - {1, 22})
        assert [label for label in data.train.labels.tolist() if label == 0] == [0] * 18
        (message,) = said
        assert message.startswith("left out: 2 of 40 images cannot be decoded: ")
        assert "cat/0.png (" in message
        assert "dog/1.png (" in message

    def test_is_said_of_images_from_the_cache_too(self, folder):
        (folder / "test" / "cat" / "0.png").write_bytes(b"")
        for _ in range(2):
            said = []
            assert len(of(folder, say=said.append, corrupt="skip").test) == 9
            assert len(said) == 1
        with pytest.raises(DataError, match="1 of 10 images cannot be decoded"):
            of(folder)

    def test_all_are_counted_and_three_are_named(self, folder):
        for i in range(5):
            (folder / "train" / "cat" / f"{i}.png").write_bytes(b"GIF89a")
        with pytest.raises(DataError, match=r"5 of 40 images .*cat/0.*cat/1.*cat/2.*, …; remove") as caught:
            of(folder)
        assert str(caught.value).count(".png") == 3

    @pytest.mark.parametrize("part", ["train", "test"])
    def test_a_class_that_loses_all_is_an_error(self, folder, part):
        for file in (folder / part / "dog").iterdir():
            file.write_bytes(b"")
        with pytest.raises(DataError, match="nothing is left of dog"):
            of(folder, corrupt="skip")

    def test_a_folder_or_a_dead_link_by_the_name_of_an_image(self, folder):
        (folder / "train" / "cat" / "a.png").mkdir()
        (folder / "train" / "cat" / "b.png").symlink_to(folder / "nowhere")
        with pytest.raises(DataError, match=r"2 of 42 .*a\.png \(Is a dir.*b\.png \(No such file"):
            of(folder)
        assert len(of(folder, corrupt="skip").train) == 38

    def test_a_subset_lacks_what_is_broken(self, folder):
        for i in range(10):
            (folder / "train" / "cat" / f"{i}.png").write_bytes(b"")
        said = []
        data = of(folder, say=said.append, corrupt="skip", subset_per_class=16)
        cats = (data.train.labels == 0).sum() + (data.val.labels == 0).sum()
        assert 6 <= cats < 16
        assert len(said) == 1


class TestBatches:
    @pytest.fixture
    def both(self, folder, monkeypatch):
        """The same dataset as a tensor, and in its file."""
        (folder / "train" / "cat" / "7.png").write_bytes(b"")  # so that rows are no longer indices
        options = {"corrupt": "skip", "val_fraction": 0.25}
        resident = of(folder, **options)
        monkeypatch.setattr(data_module, "RESIDENT_BYTES", 0)
        return resident, of(folder, **options)

    def test_a_file_gives_the_batches_that_a_tensor_gives(self, both):
        resident, mapped = both
        assert (resident.mean, resident.std) == (mapped.mean, mapped.std)
        for part in ("train", "val", "test"):
            a, b = getattr(resident, part), getattr(mapped, part)
            assert a.rows is None
            assert b.rows is not None
            assert len(a) == len(b)
            order = torch.split(torch.randperm(len(a)), 3)
            assert_same(a.batches(order), b.batches(order))
            assert_same(a.in_order(4), b.in_order(4))

    def test_no_batches(self, both):
        for data in both:
            assert list(data.train.batches([])) == []

    def test_threads_end_with_the_batches(self, both):
        train = both[1].train
        order = torch.split(torch.arange(len(train)), 1)
        batches = train.batches(order)
        next(batches)
        assert gathering()
        batches.close()
        assert not gathering()

    def test_a_file_outlives_its_name(self, both, tmp_path):
        shutil.rmtree(tmp_path / "cache")
        assert_same(both[0].test.in_order(4), both[1].test.in_order(4))


def assert_same(batches, others):
    for (images, labels), (other_images, other_labels) in zip(batches, others, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)


def gathering():
    return [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


class TestCifar:
    """A CIFAR of four images, with the checksums that torchvision should find."""

    @pytest.fixture
    def small(self, tmp_path, monkeypatch):
        """Its archive and the folder of downloads; the address is one where nothing answers."""
        from torchvision.datasets import CIFAR10  # seconds, for these tests alone

        monkeypatch.chdir(tmp_path)
        base = tmp_path / "made" / "cifar-10-batches-py"
        base.mkdir(parents=True)
        batch = {"data": np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072), "labels": [0, 1]}
        files = {"data_batch_1": batch | {"labels": [0, 1] * 2, "data": np.repeat(batch["data"], 2, 0)}}
        files |= {"test_batch": batch, "batches.meta": {"label_names": ["cat", "dog"]}}
        for name, content in files.items():
            (base / name).write_bytes(pickle.dumps(content))
        sums = {name: md5(base / name) for name in files}
        archive = tmp_path / "made" / "cifar-10-python.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(base, base.name)
        monkeypatch.setattr(CIFAR10, "train_list", [["data_batch_1", sums["data_batch_1"]]])
        monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
        monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": sums["batches.meta"]})
        monkeypatch.setattr(CIFAR10, "tgz_md5", md5(archive))
        monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")
        (tmp_path / "data").mkdir()
        monkeypatch.setenv("VITUI_DATA", str(tmp_path / "data"))
        return archive, tmp_path / "data"

    def test_it_is_used_from_where_it_lies_below_the_working_folder(self, small, tmp_path, monkeypatch):
        archive, data = small
        shutil.copy(archive, data)
        monkeypatch.delenv("VITUI_DATA")
        monkeypatch.chdir(tmp_path)
        assert len(cifar().test) == 2

    def test_it_goes_to_one_place_for_all_projects(self, small, tmp_path, monkeypatch):
        archive, _ = small
        monkeypatch.delenv("VITUI_DATA")
        monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))
        said = []
        with serving(archive) as (url, _):
            monkeypatch.setattr("torchvision.datasets.CIFAR10.url", url)
            assert len(cifar(said.append).test) == 2
        assert said[0].endswith(f"to {tmp_path / 'cache' / 'data'} (0 MB)")
        assert (tmp_path / "cache" / "data" / "cifar-10-batches-py").is_dir()

    def test_an_archive_put_there_is_unpacked(self, small):
        archive, data = small
        shutil.copy(archive, data)
        assert len(cifar().test) == 2
        (data / archive.name).unlink()
        (data / "cifar-10-batches-py" / "test_batch").touch()
        assert cifar().classes == ("cat", "dog")

    def test_a_half_unpacked_folder_is_unpacked_again(self, small):
        archive, data = small
        shutil.copy(archive, data)
        (data / "cifar-10-batches-py").mkdir()
        (data / "cifar-10-batches-py" / "test_batch").write_bytes(b"half")
        assert len(cifar().test) == 2

    def test_a_half_unpacked_folder_without_an_archive_is_said(self, small):
        _, data = small
        (data / "cifar-10-batches-py").mkdir()
        with pytest.raises(
            DataError,
            match=r"incomplete or damaged in .*batches-py; it is not in .*, and cannot be downloaded",
        ):
            cifar()

    def test_a_damaged_archive_is_said(self, small):
        archive, data = small
        (data / archive.name).write_bytes(archive.read_bytes()[:-20])
        with pytest.raises(DataError, match=r"damaged: .*python\.tar\.gz has another md5 than it should"):
            cifar()

    def test_two_runs_download_once(self, small, monkeypatch):
        archive, _ = small
        said = []
        with serving(archive) as (url, asked):
            monkeypatch.setattr("torchvision.datasets.CIFAR10.url", url)
            with ThreadPoolExecutor(2) as pool:
                for found in [pool.submit(cifar, said.append) for _ in range(2)]:
                    assert len(found.result().test) == 2
        assert len(said) == 1
        assert len(asked) == 1

    def test_what_to_put_where_is_said(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VITUI_DATA", str(tmp_path / "data"))
        (tmp_path / "data").write_text("in the way of a download")
        with pytest.raises(
            DataError, match=r"put cifar-10-python\.tar\.gz \(md5 [0-9a-f]{32}\) into .*/data"
        ):
            cifar()


def cifar(say=lambda message: None):
    return load_dataset(Experiment(name="c", model="vit_b", patch_size=16, dataset="cifar10"), 0, say)


def md5(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@contextmanager
def serving(file):
    """Serve a folder over HTTP; give the address of a file in it, and what has been asked so far."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=file.parent)

        def log_request(self, *_):
            asked.append(self.requestline)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{file.name}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("free", "resident"), [(100, False), (2**30, True)])
def test_images_stay_in_their_file_where_the_gpu_has_no_room(monkeypatch, folder, free, resident):
    """The GPU is a stand-in: what it has free decides, however much the host has."""
    gpu = torch.device("cuda", 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: {gpu: (free, 2**40)}[device])
    experiment = Experiment(
        name="f", model="vit_mini", patch_size=4, image_size=8, dataset=f"folder:{folder}", val_fraction=0.25
    )
    assert (load_dataset(experiment, 0, device=gpu).train.rows is None) == resident
    assert load_dataset(experiment, 0).train.rows is None
