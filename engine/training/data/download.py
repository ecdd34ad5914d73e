"""Archives of data sets: fetched with a word now and then, verified, and unpacked so that half of one is never used."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import tarfile
import time
import urllib.request
import zipfile
from pathlib import Path
from urllib.error import HTTPError, URLError

from engine.errors import PASSING
from engine.system.files import draft_of
from engine.training.data.image_cache import SAY_EVERY
from engine.training.data.unsplit_dataset import DataError, Say

SILENCE_S = 30.0
"""Seconds without a byte after which a download is given up."""
CHUNK = 2**20
AGENT = "vitui"


def fetch(url: str, file: Path, md5: str, say: Say, lacking: str) -> None:
    """Have a file of this MD5 in its place: the one that lies there if it is right, else that of the address.

    Args:
        url: The address.
        file: The place.
        md5: The MD5 in hexadecimal digits.
        say: Called with a sentence now and then.
        lacking: How an error begins: the name of the data set.

    Raises:
        DataError: It cannot be fetched, or comes as another; the message says what to put where.
    """
    if file.is_file() and _md5(file) == md5:
        return
    is_damaged = file.exists()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft_of(file, f".{file.name}.part") as draft:
            _download(url, draft, md5, say)
    except (OSError, ValueError, http.client.HTTPException) as error:
        found = (
            f"is damaged: {file} has another md5 than it should" if is_damaged else f"is not in {file.parent}"
        )
        raise DataError(
            f"{lacking} {found}, and cannot be downloaded from {url} ({_reason(error)}); put {file.name} (md5 {md5}) "
            f"into {file.parent.resolve()}",
            transient=may_pass(error),
        ) from None


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into a folder that is there once all of it is.

    Raises:
        DataError: It cannot be read or written.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        shutil.unpack_archive(archive, part, filter=None if archive.suffix == ".zip" else "data")
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    except (OSError, ValueError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            f"{archive} cannot be unpacked into {folder}: {error}", transient=may_pass(error)
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def may_pass(error: Exception) -> bool:
    """Return whether a download may succeed later: all but one that finds no place in the folder for its file."""
    if isinstance(error, HTTPError):
        return error.code >= 500
    network = isinstance(error, URLError | ConnectionError | TimeoutError)
    return network or not isinstance(error, OSError) or error.errno in PASSING


def _download(url: str, draft: Path, md5: str, say: Say) -> None:
    """Write what an address sends, if it is of this MD5.

    Raises:
        ValueError: It is not, or not all of it came.
    """
    digest = hashlib.md5(usedforsecurity=False)
    request = urllib.request.Request(url, headers={"User-Agent": AGENT})  # noqa: S310  of the catalogue
    with urllib.request.urlopen(request, timeout=SILENCE_S) as answer, draft.open("wb") as file:  # noqa: S310
        size = int(answer.headers.get("Content-Length") or 0)
        say(f"downloading {url} to {draft.parent.resolve()}{f' ({size / 1e6:,.0f} MB)' if size else ''}")
        began = said = time.monotonic()
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            if (now := time.monotonic()) - said >= SAY_EVERY:
                said = now
                say(_progress(file.tell(), size, now - began))
        if size and file.tell() != size:
            raise ValueError(f"it was cut off after {file.tell():,} of {size:,} bytes")
        if (found := digest.hexdigest()) != md5:
            raise ValueError(f"what came has another md5, {found}")
        file.flush()
        os.fsync(file.fileno())


def _progress(done: int, size: int, seconds: float) -> str:
    rate = done / seconds
    of = f" of {size / 1e6:,.0f}" if size else ""
    left = f", {(size - done) / rate:.0f} s left" if size else ""
    return f"downloaded {done / 1e6:,.0f}{of} MB, {rate / 1e6:,.1f} MB a second{left}"


def _md5(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        error.close()
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, URLError):
        return str(error.reason)
    if isinstance(error, TimeoutError):
        return f"timed out: not a byte in {SILENCE_S:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
