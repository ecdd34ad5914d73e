"""What somebody hostile made can be listed, shown, examined and drawn: without harm, in bounded time and memory."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pickle
import shutil
import socket
import stat
import subprocess
import sys
import zipfile

import msgspec
import pytest
import tomlkit

from engine.runs import run_lock, stop_request
from engine.runs.labels import change_note
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store, StoreError, is_run_id
from tests.conftest import ROOT, TINY, Engine, queued

UNSEEN = "what nobody is to see"
FILES = (
    "run.json", "events.jsonl", "status.json", "queued.json", "labels.json", "control", "console.log", "lock",
    ".reserve", "posted.json",
)  # fmt: skip
SECONDS = 30.0
"""Of a processor, that a look may take: as bounded on a busy machine as on an idle one."""
MEMORY = 400 * 2**20
"""Bytes that a process may take to look at a run: what it imports takes a good part of them."""

LOOK = """
import os, pathlib, sys, time
from functools import partial
os.chdir(sys.argv[1])
from engine.commands import run_table as listing
from engine.diagnostics import run_checks, doctor
from engine.errors import UserError
from engine.runs import labels, trash
from engine.text import printable
from engine.runs.resume_settings import last_experiment
from engine.config.loader import load_config
from engine.history.reader import History
from engine.analysis.runs_that_count import read_candidates
from engine.runs.queue_entry import queue_entry
from engine.runs.run_lock import is_held
from engine.runs.liveness import status_of
from engine.runs.stop_request import asked
from engine.system.files import last_lines
from engine.runs.store import Store
from tui.figures.export_figures import export_figures
from tui.report.export_tables import export_tables
from tui.feed.feed import Feed
from tui.views.run_list_tree import make_rows
from tui.state.snapshot import Project, Watch

store = Store("runs")
runs = store.runs()
print(len(runs), "runs")
listing.print_run_table([status_of(run) for run in runs])
for run in runs:
    for ask in (run.info, lambda: store.find(run.id), lambda: last_experiment(run),
                *(partial(question, run) for question in (queue_entry, asked, is_held))):
        try:
            ask()
        except UserError as error:  # a message, and no other error
            print(printable(str(error)))
    found = labels.labels_of(run)
    print(printable(f"{found.tags[:3]} {found.notes[:200]}"))
    history = History(run.path)
    history.update()
    for name in history.metrics[:20]:
        for axis in ("step", "epoch", "time"):
            history.series(name, axis)
    listing.print_log(run, as_json=False, follow=False)
    listing.print_log(run, as_json=True, follow=False)
    trash.disk_usage(run.path)
for as_json in (False, True):
    for line in doctor.report(store, fix=False, as_json=as_json):
        print(line)
here, config, folder = map(pathlib.Path, (".", "experiments.toml", "runs"))
feed = Feed(Project(folder=here, config=config, runs=folder), print)
for run in runs[:40]:
    feed.look_at(Watch(runs=tuple(each.id for each in runs[:40]), focus=run.id))
    for _ in range(20):
        changed = feed.tick()
        if changed is None or not changed.snapshot.loading:
            break
    if changed is not None:
        make_rows(changed.snapshot, {status.experiment for status in changed.snapshot.runs})
        detail = changed.snapshot.detail
        for line in detail.console if detail else ():
            print(line)
if "draw" in sys.argv:
    export_figures(load_config(config), store, [], pathlib.Path("images"), ("png", "svg"), say=print)
    export_tables(load_config(config), store, [], pathlib.Path("images"), ("md", "latex", "csv"), say=print)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(f"took {time.process_time():.2f} s and {peak} kB", file=sys.stderr)
"""

FIGURES = """
[figures.f1]
y = "test/f1"
experiments = ["tiny"]

[figures.loss]
y = "train/loss"
x = "time"
experiments = ["tiny", "long"]
"""


@pytest.fixture
def lab(tmp_path):
    """A folder with experiments and figures, a secret beside it, and one honest run in it."""
    here = tmp_path / "lab"
    here.mkdir()
    (here / "experiments.toml").write_text(TINY + FIGURES)
    return here


@pytest.fixture
def victim(lab, tiny):
    """A run that has finished: somebody hostile changes what is in its folder."""
    run = Store(lab / "runs").create(tiny, seed=0)
    write(run, *honest(run))
    for name in ("labels.json", "control", "console.log", "lock", ".reserve"):
        (run.path / name).write_text("{}")
    return run


def honest(run, **changes):
    """Return the lines of a short run."""
    at = {"time": 1000.0, "run": run.id}
    start = {
        "event": "start",
        "attempt": 1,
        "experiment": "tiny",
        "epochs": 2,
        "steps_per_epoch": 5,
        "host": "h",
    }
    metrics = {"event": "metrics", "step": 5, "epoch": 1.0, "values": {"test/f1": 0.5, "train/loss": 1.0}}
    return [start | at | changes, metrics | at, metrics | at | {"step": 10, "epoch": 2.0}, end(run)]


def end(run, **changes):
    return {"event": "end", "time": 1001.0, "run": run.id, "state": "finished", "reason": "done"} | changes


def log(run, message):
    return {"event": "log", "time": 1000.0, "run": run.id, "level": "info", "message": message}


def write(run, *lines):
    run.events.write_bytes(
        b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    )


def look(lab, *words):
    """Look at all there is in a process of its own; return what it printed."""
    with (lab / "said").open("wb") as said, (lab / "erred").open("wb") as erred:
        process = subprocess.run(
            [sys.executable, "-c", LOOK, lab, *words], stdout=said, stderr=erred, timeout=8 * SECONDS,
            env=os.environ | {"PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(lab.parent), "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
    out, err = (lab / "said").read_bytes(), (lab / "erred").read_text(errors="replace")
    assert process.returncode == 0, err[-3000:]
    took = err.splitlines()[-1].split()
    assert float(took[1]) < SECONDS
    assert int(took[-2]) * 1024 < MEMORY
    text = out.decode()  # or it is no text
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert UNSEEN not in text
    return text


def replace_all(run, make):
    for name in FILES:
        path = run.path / name
        path.unlink(missing_ok=True)
        make(path)
    shutil.rmtree(run.checkpoints)
    make(run.checkpoints)


def bind(path):
    """Put a socket at a path, however long the path is."""
    here = pathlib.Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def sparse(path):
    with path.open("wb") as file:
        file.truncate(5 * 2**30)


def sparse_with_events_around(run):
    lines = run.events.read_bytes()
    sparse(run.events)
    with run.events.open("r+b") as file:
        file.write(lines)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + lines)


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


EVIL = "\x1b]0;owned\x07\x1b[31m\x9b31m\u202e\r\n[bold]x[/bold] \x00\x7f"


def with_escapes(run):
    rewrite(run.path / "run.json", experiment=EVIL, command=[EVIL], git={"commit": EVIL}, cwd=EVIL)
    (run.path / "labels.json").write_text(json.dumps({"added": [EVIL, "\x9b"], "note": EVIL}))
    (run.path / "console.log").write_text(EVIL + "\n" + EVIL)
    (run.path / "queued.json").write_text(json.dumps({"submitted": 1, "after": [EVIL], "device": EVIL}))
    failure = {"type": EVIL, "message": EVIL, "traceback": EVIL}
    values = {EVIL: 1.0, "test/f1": 0.5, "test/" + EVIL: 2.0}
    at = {"time": 1000.0, "run": EVIL, "step": 7, "epoch": 1.4}
    raw = json.dumps(log(run, "raw \x9b31m"), ensure_ascii=False).encode() + b"\n"
    write(
        run, *honest(run, experiment=EVIL, host=EVIL, device=EVIL, init=EVIL, versions={EVIL: EVIL})[:2],
        log(run, EVIL), raw, {"event": "metrics", "values": values, "nonfinite": [EVIL]} | at,
        {"event": "checkpoint", "path": EVIL, "kind": "last", "bytes": 1} | at, {"event": EVIL, EVIL: EVIL} | at,
        end(run, state="failed", reason=EVIL, error=failure, summary={EVIL: EVIL}),
    )  # fmt: skip
    run.status_file.unlink(missing_ok=True)


def nested(depth):
    def change(run):
        deep = b"[" * depth + b"]" * depth
        (run.path / "run.json").write_bytes(
            (run.path / "run.json").read_bytes().replace(b'"epochs": 2', b'"epochs": 2, "deep": ' + deep)
        )
        for name in ("status.json", "queued.json", "labels.json", "lock"):
            (run.path / name).write_bytes(b'{"added":' + deep + b',"x":' + deep + b"}")
        deep_start = json.dumps(honest(run)[0]).encode()[:-1] + b',"config":{"a":' + deep + b"}}\n"
        unknown = b'{"event":"new","time":1,"run":"r","x":' + deep + b"}\n"
        write(run, deep_start, unknown, *honest(run)[1:])

    return change


def wrong_types(run):
    bad = [None, True, [], {}, "x", -1, 1e308, 10**400, [[[]]], {"a": {"b": [1]}}]
    lines = []
    for line in honest(run):
        for key in line:
            lines += [line | {key: value} for value in bad]
    matrix = {
        "event": "confusion",
        "time": 1,
        "run": "r",
        "step": 1,
        "epoch": 1,
        "split": "test",
        "labels": [],
    }
    lines += [
        matrix | {"matrix": rows} for rows in ([[1], [1, 2, 3]], [[]], [[-1]], [[10**30]], [[0.5]], "x")
    ]
    write(run, *lines, *honest(run))


def wrong_numbers(run):
    huge = {"time": 1e11, "step": 2**53, "epoch": 2.0**53}
    values = {"test/f1": 1e308, "train/loss": -1e308, "time/x": 5e-324, "test/accuracy": None}
    first, metrics, *_ = honest(run)
    write(
        run, first | {"epochs": 2**53, "steps_per_epoch": 2**53, "parameters": 2**53, "pid": 2**53},
        metrics | huge | {"values": values}, metrics | {"time": 0, "step": 0, "epoch": 0, "values": values},
        first | {"time": 1e11, "step": 2**53}, metrics | huge, first | {"epochs": 0, "steps_per_epoch": 0}, metrics,
        end(run, time=1e11, duration_s=1e11, summary={"test/f1": {"value": 1e308, "n": -1}}),
    )  # fmt: skip
    rewrite(run.path / "run.json", seed=2**63 - 1, created=1e11)


def many_names(run):
    lines = honest(run)
    for i in range(12):
        values = {f"{i}-{k}": 1.0 for k in range(20_000)}
        lines.insert(1, lines[1] | {"values": values})
    write(run, *lines)


def large_matrices(run):
    matrix = {"event": "confusion", "time": 1, "run": "r", "step": 1, "epoch": 1, "split": "test"}
    rows = [[0] * 1000] * 1000
    write(run, *[matrix | {"labels": ["x"] * 100_000, "matrix": rows}] * 8, *honest(run))


def large_texts(run):
    lines = honest(run, experiment="x" * 2_000_000, host="h" * 1_000_000)
    write(
        run,
        lines[0],
        *[log(run, "y" * 3_000_000)] * 10,
        *lines[1:-1],
        end(run, state="failed", reason="z" * 3_000_000),
    )
    (run.path / "console.log").write_text("w" * 10_000_000)
    (run.path / "labels.json").write_text(
        json.dumps({"added": ["t" * 1_000_000, *map(str, range(10_000))], "note": "n" * 3_000_000})
    )
    run.status_file.unlink(missing_ok=True)


def raw_bytes(run):
    bad = b'{"event":"log","time":1,"run":"r","level":"info","message":"m","extra":"\xff\xfe"}\n'
    blank = b'{"event":"log",\r"time":1,\t"run":"r","level":"info","message":"m"}\r\n'
    write(run, *honest(run)[:2], bad, b"\xff\xfe\x00\n" * 100, b"\r\n", blank, *honest(run)[2:])
    (run.path / "console.log").write_bytes(bytes(range(256)) * 100)


def no_unicode(run):
    for name in ("run.json", "status.json", "queued.json", "labels.json", "lock"):
        path = run.path / name
        text = path.read_bytes() if path.exists() else b"{}"
        keys = b'{"device":"\xff","experiment":"\xff","added":["\xff"],"new":"\xff","config":{"a":"\xff"},'
        path.write_bytes(text.replace(b"{", keys, 1))
    write(
        run,
        honest(run)[0],
        *[json.dumps(line).encode().replace(b'"r', b'"\xff') + b"\n" for line in honest(run)],
    )


def of_another(run):
    for name in ("status.json", "run.json"):
        if (run.path / name).exists():
            rewrite(
                run.path / name,
                run="../../etc",
                id="../../etc",
                state="running",
                pid=1,
                process_started=1e300,
            )
    (run.path / "lock").write_text('{"pid":1,"started":1.0,"boot":"x","host":"y","space":"z"}')


def links(to):
    return lambda run: replace_all(run, lambda path: path.symlink_to(to))


def device(minor):
    return lambda path: os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, minor))


OUTSIDE = pathlib.Path("../../..")
CASES = {
    "links to a secret": links(OUTSIDE / "secret"),
    "links to a secret's folder": links(OUTSIDE),
    "links to each other": links("lock"),
    "links to a device that never ends": links("/dev/zero"),
    "pipes": lambda run: replace_all(run, os.mkfifo),
    "sockets": lambda run: replace_all(run, bind),
    "folders": lambda run: replace_all(run, lambda path: path.mkdir()),
    "devices full of nothing": lambda run: replace_all(run, device(5)),
    "devices full of noise": lambda run: replace_all(run, device(9)),
    "5 GB of nothing": lambda run: replace_all(run, sparse),
    "5 GB of nothing between events": sparse_with_events_around,
    "a message of 100 MB": lambda run: write(run, *honest(run)[:2], log(run, "x" * 10**8), *honest(run)[2:]),
    "100 MB without an end": lambda run: write(run, *honest(run), b"x" * 10**8),
    "escapes everywhere": with_escapes,
    "nested 100,000 deep": nested(100_000),
    "nested 900 deep": nested(900),
    "nested 300 deep": nested(300),
    "wrong types": wrong_types,
    "numbers at the edge": wrong_numbers,
    "240,000 names of metrics": many_names,
    "matrices of a million": large_matrices,
    "texts of megabytes": large_texts,
    "bytes that are no text": raw_bytes,
    "text that is no Unicode": no_unicode,
    "the files of another": of_another,
}  # fmt: skip


LARGE = (
    "a message of 100 MB",
    "100 MB without an end",
    "matrices of a million",
    "texts of megabytes",
    "240,000 names of metrics",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [pytest.param(make, id=name, marks=[pytest.mark.slow] * (name in LARGE)) for name, make in CASES.items()],
)
def test_it_can_be_looked_at(lab, victim, change):
    secret = lab.parent / "secret"
    secret.write_text(json.dumps(log(victim, UNSEEN)) + "\n" + UNSEEN)
    try:
        change(victim)
    except PermissionError:
        pytest.skip("only root can make a device")
    before = secret.stat()
    assert look(lab).startswith("1 runs\n")
    assert secret.read_text().endswith(UNSEEN)
    assert secret.stat().st_mtime_ns == before.st_mtime_ns
    assert sorted(path.name for path in lab.parent.iterdir()) == ["lab", "secret"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_of_them_can_be_listed_and_drawn_at_once(lab, tiny):
    store = Store(lab / "runs")
    for seed, change in enumerate(CASES.values()):
        run = store.create(tiny, seed=seed)
        write(run, *honest(run))
        change(run)
    honest_run = store.create(tiny, seed=99)
    write(honest_run, *honest(honest_run))
    look(lab, "draw")
    assert {path.name for path in (lab / "images").iterdir()} >= {"f1.png", "f1.svg"}
    assert b"\x1b" not in (lab / "images" / "f1.svg").read_bytes()


@pytest.mark.parametrize(
    "name", [name for name in CASES if name not in ("texts of megabytes", "nested 900 deep")]
)
@pytest.mark.slow
def test_doctor_repairs_it_and_harms_nothing_outside(lab, victim, engine_in, name):
    secret = lab.parent / "secret"
    secret.write_text(UNSEEN)
    CASES[name](victim)
    done = engine_in(lab)("doctor", "--fix")
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    again = engine_in(lab)("doctor", "--fix", "--json").stdout.splitlines()
    assert [finding for finding in map(json.loads, again) if finding["fixable"]] == []
    assert secret.read_text() == UNSEEN


@pytest.fixture
def engine_in():
    return Engine


class Trap:
    """A pickle that makes a file when it is opened."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_a_checkpoint_is_not_opened_by_whoever_looks(lab, victim, packed):
    trap = pickle.dumps(Trap(lab / "sprung"))
    for name in ("last.pt", "best.pt"):
        path = victim.checkpoints / name
        path.write_bytes(trap)
        if packed:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("x/data.pkl", trap)
    for name in ("run.json", "events.jsonl", "status.json", "labels.json"):
        if not packed:
            (victim.path / name).write_bytes(trap)
    if packed:
        saved = {
            "event": "checkpoint",
            "time": 1,
            "run": "r",
            "step": 1,
            "epoch": 1,
            "path": "p",
            "kind": "last",
            "bytes": 1,
        }
        write(victim, honest(victim)[0], saved)
    look(lab)
    assert not (lab / "sprung").exists()


class TestPaths:
    HOSTILE = ("..", ".", "a\nb", "x\x1b[31m", "-rf", " ", "a/b", "é", "~", "a" * 201, "$(id)", "a;b")

    def test_what_is_no_id_is_no_run(self, lab, victim):
        for name in self.HOSTILE:
            if name not in (".", "..") and "/" not in name and len(name) < 200:
                (lab / "runs" / name).mkdir()
        (lab / "runs" / "link-s0-20260101-000000-aaaa").symlink_to("/etc")
        assert [run.id for run in Store(lab / "runs").runs()] == [victim.id]
        assert look(lab).startswith("1 runs\n")

    @pytest.mark.parametrize(
        "name",
        [
            *("../x", "/etc", "\x00"),
            *(
                pytest.param(name, marks=pytest.mark.slow)
                for name in ("../../etc/passwd", "..", ".", "a\nb", "*", "%s")
            ),
        ],
    )
    def test_no_name_leads_out_of_the_folder(self, lab, victim, engine_in, name):
        (lab / "x").mkdir()
        with contextlib.suppress(StoreError):  # "." is a part of the only id
            assert Store(lab / "runs").find(name).path == victim.path
        done = engine_in(lab)("logs", name.replace("\x00", "x"), "--runs", "runs")
        assert done.returncode in (0, 2)
        assert not is_run_id(name)

    def test_of_an_id_in_a_file_nothing_is_made(self, lab, victim):
        rewrite(victim.path / "run.json", id="../../x")
        assert victim.info().id == "../../x"
        assert Run(victim.path).id == victim.id
        recorder = Recorder(victim)
        recorder.log("info", "hello")
        recorder.close()
        assert json.loads(victim.events.read_bytes().splitlines()[-1])["run"] == victim.id

    @pytest.mark.slow
    def test_a_folder_of_runs_that_is_none(self, lab, engine_in):
        engine = engine_in(lab)
        for root in ("/dev/null", "none", "experiments.toml", "/proc/self", "\n"):
            for verb in (["ls"], ["doctor"], ["rm", "--list"], ["stop", "x"], ["logs", "x"]):
                done = engine(*verb, "--runs", root)
                assert done.returncode in (0, 2), (verb, root, done.stderr)
                assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("umask", [0, 0o002, 0o022, 0o077, 0o177], ids=oct)
def test_what_is_made_is_its_owners_alone(tmp_path, tiny, umask):
    before = os.umask(umask)
    try:
        store = Store(tmp_path / "runs")
        run = queued(store, tiny, seed=0)
        with run_lock.hold(run):
            recorder = Recorder(run)
            recorder.log("info", "hello")
            recorder.end("finished", "done")
            recorder.close()
        stop_request.ask(run, "stop-now")
        change_note(run, "mine")
    finally:
        os.umask(before)
    modes = {
        str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode)
        for path in [store.root, *store.root.rglob("*")]
    }
    folders = {name for name, mode in modes.items() if (tmp_path / name).is_dir()}
    assert {modes[name] for name in folders} == {0o700}
    assert {mode for name, mode in modes.items() if name not in folders} == {0o600}
    assert len(modes) == 10


@pytest.mark.slow
@pytest.mark.parametrize("umask", [0, 0o022])
def test_what_a_run_makes_is_its_owners_alone(lab, engine_in, umask):
    engine = engine_in(lab)
    done = engine("run", "tiny", code=f"import os; os.umask({umask})")
    assert done.returncode == 0, done.stderr
    (run,) = Store(lab / "runs").runs()
    for path in run.path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


NAMES = (
    'with "quotes" and \'more\'', "with spaces  in it", "a/b/../../c", "émoji 🎉🚀", "\x1b[31mred\x07\n\t",
    "x" * 300, "", "--help", "-", ".", "..", "\u202eevil", "a%sb{}$(id)`id`", "名前", "NUL\x00", "~", "a\\b",
)  # fmt: skip


def test_an_experiment_may_be_called_anything(lab, tiny):
    store = Store(lab / "runs")
    for name in NAMES:
        run = store.create(msgspec.structs.replace(tiny, name=name), seed=0)
        assert is_run_id(run.id)
        assert run.path.parent == store.root
        assert store.find(run.id).info().experiment == name
        write(run, *honest(run, experiment=name))
    assert look(lab).startswith(f"{len(NAMES)} runs\n")


def named(lab, name):
    table = {"model": "vit_mini", "dataset": "digits", "image_size": 8, "patch_size": 4, "epochs": 1}
    text = tomlkit.dumps({"experiments": {name: table | {"subset_per_class": 10}}})
    (lab / "experiments.toml").write_text(text)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["with \"quotes\" and 'more'", "a/b/../../c d", "émoji 🎉🚀", "--help"])
def test_an_experiment_of_an_odd_name_can_be_trained(lab, engine_in, name):
    named(lab, name)
    done = engine_in(lab)("run", "--", name)
    assert done.returncode == 0, done.stderr
    assert Store(lab / "runs").runs()[0].info().experiment == name


@pytest.mark.parametrize("name", ["\x1b[31mred\x07\n\t", "x" * 300, "\u202eevil", ""])
def test_what_is_no_name_is_refused_and_not_shown_raw(lab, engine_in, name):
    named(lab, name)
    done = engine_in(lab)("check")
    assert done.returncode == 2
    assert "1 to 120 printable characters" in done.stderr.decode()
    assert all(c.isprintable() or c == "\n" for c in done.stderr.decode())
