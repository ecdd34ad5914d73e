"""How often a live run says in its status that it lives, and how long readers wait for that."""

from __future__ import annotations

HEARTBEAT_S = 2.0
"""Seconds without an event after which the status gets a heartbeat of its own."""
SILENCE_S = 60.0
"""Seconds without a heartbeat after which a run of another machine is silent; a heartbeat so far in the future counts
as none."""
