from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from engine.system.process import STOP_SIGNALS
from engine.training.data import image_cache, image_decoder
from engine.training.data.image_cache import Listing, cache_folder, load_images
from engine.training.data.unsplit_dataset import DataError, ignore

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


@pytest.fixture
def images(tmp_path):
    """A folder of 200 images of 4 pixels, each of its own colour."""
    home = tmp_path / "images"
    home.mkdir()
    for i in range(200):
        Image.new("RGB", (4, 4), (i, 0, 0)).save(home / f"{i:03}.png")
    return home


@pytest.fixture
def in_processes(monkeypatch):
    """Decode nothing in the test's own process."""
    monkeypatch.setattr(image_cache, "HEAD_START", 0.0)


def listing(home):
    files = sorted(home.iterdir())
    stats = [file.stat() for file in files]
    return Listing(home, [file.name for file in files], [(stat.st_size, stat.st_mtime_ns) for stat in stats])


def shades(found):
    return found.pixels[:, 0, 0, 0].tolist()


def load(files, say=ignore, workers=0, image_size=8):
    return load_images(files, image_size, workers, say)


class TestProcesses:
    def test_decode_what_one_decodes(self, images, in_processes, cache):
        (images / "007.png").write_bytes(b"")
        one = load(listing(images))
        (cache / listing(images).key(8)).rename(cache / "elsewhere")
        several = load(listing(images), workers=2)
        assert np.array_equal(one.pixels, several.pixels)
        assert one.broken == several.broken
        assert set(one.broken) == {7}

    @pytest.mark.slow
    def test_notice_that_sizes_differ(self, images, in_processes):
        Image.new("RGB", (5, 5), (77, 0, 0)).save(images / "150.png")
        said = []
        found = load(listing(images), said.append, workers=2)
        assert found.pixels.shape == (200, 3, 8, 8)
        assert shades(found)[150] == 77
        assert any("differ in size" in message for message in said)

    @pytest.mark.slow
    def test_one_that_is_killed_is_said(self, images, in_processes, monkeypatch):
        monkeypatch.setattr(image_cache, "decode", _die)
        with pytest.raises(DataError, match="was killed, perhaps for want of memory"):
            load(listing(images), workers=2)

    @pytest.mark.slow
    def test_a_signal_to_all_is_their_parents(self, images, in_processes, monkeypatch):
        monkeypatch.setattr(image_cache, "decode", _decode_among_signals)
        monkeypatch.syspath_prepend(str(ROOT))  # whose processes import this module
        assert shades(load(listing(images), workers=2)) == list(range(200))

    @pytest.mark.slow
    def test_a_caller_who_has_enough_ends_them(self, images, in_processes, monkeypatch, cache):
        monkeypatch.setattr(image_cache, "SAY_EVERY", 0.0)

        def stop(message):
            raise KeyboardInterrupt

        before = psutil.Process().children()
        with pytest.raises(KeyboardInterrupt):
            load(listing(images), stop, workers=2)
        left = [child for child in psutil.Process().children() if child not in before]
        assert all("resource_tracker" in " ".join(child.cmdline()) for child in left), left
        assert [path for path in cache.iterdir() if path.suffix != ".lock"] == []

    @pytest.mark.slow
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_end_with_their_parent(self, tmp_path, until, number):
        home = tmp_path / "many"
        home.mkdir()
        noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
        Image.fromarray(noise).save(home / "0.png")
        for i in range(1, 3000):
            os.link(home / "0.png", home / f"{i}.png")
        parent = start(home, image_size=224, workers=2)
        family = psutil.Process(parent.pid)
        until(lambda: len(family.children()) >= 3)  # two workers and multiprocessing's tracker
        children = family.children()
        parent.send_signal(number)
        parent.communicate(timeout=30)
        assert parent.returncode == -number
        until(lambda: not any(is_running(child) for child in children), 20)

    def test_know_nothing_of_torch(self):
        modules = "engine.training.data.image_decoder, engine.training.data.image_cache"
        code = f"import sys, {modules}; print('torch' in sys.modules)"
        answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
        assert answer.stdout == b"False\n"


def _die(task):
    os.kill(os.getpid(), signal.SIGKILL)


def _decode_among_signals(task):
    for number in STOP_SIGNALS:
        os.kill(os.getpid(), number)
    return image_decoder.decode(task)


def is_running(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start(home, *, image_size=8, workers=0, before=""):
    """Start a process that loads a folder, prints what it is told, and then the sum of the pixels."""
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from engine.training.data import image_cache
import test_image_cache
if __name__ == "__main__":
    {before}
    files = test_image_cache.listing(Path({str(home)!r}))
    found = image_cache.load_images(files, {image_size}, {workers}, lambda message: print(message, flush=True))
    print(found.pixels.sum())
"""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


class TestCache:
    def test_is_read_instead_of_the_images(self, images):
        files = listing(images)
        first = load(files)
        for file in images.iterdir():
            file.unlink()
        second = load(files)
        assert isinstance(second.pixels, np.memmap)
        assert np.array_equal(first.pixels, second.pixels)
        assert shades(second) == list(range(200))

    def test_knows_a_file_that_changed(self, images):
        load(listing(images))
        Image.new("RGB", (4, 4), (255, 0, 0)).save(images / "003.png")
        assert shades(load(listing(images)))[3] == 255

    def test_is_of_one_image_size(self, images):
        Image.new("RGB", (16, 16), (0, 0, 0)).save(images / "000.png")
        assert load(listing(images), image_size=8).pixels.shape[2:] == (8, 8)
        assert load(listing(images), image_size=12).pixels.shape[2:] == (12, 12)

    @pytest.mark.parametrize(
        "damage", ["cut", "emptied", "changed", "no about", "half an about", "other about"]
    )
    def test_is_made_anew_when_damaged(self, images, cache, damage):
        files = listing(images)
        load(files)
        place = cache / files.key(8)
        pixels, about = place / "images.npy", place / "about.json"
        content = bytearray(pixels.read_bytes())
        content[-100] ^= 1
        match damage:
            case "cut":
                os.truncate(pixels, pixels.stat().st_size // 2)
            case "emptied":
                os.truncate(pixels, 0)
            case "changed":
                pixels.write_bytes(content)
            case "no about":
                about.unlink()
            case "half an about":
                os.truncate(about, about.stat().st_size // 2)
            case "other about":
                about.write_text('{"shape": [1, 2, 3, 4], "step": 0, "checksums": [], "broken": {}}')
        said = []
        assert shades(load(files, said.append)) == list(range(200))
        assert damage == "no about" or any("is damaged: decoding the images anew" in line for line in said)
        again = []
        load(files, again.append)
        assert again == []

    def test_forgets_that_an_image_was_broken_when_it_no_longer_is(self, images):
        good = (images / "003.png").read_bytes()
        (images / "003.png").write_bytes(b"\0" * len(good))
        files = listing(images)
        assert set(load(files).broken) == {3}
        (images / "003.png").write_bytes(good)  # as after a chmod, its size and time are the same
        assert load(files).broken == {}

    def test_an_image_that_vanished_is_broken(self, images):
        files = listing(images)
        (images / "100.png").unlink()
        assert load(files).broken == {100: "No such file or directory"}

    def test_removes_what_a_killed_run_left(self, images, cache):
        files = listing(images)
        left = cache / f"{files.key(8)}.12345.part"
        left.mkdir(parents=True)
        (left / "images.npy").write_bytes(b"half")
        load(files)
        assert not left.exists()

    @pytest.mark.slow
    def test_two_runs_decode_once(self, images, tmp_path, cache):
        log = tmp_path / "decoding"
        before = (
            "real = image_cache._make; "
            f"image_cache._make = lambda *a: "
            f"(open({str(log)!r}, 'a').write('x'), __import__('time').sleep(1), real(*a))"
        )
        runs = [start(images, before=before) for _ in range(2)]
        outputs = [run.communicate(timeout=60)[0].splitlines() for run in runs]
        assert [run.returncode for run in runs] == [0, 0]
        assert outputs[0][-1] == outputs[1][-1]
        assert log.read_text() == "x"
        assert sum("waiting for another run" in line for lines in outputs for line in lines) >= 1

    def test_a_lock_of_a_killed_run_is_free(self, images, cache, until):
        before = "image_cache._make = lambda *a: (print('inside', flush=True), __import__('time').sleep(100))"
        run = start(images, before=before)
        assert run.stdout.readline() == "inside\n"
        run.kill()
        run.communicate()
        assert shades(load(listing(images))) == list(range(200))

    def test_threads_share_one_too(self, images):
        found = []
        threads = [threading.Thread(target=lambda: found.append(load(listing(images)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [shades(each) for each in found] == [list(range(200))] * 4

    def test_is_done_without_where_nothing_can_be_written(self, images, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "file"))
        said = []
        assert shades(load(listing(images), said.append)) == list(range(200))
        assert said[0].startswith("decoded images are not kept, every run decodes them anew: ")

    def test_is_done_without_where_a_file_cannot_grow(self, images, cache):
        before = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))"
        run = start(images, before=before)
        output = run.communicate(timeout=60)[0]
        assert run.returncode == 0
        assert "decoded images are not kept, every run decodes them anew: [Errno 27] File too large" in output
        assert output.splitlines()[-1] == str(sum(range(200)) * 16)
        assert [path for path in cache.iterdir() if path.suffix != ".lock"] == []

    def test_is_done_without_where_a_disk_is_full(self, images, monkeypatch, in_processes):
        usage = psutil.disk_usage("/")._replace(free=0)
        monkeypatch.setattr(image_cache.shutil, "disk_usage", lambda path: usage)
        said = []
        found = load(listing(images), said.append, workers=2)
        assert shades(found) == list(range(200))
        assert "has 0.0 GiB left" in said[0]

    def test_images_that_fit_nowhere_are_said(self, images, monkeypatch, tmp_path):
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "file"))
        memory = psutil.virtual_memory()
        monkeypatch.setattr(image_cache.psutil, "virtual_memory", lambda: memory._replace(available=1000))
        with pytest.raises(DataError, match="set VITUI_CACHE to a folder with room"):
            load(listing(images))


class TestWhere:
    def test_what_the_user_says(self, monkeypatch, tmp_path):
        monkeypatch.setenv("VITUI_CACHE", "here")
        monkeypatch.chdir(tmp_path)
        assert cache_folder() == tmp_path / "here"

    @pytest.mark.parametrize(
        ("xdg", "folder"), [("/x", "/x/vitui"), ("x", "/h/.cache/vitui"), ("", "/h/.cache/vitui")]
    )
    def test_else_where_caches_are(self, monkeypatch, xdg, folder):
        monkeypatch.delenv("VITUI_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
        monkeypatch.setenv("HOME", "/h")
        assert cache_folder() == Path(folder)
