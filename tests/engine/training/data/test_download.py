"""Archives come whole and right from a server on this machine, or the run says why not and what to put where."""

from __future__ import annotations

import hashlib
import http.server
import tarfile
import threading
import zipfile
from contextlib import contextmanager

import pytest

from engine.training.data import download
from engine.training.data.download import fetch, unpack
from engine.training.data.unsplit_dataset import DataError, ignore


@contextmanager
def serving(content, status=200, sent=None):
    """Serve bytes at any path over HTTP, of which only ``sent`` come; give the address and what was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:sent])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


CONTENT = bytes(range(256)) * 5000


def test_a_file_is_fetched_once_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "SAY_EVERY", 0.0)
    file, said = tmp_path / "below" / "a.tgz", []
    with serving(CONTENT) as (address, asked):
        for _ in range(2):
            fetch(f"{address}/a.tgz", file, md5(CONTENT), said.append, "x")
    assert file.read_bytes() == CONTENT
    assert asked == ["/a.tgz"]
    assert said[0] == f"downloading {address}/a.tgz to {tmp_path / 'below'} (1 MB)"
    assert said[1].startswith("downloaded 1 of 1 MB, ")
    assert [*(tmp_path / "below").iterdir()] == [file]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"sent": 1000}, r"IncompleteRead|it was cut off after 1,000 of 1,280,000 bytes"),
        ({"status": 404}, "the server answers 404 Not Found"),
        ({"status": 403}, "the server answers 403 Forbidden"),
        ({"content": b"other"}, "what came has another md5, "),
    ],
)
def test_what_does_not_come_whole_and_right_is_not_kept(tmp_path, how, words):
    file = tmp_path / "a.tgz"
    with (
        serving(**{"content": CONTENT, **how}) as (address, _),
        pytest.raises(DataError, match=words) as caught,
    ):
        fetch(f"{address}/a.tgz", file, md5(CONTENT), ignore, "x")
    assert f"put a.tgz (md5 {md5(CONTENT)}) into {tmp_path}" in str(caught.value)
    assert [*tmp_path.iterdir()] == []


def test_no_network_passes_and_a_missing_page_does_not(tmp_path):
    with pytest.raises(DataError, match="Connection refused") as refused:
        fetch("http://127.0.0.1:9/a.tgz", tmp_path / "a.tgz", "0", ignore, "x")
    assert refused.value.transient
    with serving(b"", 404) as (address, _), pytest.raises(DataError) as missing:
        fetch(f"{address}/a.tgz", tmp_path / "a.tgz", "0", ignore, "x")
    assert not missing.value.transient


def test_a_damaged_file_is_fetched_anew_or_named(tmp_path):
    file = tmp_path / "a.tgz"
    file.write_bytes(CONTENT[:-1])
    with pytest.raises(
        DataError, match=r"x is damaged: .*a\.tgz has another md5 than it should, and cannot be"
    ):
        fetch("http://127.0.0.1:9/a.tgz", file, md5(CONTENT), ignore, "x")
    with serving(CONTENT) as (address, _):
        fetch(f"{address}/a.tgz", file, md5(CONTENT), ignore, "x")
    assert file.read_bytes() == CONTENT


def test_a_silent_server_is_given_up(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(download, "SILENCE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a"
        with pytest.raises(DataError, match="timed out") as caught:
            fetch(address, tmp_path / "a", "0", ignore, "x")
    assert caught.value.transient


@pytest.mark.parametrize("suffix", ["tar.gz", "tgz", "zip"])
def test_archives_are_unpacked_whole_or_not_at_all(tmp_path, suffix):
    (tmp_path / "made" / "a").mkdir(parents=True)
    (tmp_path / "made" / "a" / "file.txt").write_text("hello " * 1000)
    archive = tmp_path / f"x.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(archive, "w") as made:
            made.write(tmp_path / "made" / "a" / "file.txt", "a/file.txt")
    else:
        with tarfile.open(archive, "w:gz") as made:
            made.add(tmp_path / "made" / "a", "a")
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / "a" / "file.txt").read_text() == "hello " * 1000
    archive.write_bytes(archive.read_bytes()[:60])
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "half")
    assert not (tmp_path / "half").exists()


def test_an_archive_writes_nowhere_else(tmp_path):
    archive = tmp_path / "x.tar.gz"
    (tmp_path / "evil").write_text("x")
    with tarfile.open(archive, "w:gz") as made:
        made.add(tmp_path / "evil", "../../outside")
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "below" / "out")
    assert not (tmp_path / "outside").exists()
