"""What a run's process makes of signals: real ones, to this process."""

from __future__ import annotations

import os
import signal

import pytest

from engine.runs import stop_request
from engine.runs.stop_request import StopRequest
from engine.system.process import STOP_SIGNALS


@pytest.fixture(autouse=True)
def _handlers():
    """Begin as a process that no nohup started, and put the handlers of signals back after the test."""
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def stop(run) -> StopRequest:
    request = StopRequest(run)
    request.listen()
    return request


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop_now_and_is_named(stop, number):
    os.kill(os.getpid(), number)
    assert (stop.request, stop.reason, stop.time_nearly_up) == (
        "stop-now",
        f"stopped by {number.name}",
        False,
    )


def test_usr2_says_that_the_time_is_nearly_up(stop):
    os.kill(os.getpid(), signal.SIGUSR2)
    assert (stop.request, stop.reason) == ("stop-now", "its time is nearly up: stopped")
    assert stop.time_nearly_up


def test_cont_is_nothing(stop):
    os.kill(os.getpid(), signal.SIGCONT)
    assert (stop.request, stop.reason) == (None, "")


def test_of_several_signals_the_first_says_why(stop):
    for number in (signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)
    assert stop.time_nearly_up
    assert stop.reason == "its time is nearly up: stopped"


def test_a_signal_does_not_wait_for_the_end_of_the_epoch(stop, run):
    stop_request.ask(run, "stop-after-epoch")
    stop.poll()
    assert stop.request == "stop-after-epoch"
    os.kill(os.getpid(), signal.SIGHUP)
    stop.poll()
    assert (stop.request, stop.reason) == ("stop-now", "stopped on request"), "its user asked first"


def test_who_was_asked_to_stop_is_not_begun_anew(stop, run):
    stop_request.ask(run, "stop-after-epoch")
    stop.poll()
    os.kill(os.getpid(), signal.SIGUSR2)
    assert (stop.request, stop.reason) == ("stop-now", "stopped on request")
    assert not stop.time_nearly_up


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
@pytest.mark.parametrize("request_", stop_request.REQUESTS)
def test_who_is_asked_to_stop_after_a_signal_is_not_begun_anew(stop, run, number, request_):
    os.kill(os.getpid(), number)
    stop_request.ask(run, request_)
    stop.poll()
    assert (stop.request, stop.reason) == ("stop-now", "stopped on request")
    assert not stop.time_nearly_up


def test_what_was_asked_up_to_the_end_is_heard_and_forgotten(stop, run):
    os.kill(os.getpid(), signal.SIGUSR2)
    stop_request.ask(run, "stop-after-epoch")
    stop.settle()
    assert (stop.reason, stop.time_nearly_up) == ("stopped on request", False)
    assert stop_request.asked(run) is None


def test_what_is_passed_on_is_not_asked_by_the_user(stop, run):
    os.kill(os.getpid(), signal.SIGUSR2)
    stop.pass_on()
    rank = StopRequest(run)
    rank.poll()
    assert rank.request == "stop-now"
    assert stop_request.asked(run) is None
    stop.settle()
    assert (stop.request, stop.reason) == ("stop-now", "its time is nearly up: stopped")
    assert stop.time_nearly_up
    assert stop_request.asked(run) is None


def test_what_a_killed_attempt_passed_on_is_forgotten(stop, run):
    os.kill(os.getpid(), signal.SIGUSR2)
    stop.pass_on()
    stop_request.forget_passed_on(run)
    assert not run.control.exists()
    stop_request.ask(run, "stop-now")
    stop_request.forget_passed_on(run)
    assert stop_request.asked(run) == "stop-now"


def test_what_is_passed_on_leaves_what_the_user_asked(stop, run):
    stop_request.ask(run, "stop-now")
    os.kill(os.getpid(), signal.SIGUSR2)
    stop.pass_on()
    assert run.control.read_text() == "stop-now"
    assert stop.reason == "stopped on request"


def test_what_is_passed_on_is_so_again_after_the_user_asked_for_less(stop, run):
    os.kill(os.getpid(), signal.SIGUSR2)
    stop.pass_on()
    stop_request.ask(run, "stop-after-epoch")
    stop.pass_on()
    rank = StopRequest(run)
    rank.poll()
    assert (rank.request, stop.reason) == ("stop-now", "stopped on request")


def test_a_second_interrupt_ends_it_at_once(stop):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_what_one_run_was_asked_by_its_file_is_not_meant_for_the_next(stop, run, store, tiny):
    stop_request.ask(run, "stop-after-epoch")
    stop.poll()
    stop.follow(store.create(tiny, seed=1))
    stop.poll()
    assert (stop.request, stop.signalled) == (None, False)


def test_a_signal_is_meant_for_the_next_run_too(run):
    stop = StopRequest()  # no run is there yet
    stop.listen()
    stop.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    stop.follow(run)
    stop.poll()
    assert (stop.request, stop.reason, stop.signalled) == ("stop-now", "stopped by SIGTERM", True)


def test_a_hangup_that_is_ignored_stays_so(run):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup starts it
    stop = StopRequest(run)
    stop.listen()
    os.kill(os.getpid(), signal.SIGHUP)
    assert stop.request is None
