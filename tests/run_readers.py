"""All that looks at runs without a right to change anything, by name; each returns the text that its user would see."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.cells import cell_len

from engine.analysis.runs_that_count import read_candidates
from engine.commands import run_table
from engine.config.loader import load_config
from engine.diagnostics import doctor, run_checks
from engine.errors import UserError
from engine.exchange.exporting import export_runs
from engine.history.preview import sketch
from engine.history.reader import AXES, History
from engine.query.select import select_runs
from engine.runs import predictions, run_lock, stop_request, trash, worker_status
from engine.runs.labels import labels_of
from engine.runs.liveness import status_of
from engine.runs.posted.posting import posting_of
from engine.runs.posted.whereabouts import whereabouts_of
from engine.runs.queue_entry import queue_entry
from engine.runs.resume_settings import last_experiment
from engine.runs.status_file import rebuild
from engine.runs.store import Run, Store
from engine.runs.trust.posted_by_user import why_not_own
from engine.text import printable
from tests.hostile_texts import acted_on
from tui.feed.feed import Feed
from tui.report.export_tables import export_tables
from tui.state.run_page_record import Page
from tui.state.snapshot import Machine, Project, Watch
from tui.views.queue_gantt import bars, gantt
from tui.views.run_list_tree import make_rows
from tui.views.site_facts import facts_at_site
from tui.widgets.machine.machine_board import board_lines

FILTER = "model~vit options.pool=mean -tag=a age>1s duration<1h"
Reader = Callable[[Path, Run], str]


def status(lab: Path, run: Run) -> str:
    """A row of `engine ls`."""
    with _printed() as said:
        run_table.print_run_table([status_of(run), rebuild(run)])
    return said.getvalue()


def small_files(lab: Path, run: Run) -> str:
    """Each question that a small file answers; what is wrong with one is a message and no other error."""
    said = []
    questions = (queue_entry, stop_request.asked, run_lock.is_held, last_experiment, trash.disk_usage)
    for ask in (run.info, *(partial(ask, run.path if ask is trash.disk_usage else run) for ask in questions)):
        try:
            ask()
        except UserError as error:
            said.append(printable(str(error)))
    labels = labels_of(run)
    predictions.load(run.path)
    worker_status.read(str(lab / "runs"))
    if (posting := posting_of(run)) is not None:
        why_not_own(run, posting)
    said += [fact for pair in facts_at_site(status_of(run), whereabouts_of(run)) for fact in pair]
    return "\n".join([*said, printable(" ".join([*labels.tags, labels.notes]))])


def history(lab: Path, run: Run) -> str:
    """The curves of a run, whole and in a few places."""
    for columns in (History(run.path), sketch(run.path, 50)):
        columns.update()
        for name, axis in itertools.product(columns.metrics[:20], AXES):
            x, y = columns.series(name, axis)
            assert len(x) == len(y), "a curve has as many x as y"
    return ""


def logs(lab: Path, run: Run) -> str:
    """`engine logs`, for people and as JSON."""
    with _printed() as said:
        run_table.print_log(run, as_json=False, follow=False)
        run_table.print_log(run, as_json=True, follow=False)
    return said.getvalue()


def ls_json(lab: Path, run: Run) -> str:
    """`engine ls --json`."""
    from click.testing import CliRunner

    from engine.commands.ls_and_logs import ls

    result = CliRunner().invoke(ls, ["--json", "--runs", str(lab / "runs")])
    if result.exception is not None:
        raise result.exception
    for line in result.output.splitlines():
        json.loads(line)
    return result.output


def examination(lab: Path, run: Run) -> str:
    """`engine doctor`, of a run."""
    return "\n".join(doctor._as_line(finding, "", "") for finding in run_checks.examine(run, [run.id]))


def folder_examination(lab: Path, run: Run) -> str:
    """`engine doctor`, of the folder of runs; the graphics cards of the machine are no part of it."""
    store = Store(lab / "runs")
    questions = (doctor.check_unfinished, doctor.check_worker, doctor.check_folder, doctor.check_outputs)
    return "\n".join(doctor._as_line(each, "", "") for ask in questions for each in ask(store))


def filtered(lab: Path, run: Run) -> str:
    """The runs that a filter means, in an order."""
    select_runs(Store(lab / "runs"), FILTER, "lr")
    return ""


def feed(lab: Path, run: Run) -> str:
    """What the app reads, the rows of its list, its machines and its queue; the drawing has tests of its own."""
    project = Project(folder=lab, config=lab / "experiments.toml", runs=lab / "runs")
    follower = Feed(project, lambda _: None)
    follower._machine._next = float("inf")  # what else runs on this machine is no part of it
    follower.look_at(Watch(runs=(run.id,), focus=run.id, page=Page(run.id)))
    for _ in range(3):
        if (changed := follower.tick()) is not None:
            make_rows(changed.snapshot, {each.experiment for each in changed.snapshot.runs})
    follower._queue_reader._next = 0.0
    follower.tick()
    shown = dataclasses.replace(follower._snapshot, machine=Machine(time=time.time()))
    lines = [*board_lines(shown, 100), *gantt(bars(shown), shown.machine.time, 100)]
    assert all(cell_len("".join(text for text, _ in line)) <= 100 for line in lines), (
        "a line is wider than the screen"
    )
    return "\n".join("".join(text for text, _ in line) for line in lines)


def tables(lab: Path, run: Run) -> str:
    """`vitui export` and the rows of `vitui report`."""
    said: list[str] = []
    out = lab / "images"
    export_tables(
        load_config(lab / "experiments.toml"), Store(lab / "runs"), [], out, ("md", "latex", "csv"), say=said.append
    )  # fmt: skip
    texts = _taken(out)
    read_candidates(Store(lab / "runs"))
    return "\n".join([*said, *texts])


def exported(lab: Path, run: Run) -> str:
    """`vitui export --to csv`."""
    said: list[str] = []
    out = lab / "exports"
    export_runs(Store(lab / "runs"), "csv", out, say=said.append)
    texts = _taken(out)
    return "\n".join([*said, *texts])


READERS: dict[str, Reader] = {
    reader.__name__: reader
    for reader in (
        status, small_files, history, logs, examination, filtered, feed, folder_examination, tables, ls_json, exported,
    )
}  # fmt: skip


def read(name: str, lab: Path, run: Run) -> None:
    """Have a reader look at a run, and see that a terminal can show what it says.

    Args:
        name: Which of ``READERS``.
        lab: The folder of the project.
        run: The run.
    """
    said = READERS[name](lab, run)
    assert not (bad := acted_on(said)), f"{name} says what a terminal acts on: {bad[:3]}"


def _taken(folder: Path) -> list[str]:
    """Return what stands in the files of a folder, and remove it; a file that cannot be read as text is an error."""
    texts = [path.read_text() for path in sorted(folder.glob("*"))]
    shutil.rmtree(folder, ignore_errors=True)
    return texts


@contextlib.contextmanager
def _printed():
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        yield said
