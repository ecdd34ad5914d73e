"""The table of all actions, in the order of the page of keys."""

from __future__ import annotations

from tui.keymap.action import HelpLine
from tui.keymap.chart_and_run_page_keys import ON_A_RUN, ON_CHARTS
from tui.keymap.pane_and_screen_keys import ELSEWHERE, ON_THE_SCREEN
from tui.keymap.run_and_queue_keys import ON_RUNS, ON_THE_QUEUE
from tui.keymap.time_machine_keys import ON_THE_PAST

LINES: tuple[HelpLine, ...] = (
    *ON_RUNS,
    *ON_CHARTS,
    *ON_THE_QUEUE,
    *ON_A_RUN,
    *ON_THE_PAST,
    *ELSEWHERE,
    *ON_THE_SCREEN,
)
"""The page of keys, and with it all actions."""
