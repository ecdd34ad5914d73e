"""Reading sites: the tables [sites.NAME], the user's own file of them, and what ``--on`` takes.

::

    [sites.gpubox]          a machine: vitui's own queue runs there
    ssh = "gpubox"          an alias of ~/.ssh/config

    [sites.jz]              a cluster whose login node this is; ./runs is on its shared disk
    slurm = "gpu"           a partition

    [sites.jz-far]          the same cluster from a laptop
    ssh = "jz.login"
    slurm = "gpu"
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from engine.config.site import Site
from engine.config.validate import ConfigError, Mistake, convert_fields
from engine.system.user_folders import config_folder
from engine.text import nearest

ALIAS = re.compile(r"[A-Za-z0-9][\w.@-]*", re.ASCII)
"""What may be said to ssh: nothing that could be taken for an option."""
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_WORD = re.compile(r"[\w.:+@%/,=*\[\]{}-]+", re.ASCII)
_TIME = re.compile(r"(\d+-)?\d+(:\d+){0,2}")
NO_PLACE = 'a site is a machine (ssh = "…"), a cluster (slurm = "…") or both'
OWN_FILE = "sites.toml"
FIELDS: dict[str, Any] = {
    key: kind for key, kind in get_type_hints(Site, include_extras=True).items() if key != "name"
}
"""The keys of a table [sites.NAME], each with its type."""
Report = Callable[[str, str], None]


def build_site(name: str, table: Mapping[str, Any], report: Report) -> Site | None:
    """Return the site that a table describes, or None after reporting what is wrong with it.

    Args:
        name: Its name.
        table: A value for each key; unknown keys have been reported.
        report: Called with the key and a sentence for each mistake.
    """
    fields = {key: value for key, value in table.items() if key in FIELDS}
    values, failed = convert_fields(fields, FIELDS, Site, report)
    site = Site(name=name, **values)
    for key, message in _impossible(site):
        if key not in failed and not (message == NO_PLACE and "slurm" in failed):
            report(key, message)
            failed.add(key)
    return None if failed else site


def _impossible(site: Site) -> list[tuple[str, str]]:
    """Return ``(key, why)`` for what is of the right type and wrong."""
    wrong = []
    if not site.ssh and not site.slurm:
        wrong.append(("ssh", NO_PLACE))
    if site.ssh and not ALIAS.fullmatch(site.ssh):
        wrong.append(
            ("ssh", f"{site.ssh!r} is no alias: put what ssh needs into ~/.ssh/config and name it here")
        )
    for key in ("slurm", "gres", "account", "qos", "constraint", "memory"):
        value = getattr(site, key)
        if value and (not _WORD.fullmatch(value) or value.startswith("-")):
            wrong.append((key, f"{value!r} is not one word as Slurm takes it"))
    if site.time and not _TIME.fullmatch(site.time):
        wrong.append(("time", f"{site.time!r} is no time: minutes, '4:00:00' or '1-12:00:00'"))
    if not site.slurm:
        wrong += [
            (key, "only a site with `slurm` has it")
            for key in ("time", "account", "qos", "constraint", "memory", "extra", "parallel")
            if getattr(site, key)
        ]
        if site.nodes > 1:
            wrong.append(("nodes", "only a site with `slurm` has several"))
    if not site.ssh:
        wrong += [
            (key, "only a site with `ssh` has it")
            for key, usual in (("folder", ""), ("code", "there"), ("bring", "none"))
            if getattr(site, key) != usual
        ]
    wrong += [
        (key, "a line or a word of it has a line break")
        for key in ("setup", "wrap", "extra")
        if any(c in "\n\r\0" for word in getattr(site, key) for c in word)
    ]
    if "\n" in site.python or not site.python:
        wrong.append(("python", f"{site.python!r} is no program"))
    return wrong


def own_sites(folder: Path | None = None) -> dict[str, Site]:
    """Return the sites of the user's own file, ``~/.config/vitui/sites.toml``; none where there is no such file.

    Args:
        folder: The folder of the file; None for the user's.

    Raises:
        ConfigError: It cannot be read, or has mistakes; all of them are named.
    """
    import tomli  # lists read sites, and no files of them

    folder = config_folder() if folder is None else folder
    if folder is None:
        return {}
    path = folder / OWN_FILE
    try:
        document = tomli.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError([Mistake(str(path), f"it cannot be read: {error.strerror}")]) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError([Mistake(str(path), f"this is not TOML: {error}")]) from None
    mistakes: list[Mistake] = []
    sites = {}
    tables = document.get("sites", document)
    for name, table in tables.items() if isinstance(tables, dict) else ():

        def report(key: str, message: str, name: str = name) -> None:
            mistakes.append(Mistake(str(path), f"{key} of site {name!r}: {message}"))

        if not isinstance(table, dict) or not NAME.fullmatch(name):
            report("name", "it has to be a table with a name of letters, digits, '_', '-' and '.'")
            continue
        for key in table:
            if key not in FIELDS:
                report(key, f"there is no such key{nearest(key, FIELDS)} Known: {', '.join(FIELDS)}")
        if (site := build_site(name, table, report)) is not None:
            sites[name] = site
    if mistakes:
        raise ConfigError(mistakes)
    return sites


def parse_on(text: str, sites: Mapping[str, Site]) -> Site:
    """Return the site that ``--on`` names: one of the tables, ``slurm:PARTITION`` or ``host:ALIAS`` as they stand.

    Args:
        text: What the user said.
        sites: The sites of the project and of the user, by name.

    Raises:
        ConfigError: There is no such site; says which there are.
    """
    if text in sites:
        return sites[text]
    kind, colon, rest = text.partition(":")
    if colon and kind in ("slurm", "host"):
        mistakes: list[Mistake] = []
        key = "slurm" if kind == "slurm" else "ssh"
        site = build_site(
            text, {key: rest}, lambda _, message: mistakes.append(Mistake(f"--on {text}", message))
        )
        if site is not None and not mistakes:
            return site
        raise ConfigError(mistakes)
    known = ", ".join(sites) or "none yet"
    message = (
        f"no site {text!r}{nearest(text, sites)} Known: {known}; slurm:PARTITION and host:ALIAS need no table"
    )
    raise ConfigError([Mistake("--on", message)])


def all_sites(of_project: Mapping[str, Site], environment: Mapping[str, str] = os.environ) -> dict[str, Site]:
    """Return the user's own sites and the project's, which win.

    Raises:
        ConfigError: The user's own file has mistakes.
    """
    return {**own_sites(config_folder(environment)), **of_project}
