"""Starts the bridge of a folder of runs in the background, beside which the worker is; `engine bridge` is its verb.

It imports little: lists ask whether there is something to look after each time.
"""

from __future__ import annotations

import contextlib
import os

from engine.runs.posted import site_status
from engine.runs.store import Store
from engine.system import lock
from engine.system.own_modules import own_module

LOG = ".bridge.log"
"""What the bridge prints."""
ARGUMENTS = own_module("engine.cli")[1:]
"""How Python is told to run `engine`."""


def ensure_bridge(store: Store, *options: str) -> None:
    """Have a bridge look after the posted runs of a folder, and look now: start one in the background without one.

    Args:
        store: The folder of runs.
        options: Those of `engine bridge`, where it is started.

    Raises:
        OSError: The folder cannot be written.
    """
    from engine.runs.processes.background import start_in_background

    path = site_status.bridge_lock(store.root)
    if lock.is_held(path):
        with contextlib.suppress(OSError):
            os.utime(path)  # it sees that there is something new
        return
    path.touch(mode=0o600)  # by that lists know that one is starting
    start_in_background(store.root, LOG, "bridge", *options, python=ARGUMENTS)


def ensure_bridge_if_needed(store: Store, *options: str) -> None:
    """Start a bridge with options where a site has a run and there is none; it costs nothing where none was posted."""
    if not site_status.folder_of(store.root).is_dir() or site_status.is_looked_after(store.root):
        return
    from engine.remote.live_postings import is_any

    with contextlib.suppress(OSError):  # who only looks need not be able to write
        if is_any(store):
            ensure_bridge(store, *options)
