"""Imported by the far end that a test starts: its worker has three pretend devices, and retries after a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.queue import worker
from engine.remote import bridge, start_bridge
from engine.runs.store import Store
from tests.engine.remote import far_host, hasty

__all__ = ["hasty"]
WORK = ("--devices", "cpu:3", "--backoff", "0.3")
PAUSE_S = 5.0
"""Seconds before the bridge there posts a run anew: longer than it takes to be sure that a job is over."""
_ensure_worker, _serve = worker.ensure_worker, bridge.serve


def ensure_hasty_worker(store: Store, *options: str) -> None:
    """Start the worker with options of the test besides."""
    _ensure_worker(store, *options, *WORK)


def serve_hastily(store: Store, stopped: Callable[[], bool], *, backoff_s: float, **more: Any) -> None:
    """Look after runs with the pause of the test."""
    _serve(store, stopped, backoff_s=min(backoff_s, PAUSE_S), **more)


worker.ensure_worker = ensure_hasty_worker
bridge.serve = serve_hastily
start_bridge.ARGUMENTS = ["-c", far_host.HASTY]
