from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.analysis.differing_settings import distinguishing_settings
from engine.analysis.runs_that_count import curves_of
from engine.analysis.unfinished_runs import newest, unfinished
from engine.config.loader import Config, load_config
from engine.config.schema import Experiment
from engine.runs.metadata import RunMetadata, RunSummary, summaries_of
from engine.runs.status import Status
from tui.state.snapshot import Project, Snapshot
from tui.views.experiment_groups import Grouping
from tui.views.run_filter import Meant
from tui.views.run_list_columns import find_column
from tui.views.run_list_tree import make_rows
from tui.views.run_names import curve_labels
from tui.widgets.runs.column_layout import count_of


def status(run: str, experiment: str, state: str, **more: object) -> Status:
    return Status(run=run, experiment=experiment, state=state, **more)  # type: ignore[arg-type]


def snapshot(project: Project, *runs: Status) -> Snapshot:
    return Snapshot(config=load_config(project.config), runs=runs)


def test_experiments_stand_in_the_order_of_the_file_with_or_without_runs(project: Project) -> None:
    rows = make_rows(snapshot(project, status("r1", "BiT-small", "finished")), set())
    assert [(row.label, row.state) for row in rows] == [
        ("ViT-small", None),
        ("BiT-small", "finished"),
        ("one-token", None),
    ]


def test_runs_of_experiments_that_the_file_has_lost_are_shown_too(project: Project) -> None:
    rows = make_rows(snapshot(project, status("r1", "gone", "crashed", reason="killed")), set())
    assert rows[-1].label == "gone"
    assert rows[-1].note == "killed"


def test_an_unfolded_experiment_lists_its_runs_newest_first(project: Project) -> None:
    runs = [status(f"r{i}", "ViT-small", "finished", seed=i) for i in range(3)]
    folded = make_rows(snapshot(project, *runs), set())
    assert folded[0].folded == 3
    unfolded = make_rows(snapshot(project, *runs), {"ViT-small"})
    assert [row.run for row in unfolded[:4]] == ["r2", "r2", "r1", "r0"]
    assert [row.depth for row in unfolded[:4]] == [0, 1, 1, 1]


def test_a_live_run_stands_for_its_experiment_before_newer_ended_ones() -> None:
    runs = [status("old", "e", "running"), status("new", "e", "failed")]
    assert newest(runs) is runs[0]
    assert newest([]) is None


def test_a_run_that_has_not_begun_does_not_hide_what_others_came_to(project: Project) -> None:
    done = status("a", "ViT-small", "finished", started=1.0, last={"test/f1": 0.9})
    waits = status("b", "ViT-small", "queued", reason="the GPU is taken")
    taken_out = status("c", "ViT-small", "stopped", reason="taken out of the queue")
    row = make_rows(snapshot(project, done, waits, taken_out), set())[0]
    assert (row.run, row.state, row.waiting, row.folded, row.note) == ("a", "finished", 1, 2, "")
    alone = make_rows(snapshot(project, waits), set())[0]
    assert (alone.run, alone.waiting, alone.note) == ("b", 0, "the GPU is taken")
    five = [status(f"q{n}", "ViT-small", "queued", seed=n) for n in range(5)]
    (row, *_) = make_rows(snapshot(project, *five), set())
    assert count_of(row) == " ×5 …5"
    cancelled = [status(f"c{n}", "ViT-small", "stopped", seed=n) for n in range(5)]
    again = status("d", "ViT-small", "queued")
    (row, *_) = make_rows(snapshot(project, *cancelled, again), set())
    assert (row.run, count_of(row)) == ("d", "")  # they never began
    (row, *_) = make_rows(snapshot(project, *cancelled), set())
    assert count_of(row) == " ×5"
    begun = status("d", "ViT-small", "stopped", started=2.0)
    assert newest([taken_out, begun, waits]) is begun


@pytest.mark.parametrize(("state", "mark"), [("stopped", "–"), ("failed", "✗"), ("crashed", "!")])
def test_a_run_that_ended_part_way_does_not_hide_a_result_but_is_marked(
    project: Project, state: str, mark: str
) -> None:
    done = status("a", "ViT-small", "finished", started=1.0, last={"test/f1": 0.9})
    ended = status("b", "ViT-small", state, started=2.0, last={"test/f1": 0.2}, reason="because")
    metadata = dict.fromkeys("ab", RunMetadata(LR))
    row = make_rows(replace(snapshot(project, done, ended), metadata=metadata), set())[0]
    assert (row.run, row.state, row.unfinished, row.note) == ("a", "finished", (ended,), "")
    assert count_of(row) == f" {mark}1"
    opened = make_rows(snapshot(project, done, ended), {"ViT-small"})
    assert (opened[0].unfinished, [each.state for each in opened[1:3]]) == ((), [state, "finished"])
    alone = make_rows(snapshot(project, ended), set())[0]
    assert (alone.run, alone.unfinished, alone.note) == ("b", (), "" if state == "stopped" else "because")


def test_what_was_made_up_for_is_not_marked() -> None:
    """A seed that failed is, until it has a result; others as long as nothing newer was done."""
    made, other = {"model": "vit_mini", "lr": 1e-3}, {"model": "vit_mini", "lr": 1e-2}

    def run(name: str, seed: int, state: str, created: float, config: Mapping[str, Any] = made) -> RunSummary:
        known = status(name, "e", state, seed=seed, started=1.0)
        return RunSummary(known, RunMetadata(config, created=created))

    first, second = run("a", 0, "finished", 2), run("b", 1, "finished", 3)
    older, newer = run("c", 1, "failed", 1), run("c", 1, "failed", 4)
    assert unfinished([first, older], first) == (older,)
    assert unfinished([first, run("c", 1, "failed", 1, other)], first) == ()
    trial = run("c", 1, "failed", 4, other)
    assert unfinished([first, trial], first) == (trial,)
    assert unfinished([older, first, second], second) == ()
    stopped = run("d", 1, "stopped", 5)
    assert unfinished([first, newer, stopped], first) == (stopped,)
    head = run("e", 0, "failed", 5)
    assert unfinished([first, head], head) == ()


def test_what_failed_is_marked_though_a_trial_of_its_seed_came_to_a_result() -> None:
    made, other = {"model": "vit_mini", "lr": 1e-3}, {"model": "vit_mini", "lr": 1e-2}
    found = [
        RunSummary(status(name, "e", state, seed=seed, started=1.0), RunMetadata(config, created=created))
        for name, seed, state, config, created in (
            ("a", 0, "finished", made, 1.0),
            ("b", 1, "failed", made, 2.0),
            ("c", 1, "finished", other, 3.0),
        )
    ]
    assert unfinished(found, found[0]) == (found[1],)


def test_hostile_reasons_are_shown_as_text(project: Project) -> None:
    rows = make_rows(snapshot(project, status("r", "ViT-small", "failed", reason="\x1b[2J[/x]\n")), set())
    assert rows[0].note == "[/x] "


def test_curves_are_called_by_what_tells_them_apart() -> None:
    a = status("a-s0-20261118-150000-abcd", "quick-ViT", "finished")
    b = status("b-s1-20261118-150000-abcd", "quick-ViT", "finished", seed=1)
    c = status("c-s1-20261119-160000-abcd", "quick-ViT", "finished", seed=1)
    d = status("d", "quick-BiT", "finished")
    assert curve_labels([a], {}) == [""]
    assert curve_labels([a, d], {}) == ["ViT", "BiT"]
    assert curve_labels([a, b, d], {}) == ["ViT s0", "ViT s1", "BiT"]
    assert curve_labels([b, c], {}) == ["s1 11-18 15:00", "s1 11-19 16:00"]


def test_a_mean_over_seeds_is_not_called_by_one_of_them() -> None:
    made = {"a": 2e-3, "b": 2e-5}
    shown = [status("a", "BiT", "finished", seed=1), status("b", "BiT", "finished", seed=2)]
    metadata = {run: RunMetadata({"model": "bit_mini", "lr": lr}) for run, lr in made.items()}
    assert curve_labels(shown, metadata) == ["s1 lr=0.002", "s2 lr=2e-05"]
    assert curve_labels(shown, metadata, made) == ["lr=0.002", "lr=2e-05"]


def test_a_run_that_waits_says_why_once_that_is_known(project: Project) -> None:
    for reason, note in [("", "waits"), ("2 of 2 CPU slots are taken", "2 of 2 CPU slots are taken")]:
        rows = make_rows(snapshot(project, status("r1", "BiT-small", "queued", reason=reason)), set())
        assert rows[1].note == note


def test_an_experiment_shows_the_mean_over_its_seeds_and_their_spread() -> None:
    def run(name: str, seed: int, f1: float, **more: object) -> Status:
        return status(name, "e", "finished", seed=seed, last={"test/f1": f1}, **more)

    made, other = {"model": "vit_mini", "lr": 1e-3}, {"model": "vit_mini", "lr": 1e-2}
    runs = [run("a", 0, 0.1), run("b", 0, 0.4), run("c", 1, 0.5), run("d", 2, 0.9), run("e", 3, 0.6)]
    metadata = {name: RunMetadata(made) for name in "abce"} | {"d": RunMetadata(other)}

    def shown(runs: list[Status], metadata: dict[str, RunMetadata]) -> str:
        (row,) = make_rows(Snapshot(runs=tuple(runs), metadata=metadata), set())
        column = find_column("test/f1")
        assert column is not None
        return column.text(row)

    assert shown(runs, metadata) == ".500±.100"  # the newer of two runs of a seed; not those made otherwise
    assert shown(runs[:2], metadata) == ".400"  # one seed
    live = {"f": RunMetadata(made)} | metadata
    assert shown([*runs, status("f", "e", "running", seed=4)], live) == ""  # the newest says more
    assert shown(runs, {}) == ".600"


def test_runs_of_one_experiment_say_what_they_were_made_with_where_that_differs() -> None:
    runs = [status(name, "e", "finished") for name in "abc"]
    one, other = (
        {"model": "vit_mini", "lr": 1e-3, "epochs": 4},
        {"model": "vit_mini", "lr": 2e-3, "epochs": 4},
    )
    metadata = {"a": RunMetadata(one), "b": RunMetadata(one), "c": RunMetadata(other)}
    assert distinguishing_settings(runs, metadata) == {"a": "lr=0.001", "b": "lr=0.001", "c": "lr=0.002"}
    assert distinguishing_settings(runs[:2], metadata) == {}
    assert distinguishing_settings(runs, {}) == {}


def test_curves_of_one_experiment_are_called_by_what_differs() -> None:
    a, b, c, d = (
        status(f"e-s{seed}-202611{day}-160000-abcd", "e", "finished", seed=seed)
        for seed, day in ((0, 18), (0, 19), (1, 20), (0, 21))
    )
    made, other, third = (
        RunMetadata({"model": "vit_mini", "lr": lr, "epochs": epochs, "notes": lr})
        for lr, epochs in ((1e-3, 4), (2e-3, 4), (2e-3, 8))
    )
    metadata = {a.run: made, b.run: other, c.run: other, d.run: other}
    assert curve_labels([a, b], metadata) == ["lr=0.001", "lr=0.002"]
    assert curve_labels([a, b, c], metadata) == ["s0 lr=0.001", "s0 lr=0.002", "s1 lr=0.002"]
    assert curve_labels([a, b, d], metadata) == [
        "lr=0.001",
        "s0 11-19 16:00 lr=0.002",
        "s0 11-21 16:00 lr=0.002",
    ]
    assert curve_labels([b, d], metadata) == ["s0 11-19 16:00", "s0 11-21 16:00"]
    assert curve_labels([a, d], metadata | {d.run: third}) == ["epochs=4 lr=0.001", "epochs=8 lr=0.002"]
    hostile = metadata | {b.run: RunMetadata({"model": "\x1b[31m[/x]"})}
    assert curve_labels([a, b], hostile)[1] == "model=[/x] epochs=7"


LR = {"model": "vit_mini", "dataset": "digits"}


def shown(
    runs: list[Status], metadata: dict[str, RunMetadata], experiment: Experiment | None = None
) -> list[str]:
    """Return the runs that the row of an experiment stands for."""
    config = (
        Config(path=Path(), defaults={}, experiments={"e": experiment}, figures={})
        if experiment is not None
        else None
    )
    (row,) = make_rows(Snapshot(config=config, runs=tuple(runs), metadata=metadata), set())
    return list(row.runs)


def test_a_row_stands_for_one_group_of_settings_and_marks_the_others() -> None:
    """Three short seeds have finished, and a longer run of one of them goes on."""
    runs = [status(f"r{seed}", "e", "finished", seed=seed, last={"test/f1": 0.9}) for seed in range(3)]
    longer = status("long", "e", "running", last={"test/f1": 0.1})
    short, long = RunMetadata(LR | {"epochs": 3}), RunMetadata(LR | {"epochs": 12})
    metadata = dict.fromkeys(("r0", "r1", "r2"), short) | {"long": long}
    (row,) = make_rows(Snapshot(runs=(*runs, longer), metadata=metadata), set())
    assert (set(row.runs), row.state, count_of(row)) == ({"r0", "r1", "r2"}, "finished", " ×3 ≠1 »1")
    (row, *under) = make_rows(Snapshot(runs=(*runs, longer), metadata=metadata), {"e"})
    assert (len(under), count_of(row)) == (4, "")
    more = status("r3", "e", "running", seed=3)
    assert shown([*runs, longer, more], metadata | {"r3": short}) == ["r3", "r2", "r1", "r0"]


def test_a_row_stands_for_its_experiment_as_it_is_now_once_that_was_tested() -> None:
    experiment = Experiment(name="e", model="vit_mini", epochs=4)
    now = {field: getattr(experiment, field) for field in experiment.__struct_fields__}
    runs = [status("a", "e", "finished"), status("b", "e", "finished", seed=1)]
    metadata = {"a": RunMetadata(now), "b": RunMetadata(now | {"epochs": 8})}
    assert shown(runs, metadata, experiment) == ["a"]
    assert shown(runs, metadata) == ["b"]
    begun = [status("a", "e", "running", last={"test/f1": 0.5}), runs[1]]
    assert shown(begun, metadata, experiment) == ["a"]
    assert shown(begun, metadata) == ["b"]
    config = Config(path=Path(), defaults={}, experiments={"e": experiment}, figures={})
    (row,) = make_rows(Snapshot(config=config, runs=tuple(runs), metadata=metadata), set())
    assert (row.runs, count_of(row)) == (("a",), " ≠1")


def test_a_seed_that_was_run_twice_counts_once() -> None:
    runs = [status(name, "e", "finished", seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    (row,) = make_rows(Snapshot(runs=tuple(runs), metadata=dict.fromkeys("abc", RunMetadata(LR))), set())
    assert (row.runs, count_of(row)) == (("c", "b"), " ×2")


def test_seeds_are_one_curve_with_those_of_the_same_settings_alone() -> None:
    runs = [status(f"r{seed}", "e", "finished", seed=seed) for seed in range(3)]
    longer, older = status("long", "e", "finished"), status("older", "e", "finished")
    short, long = RunMetadata(LR | {"epochs": 3}), RunMetadata(LR | {"epochs": 12})
    metadata = {f"r{seed}": short._replace(created=1.0) for seed in range(3)} | {"long": long, "older": short}

    def curves(*chosen: str) -> list[tuple[str, ...]]:
        return [curve.runs for curve in curves_of(summaries_of([*runs, longer, older], metadata), chosen)]

    seeds = ("r0", "r1", "r2")
    assert curves("r1") == [seeds]
    assert curves("long") == [("long",)]
    assert curves("long", "r2") == [seeds, ("long",)]
    assert curves("older") == [seeds, ("older",)]


def test_what_finished_runs_differ_in_is_said_first_and_what_goes_without_saying_is_not() -> None:
    made = {
        "a": LR | {"lr": 1e-3, "epochs": 6}, "b": LR | {"lr": 1e-2, "epochs": 6}, "c": LR | {"lr": 1e-2, "epochs": 6},
        "stopped": LR | {"lr": 1e-3, "epochs": 30}, "failed": LR | {"lr": 1e-3, "epochs": 6, "dataset": "folder:/no"},
    }  # fmt: skip
    runs = [status(name, "e", name if name in ("stopped", "failed") else "finished") for name in made]
    metadata = {name: RunMetadata(config) for name, config in made.items()}
    assert distinguishing_settings(runs, metadata, sparing=True) == {
        "a": "lr=0.001",
        "b": "lr=0.01",
        "c": "lr=0.01",
        "stopped": "lr=0.001 epochs=30",
        "failed": "lr=0.001 dataset=folder:/no",
    }
    assert distinguishing_settings(runs, metadata, most=2)["a"] == "lr=0.001 epochs=6"
    odd = distinguishing_settings([status(name, "e", "running") for name in "abc"], metadata, sparing=True)
    assert odd == {"a": "lr=0.001", "b": "", "c": ""}


def test_a_filter_that_cuts_an_experiments_mean_short_is_marked() -> None:
    runs = [status(f"r{seed}", "e", "finished", seed=seed, last={"test/f1": seed / 10}) for seed in range(3)]
    shown = Snapshot(runs=tuple(runs), metadata=dict.fromkeys(("r0", "r1", "r2"), RunMetadata(LR)))
    (row,) = make_rows(shown, set(), Meant({"r1", "r2"}, set()))
    assert (row.runs, count_of(row)) == (("r2", "r1"), " 2 of 3")
    (row, *_) = make_rows(shown, {"e"}, Meant({"r2"}, set()))
    assert count_of(row) == " 1 of 3"
    (row,) = make_rows(shown, set(), Meant({"r0", "r1", "r2"}, set()))
    assert count_of(row) == " ×3"
    other = status("r3", "e", "finished", seed=3)
    more = Snapshot(runs=(other, *runs), metadata=dict(shown.metadata) | {"r3": RunMetadata(LR | {"lr": 1})})
    (row,) = make_rows(more, set(), Meant({"r0", "r1", "r2"}, set()))
    assert count_of(row) == " ×3"  # the setting was filtered for, and the mean is whole


def test_a_group_of_experiments_that_differ_in_more_has_no_mean() -> None:
    runs = [
        status("a", "ViT", "finished", last={"test/f1": 0.4, "train/loss": 1.0}),
        status("b", "BiT", "finished", last={"test/f1": 0.9, "train/loss": 0.1}),
        status("c", "Hybrid", "stopped", started=2.0, last={"test/f1": 0.1, "train/loss": 2.0}),
    ]
    metadata = {run.run: RunMetadata(LR | {"model": run.experiment, "lr": 0.1}) for run in runs}
    f1, loss = find_column("test/f1"), find_column("train/loss")
    assert f1 is not None
    assert loss is not None
    (row,) = make_rows(Snapshot(runs=tuple(runs), metadata=metadata), set(), grouping=Grouping(["lr"]))
    assert (f1.text(row), loss.text(row), row.note) == ("", "", "3 experiments")
    assert (f1.order(row), loss.order(row)) == ((False, 0.9), (False, 0.1))
    alike = dict.fromkeys("ab", RunMetadata(LR)) | {"c": RunMetadata(LR)}
    (row,) = make_rows(Snapshot(runs=tuple(runs), metadata=alike), set(), grouping=Grouping(["lr"]))
    assert (f1.text(row), row.note) == (".650±.354", "")


def test_why_runs_wait_is_said_once(project: Project) -> None:
    taken = "1 of 1 CPU slot is taken"
    waiting = [
        status(f"r{n}", name, "queued", reason=taken) for n, name in enumerate(("ViT-small", "BiT-small"))
    ]
    held = status("r3", "one-token", "queued", reason="held")
    rows = make_rows(snapshot(project, *waiting, held), {"ViT-small"})
    assert [row.note for row in rows] == [taken, "waits", "waits", "held"]
