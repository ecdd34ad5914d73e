"""How often the app looks for what is new in the runs, and how long one look may take.

A look that finds no news is cheap, so four a second keep the screen fresh; over a slow line ``--rate`` asks for fewer.
The budgets keep each look short: what does not fit is read by the next, which then follows at once.
"""

from __future__ import annotations

REFRESH_S = 0.25
"""Seconds from one look at the runs to the next: four a second."""
READ_BUDGET_S = 0.2
"""Seconds that one look may spend on reading events, or on runs it does not know, before it shows what it has."""
JUDGE_BUDGET_S = 0.02
"""Seconds that one look may spend on judging posted runs again; those that are left have their turn in the next."""
FIRST_READ_BUDGET_S = 0.01
"""The same before the screen shows anything: the newest runs fill it, and the thread would hold its painting up."""
SHORTEST_REST_S = 0.02
"""Seconds between two looks at least, however long the first took: other threads get their turn."""


def refresh_interval(rate: float | None) -> float:
    """Return the seconds from one look to the next, for as many a second as ``--rate`` asks; None asks for none."""
    return REFRESH_S if rate is None else 1 / rate
