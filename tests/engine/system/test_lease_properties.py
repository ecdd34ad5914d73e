"""Whatever hosts do with a lease, and whenever they are stopped: never two of them are sure that they have it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.system import lease, lease_files
from engine.system.lock_holder import Holder

HOSTS = st.integers(0, 3)
SECONDS = st.floats(0.0, 200.0)
MEANWHILE = st.lists(
    st.tuples(st.sampled_from(["pause", "take", "confirm", "release"]), HOSTS, SECONDS), max_size=4
)


class Hosts(RuleBasedStateMachine):
    """Four hosts and a file server whose clock is another one; a host may be stopped between any two of its steps."""

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._folder = tempfile.mkdtemp()
        self._now, self._ahead = 1_000.0, 1_000_000.0
        self._leases: dict[int, lease.Lease] = {}
        self._meanwhile: list[tuple[str, int, float]] = []
        self._busy: set[int] = set()
        make = lease.make

        def slow_make(*arguments):
            while self._meanwhile:
                self.do(*self._meanwhile.pop())
            return make(*arguments)

        def touch(file: int) -> None:
            os.utime(file, (self._now + self._ahead,) * 2)

        self._patch.setattr(os, "fsync", lambda _: None)  # the time that it takes proves nothing here
        self._patch.setattr(lease, "clock", lambda: self._now)
        self._patch.setattr(lease, "touch", touch)
        self._patch.setattr(lease, "make", slow_make)

    def do(self, what: str, host: int, seconds: float) -> None:
        if what == "pause":
            self._now += seconds
        elif host not in self._busy:
            {"take": self._take, "confirm": self._confirm, "release": self._release}[what](host)

    @rule(host=HOSTS, meanwhile=MEANWHILE)
    def take(self, host: int, meanwhile: list[tuple[str, int, float]]) -> None:
        self._meanwhile = list(meanwhile)
        self._take(host)

    @rule(host=HOSTS, meanwhile=MEANWHILE)
    def confirm(self, host: int, meanwhile: list[tuple[str, int, float]]) -> None:
        self._meanwhile = list(meanwhile)
        self._confirm(host)

    def _take(self, host: int) -> None:
        if host in self._leases:
            return
        who = Holder(pid=1, started=1.0, boot="another", host=f"host {host}", space="")
        with self._at_it(host), contextlib.suppress(lease.Taken):
            self._leases[host] = lease.take(f"{self._folder}/lock.lease", who)

    def _confirm(self, host: int) -> None:
        if host in self._leases:
            with self._at_it(host):
                has_it = self._leases[host].confirm()
            if not has_it:
                self._leases.pop(host).forget()

    def _release(self, host: int) -> None:
        if host in self._leases:
            self._leases.pop(host).release()

    @contextlib.contextmanager
    def _at_it(self, host: int):
        self._busy.add(host)
        yield
        self._busy.discard(host)

    @rule(host=HOSTS)
    @precondition(lambda self: self._leases)
    def renew(self, host: int) -> None:
        self._meanwhile = []
        if host in self._leases and not self._leases[host].renew():
            self._leases.pop(host).forget()

    @rule(host=HOSTS)
    @precondition(lambda self: self._leases)
    def release(self, host: int) -> None:
        self._release(host)

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self._now += seconds

    @invariant()
    def one_is_sure_at_most(self) -> None:
        sure = [
            host for host, taken in self._leases.items()
            if self._now - taken._renewed < lease.SURE_S and not taken._is_lost
        ]  # fmt: skip
        assert len(sure) <= 1

    @invariant()
    def after_all_have_gone_it_is_free(self) -> None:
        look = lease_files.newest(f"{self._folder}/lock.lease")
        if not self._leases and look is not None:
            assert lease.is_free(look, self._now + self._ahead + lease.STALE_S + 1)

    def teardown(self) -> None:
        for taken in self._leases.values():
            taken.forget()
        self._patch.undo()
        shutil.rmtree(self._folder)


Hosts.TestCase.settings = settings(stateful_step_count=25)
TestHosts = Hosts.TestCase


@pytest.mark.parametrize(("age", "free"), [(0, False), (89, False), (91, True), (-89, False), (-91, True)])
def test_a_time_far_ahead_is_no_sign_of_life_either(age, free):
    assert lease.is_free(lease_files.Look(1, 1000.0), 1000.0 + age) is free


def test_a_first_one_can_be_made():
    assert lease.is_free(None, 0.0)
    assert lease_files.newest(str(Path("/nowhere"))) is None
