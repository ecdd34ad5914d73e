"""Brings a message to where [notify] says: posted to an address, or on the standard input of a command.

What comes back is why it did not arrive, in words that hold nothing of the address: a secret may stand in it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from engine.config.notify import Notify
from engine.notifications.message import Message
from engine.runs.processes.membership import unmarked
from engine.text import escaped_json

if TYPE_CHECKING:
    from urllib.request import Request

SILENCE_S = 10.0
"""Seconds for which an address may say nothing."""
COMMAND_S = 30.0
"""Seconds that a command may take, and an address in all."""
PASSING = (408, 425, 429)
"""Refusals by which an address asks for another try later."""


class Outcome(NamedTuple):
    """What came of a try."""

    why: str = ""
    """Why the message did not arrive; empty where it did."""
    for_good: bool = False
    """Whether another try would end alike."""


def deliver(
    notify: Notify,
    message: Message,
    folder: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    silence_s: float = SILENCE_S,
    command_s: float = COMMAND_S,
) -> Outcome:
    """Try once to send a message.

    Args:
        notify: Where it goes.
        message: The message.
        folder: Where a command runs.
        environment: Has the values of the variables in an address.
        silence_s: Seconds for which an address may say nothing.
        command_s: Seconds that it may take in all.

    Returns:
        Why it did not arrive, if it did not.
    """
    body = escaped_json(msgspec.json.encode(message).decode()).encode()
    if notify.command:
        return _run(notify.command, body, folder, command_s)
    try:
        address = notify.address(environment)
    except ValueError as error:
        return Outcome(str(error))
    return _post_in_time(address, body, silence_s, command_s)


def _run(command: list[str], body: bytes, folder: Path, seconds: float) -> Outcome:
    try:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env=os.environ | unmarked(),
        )  # fmt: skip
    except OSError as error:
        return Outcome(f"its command cannot be started: {error.strerror}")
    with process:
        try:
            process.communicate(body + b"\n", timeout=seconds)
        except subprocess.TimeoutExpired:
            return Outcome(f"its command took more than {seconds:g} s")
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # and what it left behind
                os.killpg(process.pid, signal.SIGKILL)
    code = process.returncode
    if code < 0:
        return Outcome(f"its command was killed by {signal.Signals(-code).name}")
    return Outcome(f"its command ended with status {code}" if code else "")


def _post_in_time(address: str, body: bytes, silence_s: float, seconds: float) -> Outcome:
    """Post in a thread of its own: an answer that comes a byte a second would hold up this one for hours."""
    outcomes: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: outcomes.append(_post(address, body, silence_s)), name="post", daemon=True
    )
    thread.start()
    thread.join(seconds)
    return outcomes[0] if outcomes else Outcome(f"its address gave no whole answer within {seconds:g} s")


def _post(address: str, body: bytes, silence_s: float) -> Outcome:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NoRedirects(HTTPRedirectHandler):
        """An answer that leads elsewhere is a refusal: what follows it would ask there, and post nothing."""

        def redirect_request(self, *_: object) -> Request | None:
            return None

    headers = {"Content-Type": "application/json", "User-Agent": "vitui"}
    try:
        request = Request(address, data=body, headers=headers, method="POST")  # noqa: S310  http and https alone
        with build_opener(NoRedirects).open(request, timeout=silence_s):
            return Outcome()
    except HTTPError as error:
        error.close()
        passing = error.code >= 500 or error.code in PASSING
        leads = ", which leads elsewhere" if 300 <= error.code < 400 else ""
        return Outcome(f"its address answers {error.code}{leads}", for_good=not passing)
    except URLError as error:
        return Outcome(_words(error.reason))
    except (OSError, HTTPException, ValueError) as error:
        return Outcome(_words(error))


def _words(error: object) -> str:
    """Return what went wrong, without what an exception quotes."""
    if isinstance(error, TimeoutError):
        return "its address does not answer"
    if isinstance(error, OSError) and error.strerror:
        return f"its address cannot be reached: {error.strerror}"
    return f"its address cannot be reached: {type(error).__name__}"
