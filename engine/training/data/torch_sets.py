"""Data sets of torchvision by name: fetched and unpacked here, read by torchvision's own classes.

::

    $VITUI_DATA/stl10_binary.tar.gz   stl10_binary/
                train_32x32.mat       test_32x32.mat
                FashionMNIST/raw/     flowers-102/   oxford-iiit-pet/   food-101/   eurosat/   imagenette2-320/
"""

from __future__ import annotations

import gzip
import math
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torchvision import datasets

from engine.catalog.datasets import DATASETS, TORCH
from engine.config.schema import Experiment
from engine.system import lock
from engine.system.files import draft_of
from engine.training.data.cut_off_test import cut_test
from engine.training.data.download import fetch, unpack
from engine.training.data.image_cache import Listing, data_folder
from engine.training.data.images_below_folder import stamp_of
from engine.training.data.splits_of_files import ImageFiles
from engine.training.data.unsplit_dataset import DataError, DataSource, Images, Indices, Part, Say

EUROSAT = (
    "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
    "c8fa014336c82ac7804f0398fcb19387",
)
"""Its address and MD5, which torchvision has in a function."""
USUAL_SHARE = 0.2
"""The part of each class to test on where a set has no test split and ``split`` is not given."""


def torch_source(name: str, experiment: Experiment, say: Say) -> DataSource:
    """Return a data set by its name, downloading what is missing of it.

    Raises:
        DataError: It is not there, or damaged, and cannot be downloaded.
    """
    try:
        folder = data_folder()
        folder.mkdir(parents=True, exist_ok=True)
        kind = name.removeprefix(TORCH)
        with lock.hold(folder / f".{kind.lower()}.lock", math.inf):
            source = READERS[kind](_Request(name, folder, experiment, say))
    except OSError as error:
        raise DataError(f"{name} cannot be read or written: {error}") from None
    except RuntimeError as error:  # what torchvision says of files that lack or differ
        raise DataError(f"{name} is incomplete or damaged in {folder.resolve()}: {error}") from None
    return _with_notes(name, source)


@dataclass(frozen=True)
class _Request:
    """What is asked for, and where it goes."""

    name: str
    folder: Path
    experiment: Experiment
    say: Say

    def fetched(self, url: str, md5: str, below: str = "") -> Path:
        """Return a file of the data set, downloaded if it is not there."""
        file = self.folder / below / url.rsplit("/", 1)[-1]
        fetch(url, file, md5, self.say, self.name)
        return file

    def unpacked(self, url: str, md5: str, below: str, into: str) -> None:
        """Have what is in an archive lie in the folder ``into`` below ``below``, which is the archive's own."""
        home = self.folder / below
        if (home / into).is_dir():
            return
        archive = self.fetched(url, md5, below)
        self.say(f"unpacking {archive}")
        drawn = home / f".{into}.unpacked"
        unpack(archive, drawn)
        try:
            if not (drawn / into).is_dir():
                raise DataError(f"{archive} holds no folder {into}")
            (drawn / into).rename(home / into)
        finally:
            shutil.rmtree(drawn, ignore_errors=True)

    def listed(
        self,
        parts: Mapping[str, tuple[Sequence[Path], Iterable[int]]],
        classes: Sequence[str],
        home: Path,
    ) -> DataSource:
        """Return the data set of image files: of each split the files and their classes."""
        files, made = ImageFiles(classes, self.experiment, self.say), dict[str, Part]()
        for role, (paths, labels) in parts.items():
            names = [str(path.relative_to(home)) for path in paths]
            listing = Listing(home, names, [stamp_of(path) for path in paths])
            made[role] = files.part(listing, np.array([*labels], dtype=np.int64), f"the {role} split")
        if "test" not in made:
            share = self.experiment.split or USUAL_SHARE
            made["train"], made["test"] = cut_test(made["train"], share, classes)
            notes = (f"{share:g} of each class is the test split, drawn by the names of the files",)
            return DataSource(made["train"], made["test"], tuple(classes), notes=notes)
        return DataSource(made["train"], made["test"], tuple(classes), made.get("val"))


def _with_notes(name: str, source: DataSource) -> DataSource:
    """Return the source, with a note where it has other numbers of images than the published set."""
    spec = DATASETS[name]
    notes = [*source.notes]
    pairs = (
        (len(source.train.labels), spec.train_images, "train on"),
        (len(source.test.labels), spec.test_images, "test on"),
    )
    for there, published, use in pairs:
        if published and there != published:
            notes.append(f"{there:,} images to {use}, where the published set has {published:,}")
    return DataSource(source.train, source.test, source.classes, source.val, spec.flips, tuple(notes))


def _arrays(
    train: tuple[np.ndarray[Any, Any], Any], test: tuple[np.ndarray[Any, Any], Any], classes: Sequence[str]
) -> DataSource:
    """Return the data set of pixels (N, 3, H, W) or (N, H, W) in memory, and their classes (N,)."""

    def part(pixels: np.ndarray[Any, Any], labels: Any) -> Part:
        def load(chosen: Indices) -> Images:
            taken = pixels[chosen]
            if taken.ndim == 3:
                taken = np.repeat(taken[:, None], 3, axis=1)
            return Images(np.ascontiguousarray(taken))

        return Part(np.asarray(labels, dtype=np.int64), load)

    return DataSource(part(*train), part(*test), tuple(classes))


def _stl10(request: _Request) -> DataSource:
    kind = datasets.STL10
    request.unpacked(kind.url, kind.tgz_md5, "", kind.base_folder)
    train, test = (kind(request.folder, split=split) for split in ("train", "test"))
    return _arrays((train.data, train.labels), (test.data, test.labels), train.classes)


def _svhn(request: _Request) -> DataSource:
    kind = datasets.SVHN
    for split in ("train", "test"):
        url, _, md5 = kind.split_list[split]
        request.fetched(url, md5)
    train, test = (kind(request.folder, split=split) for split in ("train", "test"))
    return _arrays((train.data, train.labels), (test.data, test.labels), [str(digit) for digit in range(10)])


def _fashion_mnist(request: _Request) -> DataSource:
    kind = datasets.FashionMNIST
    for name, md5 in kind.resources:
        raw = f"{kind.__name__}/raw"
        packed = request.folder / raw / name
        if not packed.with_suffix("").is_file():
            packed = request.fetched(f"{kind.mirrors[0]}{name}", md5, raw)
            raw_file = packed.with_suffix("")
            with (
                gzip.open(packed) as source,
                draft_of(raw_file, f".{raw_file.name}.part") as draft,
                draft.open("wb") as target,
            ):
                shutil.copyfileobj(source, target)
    train, test = (kind(request.folder, train=is_train) for is_train in (True, False))
    pairs = [(part.data.numpy(), part.targets.numpy()) for part in (train, test)]
    return _arrays(pairs[0], pairs[1], kind.classes)


def _flowers(request: _Request) -> DataSource:
    kind = datasets.Flowers102
    prefix, files, base = kind._download_url_prefix, kind._file_dict, "flowers-102"
    request.unpacked(f"{prefix}{files['image'][0]}", files["image"][1], base, "jpg")
    for part in ("label", "setid"):
        request.fetched(f"{prefix}{files[part][0]}", files[part][1], base)
    splits = {role: kind(request.folder, split=role) for role in ("train", "val", "test")}
    parts = {role: (split._image_files, split._labels) for role, split in splits.items()}
    return request.listed(parts, kind.classes, request.folder / base)


def _pets(request: _Request) -> DataSource:
    kind, base = datasets.OxfordIIITPet, "oxford-iiit-pet"
    for (url, md5), into in zip(kind._RESOURCES, ("images", "annotations"), strict=True):
        request.unpacked(url, md5, base, into)
    train, test = (kind(request.folder, split=split) for split in ("trainval", "test"))
    parts = {role: (split._images, split._labels) for role, split in (("train", train), ("test", test))}
    return request.listed(parts, train.classes, request.folder / base)


def _food(request: _Request) -> DataSource:
    kind, base = datasets.Food101, "food-101"
    request.unpacked(kind._URL, kind._MD5, "", base)
    splits = {role: kind(request.folder, split=role) for role in ("train", "test")}
    parts = {role: (split._image_files, split._labels) for role, split in splits.items()}
    return request.listed(parts, splits["train"].classes, request.folder / base)


def _eurosat(request: _Request) -> DataSource:
    request.unpacked(*EUROSAT, "eurosat", "2750")
    split = datasets.EuroSAT(request.folder)
    paths, labels = zip(*split.samples, strict=True)
    home = request.folder / "eurosat" / "2750"
    return request.listed({"train": ([Path(path) for path in paths], labels)}, split.classes, home)


def _imagenette(request: _Request) -> DataSource:
    size = "320px" if request.experiment.image_size <= 320 else "full"
    url, md5 = datasets.Imagenette._ARCHIVES[size]
    base = Path(url).stem
    request.unpacked(url, md5, "", base)
    splits = {
        role: datasets.Imagenette(request.folder, split=split, size=size)
        for role, split in (("train", "train"), ("test", "val"))
    }
    parts = {
        role: ([Path(path) for path, _ in split._samples], [label for _, label in split._samples])
        for role, split in splits.items()
    }
    return request.listed(parts, [names[0] for names in splits["train"].classes], request.folder / base)


READERS: Mapping[str, Callable[[_Request], DataSource]] = {
    "STL10": _stl10,
    "SVHN": _svhn,
    "FashionMNIST": _fashion_mnist,
    "Flowers102": _flowers,
    "OxfordIIITPet": _pets,
    "Food101": _food,
    "EuroSAT": _eurosat,
    "Imagenette": _imagenette,
}
