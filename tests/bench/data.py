"""Our data path against torchvision's ImageFolder and DataLoader: images per second, from files to model input.

The folder holds train/<class>/*.jpg and test/<class>/*.jpg; for 224 pixels some of its images are enlarged to JPEGs of
256 pixels a side. Both sides end in normalised float32 batches, shuffled, without augmentation, on the same device.

python tests/bench/data.py FOLDER [--workers 2]
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from engine.config.schema import Experiment
from engine.training.data import dataset as data_module
from engine.training.data.augment import Preprocess
from engine.training.data.dataset import load_dataset

BATCH = 128


def machine():
    """Say on what this runs."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{model or platform.processor()}, {os.cpu_count()} cores, {gpu}, torch {torch.__version__}"


def sample(folder, home, per_class, side):
    """Copy the first images of each class, enlarged to ``side`` pixels if given."""
    for part, count in (("train", per_class), ("test", 1)):
        for source in sorted((folder / part).iterdir()):
            target = home / part / source.name
            target.mkdir(parents=True)
            for file in sorted(source.iterdir())[:count]:
                if side:
                    with Image.open(file) as image:
                        image.resize((side, side), Image.Resampling.BICUBIC).save(
                            target / file.name, quality=90
                        )
                else:
                    shutil.copy(file, target)
    return home


def timed(iterator, device):
    """Return images per second over all batches of an iterator."""
    start = time.perf_counter()
    images = sum(len(labels) for _, labels in iterator)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return images / (time.perf_counter() - start)


class Ours:
    """Our data path over a folder."""

    def __init__(self, folder, size, workers, device):
        self.experiment = Experiment(
            name="bench", model="vit_b", patch_size=16, dataset=f"folder:{folder}", image_size=size,
            workers=workers, augment="none", val_fraction=0.001,
        )  # fmt: skip
        self.device = device

    def load(self):
        """Return the dataset."""
        return load_dataset(self.experiment, 0).to(self.device)

    def loading(self):
        """Return images per second of loading the dataset in a process of its own, as a run does."""
        code = f"""
import time, msgspec
from engine.config.schema import Experiment
from engine.training.data.dataset import load_dataset
experiment = msgspec.json.decode({msgspec.json.encode(self.experiment)!r}, type=Experiment)
start = time.perf_counter()
data = load_dataset(experiment, 0)
print((len(data.train) + len(data.val) + len(data.test)) / (time.perf_counter() - start))
"""
        answer = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
        return float(answer.stdout)

    def epoch(self, data):
        """Yield what the model gets in an epoch."""
        prepare = Preprocess(data, self.experiment, self.device)
        for images, labels in data.train.batches(torch.split(torch.randperm(len(data.train)), BATCH)):
            yield prepare.evaluate(images), labels


def theirs(folder, size, workers, device):
    """Return the DataLoader's batches as an endless supply of epochs."""
    transform = transforms.Compose(
        [
            transforms.Resize(size),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.25] * 3),
        ]
    )
    loader = DataLoader(
        ImageFolder(folder / "train", transform), BATCH, shuffle=True, num_workers=workers,
        persistent_workers=workers > 0, pin_memory=device.type == "cuda",
    )  # fmt: skip

    def epoch():
        for images, labels in loader:
            yield images.to(device, non_blocking=True), labels.to(device, non_blocking=True)

    return epoch


def compare(folder, size, workers, device, repeats):
    """Print the rows of a folder at a size."""
    ours, epoch = Ours(folder, size, workers, device), theirs(folder, size, workers, device)
    first, again = ours.loading(), ours.loading()
    data = ours.load()
    loader_first = timed(epoch(), device)
    data_module.RESIDENT_BYTES, limit = 0, data_module.RESIDENT_BYTES
    mapped = ours.load()
    data_module.RESIDENT_BYTES = limit
    runs = [
        [timed(each(), device) for each in (lambda: ours.epoch(data), lambda: ours.epoch(mapped), epoch)]
        for _ in range(repeats)
    ]
    resident, file, loader = map(statistics.median, zip(*runs, strict=True))
    for name, our_rate, their_rate in (
        ("loading, first time (decodes)", first, loader_first),
        ("loading, from the cache", again, loader_first),
        ("an epoch's batches, resident", resident, loader),
        ("an epoch's batches, mapped file", file, loader),
    ):
        print(
            f"| {size} | {name} | {our_rate:,.0f} | {their_rate:,.0f} | {our_rate / their_rate:.1f}x |",
            flush=True,
        )


def main():
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--small", type=int, default=2000, help="images of each class at 32 pixels")
    parser.add_argument("--large", type=int, default=300, help="images of each class at 224 pixels")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"{machine()}; {arguments.workers} worker(s); {datetime.now(UTC):%Y-%m-%d}\n")
    print("| pixels | what | ours img/s | ImageFolder + DataLoader img/s | ratio |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        os.environ["VITUI_CACHE"] = f"{home}/cache"
        for size, count, side in ((32, arguments.small, None), (224, arguments.large, 256)):
            folder = sample(arguments.folder, Path(home) / str(size), count, side)
            compare(folder, size, arguments.workers, device, arguments.repeats)


if __name__ == "__main__":
    main()
