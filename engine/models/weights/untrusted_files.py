"""Files of weights that anybody may have written: nothing in them is executed, and none swells beyond its size.

PyTorch and numpy advise in their messages to unpickle what they refuse: that is never passed on.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import CheckpointError
from engine.text import disk_size

if TYPE_CHECKING:
    import torch

MOST_SWELLING = 20
"""How many times as large as its file an archive's content may be: weights hardly shrink when they are packed."""
NOT_PLAIN = "it is damaged, or holds more than tensors and plain values, which is never executed"
Arrays = dict[str, np.ndarray[Any, Any]]


def read_torch_file(path: Path, device: str | torch.device) -> Any:
    """Return what ``torch.save`` wrote: tensors, on a device, and plain values.

    Raises:
        CheckpointError: It cannot be read, in words of our own.
    """
    import torch

    require_no_bomb(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # they speak of how else the file could be read
            return torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
    except pickle.UnpicklingError:
        raise CheckpointError(f"{path} cannot be read: {NOT_PLAIN}") from None
    except Exception as error:  # noqa: BLE001  torch raises what its parts raise, in a message of a page
        message = f"{path} cannot be read: it is damaged or cut off ({type(error).__name__})"
        raise CheckpointError(message) from None


def read_numpy_archive(path: Path) -> Arrays:
    """Return the arrays of a .npz by their names.

    Raises:
        CheckpointError: It is no archive of arrays, in words of our own.
    """
    require_no_bomb(path)
    with path.open("rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise CheckpointError(f"{path} holds a single array, not an archive of them")
            return {name: archive[name] for name in archive.files}
        except (ValueError, EOFError, zipfile.BadZipFile):
            raise CheckpointError(
                f"{path} cannot be read: it is damaged, or holds more than arrays of numbers, which is never executed"
            ) from None


def require_no_bomb(path: Path) -> None:
    """Raise CheckpointError if a file is an archive that would swell to many times its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            content = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # no archive: whoever reads it says what it is
    if content > MOST_SWELLING * path.stat().st_size:
        size = disk_size(path.stat().st_size)
        raise CheckpointError(f"{path} cannot be read: its {size} claim to hold {disk_size(content)}")
