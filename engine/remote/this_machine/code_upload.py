"""The code of a project as it is sent with a run: all files that git tracks, as they are now, in one archive.

The same files make the same bytes, so that their digest names them and they are sent once.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

from engine.sites.far_end_messages import MOST_CODE
from engine.sites.ssh_command import SiteError


class Archive(NamedTuple):
    """An archive and its SHA-256."""

    digest: str
    data: bytes


def archive_of(folder: Path) -> Archive:
    """Return the archive of the files below a folder that git tracks, with their changes.

    Raises:
        SiteError: There is no repository, or its files are too many to be code.
    """
    try:
        listed = subprocess.run(
            ["git", "-C", os.fspath(folder), "ls-files", "-z", "--cached"],
            capture_output=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        raise SiteError(
            f'{folder} is in no git repository: `code = "send"` sends the files that git tracks'
        ) from None
    names = sorted({os.fsdecode(name) for name in listed.stdout.split(b"\0") if name})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in names:
            _add(archive, folder, name)
            if packed.tell() > MOST_CODE:
                raise SiteError(
                    f"the files that git tracks in {folder} are more than {MOST_CODE >> 20} MiB: what is no code "
                    f"of them has to be copied there by hand"
                )
    data = packed.getvalue()
    return Archive(hashlib.sha256(data).hexdigest(), data)


def _add(archive: tarfile.TarFile, folder: Path, name: str) -> None:
    """Add a file or a link as it is; one that was removed is passed over, and so is a repository in the repository."""
    path = folder / name
    try:
        info = path.lstat()
        entry = tarfile.TarInfo(name)
        if stat.S_ISLNK(info.st_mode):
            entry.type, entry.linkname = tarfile.SYMTYPE, os.fspath(path.readlink())
            archive.addfile(entry)
        elif stat.S_ISREG(info.st_mode):
            entry.mode = 0o755 if info.st_mode & stat.S_IXUSR else 0o644
            data = path.read_bytes()
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    except OSError:
        return
