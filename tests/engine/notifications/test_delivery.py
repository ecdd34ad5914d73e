"""A message reaches a real server and a real program, or it is said in bounded time why it did not."""

from __future__ import annotations

import json
import socket
import time

import pytest

from engine.config.notify import Notify
from engine.notifications.delivery import deliver
from engine.notifications.message import Message
from tests.engine.notifications.notification_server import told

__all__ = ["told"]  # a fixture

MESSAGE = Message(
    id="net-s0.finished.1", event="finished", time=1.0, host="lab", text="net s0 finished\x1b[2J"
)


def sent(notify: Notify, folder, **more):
    return deliver(notify, MESSAGE, folder, **{"silence_s": 0.2, "command_s": 0.3} | more)


def test_an_address_gets_one_json_object(told, tmp_path):
    assert sent(Notify(url=f"{told.address}/$KEY"), tmp_path, environment={"KEY": "room"}).why == ""
    ((method, path, headers),) = told.requests
    assert (method, path, headers["Content-Type"]) == ("POST", "/room", "application/json")
    assert told.messages[0]["id"] == MESSAGE.id
    assert told.messages[0]["text"] == MESSAGE.text


@pytest.mark.parametrize(
    ("answer", "why", "for_good"),
    [
        (204, "", False),
        (500, "its address answers 500", False),
        (503, "its address answers 503", False),
        (429, "its address answers 429", False),
        (404, "its address answers 404", True),
        (302, "its address answers 302, which leads elsewhere", True),
        ("slow", "its address does not answer", False),
        ("drip", "its address gave no whole answer within 0.3 s", False),
    ],
)
def test_an_answer_that_is_no_success_is_told(told, tmp_path, answer, why, for_good):
    told.answers.append(answer)
    begun = time.monotonic()
    assert sent(Notify(url=f"{told.address}/$KEY"), tmp_path, environment={"KEY": "secret"}) == (
        why,
        for_good,
    )
    assert time.monotonic() - begun < 5
    assert [method for method, *_ in told.requests] == ["POST"]


def test_nobody_there(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        why = sent(Notify(url=f"http://127.0.0.1:{port}/$KEY"), tmp_path, environment={"KEY": "secret"}).why
    assert why == "its address cannot be reached: Connection refused"


def test_a_variable_that_is_not_set_names_itself_alone(tmp_path):
    why = sent(Notify(url="https://host/$KEY/$OTHER"), tmp_path, environment={"KEY": "secret"}).why
    assert why == "$OTHER is not set in the environment of what sends it"


def test_a_command_gets_it_on_its_standard_input(tmp_path):
    assert sent(Notify(command=["sh", "-c", "cat > got"]), tmp_path).why == ""
    text = (tmp_path / "got").read_text()
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert json.loads(text)["text"] == MESSAGE.text


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["sh", "-c", "exit 3"], "its command ended with status 3"),
        (["sh", "-c", "kill -9 $$"], "its command was killed by SIGKILL"),
        (["/nowhere/mail"], "its command cannot be started: No such file or directory"),
        (["sleep", "60"], "its command took more than 0.3 s"),
        (["sh", "-c", "exec <&-; exit 0"], ""),
    ],
)
def test_a_command_that_fails_is_told(tmp_path, command, why):
    assert sent(Notify(command=command), tmp_path).why == why
