"""Images decoded once, by several processes, and kept on disk for every later run.

::

    $VITUI_CACHE/decoded/<key>/images.npy    (N, 3, S, S) uint8, mapped by all runs that use it
                               rows.npy      (N, 2) uint64: of each image the digest of its file, and its checksum
                               about.json    how colours were converted, and which images could not be decoded
                         <key>.lock          held by the run that decodes, while others wait
                         <key>.<pid>.part/   what it has written so far; renamed to <key>/ when it is whole

The key names each file, its size and when it was changed; what is under a key never changes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from pathlib import Path

import msgspec
import numpy as np
import psutil

from engine.system import lock
from engine.system.process import cores, stop_signals_blocked
from engine.text import gib
from engine.training.data.colour_conversion import UNDECIDED, Conversion, Seen, described
from engine.training.data.image_decoder import (
    DecodeResult,
    DecodeTask,
    ImageSizeMismatch,
    Pixels,
    decode,
    serve_parent,
    square_side,
)
from engine.training.data.unsplit_dataset import DataError, Digests, Images, Say

VERSION = 2
"""Of the decoding: whoever changes a pixel of what it makes counts this up."""
HEAD_START = 1.0
"""Seconds of decoding in this process; most small sets are done before another process would have begun."""
TASK_BYTES = 8 * 2**20
CHECKED_BYTES = 2 * 2**30
"""Of larger files only so much is compared with the checksums, spread evenly."""
SAY_EVERY = 5.0


@dataclass(frozen=True)
class Listing:
    """Image files below a folder, each with its size in bytes and the time of its last change in nanoseconds."""

    root: Path
    names: Sequence[str]
    stamps: Sequence[tuple[int, int]]

    def key(self, image_size: int, given: Conversion = UNDECIDED) -> str:
        """Return a name for these files, as they are, decoded for an image size, with colours ``given``."""
        digest = hashlib.sha256(f"{VERSION} {image_size} {given}\n".encode())
        for name, (size, changed) in zip(self.names, self.stamps, strict=True):
            digest.update(os.fsencode(name) + f"\0{size} {changed}\n".encode())
        return digest.hexdigest()[:32]

    def __len__(self) -> int:
        return len(self.names)


class _About(msgspec.Struct):
    """What is kept beside the pixels: how colours were converted, and the reasons for the rows without an image."""

    shape: tuple[int, int, int, int]
    broken: dict[int, str]
    conversion: Conversion
    notes: tuple[str, ...]


def cache_folder() -> Path:
    """Return where decoded images are kept: ``$VITUI_CACHE``, or ``vitui`` in the user's cache folder.

    Raises:
        OSError: The user has no home folder.
    """
    if named := os.environ.get("VITUI_CACHE"):
        return Path(named).absolute()
    if (xdg := os.environ.get("XDG_CACHE_HOME", "")).startswith("/"):
        return Path(xdg) / "vitui"
    try:
        return Path.home() / ".cache" / "vitui"
    except RuntimeError as error:
        raise OSError(f"{error} Set VITUI_CACHE.") from None


def data_folder() -> Path:
    """Return where data sets are downloaded to: ``$VITUI_DATA``, or ``data`` in the folder of decoded images.

    Raises:
        OSError: The user has no home folder.
    """
    if named := os.environ.get("VITUI_DATA"):
        return Path(named).absolute()
    return cache_folder() / "data"


def load_images(
    listing: Listing, image_size: int, workers: int | None, say: Say, given: Conversion = UNDECIDED
) -> Images:
    """Return the images: squares of their own size if all share one that is small enough, else of ``image_size``.

    They come from the cache, or go there. Where it cannot be written they are decoded into memory, which is said.

    Args:
        listing: The files.
        image_size: The side of the square images, in pixels.
        workers: Processes that decode; 0 for none but this one, None for one for each core but one.
        say: Called with a sentence now and then while images are decoded.
        given: What another split has decided about colours.

    Raises:
        DataError: They fit neither the cache nor the memory, or a process that decoded was killed.
    """
    if workers is None:
        workers = max(1, cores() - 1)
    job = _Job(listing, image_size, workers, say, given)
    try:
        return _through_cache(job)
    except OSError as error:
        say(f"decoded images are not kept, every run decodes them anew: {error}")
    return _in_memory(job)


@dataclass(frozen=True)
class _Job:
    """What is to be decoded, and how."""

    listing: Listing
    image_size: int
    workers: int
    say: Say
    given: Conversion


def _through_cache(job: _Job) -> Images:
    folder = cache_folder() / "decoded" / job.listing.key(job.image_size, job.given)
    if (images := _read(folder, job)) is not None:
        return images
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock"), job):
        images = _read(folder, job)
        if images is None:
            _make(folder, job)
            images = _read(folder, job)
    if images is None:
        raise OSError(f"{folder} cannot be read back")
    return images


@contextmanager
def _locked(path: Path, job: _Job) -> Iterator[None]:
    """Hold a lock; while another run has it, say so now and then."""
    timeout_s = 0.0
    while True:
        try:
            handle = lock.take(path, timeout_s)
            break
        except lock.LockHeld:
            job.say(f"waiting for another run, which decodes the same images of {job.listing.root}")
            timeout_s = SAY_EVERY
    with lock.keep(handle, path):
        yield


def _read(folder: Path, job: _Job) -> Images | None:
    """Return what is in the cache, None if it is not there, damaged, or lacks an image that can be decoded now."""
    try:
        about = msgspec.json.decode((folder / "about.json").read_bytes(), type=_About)
        # "c" shares the pages as "r" does, and makes no read-only array, of which torch warns
        pixels: Pixels = np.load(folder / "images.npy", mmap_mode="c")
        rows: Digests = np.load(folder / "rows.npy")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, EOFError, msgspec.MsgspecError):  # all that numpy and msgspec make of damaged files
        job.say(f"{folder} is damaged: decoding the images anew")
        return None
    if pixels.dtype != np.uint8 or pixels.shape != about.shape or not _matches(pixels, rows):
        job.say(f"{folder} is damaged: decoding the images anew")
        return None
    if any(square_side(job.listing.root / job.listing.names[row]) is not None for row in about.broken):
        return None
    return _images(pixels, rows, about)


def _images(pixels: Pixels, rows: Digests, about: _About) -> Images:
    return Images(pixels, about.broken, rows[:, 0], rows[:, 1], about.conversion, about.notes)


def _matches(pixels: Pixels, rows: Digests) -> bool:
    if rows.dtype != np.uint64 or rows.shape != (len(pixels), 2):
        return False
    stride = -(-pixels.nbytes // CHECKED_BYTES) or 1
    return all(
        zlib.crc32(np.ascontiguousarray(row).data) == checksum
        for row, checksum in zip(pixels[::stride], rows[::stride, 1].tolist(), strict=True)
    )


def _make(folder: Path, job: _Job) -> None:
    """Decode into the cache; the lock on this key is held.

    Raises:
        OSError: The disk is full, read-only or broken.
    """
    for left_over in folder.parent.glob(f"{folder.name}.*.part"):
        shutil.rmtree(left_over, ignore_errors=True)
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    began = time.monotonic()
    try:
        part.mkdir()
        pixels, rows, about = _decode_all(job, part / "images.npy")
        np.save(part / "rows.npy", rows)
        (part / "about.json").write_bytes(msgspec.json.encode(about))
        for path in (part / "images.npy", part / "rows.npy", part / "about.json", part):
            _flush(path)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
        _flush(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if (took := time.monotonic() - began) > SAY_EVERY:
        job.say(
            f"decoded {len(pixels):,} images in {took:.0f} s; "
            f"they are kept in {folder} ({gib(pixels.nbytes, 1)})"
        )


def _in_memory(job: _Job) -> Images:
    return _images(*_decode_all(job, None))


def _decode_all(job: _Job, path: Path | None) -> tuple[Pixels, Digests, _About]:
    """Decode into a new .npy file, or into memory."""
    size = _shared_size(job)
    if size is not None:
        try:
            return _decode_as(job, size, path, fit=False)
        except ImageSizeMismatch:
            job.say(
                f"the images of {job.listing.root} differ in size: cutting all to {job.image_size} pixels"
            )
    return _decode_as(job, job.image_size, path, fit=True)


def _shared_size(job: _Job) -> int | None:
    """Return the size of the first image that can be decoded, if all could be left at it."""
    sizes = (square_side(job.listing.root / name) for name in job.listing.names)
    first = next((size for size in sizes if size is not None), 0)
    return first if 0 < first < job.image_size else None


def _decode_as(job: _Job, size: int, path: Path | None, *, fit: bool) -> tuple[Pixels, Digests, _About]:
    shape = (len(job.listing), 3, size, size)
    bytes_needed = len(job.listing) * 3 * size**2
    pixels: Pixels
    if path is not None:
        if (free := shutil.disk_usage(path.parent).free) < bytes_needed:
            raise OSError(
                f"{path.parent.parent} has {gib(free, 1)} left, the images take {gib(bytes_needed, 1)}"
            )
        mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        pixels, into = mapped, (path, mapped.offset)
    else:
        if (free := psutil.virtual_memory().available) < 2 * bytes_needed:
            raise DataError(
                f"{len(job.listing)} images of {size} pixels take {gib(bytes_needed, 1)} and can neither "
                f"be kept in memory ({gib(free, 1)} free) nor on disk; set VITUI_CACHE to a folder with room",
                transient=True,
            )
        pixels, into = np.empty(shape, dtype=np.uint8), None
    step = max(1, min(64, TASK_BYTES // (3 * size**2)))
    tasks = [
        DecodeTask(
            job.listing.root, job.listing.names[start : start + step], start, size, fit, into, job.given
        )
        for start in range(0, len(job.listing), step)
    ]
    rows: Digests = np.zeros((len(job.listing), 2), dtype=np.uint64)
    broken: dict[int, str] = {}
    seen, to_decide = Seen(), list[DecodeTask]()

    def take(done: DecodeResult) -> None:
        end = done.task.start + len(done.task.names)
        rows[done.task.start : end, 0], rows[done.task.start : end, 1] = done.contents, done.checksums
        broken.update(done.broken)
        if done.pixels is not None:
            pixels[done.task.start : end] = done.pixels

    for done in _reported(_run(tasks, job.workers), len(tasks), job):
        take(done)
        seen.add(done.seen)
        if done.seen.is_decided_about:
            to_decide.append(done.task)
    conversion = seen.conversion(job.given)
    if not conversion.is_as_decoded_with(job.given):  # those that it concerns once more
        again = [dataclasses.replace(task, conversion=conversion) for task in to_decide]
        for done in _reported(_run(again, job.workers), len(again), job):
            take(done)
    about = _About(shape, dict(sorted(broken.items())), conversion, tuple(described(seen, conversion)))
    return pixels, rows, about


def _reported(results: Iterator[DecodeResult], tasks: int, job: _Job) -> Iterator[DecodeResult]:
    """Pass results on, and say every few seconds how far it is."""
    began = last_report = time.monotonic()
    for count, done in enumerate(results, start=1):
        yield done
        now = time.monotonic()
        if now - last_report >= SAY_EVERY and count < tasks:
            last_report = now
            images = len(job.listing) * count // tasks
            rate = images / (now - began)
            job.say(
                f"decoding {job.listing.root}, once for all runs: {images:,} of {len(job.listing):,} images, "
                f"{rate:,.0f} a second, {(len(job.listing) - images) / rate:.0f} s left"
            )


def _run(tasks: Sequence[DecodeTask], workers: int) -> Iterator[DecodeResult]:
    """Do tasks, in any order, and return what became of each."""
    began = time.monotonic()
    here = 0
    while here < len(tasks) and (workers == 0 or time.monotonic() - began < HEAD_START):
        yield decode(tasks[here])
        here += 1
    if here == len(tasks):
        return
    # spawned: a fork would copy what the parent's threads hold, and inherit the locks of the run
    pool = ProcessPoolExecutor(
        min(workers, len(tasks) - here), mp_context=get_context("spawn"), initializer=serve_parent
    )
    try:
        resource_tracker.ensure_running()  # else the first worker's start does it, and unblocks signals afterwards
        with stop_signals_blocked():
            decoding = {pool.submit(decode, task) for task in tasks[here:]}
        for future in as_completed(decoding):
            yield future.result()
    except BrokenProcessPool:
        raise DataError(
            "a process that decoded images was killed, perhaps for want of memory; fewer workers need less",
            transient=True,
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _flush(path: Path) -> None:
    """Have a file, or what a folder lists, on the disk before anything is built upon it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
