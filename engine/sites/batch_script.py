"""What is handed to sbatch for runs: the script, and the options.

The script names runs, and what each is to be: which posting, and the digest of its contents. It goes to Slurm once and
cannot be changed there, so what this user handed in is what runs. Nothing of a run's name or settings is code in it.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from engine.config.site import ANY_PARTITION, Site
from engine.runs.store import StoreError, is_run_id
from engine.system.own_modules import ENGINE_THERE

ARRAY_PREFIX = "vitui-array-"
"""What the name of an array begins with; the names of its runs' postings stand in its script."""
OUTPUT = "slurm.out"
"""What Slurm itself says of a run's job, in the run's folder."""
SHARE, MARGIN_S = 1.5, 600.0
"""A job may take this many times its forecast, and these seconds for what no forecast knows."""
_SPREAD = """\
export VITUI_NODES={nodes}
export SLURM_WAIT=60  # seconds that the other nodes have once the first has ended
trap : TERM USR2  # meant for the run's process, which Slurm tells too: this shell waits for it
"""
_SAFE_NAME = re.compile(r"[\w.()+-]+", re.ASCII)
_NAMES = re.compile(r"^vitui_names=\((.*)\)$", re.MULTILINE)


class Task(NamedTuple):
    """One run of a script."""

    run: str
    name: str
    """The name of its posting."""
    contents: str
    """The digest of what it is to be, as ``engine.runs.trust.posted_by_user`` makes it."""


def batch_script(site: Site, root: Path, tasks: Sequence[Task], *, on_all_nodes: bool = False) -> str:
    """Return the script of a job, or of an array whose tasks take a run each.

    Args:
        site: The site.
        root: The folder of runs, as the nodes see it.
        tasks: The runs, in the order of the array's tasks.
        on_all_nodes: Whether each node of a job starts a process: a training that is spread over nodes.

    Raises:
        StoreError: A name is none that a run can have.
    """
    for task in tasks:
        if not is_run_id(task.run) or not _SAFE_NAME.fullmatch(task.name) or not task.contents.isalnum():
            raise StoreError(f"{task.run!r} cannot be sent anywhere: it is no name of a run")
    python = python_of(site)
    python = python if python.startswith("~/") and _is_plain(python) else shlex.quote(python)
    runs, names, contents = (" ".join(map(shlex.quote, words)) for words in zip(*tasks, strict=True))
    words = [*map(shlex.quote, site.wrap), python]
    lines = [
        "#!/bin/bash",
        f"vitui_runs=({runs})",
        f"vitui_names=({names})",
        f"vitui_contents=({contents})",
        "vitui_task=${SLURM_ARRAY_TASK_ID:-0}",
        f'exec >>{shlex.quote(str(root))}/"${{vitui_runs[vitui_task]}}"/console.log 2>&1 </dev/null',
        'unset "${!VITUI_@}"  # what the shell had that handed this in is another run\'s',
        *site.setup,
        f"export VITUI_SITE={shlex.quote(site.name)}",
        *(_SPREAD.format(nodes=site.nodes).splitlines() if on_all_nodes else ()),
        *([f"export SRUN_CPUS_PER_TASK={site.cpus}"] if on_all_nodes and site.cpus else ()),
        f'{"srun" if on_all_nodes else "exec"} {" ".join(words)} {ENGINE_THERE} train "${{vitui_runs[vitui_task]}}"'
        f' --runs {shlex.quote(str(root))} --posted "${{vitui_names[vitui_task]}}"'
        ' --contents "${vitui_contents[vitui_task]}"',
    ]
    return "\n".join(lines) + "\n"


def python_of(site: Site) -> str:
    """Return the Python that runs there."""
    return sys.executable or site.python if runs_this_python(site) else site.python


def runs_this_python(site: Site) -> bool:
    """Return whether the Python that runs here also runs there: the site says nothing of another."""
    return site.is_here and site.python == "python" and not site.setup and not site.wrap


def names_in(script: str) -> list[str]:
    """Return the names of the postings in a script, in the order of its tasks; none where it is not ours."""
    match = _NAMES.search(script)
    try:
        names = shlex.split(match[1]) if match else []
    except ValueError:
        return []
    return names if all(map(_SAFE_NAME.fullmatch, names)) else []


def job_name(tasks: Sequence[Task]) -> str:
    """Return what the job of a script is called: as the posting, or of several a name of their own."""
    if len(tasks) == 1:
        return tasks[0].name
    digest = hashlib.sha256("\n".join(task.name for task in tasks).encode()).hexdigest()
    return f"{ARRAY_PREFIX}{digest[:16]}"


def batch_options(
    site: Site, root: Path, tasks: Sequence[Task], *, folder: Path, gpus: int, takes_s: float | None = None,
    limit_s: float | None = None, on_all_nodes: bool = False,
) -> list[str]:  # fmt: skip
    """Return the options of sbatch.

    Args:
        site: The site.
        root: The folder of runs, as the nodes see it.
        tasks: The runs, as for the script.
        folder: Where they are run: what their paths are relative to.
        gpus: The devices of a run.
        takes_s: The seconds that the longest of them is expected to take, None where that is unknown.
        limit_s: The most that the partition gives; None for no limit, or an unknown one.
        on_all_nodes: As for the script.
    """
    time_limit = site.time or time_limit_of(takes_s, limit_s)
    per_node = -(-gpus // site.nodes)
    options = [f"--job-name={job_name(tasks)}", f"--chdir={folder}", "--requeue", "--open-mode=append"]
    several = len(tasks) > 1
    options.append(f"--output={'/dev/null' if several else _escaped(root / tasks[0].run / OUTPUT)}")
    if several:
        most = f"%{site.parallel}" if site.parallel else ""
        options.append(f"--array=0-{len(tasks) - 1}{most}")
    if site.notice:
        options.append(f"--signal={'' if on_all_nodes else 'B:'}USR2@{site.notice}")
    if site.slurm != ANY_PARTITION:
        options.append(f"--partition={site.slurm}")
    asked = {
        "time": time_limit, "gres": site.gres.replace("{gpus}", str(per_node)), "account": site.account,
        "qos": site.qos, "constraint": site.constraint, "mem": site.memory, "cpus-per-task": site.cpus,
    }  # fmt: skip
    options += [f"--{key}={value}" for key, value in asked.items() if value]
    if site.nodes > 1:
        options += [f"--nodes={site.nodes}", "--ntasks-per-node=1"]
    return [*options, *site.extra]


def time_limit_of(takes_s: float | None, limit_s: float | None) -> str:
    """Return the minutes that a job asks for, empty where no forecast says how long it takes.

    A run that takes longer than its partition gives asks for all of that, and is begun anew when its time is up.
    """
    if takes_s is None:
        return ""
    seconds = takes_s * SHARE + MARGIN_S
    return str(math.ceil((seconds if limit_s is None else min(seconds, limit_s)) / 60))


def _is_plain(path: str) -> bool:
    return re.fullmatch(r"~/[\w./+-]+", path, re.ASCII) is not None


def _escaped(path: Path) -> str:
    r"""Return a path as a pattern of sbatch that stands for itself: ``%`` begins a replacement, ``\`` ends them all."""
    return str(path).replace("%", "%%")
