"""Runs on a machine of another name, over a real ssh: sent, followed, asked, cut off and caught up with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.config.schema import SCRIPT, Experiment
from engine.config.site import Site
from engine.remote.host_link import HostLink
from engine.runs.liveness import status_of
from engine.runs.posted.posting import Posting
from engine.runs.posted.site_status import publish
from engine.runs.provenance.code_snapshot import CodeSnapshot
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from engine.runs.trust.posted_by_user import enter_posting
from engine.sites.ssh_command import SiteError, Unreachable
from engine.system.installed_extras import engine_version
from tests.engine.remote import far_host as machine

pytestmark = [pytest.mark.sites, pytest.mark.slow]

LONG = """
import json, sys, time
for step in range(1, 4000):
    values = {"train/loss": 1 / step}
    print(json.dumps({"event": "metrics", "step": step, "epoch": step / 10, "values": values}), flush=True)
    time.sleep(0.02)
"""
SHORT = LONG.replace("4000", "40").replace("0.02", "0.001")


FILES = ("events.jsonl", "status.json", "console.log")


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


class Desk:
    """What the bridge does, by hand."""

    def __init__(self, store: Store, host: machine.FarHost, **fields: object) -> None:
        self.store, self.host = store, host
        self.site = Site(
            name="box",
            **{"ssh": machine.NAME, "folder": str(host.project), "python": sys.executable} | fields,
        )
        self.link = HostLink(store.root, self.site)
        self.posted: dict[str, tuple[Run, Posting]] = {}

    def send(self, experiment: Experiment) -> Run:
        run = self.store.create(experiment, 0, code=CodeSnapshot())
        posting = enter_posting(run, Posting(site=self.site, name=f"vitui-{run.id}-1", posted=time.time()))
        self.posted[run.id] = run, enter_posting(run, self.link.post(run, posting))
        return run

    def again(self, run: Run) -> None:
        """Post it anew."""
        _, before = self.posted[run.id]
        number = before.number + 1
        posting = Posting(
            site=self.site, name=f"vitui-{run.id}-{number}", number=number, posted=time.time(),
            attempts=status_of(run).attempt,
        )  # fmt: skip
        posting = enter_posting(run, posting)
        self.posted[run.id] = run, enter_posting(run, self.link.post(run, posting))

    def look(self) -> None:
        publish(self.store.root, self.link.look(self.posted))

    def until(self, run: Run, *states: str, seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while (status := status_of(run)).state not in states:
            assert time.monotonic() < deadline, f"{status.state}: {status.reason}"
            self.look()
            time.sleep(0.1)

    def far(self, run: Run) -> Run:
        return Run(self.host.project / "runs" / run.id)

    def assert_same(self, run: Run) -> None:
        """Look until a run that has ended is here as it is there, byte for byte."""
        far, deadline = self.far(run), time.monotonic() + 10
        while files_of(run.path) != files_of(far.path):
            assert time.monotonic() < deadline
            self.look()
            time.sleep(0.1)


@pytest.fixture
def new_desk(store: Store, far_host):
    made: list[Desk] = []

    def new(**fields: object) -> Desk:
        made.append(Desk(store, far_host, **fields))
        return made[-1]

    yield new
    for one in made:
        one.link.close()


@pytest.fixture
def desk(new_desk):
    return new_desk()


def program(tmp_path: Path, text: str = SHORT, name: str = "program") -> Experiment:
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    return Experiment(name=name, model=SCRIPT, epochs=1, command=[sys.executable, str(path)])


def test_a_command_goes_there_and_ends_here_with_the_same_events(desk, tmp_path):
    run = desk.send(program(tmp_path))
    desk.until(run, "finished")
    desk.assert_same(run)
    assert status_of(run).host == machine.NAME
    assert not run.queue_file.exists()
    assert [line.split()[:3] for line in desk.host.engine("ls").stdout.splitlines()[1:]] == [
        ["✓", "finished", run.id]
    ]


def far_row(desk: Desk, run: Run) -> list[str]:
    rows = [line.split() for line in desk.host.engine("ls").stdout.splitlines()]
    return next(row for row in rows if run.id in row)


def test_a_run_is_seen_live_and_a_stop_is_carried_there(desk, tmp_path, engine):
    run = desk.send(program(tmp_path, LONG))
    desk.until(run, "running")
    size = run.events.stat().st_size
    time.sleep(1.5)
    desk.look()
    assert run.events.stat().st_size > size
    assert desk.link.ask(run, desk.posted[run.id][1], "stop-now").startswith(f"{run.id} will stop")
    desk.until(run, "stopped")
    desk.assert_same(run)
    (here,) = [line.split() for line in engine("ls").stdout.decode().splitlines() if run.id in line]
    here.remove(desk.site.name)  # the column that says where it is
    assert here == far_row(desk, run)
    desk.again(run)
    desk.until(run, "running")
    desk.link.ask(run, desk.posted[run.id][1], "stop-now")
    desk.until(run, "stopped")
    assert status_of(run).attempt == 2
    desk.assert_same(run)


def test_a_link_that_is_cut_catches_up_byte_for_byte(desk, tmp_path):
    run = desk.send(program(tmp_path, LONG))
    desk.until(run, "running")
    for _ in range(2):
        os.kill(desk.link._far._ssh.pid, signal.SIGKILL)
        with run.events.open("ab") as events:
            events.write(b'{"event": "torn')  # as a machine that lost its power leaves it
        time.sleep(1)
        with pytest.raises(Unreachable):
            desk.look()
        desk.look()
    desk.link.ask(run, desk.posted[run.id][1], "stop-now")
    desk.until(run, "stopped")
    desk.assert_same(run)


def test_a_machine_that_slept_catches_up(desk, tmp_path):
    run = desk.send(program(tmp_path, LONG))
    desk.until(run, "running")
    ssh = desk.link._far._ssh.pid
    os.kill(ssh, signal.SIGSTOP)
    time.sleep(6)
    os.kill(ssh, signal.SIGCONT)
    desk.link.ask(run, desk.posted[run.id][1], "stop-now")
    desk.until(run, "stopped")
    desk.assert_same(run)


def test_a_run_that_began_here_goes_on_there(desk, tmp_path, engine):
    command = program(tmp_path, LONG).command
    (tmp_path / "experiments.toml").write_text(f"[experiments.one]\nepochs = 1\ncommand = {command}\n")
    process = engine.start("run", "one")
    deadline = time.monotonic() + 30
    while not (runs := desk.store.runs()) or status_of(runs[0]).state != "running":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (run,) = runs
    process.terminate()
    process.wait(30)
    assert status_of(run).state == "stopped"
    posting = Posting(site=desk.site, name=f"vitui-{run.id}-1", posted=time.time(), attempts=1)
    enter_posting(run, posting)
    desk.posted[run.id] = run, enter_posting(run, desk.link.post(run, posting))
    desk.until(run, "running")
    assert status_of(run).attempt == 2
    desk.link.ask(run, desk.posted[run.id][1], "stop-now")
    desk.until(run, "stopped")
    desk.assert_same(run)


def test_a_run_that_went_on_elsewhere_takes_the_place_of_what_is_there(desk, tmp_path):
    run = desk.send(program(tmp_path, LONG))
    desk.until(run, "running")
    desk.link.ask(run, desk.posted[run.id][1], "stop-now")
    desk.until(run, "stopped")
    desk.assert_same(run)
    recorder = Recorder(run)
    recorder.log("info", "it was elsewhere")
    recorder.end("stopped", "stopped there")
    recorder.close()
    desk.again(run)
    desk.until(run, "running")
    desk.link.ask(run, desk.posted[run.id][1], "stop-now")
    desk.until(run, "stopped")
    desk.assert_same(run)
    assert b"it was elsewhere" in desk.far(run).events.read_bytes()
    assert len(list((desk.host.project / "runs" / ".trash").iterdir())) == 1


def test_what_waits_there_says_why_and_is_held_and_let_go(desk, tmp_path):
    first, second = (desk.send(program(tmp_path, LONG, name)) for name in ("first", "second"))
    desk.until(first, "running")
    desk.until(second, "queued")
    ask = desk.link.ask
    assert "held" in ask(second, desk.posted[second.id][1], "hold")
    ask(first, desk.posted[first.id][1], "stop-now")
    desk.until(first, "stopped")
    time.sleep(1.5)
    desk.look()
    assert (status_of(second).state, status_of(second).reason) == ("queued", "held")
    ask(second, desk.posted[second.id][1], "release")
    desk.until(second, "running")
    with pytest.raises(SiteError, match="does not wait"):
        ask(second, desk.posted[second.id][1], "move", ["first"])
    with pytest.raises(SiteError, match="is not there"):
        desk.link.do("nobody-s0", "stop")


def test_the_same_posting_enters_a_run_once(desk, tmp_path):
    run = desk.send(program(tmp_path))
    _, posting = desk.posted[run.id]
    assert desk.link.post(run, posting).job == run.id
    desk.until(run, "finished")
    assert desk.link.post(run, posting).job == run.id
    assert status_of(run).attempt == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"ssh": machine.STRANGER}, "host key"),
        ({"ssh": machine.LOCKED}, "wants a login"),
        ({"ssh": machine.NOWHERE}, "refused"),
        ({"python": "/nowhere/python"}, "vitui is not there"),
        ({"python": "/usr/bin/python3"}, "vitui is not there"),
        ({"setup": ["echo no module of that name >&2; exit 3"]}, "no module of that name"),
    ],
)
def test_what_does_not_answer_says_why(new_desk, fields, why):
    desk = new_desk(**fields)
    with pytest.raises(Unreachable, match=why):
        desk.look()


HOSTILE = """
import json, sys, time
def say(head, body=b""):
    sys.stdout.buffer.write(json.dumps(head | {"n": len(body)}).encode() + b"\\n" + body)
    sys.stdout.flush()
print("VITUI-FAR-END 1", flush=True)
say({"op": "hello", "v": VERSION, "engine": ENGINE, "host": "box\\x1b[31m", "now": time.time(), "folder": "/x"})
for line in sys.stdin.buffer:
    head = json.loads(line)
    sys.stdin.buffer.read(head.get("n", 0))
    if head["op"] == "have":
        break
ATTACK
time.sleep(60)
"""


def hostile(tmp_path: Path, attack: str, v: int = 1, engine: str = "") -> str:
    """Return a program in the place of Python there."""
    program = tmp_path / "hostile"
    text = HOSTILE.replace("VERSION", str(v)).replace("ENGINE", repr(engine or engine_version()))
    program.write_text(f"#!{sys.executable}\n{text.replace('ATTACK', attack)}")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    "attack",
    [
        'say({"op": "put", "run": "../../x", "file": "status.json", "time": 1}, b"x")',
        'say({"op": "put", "run": RUN, "file": "run.json", "time": 1}, b"x")',
        'say({"op": "append", "run": RUN, "file": "queued.json", "at": 0}, b"x")',
        'say({"op": "append", "run": RUN, "file": "events.jsonl", "at": 0}, b"half a line")',
        'say({"op": "append", "run": RUN, "file": "events.jsonl", "at": 1 << 60}, b"{}")',
        'say({"op": "burn"})',
        'print("{" * 100000, flush=True)',
        "sys.exit(0)",
    ],
)
def test_a_hostile_far_end_is_let_go_with_one_line(new_desk, store, tmp_path, attack):
    desk = new_desk()
    run = store.create(program(tmp_path), 0, code=CodeSnapshot())
    posting = enter_posting(
        run, Posting(site=desk.site, name=f"vitui-{run.id}-1", posted=time.time(), job="1")
    )
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    hostile_desk = new_desk(python=hostile(tmp_path, attack.replace("RUN", repr(run.id))))
    with pytest.raises(Unreachable):
        hostile_desk.link.look({run.id: (run, posting)})
    assert {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("v", "engine"), [(2, ""), (1, "99.0")])
def test_another_version_is_refused_with_the_cure(new_desk, tmp_path, v, engine):
    with pytest.raises(SiteError, match="pip install vitui=="):
        new_desk(python=hostile(tmp_path, "", v, engine)).look()


def test_setup_may_print_and_set_what_it_likes(new_desk, tmp_path):
    text = "import os\nprint('set to', os.environ['OF_SETUP'])"
    desk = new_desk(setup=["echo welcome; echo", "export OF_SETUP='a b'"])
    run = desk.send(program(tmp_path, text))
    desk.until(run, "finished")
    desk.assert_same(run)
    assert b"set to a b" in run.console.read_bytes()


def test_the_code_of_here_runs_there(new_desk, tmp_path):
    (tmp_path / "said.py").write_text("print('from here')")
    (tmp_path / "program.py").write_text("import said, os\nprint(os.getcwd())")
    for words in (["init", "-q"], ["add", "said.py", "program.py"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, timeout=20)
    desk = new_desk(code="send")
    experiment = Experiment(name="sent", model=SCRIPT, epochs=1, command=[sys.executable, "program.py"])
    runs = [desk.send(experiment), desk.send(experiment)]
    for run in runs:
        desk.until(run, "finished")
        desk.assert_same(run)
        assert b"from here" in run.console.read_bytes()
        assert f"{desk.host.project}/runs/.code/".encode() in run.console.read_bytes()
    assert len(list((desk.host.project / "runs" / ".code").iterdir())) == 1


def test_a_training_there_ends_here_with_its_checkpoint(desk, tiny):
    run = desk.send(tiny)
    desk.until(run, "finished", seconds=90)
    desk.assert_same(run)
    assert not list(run.checkpoints.iterdir())
    size = desk.link.fetch(run, "best.pt")
    there = desk.far(run).checkpoints / "best.pt"
    assert (run.checkpoints / "best.pt").read_bytes() == there.read_bytes()
    assert size == there.stat().st_size
    info = there.stat()  # the next one is gone on with where it was cut off
    (run.checkpoints / "best.pt").unlink()
    draft = run.checkpoints / f".best.pt.{info.st_size}-{info.st_mtime_ns}.part"
    draft.write_bytes(there.read_bytes()[:-100])
    desk.link.fetch(run, "best.pt")
    assert (run.checkpoints / "best.pt").read_bytes() == there.read_bytes()
    assert [path.name for path in run.checkpoints.iterdir()] == ["best.pt"]
