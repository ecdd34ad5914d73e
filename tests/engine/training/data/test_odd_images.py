"""A thousand odd images in one folder: what torchvision or Pillow can read is trained on, everything else is named."""

from __future__ import annotations

import io
import random
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from engine.history import History
from engine.runs.predictions import load
from engine.runs.store import Store
from tests.conftest import Engine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engine")]
CLASSES = ("cat", "dog", "emu 鸟")
MODES = ("RGB", "L", "1", "P", "LA", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F", "PA")
"""Modes of Pillow; a format that cannot hold one gets RGB."""
FORMATS = {
    "png": "PNG", "JPG": "JPEG", "jpeg": "JPEG", "jfif": "JPEG", "bmp": "BMP", "tif": "TIFF", "TIFF": "TIFF",
    "ppm": "PPM", "pgm": "PPM", "gif": "GIF", "webp": "WEBP", "tga": "TGA", "ico": "ICO", "jp2": "JPEG2000",
    "avif": "AVIF", "pcx": "PCX", "sgi": "SGI",
}  # fmt: skip
SIZES = ((8, 8), (1, 1), (40, 3), (1, 300), (300, 1), (64, 48), (17, 90))
OTHERS = {"a.txt": b"text", "b.heic": b"?", "c": b"", "Thumbs.db": b"?", ".hidden.png": b"?", "._1.png": b"?"}
"""Files of each class that are no images by their names, and two that are hidden."""


def odd_image(number: int, dice: random.Random, suffix: str) -> bytes:
    """An image of a mode and size by its number, some of them turned by EXIF; in the format of a suffix."""
    size = SIZES[number % len(SIZES)]
    colours = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(colours)
    mode = MODES[dice.randrange(len(MODES))]
    options = {}
    if dice.random() < 0.2 and FORMATS[suffix] in ("JPEG", "PNG", "WEBP", "TIFF"):
        exif = Image.Exif()
        exif[0x0112] = dice.randrange(1, 9)
        options["exif"] = exif
    if mode in ("I;16", "I", "F", "PA", "LA"):
        image = image.convert("L")
    for tried in (image.convert(mode), image.convert("RGB"), Image.new("RGB", (8, 8), (number % 256, 0, 0))):
        file = io.BytesIO()
        try:
            tried.save(file, format=FORMATS[suffix], **options)
        except (OSError, ValueError, KeyError):  # it has no such mode, or no such size
            continue
        return file.getvalue()
    raise AssertionError(suffix)


def put_images(folder: Path, count: int, dice: random.Random) -> None:
    """Put images into the classes of a split: some deeper, one of twenty damaged; and other files beside them."""
    for number in range(count):
        suffix = list(FORMATS)[number % len(FORMATS)]
        home = folder / CLASSES[number % len(CLASSES)] / ("deeper/still" if number % 7 == 0 else "")
        home.mkdir(parents=True, exist_ok=True)
        data = odd_image(number, dice, suffix)
        if number % 20 == 3:
            data = dice.choice([data[: len(data) // 3], b"", b"no image at all", dice.randbytes(200)])
        (home / f"{number} ü.{suffix}").write_bytes(data)
    for name in CLASSES:
        for other, data in OTHERS.items():
            (folder / name / other).write_bytes(data)


def is_read(file: Path) -> bool:
    """Whether Pillow makes colours of a file."""
    try:
        with warnings.catch_warnings(), Image.open(file) as image:
            warnings.simplefilter("ignore")
            image.convert("RGB").load()
    except Exception:  # noqa: BLE001  whatever a damaged file raises
        return False
    return True


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    dice = random.Random(0)
    put_images(tmp_path / "odd" / "train", 800, dice)
    put_images(tmp_path / "odd" / "test", 200, dice)
    return tmp_path / "odd"


def test_a_thousand_odd_images_are_trained_on_or_named(
    odd: Path, lab: Path, engine: Engine, monkeypatch, tmp_path
) -> None:
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))
    (lab / "experiments.toml").write_text(
        '[experiments.odd]\nmodel = "vit_mini"\nimage_size = 8\npatch_size = 4\nepochs = 2\nbatch_size = 64\n'
        f'corrupt = "skip"\nval_fraction = 0.1\naugment = "none"\ndataset = "folder:{odd}"\n'
    )
    done = engine("run", "odd")
    assert done.returncode == 0, done.stderr
    (run,) = Store(lab / "runs").runs()
    log = run.events.read_text()
    counts = re.search(r"([\d,]+) to train[^,]*, ([\d,]+) to validate[^,]*, ([\d,]+) to test", log)
    assert counts is not None, log
    train, val, test = (int(count.replace(",", "")) for count in counts.groups())
    for split, taken in (("train", train + val), ("test", test)):
        files = [path for path in (odd / split).rglob("*") if path.is_file()]
        images = [path for path in files if path.suffix[1:] in FORMATS and not path.name.startswith(".")]
        readable = {path for path in images if is_read(path)}
        of_torchvision = {Path(path) for path, _ in ImageFolder(odd / split).samples if is_read(Path(path))}
        assert of_torchvision <= readable
        assert taken == len(readable)
        broken = len(images) - len(readable)
        assert f"left out: {broken} of {len(images):,}" in log, log
        kinds = "no images that Pillow reads: 12 (.db 3, .heic 3, .txt 3, without a suffix 3); hidden: 6"
        named = f"left out of {split}/: {kinds}"
        assert named in log, log
    guessed = load(run.path)
    assert guessed is not None
    assert len(guessed.labels) == test
    history = History(run.path)
    history.update()
    macro = {"average": "macro", "zero_division": 0.0}
    wanted = {
        "accuracy": accuracy_score(guessed.labels, guessed.guesses),
        "f1": f1_score(guessed.labels, guessed.guesses, **macro),
        "precision": precision_score(guessed.labels, guessed.guesses, **macro),
        "recall": recall_score(guessed.labels, guessed.guesses, **macro),
    }
    for name, value in wanted.items():
        assert history.series(f"test/{name}")[1][-1] == pytest.approx(value, abs=1e-6)
