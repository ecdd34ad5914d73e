"""This installation: its version, its extras, which of their packages are not here, and how to get them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "train": ("torch", "torchvision", "torchmetrics", "PIL"),
    "timm": ("timm",),
    "hf": ("datasets",),
    "parquet": ("pyarrow",),
}
"""The modules that each extra of pyproject.toml adds."""


def lacking(*extras: str) -> str:
    """Return in words which modules of extras are not installed here and how they are; empty where all are there.

    None is loaded: PyTorch alone takes seconds.

    Args:
        extras: Names in ``EXTRAS``.
    """
    absent = [module for extra in extras for module in EXTRAS[extra] if not _is_there(module)]
    if not absent:
        return ""
    wanted = ",".join(extra for extra in extras if set(absent) & set(EXTRAS[extra]))
    return f"needs {', '.join(absent)}, not installed here: {how_to_install(wanted)}"


def engine_version() -> str:
    """Return the version of vitui that is installed; ``unknown`` where it is not, but only lies there."""
    try:
        return version("vitui")
    except PackageNotFoundError:
        return "unknown"


def how_to_install(extra: str) -> str:
    """Return the command that adds an extra, as a user types it; several have commas between them."""
    return f"`pip install 'vitui[{extra}]'`"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # something in its place that is no module
        return False
