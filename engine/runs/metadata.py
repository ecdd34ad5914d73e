"""What a run was made with, and what people say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.runs.labels import Labels


class About(NamedTuple):
    """What a run was made with, and what people say of it."""

    config: Mapping[str, Any] = {}
    labels: Labels = Labels()
