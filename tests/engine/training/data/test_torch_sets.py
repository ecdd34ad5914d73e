"""Data sets of torchvision from a server on this machine: small archives in the true layout of each."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from engine.catalog.datasets import DATASETS, IMAGENET, TORCH
from engine.config.schema import Experiment
from engine.training.data.dataset import DataError, load_dataset

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.slow]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server for what is put into its folder; gives the folder and the address."""
    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VITUI_DATA", str(tmp_path / "data"))
    home = tmp_path / "served"
    home.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=home)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        yield home, f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


def load(name, said=None, image_size=32):
    experiment = Experiment(
        name="t", model="vit_mini", patch_size=4, image_size=image_size, dataset=f"{TORCH}{name}", workers=0,
        val_fraction=0.25,
    )  # fmt: skip
    return load_dataset(experiment, 0, said.append if said is not None else lambda message: None)


def md5(file):
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def picture(shade, size=(40, 30)):
    made = io.BytesIO()
    Image.new("RGB", size, (shade, 0, 0)).save(made, "JPEG", quality=95)
    return made.getvalue()


def pack(file, members):
    """Write an archive of files by their names."""
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return file
    with tarfile.open(file, "w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file


def stl10(home, address, monkeypatch):
    from torchvision.datasets import STL10

    def pixels(count):
        images = np.zeros((count, 3, 96, 96), np.uint8)
        images[:, 0, :10] = 200  # the file has columns first: a bar at the left
        images += np.arange(count, dtype=np.uint8)[:, None, None, None]
        return images.tobytes()

    labels = {"train": bytes([1, 2] * 8), "test": bytes([1, 2, 2])}
    members = {
        "train_X.bin": pixels(16), "train_y.bin": labels["train"], "unlabeled_X.bin": b"",
        "test_X.bin": pixels(3), "test_y.bin": labels["test"], "class_names.txt": b"airplane\nbird\n",
        "fold_indices.txt": b"",
    }  # fmt: skip
    file = pack(
        home / "stl10_binary.tar.gz", {f"stl10_binary/{name}": data for name, data in members.items()}
    )
    sums = {name: hashlib.md5(data, usedforsecurity=False).hexdigest() for name, data in members.items()}
    monkeypatch.setattr(STL10, "url", f"{address}/{file.name}")
    monkeypatch.setattr(STL10, "tgz_md5", md5(file))
    monkeypatch.setattr(
        STL10,
        "train_list",
        [[name, sums[name]] for name in ("train_X.bin", "train_y.bin", "unlabeled_X.bin")],
    )
    monkeypatch.setattr(STL10, "test_list", [[name, sums[name]] for name in ("test_X.bin", "test_y.bin")])
    return file


def svhn(home, address, monkeypatch):
    from torchvision.datasets import SVHN

    made = {}
    for split, labels in (("train", [10, 1] * 8), ("test", [1, 10, 1])):
        file = home / f"{split}_32x32.mat"
        pixels = np.full((32, 32, 3, len(labels)), 7, np.uint8)
        savemat(file, {"X": pixels, "y": np.array(labels, np.uint8)[:, None]})
        made[split] = [f"{address}/{file.name}", file.name, md5(file)]
    monkeypatch.setattr(SVHN, "split_list", made)
    return home / "train_32x32.mat"


def fashion(home, address, monkeypatch):
    from torchvision.datasets import FashionMNIST

    resources = []
    for part, count in (("train", 16), ("t10k", 3)):
        pixels = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
        head = np.array([2051, count, 28, 28], ">i4").tobytes()
        labels = bytes([i % 2 for i in range(count)])
        for name, content in (
            (f"{part}-images-idx3-ubyte.gz", head + pixels.tobytes()),
            (f"{part}-labels-idx1-ubyte.gz", np.array([2049, count], ">i4").tobytes() + labels),
        ):
            (home / name).write_bytes(gzip.compress(content))
            resources.append((name, md5(home / name)))
    monkeypatch.setattr(FashionMNIST, "resources", resources)
    monkeypatch.setattr(FashionMNIST, "mirrors", [f"{address}/"])
    monkeypatch.setattr(FashionMNIST, "classes", ["T-shirt/top", "Trouser"])
    return home / "train-images-idx3-ubyte.gz"


def flowers(home, address, monkeypatch):
    from torchvision.datasets import Flowers102

    names = {f"jpg/image_{i:05d}.jpg": picture(10 * i) for i in range(1, 21)}
    file = pack(home / "102flowers.tgz", names)
    savemat(home / "imagelabels.mat", {"labels": np.array([[1 + i % 2 for i in range(20)]])})
    ids = {"trnid": [range(1, 13)], "valid": [[13, 14]], "tstid": [range(15, 18)]}
    savemat(home / "setid.mat", {name: np.array([list(*it)]) for name, it in ids.items()})
    files = {"image": file.name, "label": "imagelabels.mat", "setid": "setid.mat"}
    monkeypatch.setattr(Flowers102, "_download_url_prefix", f"{address}/")
    monkeypatch.setattr(
        Flowers102, "_file_dict", {key: (name, md5(home / name)) for key, name in files.items()}
    )
    monkeypatch.setattr(Flowers102, "classes", ["pink primrose", "hard-leaved pocket orchid"])
    return file


def pets(home, address, monkeypatch):
    from torchvision.datasets import OxfordIIITPet

    names = [f"{'Abyssinian' if i % 2 == 0 else 'american_bulldog'}_{i}" for i in range(19)]
    images = pack(
        home / "images.tar.gz", {f"images/{name}.jpg": picture(10 * i) for i, name in enumerate(names)}
    )
    lines = [f"{name} {1 + i % 2} {1 + i % 2} 1" for i, name in enumerate(names)]
    annotations = pack(
        home / "annotations.tar.gz",
        {
            "annotations/trainval.txt": "\n".join(lines[:16]).encode(),
            "annotations/test.txt": "\n".join(lines[16:]).encode(),
        },
    )
    resources = tuple((f"{address}/{file.name}", md5(file)) for file in (images, annotations))
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", resources)
    return images


def food(home, address, monkeypatch):
    from torchvision.datasets import Food101

    splits = {"train": range(8), "test": range(8, 10)}
    members = {
        f"food-101/meta/{split}.json": json.dumps(
            {"pho": [f"pho/{i}" for i in chosen], "sushi": [f"sushi/{i}" for i in chosen if i != 9]}
        ).encode()
        for split, chosen in splits.items()
    }
    members |= {
        f"food-101/images/{name}/{i}.jpg": picture(10 * i) for name in ("pho", "sushi") for i in range(10)
    }
    file = pack(home / "food-101.tar.gz", members)
    monkeypatch.setattr(Food101, "_URL", f"{address}/{file.name}")
    monkeypatch.setattr(Food101, "_MD5", md5(file))
    return file


def eurosat(home, address, monkeypatch):
    from engine.training.data import torch_sets

    members = {
        f"2750/{name}/{name}_{i}.jpg": picture(10 * i, (64, 64))
        for name in ("Forest", "River")
        for i in range(10)
    }
    file = pack(home / "EuroSAT.zip", members)
    monkeypatch.setattr(torch_sets, "EUROSAT", (f"{address}/{file.name}", md5(file)))
    return file


def imagenette(home, address, monkeypatch):
    from torchvision.datasets import Imagenette

    members = {
        f"imagenette2-320/{split}/{wnid}/{wnid}_{i}.JPEG": picture(10 * i)
        for split, count in (("train", 8), ("val", 2))
        for wnid in ("n01440764", "n02102040")
        for i in range(count)
    }
    members = {
        name.replace(".JPEG", ".jpeg") if "val" in name else name: data for name, data in members.items()
    }
    file = pack(home / "imagenette2-320.tgz", members)
    archives = Imagenette._ARCHIVES | {"320px": (f"{address}/{file.name}", md5(file))}
    monkeypatch.setattr(Imagenette, "_ARCHIVES", archives)
    return file


SETS = {
    "STL10": (stl10, ("airplane", "bird"), (12, 4, 3)),
    "SVHN": (svhn, tuple("0123456789"), (12, 4, 3)),
    "FashionMNIST": (fashion, ("T-shirt/top", "Trouser"), (12, 4, 3)),
    "Flowers102": (flowers, ("pink primrose", "hard-leaved pocket orchid"), (12, 2, 3)),
    "OxfordIIITPet": (pets, ("Abyssinian", "American Bulldog"), (12, 4, 3)),
    "Food101": (food, ("pho", "sushi"), (12, 4, 3)),
    "EuroSAT": (eurosat, ("Forest", "River"), (12, 4, 4)),
    "Imagenette": (imagenette, ("tench", "English springer"), (12, 4, 4)),
}


@pytest.mark.parametrize("name", SETS)
def test_each_is_downloaded_verified_and_read(server, monkeypatch, name):
    home, address = server
    make, classes, sizes = SETS[name]
    make(home, address, monkeypatch)
    said = []
    data = load(name, said)
    assert data.classes == classes
    assert (len(data.train), len(data.val), len(data.test)) == sizes
    assert torch.bincount(data.train.labels)[:2].tolist() == [6, 6]
    spec = DATASETS[f"{TORCH}{name}"]
    assert data.flips == spec.flips
    assert (data.mean, data.std) == spec.normalisation
    assert said[0].startswith(f"downloading {address}/")
    for file in home.iterdir():
        file.unlink()
    again = load(name, said)  # without a server: all is there
    assert again.identity == data.identity
    assert torch.equal(again.test.images, data.test.images)
    assert any("where the published set has" in note for note in data.notes) or not spec.train_images


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("damage", ["cut off", "another", "missing"])
def test_each_says_what_did_not_come_and_what_to_put_where(server, monkeypatch, tmp_path, name, damage):
    home, address = server
    file = SETS[name][0](home, address, monkeypatch)
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(content[:-9] if damage == "cut off" else content[:-9] + b"otherwise")
    words = "the server answers 404" if damage == "missing" else "another md5"
    with pytest.raises(DataError, match=words) as caught:
        load(name)
    assert f"put {file.name} (md5 " in str(caught.value)
    file.write_bytes(content)
    below = tmp_path / str(caught.value).rsplit(" into ", 1)[1].removeprefix(f"{tmp_path}/")
    below.mkdir(parents=True, exist_ok=True)
    (below / file.name).write_bytes(content)
    assert len(load(name).train) == 12  # what is put there is taken


def test_images_have_their_own_pixels(server, monkeypatch):
    home, address = server
    stl10(home, address, monkeypatch)
    image = load("STL10", image_size=96).test.images[0]
    assert (image[0, :, :10] >= 200).all()
    assert (image[0, :, 10:] < 200).all()
    fashion(home, address, monkeypatch)
    assert load("FashionMNIST").test.images[2].unique().tolist() == [2]


def test_counts_and_normalisation_are_told_of_each():
    for name in SETS:
        spec = DATASETS[f"{TORCH}{name}"]
        assert spec.classes == {"Flowers102": 102, "OxfordIIITPet": 37, "Food101": 101}.get(name, 10)
        assert spec.normalisation is not None
    assert not DATASETS["torch:SVHN"].flips
    assert DATASETS["torch:Food101"].normalisation == IMAGENET
    assert DATASETS["torch:SVHN"].train_images == 73_257
    assert DATASETS["torch:Imagenette"].train_images == 9469
