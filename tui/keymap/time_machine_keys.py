"""Keys that lead to a moment of the past, and from one to the next."""

from __future__ import annotations

from textual.binding import Binding

from tui.keymap.action import WAY_OUT, Action, HelpLine, Hotkey

BOARD = ("Dashboard",)
SLIDER = ("TimeSlider",)
MINUTE = Binding.Group("minute", compact=True)
HOUR = Binding.Group("hour", compact=True)
EVENT = Binding.Group("next, last event", compact=True)

ON_THE_PAST = (
    HelpLine(
        "The past", "@", "all as it was at a moment; again: type one",
        (Action("look_back", BOARD, (Hotkey("at", "Look at a moment of the past", display="@"),)),),
        also="time machine history yesterday earlier ago before then when",
    ),
    HelpLine(
        "The past", "← →  ⇧← ⇧→", "a minute, an hour before and after",
        (
            Action(
                "go_by", SLIDER,
                (
                    Hotkey("left,h", "Minute before", "-60", True, "←", group=MINUTE),
                    Hotkey("right,l", "Minute after", "60", True, "→", group=MINUTE),
                    Hotkey("shift+left", "Hour before", "-3600", True, "⇧←", group=HOUR),
                    Hotkey("shift+right", "Hour after", "3600", True, "⇧→", group=HOUR),
                ),
                moves=True, screen="Dashboard",
            ),
            Action(
                "move_under", SLIDER,
                (Hotkey("down,j", "Down", "1"), Hotkey("up,k", "Up", "-1")), moves=True, screen="Dashboard",
            ),
        ),
    ),
    HelpLine(
        "The past", "n N", "to what a run did next, or last",
        (
            Action(
                "go_to_event", SLIDER,
                (
                    Hotkey("n", "Next event", "1", on_bar=True, group=EVENT),
                    Hotkey("N", "Last event", "-1", on_bar=True, group=EVENT),
                ),
                rank=1, screen="Dashboard",
            ),
        ),
        also="jump end start failure",
    ),
    HelpLine(
        "The past", "0 … 9  -", "type a moment: 14:05, 27 nov 14:05, 2026-11-27T14:05, -2h",
        (
            Action(
                "type_moment", SLIDER,
                (
                    Hotkey("0", "type a time", "'0'", on_bar=True, display="0-9"),
                    *(Hotkey(digit, argument=f"'{digit}'") for digit in "123456789"),
                    Hotkey("minus", argument="'-'"),
                ),
                rank=2, moves=True, screen="Dashboard",
            ),
        ),
    ),
    HelpLine(
        "The past", "esc", "now",
        (
            Action(
                "go_to_now", SLIDER,
                (Hotkey("escape", "now", on_bar=True, display="esc", command="Back to now"),),
                rank=WAY_OUT, screen="Dashboard",
            ),
        ),
        also="back live present",
    ),
)  # fmt: skip
