"""What is around every command: however it ends, it ends with a line and an exit code, not with a traceback.

0    done
1    failed: also where stdout takes no more (a full disk), and where the error is vitui's own
2    wrong usage or configuration
3    a run was stopped on request
141  the reader of stdout has gone, as after `| head -1`: what the shell says of a program that SIGPIPE ended
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import click

from engine.commands.completion import COMPLETION_ASKED
from engine.commands.options import fail, warn
from engine.commands.plain_output import print_plain
from engine.errors import PASSING, UserError
from engine.system import standard_streams

FAILED = 1
NO_READER = 141
REFUSALS = PASSING | {errno.EACCES, errno.EPERM, errno.EIO}
"""What the system says of itself, and not of what it was asked for: no fault of vitui."""


class CommandGroup(click.Group):
    """A command with verbs that ends in order."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command and leave."""
        with _orderly_exit(self.name or "vitui"):
            if os.environ.get(COMPLETION_ASKED):
                from engine.commands.completion.shells import print_candidates

                return print_candidates(self, self.name or "vitui")
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; mistakes of the user, and a system that refuses, end it with exit code 2."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            fail(str(error))
        except OSError as error:
            if error.errno not in REFUSALS or standard_streams.stdout_refusal() is error:
                raise
            fail(f"{error.filename or ctx.info_name}: {error.strerror}")


def tell_of_crash(error: BaseException, name: str, events: Sequence[str] = ()) -> int:
    """Write down an unexpected error, say where, and return the exit code.

    Args:
        error: The error.
        name: The command that met it.
        events: What happened before it, the latest last.
    """
    from engine.system.crash_report import changed_file, write_crash_report

    report = write_crash_report(error, events)
    if report is None or sys.flags.dev_mode or os.environ.get("VITUI_DEBUG"):
        warn("".join(traceback.format_exception(error)))
    if (changed := changed_file(error)) is not None:
        warn(f"{name} was replaced while it ran, as by an upgrade ({changed} is newer): start it again")
        return FAILED
    lines = str(error).splitlines()
    warn(
        f"{type(error).__name__}{f': {lines[0][:300]}' if lines else ''}: this is a fault of {name}, not of yours"
    )
    if report is not None:
        warn(f"{report} has the whole of it: please report it with that file")
    return FAILED


@contextlib.contextmanager
def _orderly_exit(name: str) -> Iterator[None]:
    standard_streams.prepare()
    print_plain()
    code: Any = None
    try:
        yield
    except SystemExit as leaving:
        code = leaving.code
    except Exception as error:  # noqa: BLE001  whatever is not expected
        code = FAILED if standard_streams.stdout_refusal() else tell_of_crash(error, name)
    if (refusal := standard_streams.stdout_refusal()) is not None:
        standard_streams.drop_stdout()
        if refusal.errno == errno.EPIPE:
            code = NO_READER
        else:
            warn(f"stdout cannot be written: {refusal.strerror}")
            code = code or FAILED
    if code is not None:
        sys.exit(code)
