"""What posted runs cost who looks at them: the app's tick, `engine ls`, and the screens that show them.

    python tests/bench/sites.py [--runs 1000] [--seconds 20]

The same runs are there twice: as runs of the folder, and posted to a cluster, which says something new of every tenth
at each look, one look a second. Of the posted ones a third waits, a third runs and writes an event now and then, and a
third has finished. ``away`` is the same while the site does not answer.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine.config.schema import Experiment
from engine.config.site import Site
from engine.events import End, Metrics, Start, encode
from engine.runs.posted.posting import Posting, Seen
from engine.runs.posted.site_status import SiteStatus, publish
from engine.runs.provenance.code_snapshot import CodeSnapshot
from engine.runs.status_file import rebuild, save
from engine.runs.store import Run, Store
from engine.runs.trust.posted_by_user import enter_posting
from tui.feed.feed import Feed
from tui.state.snapshot import Machine, Project, Snapshot
from tui.views.queue_gantt import bars, gantt
from tui.views.run_list_tree import make_rows
from tui.widgets.machine.machine_board import board_lines

SITE = Site(name="jz", slurm="gpu")
EXPERIMENTS = [
    Experiment(name=f"vit-{number}", model="vit_mini", dataset="digits", image_size=16, patch_size=4, epochs=40)
    for number in range(20)
]  # fmt: skip


def write(store: Store, count: int, *, posted: bool) -> list[tuple[Run, str]]:
    """Make runs, a third each waiting, running and finished; return them with how they go."""
    made = []
    for number in range(count):
        state = ("pending", "running", "finished")[number % 3]
        run = store.create(EXPERIMENTS[number % len(EXPERIMENTS)], number, code=CodeSnapshot())
        now = time.time()
        if posted:
            enter_posting(
                run, Posting(site=SITE, name=f"vitui-{run.id}-1", posted=now - 900, job=str(8000 + number))
            )
        if state != "pending":
            start = Start(
                time=now - 600, run=run.id, experiment=EXPERIMENTS[number % len(EXPERIMENTS)].name, pid=1, host="n17",
                device="cuda:0", epochs=40, steps_per_epoch=10,
            )  # fmt: skip
            steps = [metrics(run, step, now - 600 + 6 * step) for step in range(1, 101)]
            end = (
                [End(time=now, run=run.id, state="finished", duration_s=600.0)] if state == "finished" else []
            )
            run.events.write_bytes(b"".join(map(encode, [start, *steps, *end])))
            save(run, rebuild(run))
        made.append((run, state))
    return made


def metrics(run: Run, step: int, now: float) -> Metrics:
    """Return what a run measured at a step."""
    values = {"train/loss": 1.0 / step} | ({"test/f1": 0.5, "test/loss": 1.0} if step % 10 == 0 else {})
    return Metrics(time=now, run=run.id, step=step, epoch=step / 10, values=values)


def say(store: Store, runs: list[tuple[Run, str]], look: int) -> None:
    """Have the site say how its runs go; of every tenth something new."""
    now = time.time()
    seen = {
        run.id: Seen(
            at=now, since=now - 60, state=state, node="n17" if state == "running" else "",
            reason=f"{number + (look if number % 10 == 0 else 0)} jobs go before it (Priority)",
            starts=now + number if state == "pending" else now - 600, ends=now + 7200,
        )
        for number, (run, state) in enumerate(runs) if state != "finished"
    }  # type: ignore[arg-type]  # fmt: skip
    publish(
        store.root, SiteStatus(site=SITE, at=now, runs=seen, free_gpus=3, all_gpus=16, running=4, waiting=7)
    )


def ticks(
    store: Store, runs: list[tuple[Run, str]], seconds: float, *, says: bool
) -> tuple[list[float], Snapshot]:
    """Follow a folder for some seconds; return the milliseconds of CPU of each tick, and what was seen last."""
    folder = store.root.parent
    feed = Feed(Project(folder=folder, config=folder / "experiments.toml", runs=store.root), lambda _: None)
    feed._machine._next = float("inf")
    while feed.tick() is None or feed._snapshot.loading:
        pass
    spent, deadline, look = [], time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        if look % 4 == 0 and says:
            say(store, runs, look)
        for run, _ in runs[1 + look % 10 * 3 :: 30] if says else []:
            with run.events.open("ab") as file:
                file.write(encode(metrics(run, 101 + look, time.time())))
        look += 1
        began = time.thread_time()
        feed.tick()
        spent.append(1000 * (time.thread_time() - began))
        time.sleep(max(0.0, 0.25 - spent[-1] / 1000))
    return spent, feed._snapshot


def several(spent: list[float]) -> str:
    """Return the median, the 95th in a hundred and the most of some milliseconds."""
    ordered = sorted(spent)
    return f"{statistics.median(ordered):.1f} | {ordered[int(0.95 * len(ordered))]:.1f} | {ordered[-1]:.1f}"


def shown(snapshot: Snapshot) -> dict[str, float]:
    """Return the milliseconds that each picture of a moment takes, the least of five."""
    moment = dataclasses.replace(snapshot, machine=Machine(time=time.time()))
    pictures: dict[str, Callable[[], object]] = {
        "rows of the list": lambda: make_rows(moment, ()),
        "machine board": lambda: board_lines(moment, 120),
        "plan of the queue": lambda: gantt(bars(moment), moment.machine.time, 120),
    }
    return {name: 1000 * min(_timed(picture) for _ in range(5)) for name, picture in pictures.items()}


def _timed(action: Callable[[], object]) -> float:
    began = time.thread_time()
    action()
    return time.thread_time() - began


def listed(root: Path) -> float:
    """Return the milliseconds of CPU that `engine ls` takes, the least of six; no bridge is started for it."""
    return min(_spent([sys.executable, "-c", LS, str(root)]) for _ in range(6))


LS = """
import sys
from engine.commands.ls_and_logs import ls
import engine.remote.start_bridge as start
start.ensure_bridge = lambda *_: None
ls(["--runs", sys.argv[1]], standalone_mode=False)
"""


def _spent(command: list[str]) -> float:
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    return 1000 * (usage.ru_utime + usage.ru_stime)


@contextmanager
def folder_of_runs(count: int, *, posted: bool) -> Iterator[tuple[Store, list[tuple[Run, str]]]]:
    """Make a folder of runs for as long as it is looked at."""
    with tempfile.TemporaryDirectory(prefix="vitui-sites-") as folder:
        store = Store(Path(folder) / "runs")
        yield store, write(store, count, posted=posted)


def main() -> None:
    """Measure, and print rows of Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    print("| runs | tick, CPU ms: median | 95 % | most |\n|---|---|---|---|")
    pictures, lists = {}, {}
    for posted in (False, True):
        with folder_of_runs(options.runs, posted=posted) as (store, runs):
            name = "posted" if posted else "of the folder"
            spent, snapshot = ticks(store, runs, options.seconds, says=posted)
            print(f"| {name} | {several(spent)} |", flush=True)
            pictures[name], lists[name] = shown(snapshot), listed(store.root)
            if posted:
                old = msgspec.structs.replace(
                    _last(store), at=time.time() - 300, trouble="it does not answer"
                )
                aged = {
                    run: msgspec.structs.replace(seen, at=seen.at - 300) for run, seen in old.runs.items()
                }
                publish(store.root, msgspec.structs.replace(old, runs=aged))
                spent, snapshot = ticks(store, runs, options.seconds, says=False)
                print(f"| posted, the site away | {several(spent)} |", flush=True)
                pictures["away"] = shown(snapshot)
    print("\n| what | ms |\n|---|---|")
    for name, times in pictures.items():
        for what, taken in times.items():
            print(f"| {what}, {name} | {taken:.1f} |")
    for name, taken in lists.items():
        print(f"| `engine ls`, {name}, CPU | {taken:.0f} |")


def _last(store: Store) -> SiteStatus:
    from engine.runs.posted.site_status import read

    found = read(store.root, SITE.name)
    assert found is not None
    return found


if __name__ == "__main__":
    main()
