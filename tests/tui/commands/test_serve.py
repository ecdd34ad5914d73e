"""The app as a page: only who has its address reaches it, from no other page, and a page that looks changes nothing."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
import pytest

aiohttp = pytest.importorskip("aiohttp")

from tui.commands.web_server import HEADERS, _is_loopback  # noqa: E402  only with the extra

ROOT = Path(__file__).parents[3]
CONFIG = '[experiments.quick]\ncommand = ["true"]\nepochs = 1\n'
LOOKS = b"read-only"


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("localhost", True), ("localhost:8000", True), ("127.0.0.1:9", True), ("127.0.0.2", True), ("[::1]:80", True),
        ("[::1]", True), ("evil.example", False), ("evil.example:8000", False), ("localhost.evil.example", False),
        ("127.0.0.1.evil.example:80", False), ("10.0.0.1:8000", False), ("", False), (":8000", False),
    ],
)  # fmt: skip
def test_a_page_is_asked_for_by_a_name_of_this_machine_alone(host: str, is_ours: bool) -> None:
    assert _is_loopback(host) == is_ours


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[str, psutil.Process]]:
    """Serve a project; yield the address and the process."""
    (folder / "experiments.toml").write_text(CONFIG)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state")}
    words = [sys.executable, "-m", "tui.cli", "serve", "--port", "0", *options]
    server = subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().split()[0], psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)
        server.stdout.close()


@asynccontextmanager
async def page(address: str, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Open the page of an address as a browser does."""
    host = address.split("/")[2]
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{address}ws?width=120&height=36", headers={"Origin": f"http://{host}", **headers}
        ) as it,
    ):
        yield it


async def shows(it: aiohttp.ClientWebSocketResponse, text: bytes) -> bool:
    """Read what the app draws until it has drawn a text; False where it has ended or is silent."""
    drawn = b""
    while text not in drawn:
        try:
            message = await it.receive(20)
        except TimeoutError:
            return False
        if message.type is not aiohttp.WSMsgType.BINARY:
            return False
        drawn += message.data
    return True


async def refused(address: str, **headers: str) -> int:
    """Return the status with which a page is refused."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with page(address, **headers):
            pass
    return int(refusal.value.status)


def queued(folder: Path) -> list[str]:
    return [path.name for path in (folder / "runs").glob("quick-*")]


@pytest.mark.slow
async def test_a_page_that_looks_changes_nothing_and_ends_with_its_server(tmp_path: Path) -> None:
    with served(tmp_path) as (address, server):
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            assert answer.status == 200
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
            assert "https://" not in await answer.text()
        async with page(address) as it:
            assert await shows(it, LOOKS)
            for key in ("r", "r", "\r", "D", "e"):
                await it.send_json(["stdin", key])
            await asyncio.sleep(1)
            assert queued(tmp_path) == []
            (app,) = server.children()
        app.wait(20)  # the page is closed
        async with page(address) as it:
            assert await shows(it, LOOKS)
            (app,) = server.children()
            server.kill()
            app.wait(20)


@pytest.mark.slow
async def test_neither_another_user_nor_another_page_changes_anything(tmp_path: Path) -> None:
    with served(tmp_path, "--write") as (address, server):
        root, token = address.rstrip("/").rsplit("/", 1)
        async with aiohttp.ClientSession() as session:
            for path in ("/", "/ws", "/static/js/textual.js", "/download/x", f"/{token[:-1]}/", "/%2e%2e/"):
                async with session.get(root + path) as answer:
                    assert answer.status == 404
        assert await refused(f"{root}/") == 404
        assert await refused(address, Origin="http://evil.example") == 403
        assert await refused(address, Origin="null") == 403
        assert await refused(address, Host="evil.example") == 403
        assert await refused(address, Host="evil.example", Origin="http://evil.example") == 403
        async with page(address) as it:
            assert await shows(it, b"quick")
            assert queued(tmp_path) == []
            if os.geteuid() == 0:  # what others can read of the processes has not the address
                (app,) = server.children()
                looks = f"grep -al {token} /proc/{server.pid}/* /proc/{app.pid}/* 2>/dev/null"
                user = pwd.getpwnam("nobody").pw_uid
                assert subprocess.run(["sh", "-c", looks], user=user, capture_output=True).stdout == b""
            await asyncio.sleep(1)
            await it.send_json(["stdin", "r"])
            deadline = time.monotonic() + 30
            while not queued(tmp_path):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
