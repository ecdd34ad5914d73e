"""The app: one dashboard, one feed that follows the project, and a word at the end on which runs go on."""

from __future__ import annotations

import contextlib
import contextvars
import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import msgspec
from rich.terminal_theme import TerminalTheme
from textual import events
from textual.actions import ActionParseResult
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen

from engine.text import printable_lines
from tui.app_options import LOOKS_BACK, READONLY, Options
from tui.farewell import farewell
from tui.feed.feed import Feed
from tui.keymap.bindings import CHANGING, OF_NOW, bindings
from tui.screens.dashboard.screen import Dashboard
from tui.state.command_history import CommandHistory
from tui.state.message_log import MessageLog
from tui.state.messages import Changed
from tui.state.session import SavedView, load, save
from tui.state.snapshot import Project
from tui.terminal.ascii_filter import AsciiFilter
from tui.terminal.dismissal import SparesTheGone
from tui.terminal.driver import TerminalDriver
from tui.terminal.key_queue import KeyQueueApp
from tui.terminal.recent_events import RecentEventsApp
from tui.terminal.terminal_size import BoundedApp
from tui.terminal.textual_private import ReportingApp
from tui.terminal.themes import NAMED_COLOURS, THEMES
from tui.widgets.message_row import show_messages

FIRST_LOOK_S = 0.06
"""Seconds that the first painting waits for the runs that it would show; with them it is one painting, not two."""
LEAVING_S = 2
"""Seconds that leaving waits for a look at the files that is under way."""
BRIDGE_S = 2
"""Seconds until a bridge is started for the runs that sites have, if there is none: what is shown comes first."""
VIEW_S = 5.0
"""Seconds between two looks at whether how the project is looked at has changed."""
BRIDGE_AGAIN_S = 60
"""Seconds after which the app sees again whether there is one: something may have killed it."""


def collect_garbage() -> None:
    """Let Python look for garbage again, but not among what is there for good."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


PLAIN = Options()


class VituiApp(RecentEventsApp, KeyQueueApp, SparesTheGone, BoundedApp, ReportingApp):
    """Shows a project; returns a farewell to print after leaving."""

    TITLE = "vitui"
    CSS_PATH = "theme.tcss"
    ENABLE_COMMAND_PALETTE = False  # there is one of ours
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-normal")]  # noqa: RUF012  as Textual has it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = bindings("VituiApp")

    def __init__(self, project: Project, options: Options = PLAIN) -> None:
        super().__init__()
        self.project = project
        self.options = options
        state = options.state
        self.message_log = MessageLog()
        """What was said, and what of it stands in the row over the keys."""
        self._view = SavedView() if state is None else load(state, project.folder)
        self._theme_before = self._view.theme
        self.commands = CommandHistory(self._view.commands)
        """Those that were used last."""
        self._ascii = [AsciiFilter()] if options.ascii_only else []
        self.feed = Feed(project, self._take, options.rate)
        for theme in THEMES:
            self.register_theme(theme)
        remembered = self._view.theme if self._view.theme in self.available_themes else options.theme
        self.theme = self._began_in = options.asked_theme or remembered

    def on_mount(self) -> None:
        """Open the dashboard and begin to follow."""
        self.app_resume_signal.subscribe(self, lambda _: self.resend())
        self.dashboard = Dashboard(self.project, self.feed)
        self.feed.look_back(self.options.at)
        self._following = threading.Thread(
            target=contextvars.copy_context().run, args=(self._follow,), name="feed", daemon=True
        )
        self._following.start()
        self.feed.looked.wait(FIRST_LOOK_S)
        self.push_screen(self.dashboard)
        self.dashboard.call_later(self.dashboard.give_view, self._view)
        if self.options.at is not None:
            self.dashboard.call_later(self.dashboard.past.go_to, self.options.at)
        self.set_timer(1, collect_garbage)
        if self.options.state is not None:
            self.set_interval(VIEW_S, self._remember_view)
        if not self.options.readonly:
            self.set_timer(BRIDGE_S, self._look_after_sites)
            self.set_interval(BRIDGE_AGAIN_S, self._look_after_sites)

    def on_unmount(self) -> None:
        """End the feed's thread, and remember how the project was looked at."""
        self.feed.stop()
        self._following.join(LEAVING_S)
        self._save_view()

    def get_driver_class(self) -> type[Driver]:
        """Return what the app is drawn by: in a terminal, what hears any byte and leaves at signals."""
        usual = super().get_driver_class()
        if usual.__name__ == "WebDriver":
            from tui.terminal.page_driver import PageDriver

            return PageDriver
        return TerminalDriver if usual is LinuxDriver else usual

    def on_resize(self) -> None:
        """Send everything: a terminal that changes its size drops or moves what it shows."""
        self.resend()

    def action_redraw(self) -> None:
        """Send everything, as another program may have written on the terminal."""
        self.resend()
        self.screen.refresh(layout=True)

    @property
    def ansi_theme(self) -> TerminalTheme:
        """What the colours are that styles call by name: those of the theme, where it is one of ours."""
        return NAMED_COLOURS.get(self.theme) or super().ansi_theme

    def get_line_filters(self) -> Sequence[LineFilter]:
        """All that is drawn goes through these."""
        return [*super().get_line_filters(), *self._ascii]

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key or the palette asks for; where nothing may be changed, say so instead."""
        name = action.partition("(")[0].rpartition(".")[2] if isinstance(action, str) else action[1]
        if self.options.readonly and name in CHANGING:
            self.notify(READONLY, severity="warning", timeout=4)
            return True
        if self.has_class(LOOKS_BACK) and name in OF_NOW:
            self.notify(self.dashboard.past.refusal, severity="warning", timeout=4)
            return True
        done = await super().run_action(action, default_namespace, namespaces)
        self.dashboard.show_way_out()
        return done

    def copy_to_clipboard(self, text: str) -> None:
        """Put lines of text into the terminal's clipboard, without what a shell would act on where they are pasted."""
        super().copy_to_clipboard(printable_lines(text))

    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information",
        timeout: float | None = None, markup: bool = True,
    ) -> None:  # fmt: skip
        """Say something in the row over the keys, unless that stands there.

        Args:
            message: The text.
            title: What it is about.
            severity: Textual's: information, warning or error.
            timeout: Seconds for which it stands; Textual's default if None.
            markup: Whether the text is markup: here it never is.
        """
        del markup
        seconds = self.NOTIFICATION_TIMEOUT if timeout is None else timeout
        self.message_log.add(message, title, severity, seconds)
        self._show_message()

    def _show_message(self) -> None:
        show_messages(self, self.message_log)

    async def on_event(self, event: events.Event) -> None:
        """Take a message that is an error out of the row at the next key."""
        if isinstance(event, events.Key) and not event.is_forwarded and self.message_log.take_errors_away():
            self._show_message()
        await super().on_event(event)

    def action_messages(self) -> None:
        """List all that was said."""
        from tui.screens.message_list import MessageScreen

        if not isinstance(self.screen, MessageScreen):
            self.push_screen(MessageScreen(self.message_log.said))

    def _take_view(self) -> SavedView:
        """Return how the project is looked at, which is remembered however the app ends."""
        chosen = self.theme != self._began_in  # what was not is left to how the app is started
        theme = self.theme if chosen else self._theme_before
        return msgspec.structs.replace(
            self.dashboard.taken_view(), theme=theme, commands=list(self.commands.used)
        )

    def _remember_view(self) -> None:
        """Save how the project is looked at, if that has changed: a terminal may close at any time."""
        if isinstance(self.screen, ModalScreen) or not self._is_seen:
            return  # a theme may be seen there that is not chosen yet; or the app is being left
        view = self._take_view()
        if view != self._view:
            self._view = view
            self.run_worker(self._save_view, thread=True, group="view", exit_on_error=False)

    @property
    def _is_seen(self) -> bool:
        """Whether the dashboard has all its parts: not at first, nor at the end."""
        return self.is_running and self.dashboard.is_attached and self.dashboard.is_mounted

    def _save_view(self) -> None:
        if self.options.state is not None:
            with contextlib.suppress(OSError):  # no memory is no reason not to go on
                save(self.options.state, self.project.folder, self._view)

    def action_leave(self) -> None:
        """Leave, and say which runs go on."""
        if self._is_seen:
            self._view = self._take_view()
        self.exit(farewell(self.dashboard.snapshot.runs))

    def action_command_palette(self, begin: str = "") -> None:
        """List all commands, unless they are listed; ``begin`` is what stands in their line."""
        from tui.screens.command_palette.commands_from_keys import commands_of
        from tui.screens.command_palette.dashboard_commands import dashboard_commands
        from tui.screens.command_palette.screen import CommandScreen
        from tui.screens.command_palette.theme_command import ThemeCommand

        if isinstance(self.screen, CommandScreen):
            return
        board = self.dashboard
        typed = dashboard_commands(board, board.experiments, board.arranging, board.filtering, board.drawing)
        commands = commands_of(self, self.screen)

        def chosen(do: Callable[[], None] | None) -> None:
            if do is not None:
                do()

        self.push_screen(CommandScreen(commands, [*typed, ThemeCommand(self)], self.commands, begin), chosen)

    def _look_after_sites(self) -> None:
        """Start what looks after the runs that sites have if it is not there, as after a reboot; in a thread."""

        def work() -> None:
            from engine.remote.start_bridge import ensure_bridge_if_needed
            from engine.runs.store import Store

            ensure_bridge_if_needed(Store(self.project.runs))

        self.run_worker(work, thread=True, group="bridge", exit_on_error=False)

    def _take(self, changed: Changed) -> None:
        self.dashboard.post_message(changed)

    def _follow(self) -> None:
        try:
            self.feed.follow()
        except Exception as error:  # noqa: BLE001  whatever it is, the screen must say that it is no longer live
            with contextlib.suppress(RuntimeError):  # there is no screen any more
                self.call_from_thread(
                    self.notify, f"{type(error).__name__}: {error}", title="The screen is no longer live",
                    severity="error", timeout=60, markup=False,
                )  # fmt: skip
