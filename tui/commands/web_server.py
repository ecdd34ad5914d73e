"""Serves the app as a page: a process of the app for each page that is open, through textual-serve.

Whoever may talk to the app may do what it does, so three walls stand before it. It listens on the loopback alone. Every
path begins with a random word that only the terminal told. What names another host or comes from another page is
refused, as a page of a stranger in the same browser could otherwise reach it by a name that leads to 127.0.0.1.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
from aiohttp import web
from textual_serve.server import Server

from engine.commands.options import fail

LOOPBACK = "127.0.0.1"
TOKEN_BYTES = 24
PAGE = Path(__file__).with_name("page.html")
STATIC = ("css/xterm.css", "js/textual.js")
"""What the page loads."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""The page loads nothing from elsewhere, stands in no other page, and tells no other server its address."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AppServer(Server):
    """A server of the app on the loopback.

    Args:
        command: The command line of the app, for a shell.
        port: Where it listens; 0 for a free port.
        writes: Whether the app may change anything, for the line that tells the address.
    """

    def __init__(self, command: str, *, port: int, writes: bool) -> None:
        self._listener = _listener(port)
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        self._writes = writes
        super().__init__(command, LOOPBACK, self._listener.getsockname()[1], title="vitui")

    def serve(self, debug: bool = False) -> None:  # noqa: ARG002  Textual's own signature
        """Serve until Ctrl+C or SIGTERM."""
        web.run_app(self._make_app(), sock=self._listener, print=None, access_log=None)

    async def _make_app(self) -> web.Application:
        """Return the application: everything behind the random word, and nothing beside it."""
        pages = web.Application()
        pages.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", self.handle_websocket),
                web.get("/download/{key}", self.handle_download),
                *(web.get(f"/static/{name}", self._static) for name in STATIC),
            ]
        )
        app = web.Application(middlewares=[web.middleware(_guard)])
        app.add_subapp(f"/{self._token}", pages)
        app.on_startup.append(self.on_startup)
        return app

    async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002  its own signature
        """Tell the address."""
        does = "looks and changes" if self._writes else "only looks"
        click.echo(f"http://localhost:{self.port}/{self._token}/  {does}; Ctrl+C ends it")

    async def _page(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002  aiohttp's own signature
        return web.Response(text=PAGE.read_text(encoding="utf-8"), content_type="text/html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/static/")[2]
        return web.FileResponse(self.statics_path / name)


def _listener(port: int) -> socket.socket:
    """Return a socket that listens on the loopback; leaves with the exit code for wrong usage where it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError as error:
        fail(f"port {port} cannot be listened on: {error.strerror}; `--port 0` takes a free one")
    return listener


async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what names another host than the loopback or comes from another page; add what browsers shall heed."""
    origin = request.headers.get("Origin")
    is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
    is_ours = origin == f"http://{request.host}" or (origin is None and not is_socket)
    if not (_is_loopback(request.host) and is_ours):
        raise web.HTTPForbidden(text="this page is for its own address alone\n", headers=HEADERS)
    response = await handler(request)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


def _is_loopback(host: str) -> bool:
    """Return whether a Host header names this machine to itself, at any port: ssh -L may have chosen another."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
