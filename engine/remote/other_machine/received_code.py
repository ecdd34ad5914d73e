"""Code that a near end sends with its runs: unpacked once below ``runs/.code``, in a folder that its digest names."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
from pathlib import Path

from engine.sites.far_end_messages import MOST_CODE
from engine.sites.ssh_command import SiteError
from engine.system.files import create_private, write_all

_DIGEST = re.compile(r"[0-9a-f]{64}")


class CodeStore:
    """The code that was sent to a folder of runs.

    Args:
        root: The folder of runs here.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / ".code"

    def folder_of(self, digest: str) -> Path:
        """Return where the code of a digest lies, or will.

        Raises:
            SiteError: It is no digest.
        """
        if not _DIGEST.fullmatch(digest):
            raise SiteError("the code that is sent has no digest")
        return self._folder / digest[:16]

    def has(self, digest: str) -> bool:
        """Return whether code is here; raises SiteError for what is no digest."""
        return self.folder_of(digest).is_dir()

    def add(self, digest: str, at: int, data: bytes, size: int) -> bool:
        """Add a part of an archive, and return whether that was the last one, and the code is here.

        Args:
            digest: The SHA-256 of the archive.
            at: The byte that the part begins at.
            data: The part.
            size: Bytes of all.

        Raises:
            SiteError: It is not the next part, or not what was said, or cannot be written.
        """
        folder = self.folder_of(digest)
        draft = folder.with_name(f".{folder.name}.tar")
        if size > MOST_CODE + tarfile.RECORDSIZE:
            raise SiteError("the code that is sent is too much for code")
        try:
            if at == 0:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                draft.unlink(missing_ok=True)
            handle = (
                create_private(draft)
                if at == 0
                else os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
            )
            try:
                if os.fstat(handle).st_size != at:
                    raise SiteError("a part of the code is missing")
                write_all(handle, data)
            finally:
                os.close(handle)
            if at + len(data) < size:
                return False
            _unpack(draft, digest, folder)
        except OSError as error:
            raise SiteError(f"the code cannot be written there: {error.strerror or error}") from None
        return True


def _unpack(archive: Path, digest: str, folder: Path) -> None:
    """Unpack an archive that is whole; nothing of it lands outside its folder, and it appears in one step."""
    with archive.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            archive.unlink()
            raise SiteError("the code has changed on its way")
        file.seek(0)
        draft = folder.with_name(f".{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        try:
            with tarfile.open(fileobj=file, mode="r:") as packed:
                packed.extractall(draft, filter="data")
        except tarfile.TarError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise SiteError(f"the code cannot be unpacked there: {error}") from None
    archive.unlink()
    if folder.is_dir():  # another run brought the same meanwhile
        shutil.rmtree(draft, ignore_errors=True)
        return
    draft.rename(folder)
