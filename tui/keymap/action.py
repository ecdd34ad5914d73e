"""What an action of the keyboard is: keys, words for the bar, commands and the page of keys, and when it applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.binding import Binding

from engine.runs.status import Status

WAY_OUT = 100
"""The bar's rank from which on an action keeps its place however little room there is: the help and the ways out."""
UNLISTED = ""
"""The section of lines that the page of keys leaves out: their screens show their own keys, and have no ``?``."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The runs that keys act on, as they are now: those of the marked rows, or of the row under the cursor."""

    run: Status | None = None
    """The run that is opened, or under the cursor; None where there is none."""
    marked: int = 0
    """How many rows are marked, and meant."""
    meant: tuple[Status, ...] = ()
    """The runs that the rows stand for: what is tagged, noted and thrown away."""
    stoppable: tuple[Status, ...] = ()
    """Those that live or wait."""
    resumable: tuple[Status, ...] = ()

    @property
    def waiting(self) -> tuple[Status, ...]:
        """Those that can be moved in the queue and held."""
        return tuple(run for run in self.stoppable if run.state == "queued")


def always(_: Situation) -> bool:
    """An action that does something whatever is meant."""
    return True


def unchanging(_: Situation) -> str:
    """The words of an action that does the same whatever is meant."""
    return ""


@dataclass(frozen=True, slots=True)
class Hotkey:
    """Keys that ask for an action in the same way.

    Args:
        keys: Their names as Textual has them, with commas between them; empty for what is only typed as a command.
        words: What they do, short: for the bar of keys; empty for none there and no command.
        argument: What the action is called with, as it is written in Python.
        on_bar: Whether the bar of keys shows them.
        display: How they are written there, where it is not Textual's way.
        command: What the list of commands calls it, verb and noun; empty for ``words``.
        group: Keys in a row with the same group share one place in the bar.
        priority: Whether they come before what the widget in focus does with them.
        only: The one class that has these keys; empty for all classes that have the action.
        pane: The class of the pane over which the bar shows them, before what is of no pane; empty for none.
    """

    keys: str
    words: str = ""
    argument: str = ""
    on_bar: bool = False
    display: str | None = None
    command: str = ""
    group: Binding.Group | None = None
    priority: bool = False
    only: str = ""
    pane: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that keys do.

    Args:
        name: ``action_NAME`` does it.
        owners: Names of the screens and widgets that bind its keys.
        keys: What asks for it.
        rank: Its place in the bar of keys, the lowest first; what has no room is left out from the end.
        changes: Whether it changes runs, the queue or the configuration: then it is refused read-only.
        of_now: Whether it reads files as they are now: then it is refused while a moment of the past is shown, as what
            changes something is.
        moves: Whether it only moves something on the screen: the list of commands leaves it out.
        screen: Name of the screen that does it, where its owners are widgets there; empty where they do it themselves.
        applies: Tells whether it does anything for the runs that are meant.
        says: Returns what it does to them and to how many, for the bar of keys; empty for what its keys always say.
    """

    name: str
    owners: tuple[str, ...]
    keys: tuple[Hotkey, ...]
    rank: int = 0
    changes: bool = False
    of_now: bool = False
    moves: bool = False
    screen: str = ""
    applies: Callable[[Situation], bool] = always
    says: Callable[[Situation], str] = unchanging


@dataclass(frozen=True, slots=True)
class HelpLine:
    """A line of the page of keys, with the actions that it is about.

    Args:
        section: The part of the page that it stands in, or ``UNLISTED``.
        keys: The keys as they are written there; a sign that is explained, where it has no action.
        words: What they do, at length.
        actions: What is declared with it.
        group: The head that they stand under in the list of commands; empty for the section.
        also: Words, with blanks between them, that others look for them by.
    """

    section: str
    keys: str
    words: str
    actions: tuple[Action, ...] = ()
    group: str = ""
    also: str = ""


APP = "VituiApp"
"""The class of the app."""
WAYS_OUT = frozenset({"back", "close", "dismiss"})


def is_command(action: Action) -> bool:
    """Return whether the list of commands has an action: no move, and no way out, which is a key alone."""
    return not action.moves and action.name not in WAYS_OUT


def call(action: Action, key: Hotkey) -> str:
    """Return what Textual is to run for a key, as ``screen.tab(3)``."""
    place = "app" if action.screen == APP else "screen"
    name = f"{place}.{action.name}" if action.screen else action.name
    return f"{name}({key.argument})" if key.argument else name
