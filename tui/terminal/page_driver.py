"""The page that the app is drawn on where `vitui serve` shows it: it ends with the server, however that ends."""

from __future__ import annotations

import contextlib
from typing import Any

from textual.app import App
from textual.drivers.web_driver import WebDriver


class PageDriver(WebDriver):
    """Textual's driver of a page, for servers that are gone."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self.app_on_it = app

    def run_input_thread(self) -> None:
        """Hear what is typed until the server says no more; then the app leaves."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self.app_on_it.call_from_thread(self.app_on_it.exit)

    def write(self, data: str) -> None:
        """Send what is drawn, unless the server is gone."""
        with contextlib.suppress(BrokenPipeError):
            super().write(data)

    def write_meta(self, data: dict[str, object]) -> None:
        """Send a message, unless the server is gone."""
        with contextlib.suppress(BrokenPipeError):
            super().write_meta(data)
