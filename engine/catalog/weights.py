"""Published weights: a file in one of ``FORMATS``, or a name on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

FORMATS = (".npz", ".safetensors", ".pt", ".pth", ".bin")
"""What the name of a file of weights ends in."""


def weights_file(source: str) -> Path | None:
    """Return the file that a source of weights is, None for a name on the hub.

    A file ends in one of ``FORMATS``, or its path begins at the root, at ``.`` or at ``~``.
    """
    path = Path(source)
    return path if path.suffix in FORMATS or source.startswith(("/", ".", "~")) else None
