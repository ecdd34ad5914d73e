"""Which runs speak for an experiment."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.runs_that_count import Candidate, choose, read_candidates, uncounted
from engine.config.schema import Experiment, settings
from engine.runs.recorder import Recorder
from engine.runs.status import Status
from engine.runs.store import Run, RunInfo, Store

EXPERIMENT = Experiment(name="a", model="vit_mini", patch_size=4, lr=5e-4, seeds=[0, 1, 2], tags=["x"])
METRIC = "test/f1"


def candidate(
    created: float, seed: int = 0, state: Any = "finished", metric: str = METRIC, **config: Any
) -> Candidate:
    name = config.pop("name", "a")
    experiment = msgspec.structs.replace(EXPERIMENT, name=name, seed=seed, seeds=[], **config)
    run_id = f"{name}-s{seed}-{created:g}"
    info = RunInfo(
        id=run_id, experiment=name, seed=seed, created=created,
        config=msgspec.json.decode(msgspec.json.encode(msgspec.structs.asdict(experiment))),
    )  # fmt: skip
    status = Status(run=run_id, experiment=name, seed=seed, state=state, last={metric: 0.5} if metric else {})
    return Candidate(Run(Path(run_id)), info, status)


def ids(candidates: tuple[Candidate, ...]) -> list[str]:
    return [each.run.id for each in candidates]


def test_the_newest_finished_run_of_each_seed_counts() -> None:
    runs = [candidate(1, 0), candidate(2, 0), candidate(3, 0, "stopped"), candidate(4, 1)]
    choice = choose(EXPERIMENT, runs, METRIC)
    assert ids(choice.runs) == ["a-s0-2", "a-s1-4"]
    assert choice.finished
    assert not choice.left_out
    assert not choice.changes


def test_an_unfinished_seed_waits_outside_until_it_has_finished() -> None:
    choice = choose(EXPERIMENT, [candidate(1, 0), candidate(2, 1, "running")], METRIC)
    assert ids(choice.runs) == ["a-s0-1"]
    assert ids(choice.left_out) == ["a-s1-2"]


def test_unfinished_runs_count_while_nothing_has_finished() -> None:
    choice = choose(EXPERIMENT, [candidate(1, 0, "crashed"), candidate(2, 1, "running")], METRIC)
    assert ids(choice.runs) == ["a-s0-1", "a-s1-2"]
    assert not choice.finished


def test_another_configuration_is_never_mixed_in() -> None:
    choice = choose(EXPERIMENT, [candidate(1, 0), candidate(9, 1, lr=1e-3)], METRIC)
    assert ids(choice.runs) == ["a-s0-1"]


def test_without_a_run_of_this_configuration_that_of_most_seeds_stands_in_and_is_named() -> None:
    runs = [
        candidate(1, 0, lr=1e-3),
        candidate(2, 1, lr=1e-3),
        candidate(3, 0, lr=1e-2),
        candidate(4, 1, "failed", lr=1),
    ]
    choice = choose(EXPERIMENT, runs, METRIC)
    assert ids(choice.runs) == ["a-s0-1", "a-s1-2"]
    assert choice.changes == {"lr": (1e-3, 5e-4)}
    assert [ids(group) for group in choice.other_settings] == [["a-s0-3"]]


def test_of_as_many_seeds_those_of_most_epochs_count_then_the_nearest_then_the_newest() -> None:
    def chosen(*runs: Candidate) -> list[str]:
        return ids(choose(EXPERIMENT, runs, METRIC).runs)

    far = {"lr": 1e-3, "cutout": 4}
    assert chosen(candidate(1, epochs=9, **far), candidate(2, epochs=8)) == ["a-s0-1"]
    assert chosen(candidate(1, lr=1e-3), candidate(2, **far)) == ["a-s0-1"]
    assert chosen(candidate(1, lr=1e-3), candidate(2, lr=1e-2)) == ["a-s0-2"]


def test_a_short_trial_is_never_the_face_of_an_experiment_that_was_trained_in_full() -> None:
    trials = [candidate(seed + 2, seed, epochs=1, batch_size=99_999_999) for seed in range(3)]
    whole = candidate(1, 0, lr=1e-3)
    assert ids(choose(EXPERIMENT, [whole, *trials], METRIC).runs) == ["a-s0-1"]
    longer = msgspec.structs.replace(EXPERIMENT, epochs=30)
    assert ids(choose(longer, [whole, *trials[:1]], METRIC).runs) == ["a-s0-1"]


def test_a_run_of_the_experiment_as_it_stands_counts_once_it_was_tested_while_it_lives() -> None:
    old = [candidate(seed, seed, lr=1e-3) for seed in range(3)]
    for own, expected in [
        (candidate(9, 0, "running"), ["a-s0-9"]),
        (candidate(9, 0, "running", metric=""), ["a-s0-0", "a-s1-1", "a-s2-2"]),
        (candidate(9, 0, "failed"), ["a-s0-0", "a-s1-1", "a-s2-2"]),
    ]:
        assert ids(choose(EXPERIMENT, [*old, own], METRIC).runs) == expected


def test_what_is_not_counted_is_told_seeds_that_failed_before_their_first_test_too() -> None:
    runs = [
        candidate(1, 0), candidate(2, 0), candidate(3, 0, "failed"), candidate(4, 1, "failed", metric=""),
        candidate(5, 2, "crashed"), candidate(6, 3, "stopped"), candidate(7, 4, "failed"), candidate(8, 4, "queued"),
    ]  # fmt: skip
    choice = choose(EXPERIMENT, runs, METRIC)
    assert ids(choice.runs) == ["a-s0-2"]
    assert ids(choice.older) == ["a-s0-1"]
    assert ids(choice.lost) == ["a-s1-4", "a-s2-5"]
    assert ids(choice.left_out) == ["a-s3-6", "a-s4-8"]
    assert uncounted(choice) == [
        "1 older run of the same seed not counted",
        "2 of 5 seeds failed and are not counted",
    ]
    assert uncounted(choose(EXPERIMENT, [candidate(1, 0)], METRIC)) == []


def test_what_changes_no_learning_is_no_other_configuration() -> None:
    choice = choose(EXPERIMENT, [candidate(1, 7, tags=["y"], notes="again", log_every=3)], METRIC)
    assert ids(choice.runs) == ["a-s7-1"]
    assert not choice.changes


def test_runs_without_the_metric_and_of_others_do_not_count() -> None:
    runs = [candidate(1, 0, metric="train/loss"), candidate(2, 0, metric=""), candidate(3, 0, name="b")]
    assert choose(EXPERIMENT, runs, METRIC).runs == ()


def test_a_run_from_before_a_key_existed_has_its_default() -> None:
    config = msgspec.structs.asdict(EXPERIMENT)
    del config["label_smoothing"], config["options"]
    assert settings(config | {"key_of_tomorrow": 1}) == settings(msgspec.structs.asdict(EXPERIMENT))


some_runs = st.lists(
    st.builds(
        candidate,
        created=st.integers(0, 20).map(float),
        seed=st.integers(0, 3),
        state=st.sampled_from(["finished", "running", "stopped", "failed", "crashed", "queued"]),
        metric=st.sampled_from([METRIC, "train/loss", ""]),
        lr=st.sampled_from([5e-4, 1e-3, 1e-2]),
    ),
    max_size=20,
    unique_by=lambda each: each.run.id,
)


@given(some_runs, st.randoms())
def test_a_choice_is_one_run_a_seed_of_one_configuration_whatever_the_order(
    runs: list[Candidate], random: Any
) -> None:
    choice = choose(EXPERIMENT, runs, METRIC)
    seeds = [each.info.seed for each in choice.runs]
    assert seeds == sorted(set(seeds))
    group = (*choice.runs, *choice.older, *choice.lost, *choice.left_out)
    assert len({each.info.config["lr"] for each in group}) <= 1
    assert len({each.run.id for each in group}) == len(group)
    assert not {each.run.id for each in group} & {
        each.run.id for each in itertools.chain(*choice.other_settings)
    }
    assert len({each.status.state == "finished" for each in choice.runs}) <= 1
    assert not set(seeds) & {each.info.seed for each in choice.left_out}
    assert bool(choice.runs) == any(METRIC in each.status.last for each in runs)
    assert bool(choice.changes) == (bool(choice.runs) and choice.runs[0].info.config["lr"] != EXPERIMENT.lr)
    shuffled = runs.copy()
    random.shuffle(shuffled)
    assert ids(choose(EXPERIMENT, shuffled, METRIC).runs) == ids(choice.runs)


def test_a_store_is_read_with_its_damaged_runs_named(store: Store, tiny: Experiment) -> None:
    whole, damaged = store.create(tiny, 0), store.create(tiny, 1)
    recorder = Recorder(whole)
    recorder.metrics(1, 1.0, {METRIC: 0.5})
    recorder.close()
    (damaged.path / "run.json").write_text('{"id": ')
    candidates, troubles = read_candidates(store)
    assert [each.run.id for each in candidates] == [whole.id]
    assert len(troubles) == 1
    assert damaged.id in troubles[0]
    assert ids(choose(tiny, candidates, METRIC).runs) == [whole.id]
