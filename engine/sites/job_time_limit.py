"""How long a job of a cluster asks for where its user names no time limit: what the forecast says, and more."""

from __future__ import annotations

import math

SHARE, MARGIN_S = 1.5, 600.0
"""A job may take this many times its forecast, and these seconds for what no forecast knows."""


def time_limit_of(takes_s: float | None, limit_s: float | None) -> str:
    """Return the minutes that a job asks for, empty where no forecast says how long it takes.

    A run that takes longer than its partition gives asks for all of that, and is begun anew when its time is up.
    """
    if takes_s is None:
        return ""
    seconds = takes_s * SHARE + MARGIN_S
    return str(math.ceil((seconds if limit_s is None else min(seconds, limit_s)) / 60))
