"""The rows of the run list: experiments with their runs folded under them, in groups if asked for. Pure."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar, cast

import msgspec

from engine.analysis.alarms import KINDS, Kind
from engine.analysis.differing_settings import distinguishing_settings
from engine.analysis.runs_that_count import Choice, age, is_made_alike, runs_that_count
from engine.analysis.unfinished_runs import newest, unfinished
from engine.catalog.model_sizes import wants_gpu
from engine.config.schema import Experiment
from engine.runs.labels import Labels
from engine.runs.metadata import RunMetadata, RunSummary, summaries_of
from engine.runs.status import LIVE, State, Status, never_began
from engine.runs.stop_request import Request
from engine.text import clean
from tui.state.snapshot import Machine, Snapshot
from tui.views.experiment_groups import Grouping
from tui.views.run_filter import Meant
from tui.views.run_list_columns import Column
from tui.views.run_list_row import Row
from tui.views.run_names import run_label
from tui.views.site_facts import age_text

T = TypeVar("T")
WANTS_GPU = "wants a GPU"
"""What stands at an experiment that was not run, on a machine without one."""
STOPS: Mapping[Request | None, str] = {"stop-after-epoch": "stops", "stop-now": "stops now"}
"""What stands in the place of the time left where a run was asked to stop."""
ByExperiment = Mapping[str, list[Status]]


def make_rows(
    snapshot: Snapshot, unfolded: Collection[str], meant: Meant | None = None,
    order: Column | None = None, *, reverse: bool = False, grouping: Grouping | None = None,
) -> list[Row]:  # fmt: skip
    """Return the rows: experiments in an order, at first that of the configuration, then those that only runs know.

    Args:
        snapshot: The runs and the configuration.
        unfolded: The experiments, by name, and the groups, by the ``folds`` of their rows, whose members are listed.
        meant: The runs, and experiments without runs, that a filter means; None for all. An experiment stands for
            those of its runs that are meant.
        order: The column that groups and experiments are sorted by; None for the order of the configuration.
        reverse: Whether they stand the other way round.
        grouping: The groups that the experiments stand in, each with those of its runs that are of the group; None
            for a list without groups.

    Returns:
        The rows from top to bottom, each followed by what is unfolded under it.
    """
    by_experiment = _by_experiment(snapshot, meant)
    whole = by_experiment if meant is None else _by_experiment(snapshot, None)
    if grouping is None:
        return _say_once(_experiments(snapshot, by_experiment, whole, unfolded, order, reverse))
    groups = _by_group(snapshot, by_experiment, grouping)
    heads = [(_group_row(snapshot, title, members), members) for title, members in groups.items()]
    rows: list[Row] = []
    for row, members in _sorted(heads, order, reverse):
        rows.append(row)
        if row.folds in unfolded:
            rows += _experiments(snapshot, members, whole, unfolded, order, reverse, under=row)
    return _say_once(rows)


def _say_once(rows: list[Row]) -> list[Row]:
    """Return the rows with the reason why runs wait at the first of those that wait for the same."""
    reasons: set[str] = set()
    for at, row in enumerate(rows):
        if row.state == "queued" and row.note:
            if row.note in reasons:
                rows[at] = row._replace(note="waits")
            reasons.add(row.note)
    return rows


def _experiments(
    snapshot: Snapshot, by_experiment: ByExperiment, whole: ByExperiment, unfolded: Collection[str],
    order: Column | None, reverse: bool, under: Row | None = None,
) -> list[Row]:  # fmt: skip
    heads = [
        (_experiment_row(snapshot, name, runs, whole[name], unfolded, under), runs)
        for name, runs in by_experiment.items()
    ]
    rows: list[Row] = []
    for row, runs in _sorted(heads, order, reverse):
        rows.append(row)
        if row.folds in unfolded:
            made = distinguishing_settings(runs, snapshot.metadata, sparing=True)
            rows += [_run_row(snapshot, run, made.get(run.run, ""), row) for run in reversed(runs)]
    return rows


def without_gpus(machine: Machine) -> bool:
    """Return whether a machine, once it was looked at, has no GPU."""
    return machine.memory_total > 0 and not machine.gpus


def lacks_gpu(snapshot: Snapshot, name: str) -> bool:
    """Return whether an experiment's model wants a GPU and this machine has none."""
    experiment = snapshot.config.experiments.get(name) if snapshot.config is not None else None
    return experiment is not None and without_gpus(snapshot.machine) and wants_gpu(experiment.model)


def is_known_to_lack_gpu(snapshot: Snapshot, name: str) -> bool:
    """Return whether an experiment without runs lacks a GPU here, once it is known that it has none."""
    return not snapshot.unread and lacks_gpu(snapshot, name)


def gravest(snapshot: Snapshot, runs: Iterable[Status]) -> Kind | None:
    """Return the gravest of what is wrong with these runs, None if nothing is."""
    if not snapshot.alarms:
        return None
    kinds = {alarm.kind for status in runs for alarm in snapshot.alarms.get(status.run, ())}
    return next((kind for kind in KINDS if kind in kinds), None)


def _by_experiment(snapshot: Snapshot, meant: Meant | None) -> dict[str, list[Status]]:
    by_experiment: dict[str, list[Status]] = {}
    if snapshot.config is not None:
        by_experiment = {name: [] for name in snapshot.config.experiments}
    for status in snapshot.runs:
        if meant is None or status.run in meant.runs:
            by_experiment.setdefault(status.experiment or status.run, []).append(status)
    if meant is None:
        return by_experiment
    return {name: runs for name, runs in by_experiment.items() if runs or name in meant.experiments}


def _by_group(
    snapshot: Snapshot, by_experiment: ByExperiment, grouping: Grouping
) -> dict[str, dict[str, list[Status]]]:
    """Return the runs of each group by experiment; an experiment without runs is where its next one will be."""
    groups: dict[str, dict[str, list[Status]]] = {}
    experiments = snapshot.config.experiments if snapshot.config is not None else {}
    for name, runs in by_experiment.items():
        for status in runs:
            metadata = snapshot.metadata.get(status.run)
            members = groups.setdefault(grouping.title(metadata.config if metadata is not None else None), {})
            members.setdefault(name, []).append(status)
        if not runs:
            groups.setdefault(grouping.title(experiments.get(name)), {})[name] = []
    return groups


def _sorted(entries: list[tuple[Row, T]], order: Column | None, reverse: bool) -> list[tuple[Row, T]]:
    """Sort rows; one that has nothing to be sorted by stands last either way."""
    if order is None:
        return entries[::-1] if reverse else entries
    ranked = [(order.order(entry[0]), entry) for entry in entries]
    with_rank = [(rank, entry) for rank, entry in ranked if rank is not None]
    with_rank.sort(key=lambda ranked_entry: ranked_entry[0], reverse=order.best_first != reverse)
    return [entry for _, entry in with_rank] + [entry for rank, entry in ranked if rank is None]


def _group_row(snapshot: Snapshot, title: str, members: ByExperiment) -> Row:
    runs = [status for of_experiment in members.values() for status in of_experiment]
    row_facts = [_shown(snapshot, name, of_experiment)[1] for name, of_experiment in members.items()]
    heads = sorted((facts[0] for facts in row_facts if facts and facts[0].status.run), key=age)
    latest = newest(fact.status for fact in heads)
    facts = [fact for of_row in row_facts for fact in of_row]
    finished = [fact for fact in facts if fact.status.state == "finished"]
    mixed = any(fact is not finished[0] and not _alike(finished[0], fact) for fact in finished)
    return Row(
        key=f"group:{title}",
        experiment="",
        run=latest.run if latest is not None else None,
        label=title,
        state=latest.state if latest is not None else None,
        folded=len(runs),
        facts=tuple(sorted(facts, key=lambda fact: fact.status is not latest)),
        note=f"{len(members)} experiments" if mixed else "",
        mixed=mixed,
        active=_active(reversed(runs)),
        alarm=gravest(snapshot, runs),
        group=True,
        folds=f"{title}\n",
    )


def _alike(one: RunSummary, other: RunSummary) -> bool:
    """Return whether two results are of the same settings."""
    return one.config is other.config or is_made_alike(one, other)


def _experiment_row(
    snapshot: Snapshot, name: str, runs: list[Status], whole: list[Status], unfolded: Collection[str],
    under: Row | None,
) -> Row:  # fmt: skip
    folds = under.folds + name if under is not None else name
    hidden = folds not in unfolded
    choice, facts = _shown(snapshot, name, runs)
    row_status = facts[0].status if runs else None
    lacking = WANTS_GPU if not runs and is_known_to_lack_gpu(snapshot, name) else ""
    behind = unfinished(summaries_of(runs, snapshot.metadata), facts[0]) if hidden and len(runs) > 1 else ()
    inside = runs if hidden else []
    begun = [run for run in runs if not never_began(run)]
    stands = {fact.status.run for fact in facts}
    return _row(
        f"{under.key}/{name}" if under is not None else f"experiment:{name}", name, facts, label=clean(name),
        depth=1 if under is not None else 0, folded=len(begun or runs) if hidden else 0, folds=folds,
        parent=under.key if under is not None else "", seeds=len(choice.runs),
        waiting=_waiting(inside, row_status),
        going=sum(run.state in LIVE and run.run not in stands for run in inside),
        cut=_cut(summaries_of(whole, snapshot.metadata), choice) if len(whole) != len(runs) else 0,
        others=len(choice.other_settings) if hidden else 0,
        active=_active(reversed(runs)), note=lacking,
        unfinished=tuple(run.status for run in behind),
        alarm=gravest(snapshot, runs if hidden else ([row_status] if row_status else [])),
    )  # fmt: skip


def _waiting(runs: Sequence[Status], shown: Status | None) -> int:
    """Return how many runs wait besides what their row itself shows."""
    queued = sum(run.state == "queued" for run in runs)
    return 0 if queued == 1 and shown is not None and shown.state == "queued" else queued


def _cut(whole: Sequence[RunSummary], choice: Choice[RunSummary]) -> int:
    """Return how many runs a row would stand for without a filter, 0 if it stands for all of them."""
    if not choice.runs or not choice.finished:
        return 0
    seeds = len(runs_that_count(run for run in whole if is_made_alike(run, choice.runs[0])).runs)
    return seeds if seeds > len(choice.runs) else 0


def _run_row(snapshot: Snapshot, run: Status, made: str, under: Row) -> Row:
    facts = (RunSummary(run, snapshot.metadata.get(run.run, RunMetadata())),)
    return _row(
        f"run:{run.run}", under.experiment, facts, label=clean(f"{run_label(run)} {made}".rstrip()),
        depth=under.depth + 1, parent=under.key, active=_active([run]), alarm=gravest(snapshot, [run]),
    )  # fmt: skip


def _active(runs: Iterable[Status]) -> tuple[Status, ...]:
    return tuple(run for run in runs if run.state in LIVE or run.state == "queued")


def _shown(
    snapshot: Snapshot, name: str, runs: list[Status]
) -> tuple[Choice[RunSummary], tuple[RunSummary, ...]]:
    """Return which runs of an experiment count, and what its row shows, the run whose progress it shows first.

    That are the runs that count and a newer one of the same settings that lives; of an experiment without runs it is
    what the experiment itself says.
    """
    experiment = snapshot.config.experiments.get(name) if snapshot.config is not None else None
    if runs:
        facts = summaries_of(runs, snapshot.metadata)
        choice = runs_that_count(facts, experiment)
        return choice, _in_front(choice, facts) if len(facts) > 1 else tuple(facts)
    return Choice(), _of_experiment(experiment)


def _in_front(choice: Choice[RunSummary], runs: Sequence[RunSummary]) -> tuple[RunSummary, ...]:
    """Return the runs that count behind the one whose progress says most; that one alone where none counts."""
    live = sorted(choice.live, key=age)
    counted = sorted(choice.runs, key=age, reverse=True) or live[::-1]
    if not counted:
        begun = [run.status for run in sorted(runs, key=age)]
        best = newest([status for status in begun if status.state == "finished"] or begun)
        return tuple(run for run in runs if run.status is best)
    head = live[-1] if live else counted[0]
    if not choice.finished and not live:
        head = max((*counted, *choice.lost), key=age)
    return head, *(run for run in counted if run is not head)


def _of_experiment(experiment: Experiment | None) -> tuple[RunSummary, ...]:
    """Return what an experiment without runs says of itself."""
    if experiment is None:
        return ()
    labels = Labels(tags=tuple(experiment.tags), notes=experiment.notes)
    status = Status(run="", experiment=experiment.name, seed=experiment.seed, state=cast("State", ""))
    return (RunSummary(status, RunMetadata(msgspec.structs.asdict(experiment), labels)),)


def _row(
    key: str, experiment: str, facts: tuple[RunSummary, ...], *, label: str, depth: int, alarm: Kind | None,
    folded: int = 0, seeds: int = 0, waiting: int = 0, going: int = 0, others: int = 0, cut: int = 0,
    active: tuple[Status, ...] = (), unfinished: tuple[Status, ...] = (), folds: str = "", parent: str = "",
    note: str = "",
) -> Row:  # fmt: skip
    status = facts[0].status if facts and facts[0].status.run else None
    labels = facts[0].metadata.labels if facts else Labels()
    return Row(
        key=key,
        experiment=experiment,
        run=status.run if status is not None else None,
        label=label,
        state=status.state if status is not None else None,
        depth=depth,
        folded=folded,
        seeds=seeds,
        waiting=waiting,
        going=going,
        others=others,
        cut=cut,
        active=active,
        unfinished=unfinished,
        facts=facts,
        note=_note(status) if status is not None else note,
        alarm=alarm,
        age=_age(status) if status is not None else "",
        stops=STOPS.get(status.asked, "") if status is not None else "",
        tags=tuple(map(clean, labels.tags)),
        noted=bool(labels.notes),
        folds=folds,
        parent=parent,
    )


def _age(status: Status) -> str:
    """Return how old a run's state is; empty for one of now."""
    return age_text(status.heard, time.time()) if status.heard else ""


def _note(status: Status) -> str:
    """Return why a run waits, failed or stopped early; empty for any other run."""
    if status.state in ("failed", "crashed") or (status.state == "stopped" and not status.last):
        return clean(status.reason)
    if status.state == "starting":
        return f"starting …{', ' * bool(status.why)}{status.why}"
    return clean(status.reason) or "waits" if status.state == "queued" else ""
