"""The plan keeps its promises for any queue, any devices and whatever runs: it is a function of plain data."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.queue.planner import PATIENCE_S, Job, Live, fits, make_plan
from engine.sites.device_occupancy import Device, User
from engine.text import GIB

NOW = 10_000.0
RUNS = "abcdefghijkl"


def gpu(index: int, **fields) -> Device:
    return Device(f"GPU-{index}", f"GPU {index}", index, gpu=True, **{"total": 80 * GIB} | fields)


def slots(count: int) -> list[Device]:
    return [Device(f"cpu:{i}", f"CPU slot {i + 1}", i) for i in range(count)]


sizes = st.integers(0, 100).map(lambda n: n * GIB)
users = st.lists(st.builds(User, st.integers(2, 9), st.just("python"), st.integers(1, 40).map(lambda n: n * GIB)),
                 max_size=2)  # fmt: skip


@st.composite
def gpus(draw):
    def one(index: int) -> Device:
        others = tuple(draw(users))
        foreign = sum(user.size for user in others) or draw(st.sampled_from([0, GIB // 2, 20 * GIB]))
        return gpu(index, foreign=foreign, used=foreign + draw(sizes), users=others)

    return [one(index) for index in range(draw(st.integers(0, 4)))]


@st.composite
def situations(draw):
    """A queue, devices and live runs as a worker may find them; no live runs that the plan itself would not allow."""
    devices = draw(gpus()) + slots(draw(st.integers(0, 3)))
    jobs = [
        Job(
            run=name,
            rank=(-draw(st.integers(0, 2)), draw(st.integers(0, 3))),
            gpus=draw(st.integers(1, 3)),
            since=draw(st.sampled_from([NOW, NOW - PATIENCE_S / 2, NOW - PATIENCE_S])),
            wish=draw(st.sampled_from(["auto", "auto", "cpu", "cuda", "cuda:1", "GPU-2"])),
            share=draw(st.booleans()),
            memory=draw(st.none() | sizes),
            blocked=draw(st.sampled_from(["", "", "held"])),
        )
        for name in RUNS[: draw(st.integers(0, 8))]
    ]
    live = []
    for number in range(draw(st.integers(0, 4)) if devices else 0):
        device = draw(st.sampled_from(devices))
        alone = not any(device.id in run.devices for run in live)
        if alone:
            live.append(Live(f"live-{number}", (device.id,), draw(st.booleans()), draw(st.none() | sizes)))
    return jobs, devices, live


def occupants(plan, jobs, live, device) -> list[Job | Live]:
    """Return who is on a device once the plan is carried out."""
    by_name = {job.run: job for job in jobs}
    there = [run for run in live if device.id in run.devices]
    return there + [by_name[name] for name, given in plan.starts.items() if device in given]


class TestPromises:
    @given(situations())
    def test_every_run_starts_or_waits_and_says_why(self, situation):
        jobs, devices, live = situation
        plan = make_plan(jobs, devices, live, NOW)
        assert plan.starts.keys() | plan.waits.keys() == {job.run for job in jobs}
        assert not plan.starts.keys() & plan.waits.keys()
        assert all(wait.words for wait in plan.waits.values())
        for job in jobs:
            if job.run in plan.starts:
                assert len({device.id for device in plan.starts[job.run]}) == job.gpus
                assert not job.blocked

    @given(situations())
    def test_two_runs_are_on_one_device_only_if_all_share_and_fit(self, situation):
        jobs, devices, live = situation
        plan = make_plan(jobs, devices, live, NOW)
        for device in devices:
            there = occupants(plan, jobs, live, device)
            if len(there) > 1:
                assert device.gpu
                assert all(run.share and run.memory is not None for run in there)
                assert device.foreign + sum(run.memory for run in there) <= device.total

    @given(situations())
    def test_no_run_starts_where_others_hold_memory(self, situation):
        jobs, devices, live = situation
        for given_devices in make_plan(jobs, devices, live, NOW).starts.values():
            assert all(device.is_open for device in given_devices)

    @given(situations())
    def test_nothing_waits_while_what_it_needs_is_free_and_not_kept(self, situation):
        jobs, devices, live = situation
        plan = make_plan(jobs, devices, live, NOW)
        rank = {job.run: (job.rank, job.run) for job in jobs}
        since = {job.run: job.since for job in jobs}
        for job in jobs:
            if job.blocked or job.run in plan.starts:
                continue
            free = [
                device for device in devices
                if asked_for(job, device, devices) and fits(job, device, occupants(plan, jobs, live, device))
            ]  # fmt: skip
            unkept = [device for device in free if device.id not in plan.kept]
            if len(free) < job.gpus:
                continue
            assert len(unkept) < job.gpus, "it waits for nothing"
            for device in free:
                keeper = plan.kept.get(device.id)
                assert keeper is None or keeper == job.run or rank[keeper] < rank[job.run]
                assert keeper is None or since[keeper] <= NOW - PATIENCE_S

    @given(situations())
    def test_of_two_alike_the_earlier_starts_first(self, situation):
        jobs, devices, live = situation
        plan = make_plan(jobs, devices, live, NOW)
        for one in jobs:
            for two in jobs:
                alike = all(
                    getattr(one, key) == getattr(two, key) for key in ("gpus", "wish", "share", "memory")
                )
                if alike and (one.rank, one.run) < (two.rank, two.run) and not one.blocked:
                    assert one.run in plan.starts or two.run not in plan.starts

    @given(situations())
    def test_the_order_in_which_it_is_told_does_not_matter(self, situation):
        jobs, devices, live = situation
        assert make_plan(jobs, devices, live, NOW) == make_plan(jobs[::-1], devices, live, NOW)

    @given(situations())
    def test_a_device_is_kept_for_a_run_that_waits_and_could_have_it(self, situation):
        jobs, devices, live = situation
        plan = make_plan(jobs, devices, live, NOW)
        assert set(plan.kept.values()) <= plan.waits.keys()
        for name in set(plan.kept.values()):
            (job,) = (job for job in jobs if job.run == name)
            assert list(plan.kept.values()).count(name) == job.gpus


def asked_for(job: Job, device: Device, devices: Sequence[Device]) -> bool:
    match job.wish:
        case "auto":
            return device.gpu == any(other.gpu for other in devices)
        case "cpu":
            return not device.gpu
        case "cuda":
            return device.gpu
        case "cuda:1":
            return device.gpu and device.index == 1
    return device.id == job.wish


class TestFairness:
    """A run that needs much is not overtaken for ever, however many small ones come."""

    @pytest.mark.parametrize("length", [60, 500, 3000])
    @pytest.mark.parametrize(
        ("small", "large"),
        [
            (Job("small", gpus=1), Job("large", gpus=2)),
            (Job("small", share=True, memory=10 * GIB), Job("large", memory=10 * GIB)),
            (Job("small", share=True, memory=30 * GIB), Job("large", share=True, memory=60 * GIB)),
        ],
    )
    def test_the_large_one_starts_after_its_patience_and_what_runs_then(self, small, large, length):
        devices, now, number = [gpu(0), gpu(1)], 0.0, 0
        running: list[tuple[float, Live]] = []
        large = Job("large", (0, 1.0), since=100.0, gpus=large.gpus, share=large.share, memory=large.memory)
        while now < 100_000:
            running = [(end, run) for end, run in running if end > now]
            queue = [
                Job(
                    f"s{number + i:04d}",
                    (0, number + i + 2.0),
                    now,
                    small.gpus,
                    "auto",
                    small.share,
                    small.memory,
                )
                for i in range(4)
            ]
            live = [run for _, run in running]
            plan = make_plan([*queue, large] if now >= 100 else queue, devices, live, now)
            if "large" in plan.starts:
                break
            for name, given_devices in plan.starts.items():
                where = tuple(device.id for device in given_devices)
                running.append(
                    (now + length * (1 + number % 3 / 2), Live(name, where, small.share, small.memory))
                )
                number += 1
            now += 10
        assert number >= 2
        assert now <= 100 + PATIENCE_S + 2 * length + 20

    def test_until_then_no_device_idles(self):
        wide = Job("wide", (0, 0), since=NOW - PATIENCE_S + 1, gpus=2)
        narrow = Job("narrow", (0, 1), since=NOW)
        live = [Live("long", ("GPU-0",))]
        plan = make_plan([wide, narrow], [gpu(0), gpu(1)], live, NOW)
        assert [device.id for device in plan.starts["narrow"]] == ["GPU-1"]
        plan = make_plan([wide, narrow], [gpu(0), gpu(1)], live, NOW + 1)
        assert plan.starts == {}
        assert plan.waits["narrow"].words == "waiting for GPU 0 (kept for wide) or GPU 1 (kept for wide)"


class TestWords:
    def why(self, job: Job, devices: list[Device], *live: Live) -> str:
        return make_plan([job], devices, live, NOW).waits[job.run].words

    def test_cpu_slots(self):
        live = Live("x", ("cpu:0",)), Live("y", ("cpu:1",))
        assert self.why(Job("a"), slots(2), *live) == "2 of 2 CPU slots are taken"
        assert self.why(Job("a"), slots(1), live[0]) == "1 of 1 CPU slot is taken"
        assert self.why(Job("a", gpus=2), slots(2), live[0]) == "needs 2, 1 of 2 CPU slots is taken"
        kept = make_plan([Job("w", (0,), gpus=2), Job("a", (1,), since=NOW)], slots(2), live[:1], NOW)
        assert kept.waits["a"].words == "1 of 2 CPU slots is taken, the rest is kept for w"

    def test_a_run_that_makes_no_step_is_named(self):
        live = Live("x", ("cpu:0",), stalled=True), Live("y", ("cpu:1",))
        assert self.why(Job("a"), slots(2), *live) == "2 of 2 CPU slots are taken; x stalls"
        assert self.why(Job("a"), [gpu(0)], Live("x", ("GPU-0",), stalled=True)) == (
            "waiting for GPU 0 (runs x); x stalls"
        )

    def test_a_slot_that_there_is_no_more_counts_as_one_that_there_is(self):
        assert self.why(Job("a"), slots(1), Live("x", ("cpu:7",))) == "1 of 1 CPU slot is taken"

    def test_somebody_else_on_the_gpu(self):
        other = User(4242, "python", 30 * GIB)
        devices = [gpu(1, foreign=30 * GIB, used=30 * GIB, users=(other,))]
        job = Job("a", memory=21 * GIB)
        assert self.why(job, devices) == "waiting for 21 GiB on GPU 1 (used by pid 4242, python, 30 GiB)"
        assert self.why(Job("a"), devices) == "waiting for GPU 1 (used by pid 4242, python, 30 GiB)"
        unnamed = [gpu(1, foreign=30 * GIB, used=30 * GIB)]
        assert self.why(Job("a"), unnamed) == "waiting for GPU 1 (used by others, 30 GiB)"

    def test_what_others_may_hold_of_a_free_gpu(self):
        for total, foreign, free in [(8, 0.9, True), (8, 1.1, False), (80, 3.9, True), (80, 4.1, False)]:
            device = gpu(0, total=total * GIB, foreign=int(foreign * GIB), used=int(foreign * GIB))
            assert ("a" in make_plan([Job("a")], [device], [], NOW).starts) is free

    def test_too_little_left_beside_a_small_program_of_others(self):
        devices = [gpu(0, foreign=2 * GIB, used=2 * GIB, users=(User(7, "Xorg", 2 * GIB),))]
        job = Job("a", memory=79 * GIB)
        assert self.why(job, devices) == "waiting for 79 GiB on GPU 0 (used by pid 7, Xorg, 2.0 GiB)"

    def test_our_own_runs_on_it(self):
        live = Live("x", ("GPU-0",)), Live("y", ("GPU-1",))
        assert self.why(Job("a"), [gpu(0), gpu(1)], *live) == "waiting for GPU 0 (runs x) or GPU 1 (runs y)"
        assert self.why(Job("a", gpus=2), [gpu(0), gpu(1)], live[0]) == "waiting for 2 GPUs: GPU 0 (runs x)"

    def test_a_shared_gpu_that_is_full(self):
        live = Live("x", ("GPU-0",), share=True, memory=70 * GIB)
        job = Job("a", share=True, memory=21 * GIB)
        assert self.why(job, [gpu(0)], live) == "waiting for 21 GiB on GPU 0 (runs x, 10 GiB free)"

    @pytest.mark.parametrize(
        ("job", "words"),
        [
            (Job("a", memory=90 * GIB), "needs 90 GiB, and the largest GPU has 80 GiB"),
            (Job("a", gpus=2), "needs 2 GPUs, and the worker has 1"),
            (Job("a", wish="cuda:1"), "needs 1 GPU (cuda:1), and the worker has none"),
            (Job("a", wish="cpu"), "needs 1 CPU slot (cpu), and the worker has none"),
        ],
    )
    def test_what_can_never_be(self, job, words):
        wait = make_plan([job], [gpu(0)], [], NOW).waits["a"]
        assert (wait.words, wait.hopeless) == (words, True)


class TestLostCards:
    """A card that does not answer is given to nobody, and stands in the reason; others are not held up by it."""

    LOST = gpu(1, total=0, lost="GPU is lost")

    @pytest.mark.parametrize(
        ("job", "devices", "words"),
        [
            (Job("a"), [LOST, *slots(1)], "needs 1 GPU: GPU 1 is lost (GPU is lost)"),
            (Job("a", wish="cuda:1"), [gpu(0), LOST], "needs 1 GPU: GPU 1 is lost (GPU is lost)"),
            (Job("a", gpus=2), [gpu(0), LOST], "needs 2 GPUs: GPU 1 is lost (GPU is lost)"),
            (Job("a", memory=90 * GIB), [gpu(0), LOST], "needs 90 GiB, and the largest GPU has 80 GiB"),
        ],
    )
    def test_what_cannot_start_until_it_is_back_says_so(self, job, devices, words):
        plan = make_plan([job], devices, [], NOW)
        assert plan.starts == {}
        assert (plan.waits["a"].words, plan.waits["a"].hopeless) == (words, True)

    def test_others_begin_beside_it_and_who_waits_is_told_of_it(self):
        plan = make_plan([Job("a"), Job("b")], [gpu(0), self.LOST], [], NOW)
        assert [device.name for device in plan.starts["a"]] == ["GPU 0"]
        assert plan.waits["b"].words == "waiting for GPU 0 (runs a) or GPU 1 (lost: GPU is lost)"
        assert not plan.waits["b"].hopeless

    def test_it_is_kept_for_nobody(self):
        plan = make_plan(
            [Job("a", gpus=1, since=NOW - 2 * PATIENCE_S)], [gpu(0), self.LOST], [Live("b", ("GPU-0",))], NOW
        )
        assert plan.kept == {"GPU-0": "a"}


class TestSharing:
    def test_runs_that_share_are_spread_before_they_are_packed(self):
        jobs = [Job(name, (i,), share=True, memory=30 * GIB) for i, name in enumerate("abcde")]
        plan = make_plan(jobs, [gpu(0), gpu(1)], [], NOW)
        assert {name: given[0].index for name, given in plan.starts.items()} == {
            "a": 0,
            "b": 1,
            "c": 0,
            "d": 1,
        }
        assert list(plan.waits) == ["e"]

    def test_a_run_of_unknown_size_shares_with_nobody(self):
        jobs = [Job("a", (0,), share=True), Job("b", (1,), share=True, memory=GIB)]
        assert list(make_plan(jobs, [gpu(0)], [], NOW).starts) == ["a"]

    def test_what_a_run_holds_beyond_what_was_expected_counts(self):
        live = [Live("x", ("GPU-0",), share=True, memory=10 * GIB)]
        job = Job("a", share=True, memory=30 * GIB)
        assert "a" in make_plan([job], [gpu(0, used=50 * GIB)], live, NOW).starts
        assert "a" in make_plan([job], [gpu(0, used=51 * GIB)], live, NOW).waits

    def test_a_part_of_a_gpu_of_unknown_size_has_one_run(self):
        part = gpu(0, total=0)
        assert list(make_plan([Job("a", memory=90 * GIB)], [part], [], NOW).starts) == ["a"]
        assert list(
            make_plan([Job("b", share=True, memory=1)], [part], [Live("x", ("GPU-0",), True, 1)], NOW).waits
        ) == ["b"]
