"""`engine doctor`: what is not well in a folder of runs, why, and the cure; what can be repaired is, on request.

Nothing is ever deleted: what is in the way goes to the trash, from where people may take it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from engine.diagnostics import run_checks
from engine.diagnostics.findings import Finding
from engine.diagnostics.folder_checks import check_notifications, check_unfinished, check_worker
from engine.diagnostics.folder_permissions import check_folder, check_key, check_outputs
from engine.diagnostics.gpu_checks import check_gpus
from engine.diagnostics.leftover_processes import check_leftovers
from engine.diagnostics.repairs import repair
from engine.errors import UserError
from engine.runs.store import Run, Store, is_run_id
from engine.system.nvml import Nvml
from engine.text import json_line, printable

ROUNDS = 4
"""How often the runs are examined anew after repairs."""


Further = Callable[[Store], Iterable[Finding]]
"""Finds what is not well outside of this machine."""


def examine(store: Store, further: Further = lambda _: ()) -> list[Finding]:
    """Return all that is not well, of each run from the oldest on and then of the folder itself.

    Args:
        store: The folder of runs.
        further: What is asked besides.
    """
    runs = store.runs()
    names = {run.id for run in runs}
    findings = [finding for run in runs for finding in run_checks.examine(run, names)]
    nvml = Nvml()
    try:
        findings += check_gpus(store, nvml)
    finally:
        nvml.close()
    return [*findings, *check_leftovers(runs), *_examine_folder(store), *further(store)]


def _examine_folder(store: Store) -> Iterator[Finding]:
    """Yield what is not well outside the runs."""
    yield from check_unfinished(store)
    yield from check_worker(store)
    yield from check_notifications(store)
    yield from check_folder(store)
    yield from check_outputs(store)
    yield from check_key()


def report(store: Store, *, fix: bool, as_json: bool, further: Further = lambda _: ()) -> Iterator[str]:
    """Yield a line for each finding, and one on all of them for people.

    Args:
        store: The folder of runs.
        fix: Repair what can be.
        as_json: Yield JSON.
        further: What is asked besides, as by ``examine``.
    """
    count = fixable = 0
    for finding, done, failed in _go_round(store, further, fix=fix):
        count, fixable = count + 1, fixable + (bool(finding.remedy) and not done)
        yield _as_json(finding, done, failed) if as_json else _as_line(finding, done, failed)
    if as_json:
        return
    if not count:
        yield "every run is well"
    elif fixable and not fix:
        yield f"{count} found; `engine doctor --fix` repairs {fixable} of them and deletes nothing"


def _go_round(store: Store, further: Further, *, fix: bool) -> Iterator[tuple[Finding, str, str]]:
    """Yield each finding once, with what was done and what could not be; a repair may bring another to light."""
    told: set[Finding] = set()
    for _ in range(ROUNDS if fix else 1):
        repaired = False
        for finding in examine(store, further):
            done, failed = _attempt(store, finding) if fix else ("", "")
            if done or finding not in told:
                yield finding, done, failed
            told.add(finding)
            repaired = repaired or bool(done)
        if not repaired:
            return


def _attempt(store: Store, finding: Finding) -> tuple[str, str]:
    """Return what was done about a finding, or why it could not be."""
    try:
        done = repair(store, finding)
        if done and _is_found_again(store, finding):
            return "", f"{done}, and it is as it was"
        return done, ""
    except UserError as error:
        return "", str(error)
    except OSError as error:
        return "", f"{error.strerror}: {error.filename or finding.path}"


def _is_found_again(store: Store, finding: Finding) -> bool:
    """Return whether the same is found where it was repaired."""
    run = Run(store.root / finding.where)
    if is_run_id(run.id) and run.path.is_dir():
        left = run_checks.examine(run, {each.id for each in store.runs()})
    else:
        left = [*_examine_folder(store)]
    return any(
        (each.where, each.kind, each.path) == (finding.where, finding.kind, finding.path) for each in left
    )


def _as_line(finding: Finding, done: str, failed: str) -> str:
    words = [finding.text, finding.cure or ("`engine doctor --fix` repairs it" if finding.remedy else "")]
    if done:
        words = [finding.text, f"repaired: {done}"]
    elif failed:
        words.append(f"not repaired: {failed}")
    return printable(f"{finding.where}  {'; '.join(filter(None, words))}")


def _as_json(finding: Finding, done: str, failed: str) -> str:
    fields = {"where": finding.where, "kind": finding.kind, "text": finding.text, "cure": finding.cure}
    return json_line(
        fields | {"fixable": bool(finding.remedy), "fixed": done or None, "error": failed or None}
    )
