"""For how many seconds the messages in the corner stay."""

from __future__ import annotations

NOTIFICATION_S = 8
"""Of what is told without being asked: that a run has ended, or that something is wrong with one."""
LATE_S = 12
"""At most, of a failure that is told late: as much of it as the row has is read by then."""
WHILE_S = 3600
"""At most, of what is under way, which the answer ends."""
SHORTEST_S = 4
LETTERS_A_SECOND = 15
"""That people read, while they do something else."""


def reading_time(text: str) -> float:
    """Return the seconds that the answer to an action stays: as long as reading it takes."""
    return max(SHORTEST_S, len(text) / LETTERS_A_SECOND)
