"""Which variables of the shell that submits a run go with it, and how a process is started with them.

What a program does depends on them: which `python` is found, which libraries it loads. No secret goes along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

ALWAYS = ("PATH", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH")
"""Variables that go with every run, and so do all whose names begin with ``CONDA``."""
CONDA = "CONDA_"
OWN = "VITUI_"
"""How the names of variables begin that vitui sets itself."""
OF_PROGRAMS = ("PYTHON", "LD_", "DYLD_")
"""How the names of variables begin that decide what a program loads: vitui's own process keeps those it began with."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")

_SECRET_ANYWHERE = re.compile(r"SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE")
_SECRET_PART = re.compile(r".*(?:TOKEN|KEY)S?\d*|KEY(?!BOARD).*|PASS|PWD|AUTH|CREDS?|COOKIES?|BEARER|JWT|PAT")

ShellEnvironment = dict[str, str | None]
"""Variables by name; None is one that is not set there."""


def is_secret(name: str) -> bool:
    """Return whether a variable's name looks as if it held a secret: HF_TOKEN, AWS_SECRET_ACCESS_KEY, PGPASSWORD."""
    upper = name.upper()
    parts = upper.split("_")
    if _SECRET_ANYWHERE.search(upper) is not None:
        return True
    return any(_SECRET_PART.fullmatch(part) for part in parts) and upper not in ("PWD", "OLDPWD")


def why_not_carried(name: str) -> str:
    """Return why a variable cannot go with a run, empty where it can."""
    if not NAME.fullmatch(name):
        return f"{name!r} is no name of a variable"
    if name.startswith(OWN):
        return f"{name} is vitui's to set"
    if is_secret(name):
        return (
            f"{name} looks like a secret, and none is kept with a run: have the program read it from a file of yours, "
            "or start the worker where it is set"
        )
    return ""


def carried(environment: Mapping[str, str], also: Iterable[str] = ()) -> ShellEnvironment:
    """Return the variables that go with a run that is submitted now.

    Args:
        environment: Those of the process that submits it.
        also: What the experiment names besides; names that cannot go along are passed over.
    """
    conda = (name for name in environment if name.startswith(CONDA))
    names = [name for name in (*ALWAYS, *sorted(conda), *also) if not why_not_carried(name)]
    values = {name: environment.get(name) for name in names}
    return {name: value for name, value in values.items() if value is None or _is_text(value)}


def with_carried(
    base: Mapping[str, str], carried: Mapping[str, str | None], *, for_program: bool
) -> dict[str, str]:
    """Return an environment with the variables that go with a run in place of those of the same names.

    Args:
        base: The environment without them.
        carried: As ``carried`` returns them; any file may say anything there.
        for_program: Whether the ones in ``OF_PROGRAMS`` are put in, and those alone; else all others.
    """
    chosen = {
        name: value
        for name, value in carried.items()
        if name.startswith(OF_PROGRAMS) == for_program
        and not why_not_carried(name)
        and "\0" not in (value or "")
    }
    return {
        name: value
        for name, value in base.items()
        if name not in chosen and (for_program or not name.startswith(CONDA))
    } | {name: value for name, value in chosen.items() if value is not None}


def names_of(carried: Mapping[str, str | None]) -> list[str]:
    """Return the names of the variables that go with a run and are set, for people to read."""
    return sorted(name for name, value in carried.items() if value is not None)


def _is_text(value: str) -> bool:
    """Return whether a value can be kept in a file of UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
