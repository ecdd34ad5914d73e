"""The packages that a run's program has: names and versions, listed once by the run's own process.

They are read from the names of the folders that every installer makes (``numpy-2.1.0.dist-info``), so that the
environment of another Python is listed like one's own, and nothing of it is executed::

    # Python 3.12.3
    # /home/me/project/.venv
    numpy==2.1.0
    torch==2.11.0
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.system.files import read_small, write_atomic

FILE = "packages.txt"
MOST = 4000
"""Packages of a list, at most."""
_FOLDER = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.]*?)-(?P<version>\d[\w.!+]*)(-py\d[\d.]*)?\.(dist|egg)-info", re.ASCII
)
_LINE = re.compile(r"([A-Za-z0-9][\w.-]{0,99})==([\w.!+-]{1,99})", re.ASCII)


class Environment(NamedTuple):
    """A Python and what is installed for it."""

    python: str = ""
    """Its version; empty where it is not known."""
    prefix: str = ""
    """The folder that it is installed in, or its virtual environment."""
    packages: Mapping[str, str] = {}
    """Versions by name."""


def keep_environment(folder: Path, command: Sequence[str], variables: Mapping[str, str]) -> str:
    """Write the list of packages of a run, unless it has one, and return in words how it differs from the one it has.

    Args:
        folder: The folder of the run.
        command: Its program; empty where vitui trains.
        variables: The environment that a program is started in.
    """
    environment = environment_of(command, variables) if command else environment_here()
    if environment is None:
        return ""
    if (before := environment_in(folder)) is None:
        with contextlib.suppress(OSError):  # a full disk is no reason not to train
            write_atomic(folder / FILE, _as_text(environment))
        return ""
    changes = changed_packages(before, environment)
    more = f" and {len(changes) - 5} more" if len(changes) > 5 else ""
    return ", ".join(f"{name} {old or 'none'} → {new or 'none'}" for name, old, new in changes[:5]) + more


def environment_here() -> Environment:
    """Return the environment of this process."""
    return Environment(_version(sys.version_info), sys.prefix, _listed(filter(None, sys.path)))


def environment_of(command: Sequence[str], variables: Mapping[str, str]) -> Environment | None:
    """Return the environment of a Python program; None for a program that is in no environment of Python's.

    Args:
        command: The program and its arguments.
        variables: Its environment, for its ``PATH``.
    """
    import shutil

    program = shutil.which(command[0], path=variables.get("PATH"))
    if program is None:
        return None
    prefix = _behind_shim(Path(program), variables) or Path(program).absolute().parent.parent
    if prefix == Path(sys.prefix):
        return environment_here()
    is_python = Path(program).name.startswith("python")
    if not (is_python or (prefix / "pyvenv.cfg").is_file() or (prefix / "conda-meta").is_dir()):
        return None
    places = sorted({*prefix.glob("lib/python3*/*-packages"), *prefix.glob("local/lib/python3*/*-packages")})
    if not places:
        return None
    versions = sorted({place.parent.name for place in places if place.parent.name != "python3"})
    return Environment(
        _version_of_venv(prefix) or (versions[-1].removeprefix("python") if versions else ""),
        str(prefix), _listed(map(str, places)),
    )  # fmt: skip


def _behind_shim(program: Path, variables: Mapping[str, str]) -> Path | None:
    """Return the folder of the Python that a shim of pyenv's leads to; None for any other program."""
    if program.parent.name != "shims":
        return None
    top = program.parent.parent
    chosen = variables.get("PYENV_VERSION", "")
    here = Path.cwd()
    for file in (*(folder / ".python-version" for folder in (here, *here.parents)), top / "version"):
        if not chosen:
            with contextlib.suppress(OSError):
                chosen = read_small(file).decode(errors="replace")
    first = next(iter(chosen.replace(":", " ").split()), "")
    return top / "versions" / first if first and "/" not in first else None


def environment_in(folder: str | os.PathLike[str]) -> Environment | None:
    """Return the environment that stands in a run's folder; None where there is none that can be read."""
    try:
        lines = read_small(Path(folder) / FILE).decode(errors="replace").splitlines()
    except OSError:
        return None
    notes = [line[2:300] for line in lines[:2] if line.startswith("# ")]
    python = notes[0].removeprefix("Python").strip() if notes else ""
    matches = (_LINE.fullmatch(line) for line in lines[: MOST + 2])
    return Environment(
        python, notes[1] if len(notes) > 1 else "", {match[1]: match[2] for match in matches if match}
    )


def changed_packages(before: Environment, after: Environment) -> list[tuple[str, str, str]]:
    """Return each package with its versions where they differ, Python first; empty where it is not installed."""
    names = sorted({*before.packages, *after.packages})
    pairs = [(name, before.packages.get(name, ""), after.packages.get(name, "")) for name in names]
    if before.python and after.python:
        pairs.insert(0, ("python", before.python, after.python))
    return [(name, old, new) for name, old, new in pairs if old != new]


def _as_text(environment: Environment) -> bytes:
    lines = [f"# Python {environment.python}", f"# {environment.prefix}"]
    lines += [f"{name}=={version}" for name, version in environment.packages.items()]
    return ("\n".join(lines) + "\n").encode(errors="replace")


def _listed(folders: Iterable[str]) -> dict[str, str]:
    """Return the versions of the packages in folders by name, the first of several as Python does."""
    versions: dict[str, str] = {}
    for folder in folders:
        with contextlib.suppress(OSError):
            for path in sorted(Path(folder).iterdir()):
                if (match := _FOLDER.fullmatch(path.name)) is not None:
                    versions.setdefault(match["name"].lower().replace("_", "-"), match["version"])
    return dict(sorted(versions.items())[:MOST])


def _version(info: Sequence[object]) -> str:
    return ".".join(map(str, info[:3]))


def _version_of_venv(prefix: Path) -> str:
    """Return the version of Python that the file of a virtual environment says."""
    with contextlib.suppress(OSError):
        text = read_small(prefix / "pyvenv.cfg").decode(errors="replace")
        if match := re.search(r"(?m)^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", text):
            return match[1]
    return ""
