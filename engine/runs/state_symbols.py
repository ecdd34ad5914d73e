"""The symbol and the colour of each state of a run, in lists on the command line and in the app.

They are typographic signs: shapes are those of curves.
"""

from __future__ import annotations

MARKS = {
    "queued": ("…", "cyan"),
    "starting": ("›", "yellow"),
    "running": ("»", "green"),
    "finished": ("✓", "green"),
    "failed": ("✗", "red"),
    "stopped": ("–", "yellow"),
    "crashed": ("!", "red"),
    "silent": ("~", "yellow"),
}
"""Shape and colour of each state: readable by the shape alone."""
HELD = "‖"
"""What stands before a run that waits and is held."""
