"""The terminal that the app is drawn on: it hears any byte, and is left as it was found however the app ends.

SIGTERM, SIGHUP and a terminal that is gone end the app in its own way, with the exit code that a shell gives them.
SIGTSTP and SIGCONT give the terminal back and take it again. Both wait for the app's loop: inside a signal handler
they would meet a terminal that is half given or half taken, by the signal before or by an app that leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import termios
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from tui.terminal.input_decoder import InputDecoder
from tui.terminal.textual_private import survive_writing

LOOK_S = 0.1
"""Seconds after which a lone ESC is a key, and between two looks whether the app leaves."""
READ_SIZE = 4096
MOST_UNDER_WAY = 200
"""Messages of the terminal after which the next wait until the app has nearly caught up."""
PACE_S = 0.01
"""Seconds between two looks whether it has."""
PATIENCE_S = 5.0
"""Seconds that the app has to leave after a signal; then its process ends anyway."""
LEAVE_ON = (signal.SIGTERM, signal.SIGHUP)
RESET = (
    "\x1b[?2004l"  # no bracketed pastes
    "\x1b[?7h"  # lines wrap
    "\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?1004l"  # no reports: size, mouse, focus
    "\x1b[<u"  # keys as before
    "\x1b[?1049l\x1b[?25h"  # the screen as before, with a cursor
)
"""What ends all that the app asks of a terminal."""


class TerminalDriver(LinuxDriver):
    """Textual's driver of a terminal, for terminals and signals as they come."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self.app_on_it = app
        self.loop = asyncio.get_running_loop()
        self.is_drawing = False
        """Whether the terminal is the app's: it is not while an editor has it, and after the app has left."""
        self.is_leaving = False
        self._under_way = 0
        """Messages of the terminal since the app had caught up."""
        self.shall_stop = False
        """Whether a SIGTSTP was heard after which no SIGCONT was."""
        survive_writing(self, partial(self.leave, signal.SIGHUP))
        signal.signal(signal.SIGTSTP, lambda *_: self._hear_stop())
        signal.signal(signal.SIGCONT, lambda *_: self._hear_continue())

    def start_application_mode(self) -> None:
        """Take the terminal, and hear from now on that the app shall leave.

        In the background the process is stopped here, as the terminal is another's, until it is in the foreground.
        """
        for number in LEAVE_ON:
            signal.signal(number, lambda heard, _frame: self.leave(heard))
        self.is_drawing = True
        self.attrs_before = None
        super().start_application_mode()  # type: ignore[no-untyped-call]
        while self.attrs_before is None and os.isatty(self.fileno) and not self.is_leaving:
            time.sleep(LOOK_S)
            super().start_application_mode()  # type: ignore[no-untyped-call]

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self.write("\x1b[?1016l")  # Textual asks for the mouse in pixels, and does not take it back
        super().stop_application_mode()
        self.is_drawing = False

    def run_input_thread(self) -> None:
        """Turn what is typed into messages, until the app leaves or the terminal is gone."""
        decoder = InputDecoder()
        while not self.exit_event.is_set():
            data = b""
            try:
                if select.select([self.fileno], [], [], LOOK_S)[0]:
                    data = os.read(self.fileno, READ_SIZE)
                    if not data:
                        raise EOFError
            except BlockingIOError:
                continue
            except (OSError, EOFError):
                self.leave(signal.SIGHUP)
                return
            for message in (*decoder.feed(data), *decoder.tick()):
                self._keep_pace()
                self.process_message(message)

    def _keep_pace(self) -> None:
        """Wait while much of what was typed waits for the app: the rest waits in the terminal, which has a limit."""
        self._under_way += 1
        if self._under_way <= MOST_UNDER_WAY:
            return
        self._under_way = 0
        heard = threading.Event()
        self._soon(heard.set)  # behind all that was sent before
        while not (heard.is_set() and self.app_on_it.message_queue_size < MOST_UNDER_WAY):
            if self.exit_event.wait(PACE_S) or self.loop.is_closed():
                return

    def leave(self, number: int) -> None:
        """Have the app leave as at a signal; end its process where it does not. Any thread may ask.

        A second call does nothing.
        """
        if self.is_leaving:
            return
        self.is_leaving = True
        code = 128 + number
        threading.Thread(target=self._end_anyway, args=(code,), name="leave", daemon=True).start()
        self._soon(partial(self.app_on_it.exit, return_code=code))

    def restore(self) -> None:
        """Give the terminal back where the app could not: at once, whether or not it takes what is written."""
        if not self.is_drawing:
            return
        if self.attrs_before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        writer = threading.Thread(target=_write, args=(2, RESET.encode()), daemon=True)
        writer.start()
        writer.join(LOOK_S)

    def _hear_stop(self) -> None:
        self.shall_stop = True
        if self.is_drawing:
            self._soon(self._stop)
        else:  # an editor has the terminal, or the app has left it
            self._stop()

    def _hear_continue(self) -> None:
        if self.shall_stop:
            self.shall_stop = False  # the end of that stop, which may not have begun
        else:
            self._soon(self._take_again)

    def _stop(self) -> None:
        """Stop the process, and have the terminal given back meanwhile."""
        if was_drawing := self.is_drawing:
            self.suspend_application_mode()
        if self.shall_stop:
            os.kill(os.getpid(), signal.SIGSTOP)
        self.shall_stop = False
        if was_drawing:
            self._resume()

    def _take_again(self) -> None:
        """Take a terminal that is still the app's as new: SIGSTOP came unannounced, and others had it meanwhile."""
        if self.is_drawing:
            self.suspend_application_mode()  # else what it was like before would be taken from the app itself
            self._resume()

    def _resume(self) -> None:
        self.resume_application_mode()
        self.app_on_it.post_message(self.SignalResume())

    def _soon(self, act: Callable[[], object]) -> None:
        """Have the app's loop do something, if it has not ended: the app has left then."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(act)

    def _end_anyway(self, code: int) -> None:
        time.sleep(PATIENCE_S)
        self.restore()
        os._exit(code)


def _write(handle: int, data: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(handle, data)
