"""How a module of vitui is started in a process of its own, whatever else is called ``engine`` where that begins."""

from __future__ import annotations

import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
"""The folder of vitui's packages and of the two modules beside them."""
STARTER = HOME / "vitui_start.py"
"""What starts a module."""
ENGINE_THERE = "-m vitui_start engine.cli"
"""The same for another Python, whose folder of vitui is not known here: what follows it starts `engine`."""


def own_module(name: str) -> list[str]:
    """Return the command that runs a module of vitui by this Python; its arguments follow."""
    return [sys.executable, "-P", str(STARTER), name]
