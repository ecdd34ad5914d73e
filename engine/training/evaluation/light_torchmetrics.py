"""torchmetrics without the packages that it imports for metrics of sound, text and generated images.

It imports scipy, torchvision and matplotlib wherever they are installed, which takes seconds
(https://github.com/Lightning-AI/torchmetrics/issues/3457); as if they were absent, it takes a fifth of one.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

UNUSED = frozenset({"matplotlib", "PIL", "scienceplots", "scipy", "torchvision", "tqdm", "transformers"})
"""Packages that no metric of classification needs."""


def import_torchmetrics() -> None:
    """Import ``torchmetrics.classification``, after which importing it plainly costs nothing.

    Whoever imports another part of torchmetrics in the same process finds the packages ``UNUSED`` absent.
    """
    if "torchmetrics" in sys.modules:
        return
    try:
        with _as_if_absent(UNUSED):
            importlib.import_module("torchmetrics.classification")
    except Exception:  # noqa: BLE001  a version that asks for packages in another way only takes longer
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchmetrics"]:
            del sys.modules[name]
        importlib.import_module("torchmetrics.classification")


@contextmanager
def _as_if_absent(packages: frozenset[str]) -> Iterator[None]:
    """Let the tests by which torchmetrics finds optional packages fail for some while the block runs."""
    imports: Any = importlib.import_module("lightning_utilities.core.imports")
    is_met, is_installed = imports.RequirementCache.__bool__, imports.package_available

    def is_met_here(requirement: Any) -> bool:
        name = re.match(r"[\w.-]*", requirement.requirement or requirement.module or "")
        return (name is None or name[0] not in packages) and is_met(requirement)

    imports.RequirementCache.__bool__ = is_met_here
    imports.package_available = lambda name: name not in packages and is_installed(name)
    try:
        yield
    finally:
        imports.RequirementCache.__bool__, imports.package_available = is_met, is_installed
