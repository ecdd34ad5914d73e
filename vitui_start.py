"""Starts vitui's own modules, also where a project on the path has an ``engine`` or a ``tui`` of its own.

::

    python -P vitui_start.py engine.cli train RUN …

It stands beside the two packages, under a name that no other project has.
"""

from __future__ import annotations

import os
import runpy
import sys

HOME = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  every start pays for what is imported
PACKAGES = ("engine", "tui")


def prefer_own() -> None:
    """Have Python look here for vitui's packages before it looks in a folder with others of their names."""
    for place, folder in enumerate(sys.path):
        if os.path.abspath(folder) == HOME:  # noqa: PTH100
            return
        names = [os.path.join(folder, name) for name in PACKAGES]  # noqa: PTH118
        if any(os.path.exists(path) or os.path.exists(f"{path}.py") for path in names):  # noqa: PTH110
            sys.path.insert(place, HOME)
            return
    sys.path.append(HOME)


def engine() -> None:
    """Run the command `engine`."""
    prefer_own()
    from engine.cli import main

    main()


def vitui() -> None:
    """Run the command `vitui`."""
    prefer_own()
    from tui.cli import main

    main()


if __name__ == "__main__":
    prefer_own()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
