"""Throw bytes at everything that reads what others wrote, guided by coverage: no input may end a reader.

    pip install -e '.[fuzz]'
    python tests/bench/fuzz.py [--inputs 1000000] [--target events|files|config|filters|logs|folders|output] [--seed 1]

Each target runs in a process of its own, with its share of the inputs. The first input that raises what it should not
ends its process, which names it; it is kept as ``crash-*`` in the folder that is printed, and given to the target again
with ``--input FILE``; ``WITHOUT=ls_json,feed`` leaves readers of folders out. Half of the inputs are mutated as
bytes, half as the JSON or the lines that they are made of.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gzip
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import atheris
import msgspec

from engine.errors import UserError
from engine.runs import stop_request
from engine.runs.queue_entry import waiting_entry
from engine.system import process
from engine.system.lock_holder import this_process
from tests.hostile_texts import HOSTILE

with atheris.instrument_imports(include=["engine", "tomli"]):
    from engine import events
    from engine.commands import run_table
    from engine.config import loader, validate
    from engine.diagnostics import run_checks
    from engine.exchange.log_files import log_reader
    from engine.history import reader
    from engine.query import fields, select
    from engine.query import parser as filters
    from engine.runner import output_lines, printed_events, printed_objects, printing_ranks
    from engine.runs import current_state, event_text, status_file, store
    from engine.runs import status as states
    from tests import hostile_folders, process_guard, run_readers

ROOT = Path(__file__).parent.parent.parent
RUN = "vit-s0-20261123-194118-a7c5"
SHARES = {
    "events": 0.2, "files": 0.03, "config": 0.03, "filters": 0.14, "logs": 0.1, "folders": 0.4, "output": 0.1
}  # fmt: skip
"""Which part of the inputs each target gets."""
FILES = ("status.json", "run.json", "queued.json", "events.jsonl", "labels.json", "control", "posted.json")
"""What is damaged of a run: the first byte of an input says which."""
MAX_BYTES = 4096
RSS_LIMIT_MB = 1024
TIMEOUT_S = 10

EVENTS = [
    {"event": "start", "time": 1.0, "run": RUN, "v": 1, "attempt": 1, "experiment": "vit", "config": {"lr": 0.1},
     "seed": 0, "pid": 7, "host": "lab", "device": "cuda:0", "parameters": 1000, "versions": {"torch": "2"},
     "steps_per_epoch": 3, "epochs": 7, "step": 0, "init": "scratch", "process_started": 1.5, "boot": "b"},
    {"event": "metrics", "time": 2.0, "run": RUN, "step": 3, "epoch": 1.0, "values": {"test/f1": 0.5, "x": None},
     "nonfinite": ["x"]},
    {"event": "confusion", "time": 2.0, "run": RUN, "step": 3, "epoch": 1.0, "split": "test", "labels": ["a", "b"],
     "matrix": [[1, 2], [3, 4]]},
    {"event": "checkpoint", "time": 2.0, "run": RUN, "step": 3, "epoch": 1.0, "path": "p", "kind": "best", "bytes": 9},
    {"event": "log", "time": 2.0, "run": RUN, "level": "info", "message": "hi\u001b[31m"},
    {"event": "end", "time": 3.0, "run": RUN, "state": "failed", "reason": "", "duration_s": 2.0,
     "error": {"type": "E", "message": "no", "traceback": ""},
     "summary": {"test/f1": {"value": 0.6, "low": 0.5, "high": 0.7, "n": 100}}},
    {"event": "artifact", "time": 3.0, "run": RUN, "files": ["a"]},
]  # fmt: skip
STATUS = {
    "run": RUN, "experiment": "vit", "seed": 0, "state": "running", "reason": "why", "attempt": 1, "pid": 1,
    "host": "lab", "boot": "b", "process_started": 1.0, "heartbeat": 2.0, "device": "cpu", "init": "scratch",
    "parameters": 1, "started": 1.0, "ended": 0.0, "trained_s": 0.0, "first_step": 0, "step": 3, "steps_per_epoch": 3,
    "epoch": 1.0, "epochs": 7, "eta_s": 9.0, "last": {"test/f1": 0.5, "train/loss": None}, "best": {"test/f1": 0.5},
    "final": {"test/f1": {"value": 0.5}}, "checkpoint": 3, "offset": 1,
    "fold": 2,
}  # fmt: skip
INFO = {
    "v": 1, "id": RUN, "experiment": "vit", "seed": 0, "command": [], "git": {"commit": "0", "dirty": False},
    "config": {"name": "vit", "lr": 0.1, "tags": ["a"], "options": {"pool": "mean"}}, "created": 1.0, "cwd": "/",
}  # fmt: skip
LABELS = {"v": 1, "added": ["b"], "removed": ["a"], "note": "warm"}
FOLDER = {
    "run.json": json.dumps(INFO).encode(), "status.json": json.dumps(STATUS).encode(), "lock": b"",
    "events.jsonl": b"".join(json.dumps(event).encode() + b"\n" for event in EVENTS[:2]),
}  # fmt: skip
"""The usual files of the folder that is made hostile."""
TICKET = {"submitted": 1.0, "device": "auto", "settings": ["lr=1"]}
LOGS = (
    "epoch,time,train/loss,acc\n1,10.5,1.9,93.2%\n2,20.9,NA,94.1 %\nepoch,time,train/loss,acc\n1,04:39,word,\n",
    "sep=;\nepoch;loss\n1/10;0,9\n2/10;1.234,5\n", "step\tloss\n-1\tnan\n10\t0.5\n20\t0.4\n10\t0.3\n",
    "# a comment\n,epoch,step,lr\n0,,0,0.1\n1,0,3,\n", "run,seed,step,metric,value\na,0,1,loss,0.5\nb,1,1,loss,\n",
    '"Step","a - loss","a - loss__MIN","a - loss__MAX"\n"0","1","1","1"\n', "Wall time,Step,Value\n1700000000,1,0.5\n",
    '{"epoch": 1, "iter": 5, "step": 5, "mode": "train", "loss": NaN}\n{"step": 1, "val": {"acc": "0.5"}}\n',
    '{"log_history": [{"step": 10, "epoch": 0.5, "loss": [1]}]}', '{"loss": [1, 2], "val": {"0": 1, "1": 2}}',
    "time,x\n2025-01-02 10:11:12,tensor(0.5)\n2025-01-02T10:11:13Z,1e400\n",
)  # fmt: skip
TERMS = (
    "state=failed model~vit test/f1>0.8 age<2d -tag=old", "not notes~'out of' options.pool!=mean,\"a b\"",
    "gpu/memory_peak>=3GiB best:test/f1<=80% last:loss=1e-3", "lr==1 state:x or y", "vit,bit duration>1h",
)  # fmt: skip


def events_target(data: bytes) -> None:
    """Lines that are no events, or events that nobody expects."""
    status, columns = states.Status(run=RUN), reader.History("none")
    for line in data.split(b"\n"):
        event = events.decode(line)
        if event is None:
            continue
        again = events.decode(events.encode(event).rstrip(b"\n"))
        assert again is not None, "an event that was read cannot be read again"
        status.apply(event)
        columns.fold(event)
        event_text.sentence(event)
    for metric in columns.metrics:
        for axis in reader.AXES:
            x, y = columns.series(metric, axis)
            assert len(x) == len(y)
    states.msgspec.json.encode(status)
    _show([status])


def files_target(data: bytes) -> None:
    """A run's folder with one of its files damaged."""
    run = _lab().runs()[0]
    file = run.path / FILES[data[0] % len(FILES) if data else 0]
    before = file.read_bytes() if file.exists() else None
    file.write_bytes(data[1:])
    try:
        with contextlib.suppress(store.StoreError):
            run.info()
        waiting_entry(run)
        stop_request.asked(run)
        status = current_state.status_of(run)
        status_file.rebuild(run)
        run_checks.examine(run)
        select.select_runs(_lab(), "model~vit options.pool=mean -tag=a age>1s duration<1h", "lr")
        states.msgspec.json.encode(status)
        _show([status])
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)


def config_target(data: bytes) -> None:
    """An experiments.toml: it is read, or every mistake in it is named."""
    file = _lab().root / "experiments.toml"
    file.write_bytes(data)
    try:
        found = loader.load_config(file)
    except validate.ConfigError:
        return
    loader.check_notes(found)


def filters_target(data: bytes) -> None:
    """A filter, which a run is matched with, and which Tab goes on with."""
    text = data.decode(errors="replace")
    cut = data[0] if data else 0
    filters.complete(text, cut, {"experiment": [text], text: [text], "test/f1": []})
    try:
        found = filters.parse(text)
    except filters.FilterError:
        return
    assert filters.parse(str(found)).terms == found.terms, "written down, it is another filter"
    subject = fields.Subject(states.Status(**STATUS | {"final": {}}), lambda: INFO["config"], now=1e9)  # type: ignore[arg-type]
    found.matches(subject)


def logs_target(data: bytes) -> None:
    """A file that another program logged into: its runs can be written, or one line says why it is none."""
    said = ""
    try:
        for imported in log_reader.read_log(Path("log.csv"), data):
            for event in imported.events(RUN):
                assert events.decode(events.encode(event).rstrip(b"\n")) is not None, "no event comes of it"
    except UserError as error:
        said = str(error)
    assert len(said) < 1000, "that is no line"


def folders_target(data: bytes) -> None:
    """A run's folder of any files with any bytes and names: a reader that the first byte names looks at it."""
    place = _hostile_folder()
    reader = SHIFTS[data[0] % len(SHIFTS) if data else 0]
    place.make(FOLDER, data[1:])
    with process_guard.guarded(place.lab, (place.outside,)) as forbidden:
        run_readers.read(reader, place.lab, store.Run(place.run))
    assert not forbidden, forbidden
    assert place.untouched(), "what lies outside was changed"


def output_target(data: bytes) -> None:
    """What a program prints, cut into blocks: each byte of text arrives once, and what is heard can be recorded."""
    passed, ranks = bytearray(), printing_ranks.PrintingRanks()

    def hear(printed: printed_objects.Printed) -> bool:
        event, _ = printed_events.event_of(printed.fields, RUN, 0, 0.0)
        if isinstance(event, events.Metrics):
            ranks.sift(event, printing_ranks.rank_of(printed.fields, printed.before))
        if event is not None:
            event_text.sentence(events.normalised(event) or event)
            passed.extend(printed.text.encode("utf-8", "surrogateescape"))
        return event is not None

    lines = output_lines.OutputLines(hear, passed.extend, lambda _: None)
    cut, text = (data[0] + 1 if data else 1), data[1:]
    for number, start in enumerate(range(0, len(text), cut)):
        lines.feed(text[start : start + cut], number / 4)
        lines.look(number / 4 + 0.2)
    lines.finish()
    blanks = re.compile(rb"\s|\x1b.|[\x00-\x1f]", re.DOTALL)
    if b"\x1b" not in text:
        assert sorted(blanks.sub(b"", bytes(passed))) == sorted(blanks.sub(b"", text)), "something is lost"


TURNS = {
    "status": 5, "small_files": 5, "logs": 5, "history": 3, "examination": 3, "filtered": 3, "feed": 2,
    "folder_examination": 2, "exported": 2, "tables": 1, "ls_json": 1,
}  # fmt: skip
"""How often each reader has its turn: what every command asks more often than what is slow."""
SHIFTS = [
    name for name, turns in TURNS.items() for _ in range(turns) if name not in os.environ.get("WITHOUT", "")
]


@functools.cache
def _hostile_folder() -> hostile_folders.HostileFolder:
    """Return a place for runs, in memory, where each reader has been once: what they import is there."""
    place = hostile_folders.HostileFolder(_lab().root, RUN)
    (place.lab / "experiments.toml").write_text(
        '[experiments.vit]\nmodel = "vit_mini"\ndataset = "digits"\nimage_size = 8\npatch_size = 4\n'
    )
    place.make(FOLDER, b"")
    for reader in run_readers.READERS:
        run_readers.read(reader, place.lab, store.Run(place.run))
    return place


def _show(statuses: list[states.Status]) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        run_table.print_run_table(statuses)


_folders: list[tempfile.TemporaryDirectory[str]] = []


def _lab() -> store.Store:
    """Return a folder with one run, in memory."""
    if not _folders:
        base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  removed at the end
        _folders.append(tempfile.TemporaryDirectory(prefix="vitui-fuzz-", dir=base))
        run = Path(_folders[0].name) / RUN
        run.mkdir()
        (run / "lock").touch()
        for name, value in (("run.json", INFO), ("status.json", STATUS), ("queued.json", TICKET)):
            (run / name).write_text(json.dumps(value))
        (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in EVENTS[:2]))
    return store.Store(_folders[0].name)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "events": events_target, "files": files_target, "config": config_target, "filters": filters_target,
    "logs": logs_target, "folders": folders_target, "output": output_target,
}  # fmt: skip


def corpus(target: str) -> list[bytes]:
    """Return inputs to begin with."""
    lines = [json.dumps(event).encode() for event in EVENTS]
    if target == "events":
        return [*lines, b"\n".join(lines), b"\n".join([lines[0], lines[1], lines[0], lines[5], b"{"])]
    if target == "files":
        small = [json.dumps(value).encode() for value in (STATUS, INFO, TICKET)]
        labels = json.dumps(LABELS).encode()
        return [
            bytes([kind]) + data for kind, data in enumerate([*small, b"\n".join(lines), labels, b"stop-now"])
        ]
    if target == "output":
        bars = b"\r 10%|##| " + lines[1] + b"\nINFO:root:" + lines[2] + lines[4] + b"\n[rank1]: " + lines[1]
        unlike = b"{'event': 'metrics'}\n" + lines[1].replace(b"0.5", b"NaN").replace(b"3,", b"3.0,")
        return [bytes([cut]) + text for cut in (0, 20, 255) for text in (*lines, bars, unlike)]
    if target == "logs":
        texts = [text.encode() for text in LOGS]
        return [*texts, LOGS[0].encode("utf-16"), gzip.compress(texts[0]), b"a,b\xe9\n1,2\n\0\0\n"]
    if target == "folders":
        return list(_folder_corpus(lines))
    if target == "config":
        text = (ROOT / "experiments.toml").read_text()
        parts = re.split(r"(?m)^(?=\[)", text)
        every = "[experiments.all]\n" + "".join(f"{key} = 1\n" for key in validate.FIELDS)
        more = '[defaults]\ntags = ["a"]\n[experiments.x]\nmodel = "vit_b"\ndataset = "folder:~/a"\n'
        more += 'options.pool = "mean"\n'
        script = '[experiments.y]\ncommand = ["python", "x.py"]\nseeds = [1, 2]\n'
        script += '[figures.f]\ny = "test/f1"\nexperiments = ["y"]\n'
        return [part.encode() for part in (*parts, every, more, script, more + script)]
    return [term.encode() for term in TERMS]


def _folder_corpus(events: list[bytes]) -> Iterator[bytes]:
    """Yield folders for each reader: with a spoofed process, every kind of file in place of each, hostile texts."""
    spoofed = EVENTS[0] | {"pid": os.getppid(), "boot": process.boot_id(), "host": process.host()}
    spoofed |= {"process_started": process.started(os.getppid()), "experiment": HOSTILE["osc52"]}
    hostile = json.dumps(list(HOSTILE.values())).encode()
    label = json.dumps(LABELS | {"added": list(HOSTILE.values()), "note": HOSTILE["csi"]}).encode()
    taken = TICKET | {"stage": "taken", "attempts": 0, "holder": msgspec.to_builtins(this_process())}
    made: list[dict[str, bytes]] = [
        {"events.jsonl": json.dumps(spoofed).encode(), "queued.json": json.dumps(taken).encode()},
        {"events.jsonl": b"\n".join(events), "labels.json": label, "console.log": hostile},
        {"queued.json": json.dumps(TICKET).encode(), "control": b"stop-now", "lock": hostile},
    ]
    folders = [hostile_folders.parts(files.items()) for files in made]
    damaged = [(name, b"x") for name in hostile_folders.NAMES[:10]]
    folders += [hostile_folders.parts(damaged, kind) for kind in dict.fromkeys(hostile_folders.KINDS)]
    for turn in range(len(SHIFTS)):
        yield from (bytes([turn]) + folder for folder in folders)


def words(target: str) -> list[str]:
    """Return the words that inputs are made of, for mutations to put in."""
    if target == "config":
        made = [
            "[defaults]\n",
            "[experiments.a]\n",
            "[figures.f]\n",
            '"folder:~x"',
            '"\\u0000"',
            "1e999",
            "inf",
            "2021-01-01",
        ]
        return [
            *made,
            *(f"\n{key} = " for key in validate.FIELDS),
            *(f'"{name}"' for name in loader.MODELS),
            "[[",
            "{}",
        ]
    if target == "logs":
        return [
            *sorted({word for text in LOGS for word in re.split(r"[,;\t\n]", text) if word}),
            *',;\t\n\r"#[]{}',
        ]
    if target == "filters":
        return [
            *filters.OPERATORS,
            *fields.known_keys(),
            "options.x",
            "best:",
            " not ",
            " -",
            '"',
            "'",
            "\\",
            ",",
            "2d",
            "3GiB",
        ]
    names = {name for record in (*EVENTS, STATUS, INFO, TICKET, LABELS) for name in record}  # type: ignore[attr-defined]
    return [*(f'"{name}":' for name in sorted(names)), "\n", "null", "1e999", "-1", "\\ud800", "[[", "9" * 40]


NASTY: tuple[Any, ...] = (
    0, -1, 2**53, 2**63, 2**64, 10**400, -(10**400), 1e308, -1e308, 5e-324, 1e999, -0.0, "", "\x00", "\ud800",
    "\x1b]0;x\x07", "日本語" * 50, "x" * 300, [], {}, None, True,
    [[]], {"": None}, "NaN", "../..", 10**18, 1e15, 1.5, -1e15,
)  # fmt: skip


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a value somewhere in a line that is JSON, or the one behind a key of TOML; else change bytes."""
    rng = random.Random(seed)
    if hostile_folders.BETWEEN in data:
        return _mutated_folder(data, max_size, rng)
    lines = data.split(b"\n")
    place = rng.randrange(len(lines))
    changed = _changed_line(lines[place], rng) if rng.random() < 0.5 else None
    if changed is not None:
        again = [lines[place]] if rng.random() < 0.2 else []
        mutated = b"\n".join([*lines[:place], changed, *again, *lines[place + 1 :]])
        if len(mutated) <= max_size:
            return mutated
    return bytes(atheris.Mutate(data, max_size))


def _mutated_folder(data: bytes, max_size: int, rng: random.Random) -> bytes:
    """Change one part of a folder, or another reader's turn, a name or a kind; else bytes anywhere."""
    turn, parts = data[:1], data[1:].split(hostile_folders.BETWEEN)
    place, choice = rng.randrange(len(parts)), rng.random()
    if choice < 0.1:
        turn = rng.randbytes(1)
    elif choice < 0.2:
        parts[place] = rng.randbytes(1) + parts[place][1:]
    elif choice < 0.3:
        parts[place] = parts[place][:1] + rng.randbytes(1) + parts[place][2:]
    elif choice < 0.4:
        parts.insert(place, rng.randbytes(2) + rng.randbytes(rng.randrange(30)))
    elif choice < 0.8:
        head, lines = parts[place][:2], parts[place][2:].split(b"\n")
        at = rng.randrange(len(lines))
        lines[at] = _changed_line(lines[at], rng) or bytes(atheris.Mutate(lines[at], max(64, len(lines[at]))))
        parts[place] = head + b"\n".join(lines)
    else:
        return bytes(atheris.Mutate(data, max_size))
    return (turn + hostile_folders.BETWEEN.join(parts))[:max_size]


def _changed_line(line: bytes, rng: random.Random) -> bytes | None:
    """Return a line with a value changed, None for one that has none."""
    kind, line = (line[:1], line[1:]) if b"" < line[:1] < b" " else (b"", line)
    if (setting := re.match(rb"""\s*[\w."'-]+\s*=""", line)) is not None:
        return kind + setting[0] + _json(rng.choice(NASTY))
    try:
        return kind + _json(_changed(json.loads(line), rng))
    except (ValueError, RecursionError):
        return None


def _json(value: Any) -> bytes:
    return json.dumps(value).replace("Infinity", "1e999").encode()


def _changed(value: Any, rng: random.Random) -> Any:
    """Return a JSON value with one thing in it replaced, dropped or renamed."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        choice = rng.random()
        if choice < 0.1:
            return {name: each for name, each in value.items() if name != key}
        if choice < 0.15:
            return value | {str(rng.choice(NASTY)): value[key]}
        return value | {key: _changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return [*value[:place], _changed(value[place], rng), *value[place + rng.randrange(2) :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.3:
        return rng.choice([-value, value + 1, value * 1000, float(value)]) if abs(value) < 1e300 else 0
    return rng.choice(NASTY)


def fuzz(target: str, arguments: list[str]) -> None:
    """Give a target inputs until libFuzzer has had enough; does not come back."""
    run = TARGETS[target]
    atheris.Setup([sys.argv[0], *arguments], run, custom_mutator=mutate)
    atheris.Fuzz()


def start(target: str, inputs: int, seed: int, folder: Path) -> str:
    """Fuzz a target in a process of its own, and return a line of a table on it."""
    seeds = folder / target
    seeds.mkdir()
    for number, data in enumerate(corpus(target)):
        (seeds / f"seed-{number}").write_bytes(data)
    known = folder / f"{target}.dict"
    spelt = ["".join(f"\\x{byte:02x}" for byte in word.encode()) for word in words(target)]
    known.write_text("".join(f'"{word}"\n' for word in spelt))
    options = {
        "runs": inputs, "seed": seed, "max_len": MAX_BYTES, "rss_limit_mb": RSS_LIMIT_MB, "timeout": TIMEOUT_S,
        "artifact_prefix": f"{folder}/{target}-", "print_final_stats": 1, "dict": known,
    }  # fmt: skip
    given = [f"-{name}={value}" for name, value in options.items()]
    command = [sys.executable, __file__, "--target", target, "--", str(seeds), *given]
    began = time.monotonic()
    log = folder / f"{target}.log"
    with log.open("wb") as file:
        code = subprocess.run(
            command, stdout=file, stderr=file, env=os.environ | {"PYTHONPATH": str(ROOT)}
        ).returncode
    said = log.read_text(errors="replace")
    seconds = time.monotonic() - began
    counts = {
        name: re.search(rf"stat::{name}:\s+(\d+)", said)
        for name in ("number_of_executed_units", "peak_rss_mb")
    }
    executed, peak = (int(found[1]) if found else 0 for found in counts.values())
    covered = re.findall(r"cov: (\d+)", said)
    verdict = "nothing" if code == 0 else f"ended with {code}: see {log}"
    return (
        f"| {target} | {executed:,} | {seconds:.0f} | {peak} | {covered[-1] if covered else ''} | {verdict} |"
    )


def main() -> None:
    """Fuzz all targets, or be the process that fuzzes one."""
    if "--" in sys.argv:
        cut = sys.argv.index("--")
        fuzz(sys.argv[cut - 1], sys.argv[cut + 1 :])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--target", choices=list(TARGETS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--input", type=Path, help="give this file to --target, once")
    arguments = parser.parse_args()
    if arguments.input:
        TARGETS[arguments.target](arguments.input.read_bytes())
        return
    folder = Path(tempfile.mkdtemp(prefix="vitui-fuzz-"))
    print(f"what is found goes to {folder}", file=sys.stderr)
    print("| target | inputs | seconds | peak MiB | coverage | found |\n|---|---|---|---|---|---|")
    for target in [arguments.target] if arguments.target else TARGETS:
        print(start(target, round(arguments.inputs * SHARES[target]), arguments.seed, folder), flush=True)


if __name__ == "__main__":
    main()
