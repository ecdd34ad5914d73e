"""A project whose runs say hostile texts wherever runs say anything: ``python -m tests.hostile_runs DIR``."""

from __future__ import annotations

import json
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

from tests.hostile_texts import HOSTILE

TITLE = "<script>\\input{/etc/passwd} $x$ </style>"
SAID_BY_SITES = ("osc52", "csi", "markup", "rtl", "nul", "pipe", "bidi", "formula")
"""Texts that sites say."""
KINDS = ("curves", "confusion", "bars", "classes")
"""Kinds of figures that are asked for of all experiments."""


def write_project(folder: Path) -> list[str]:
    """Write experiments.toml and a run for each text, and return the ids of the runs."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [text for text in HOSTILE.values() if text.isprintable() and text.strip() and len(text) <= 120]
    tables = [
        f"[experiments.{json.dumps(name)}]\nmodel = 'vit_mini'\ndataset = 'digits'\n"
        "image_size = 16\npatch_size = 4\nepochs = 2\n"
        for name in names
    ]
    tables += [
        f"[figures.{kind}]\nkind = '{kind}'\ny = 'test/f1'\ntitle = {json.dumps(TITLE)}\n"
        f"experiments = {json.dumps(names, ensure_ascii=False)}\n"
        for kind in KINDS
    ]
    (folder / "experiments.toml").write_text("\n".join(tables), encoding="utf-8")
    ids = [_write_run(folder / "runs", number, *item) for number, item in enumerate(HOSTILE.items())]
    return [
        *ids,
        *(_write_posted_run(folder / "runs", number, key) for number, key in enumerate(SAID_BY_SITES)),
    ]


def _write_posted_run(root: Path, number: int, key: str) -> str:
    """Write a run that waits at a site which says a hostile text wherever a site says anything, of its machine too."""
    text, now = HOSTILE[key], time.time()
    run_id = f"posted-{key}-s0-20261128-1300{number:02d}-{number:04x}"
    folder = root / run_id
    (folder / "checkpoints").mkdir(parents=True)
    info = {"v": 1, "id": run_id, "experiment": text, "config": {"name": text}, "seed": 0, "created": now}
    (folder / "run.json").write_text(json.dumps(info))
    site = {"name": text, "slurm" if number % 2 else "ssh": text}
    posting = {"site": site, "name": text, "posted": now - 60, "job": text, "folder": text}
    (folder / "posted.json").write_text(json.dumps(posting))
    seen = {
        "at": now, "since": now, "state": ("pending", "running")[number // 2 % 2], "reason": text, "node": text,
        "exit": text, "starts": now + 60, "ends": now + 600, "restarts": 10**30,
    }  # fmt: skip
    said = {
        "site": site, "at": now, "runs": {run_id: seen}, "host": text, "free_gpus": 10**30, "all_gpus": -1,
        "trouble": text if number % 3 == 0 else "", "gpus": [{"index": 10**12, "name": text, "power": 1e308}],
    }  # fmt: skip
    file = root / ".sites" / f"{urllib.parse.quote(text, safe=':@')}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(said))
    return run_id


def _write_run(root: Path, number: int, key: str, text: str) -> str:
    run_id = f"{key}-s0-20261128-1200{number:02d}-{number:04x}"
    folder = root / run_id
    (folder / "checkpoints").mkdir(parents=True)
    now = time.time() - 3600 + number
    config = {
        "name": text, "model": "vit_mini", "dataset": "digits", "image_size": 16, "patch_size": 4, "epochs": 2,
        "tags": [text, "t"], "notes": f"NOTE {text}", "options": {text[:40]: text}, "optimizer": text, "command": [],
    }  # fmt: skip
    info = {
        "v": 1, "id": run_id, "experiment": text, "config": config, "seed": 0, "command": [text],
        "git": {"commit": text, "dirty": True, "patch": text}, "created": now, "cwd": text,
        "code": {text: text, "train.py": text},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(info))
    (folder / "source.patch").write_text(
        f"# left out: {text} (5 bytes)\ndiff --git a/{text} b/{text}\n@@\n+{text}\n", errors="replace"
    )
    packages = f"# Python {text}\n# {text}\ntorch=={number}\n{text}=={text}\n"
    (folder / "packages.txt").write_text(packages, errors="replace")
    lines = [{"time": now + 1, "run": run_id, **event} for event in _events(number, text, config)]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "console.log").write_text(f"CONSOLE {text}\n{text}\r\n", errors="replace")
    labels = {"v": 1, "added": [text[:64], f"z{text[:60]}"], "note": f"NOTE {text}"}
    (folder / "labels.json").write_text(json.dumps(labels))
    return run_id


def _events(number: int, text: str, config: dict[str, Any]) -> list[dict[str, Any]]:
    scores = [
        {
            "event": "metrics", "step": step, "epoch": step / 5,
            "values": {
                "train/loss": 1 / step, "test/f1": 0.5 + step / 100 + number / 1000, "test/accuracy": 0.5,
                f"evil/{text[:100]}": 1.0, text[:100]: 2.0,
            },
        }
        for step in (5, 10)
    ]  # fmt: skip
    labels = [text, f"b{text}"]
    end = {
        "event": "end", "state": "failed" if number % 2 else "finished", "reason": f"WHY {text}",
        "error": {"type": text, "message": text, "traceback": f"{text}\nline2"}, "duration_s": 5,
        "summary": {
            "test/f1": {"value": 0.6, "low": 0.5, "high": 0.7, "n": 100},
            "test/f1_per_class": {text: 0.5, f"b{text}": 0.6},
        },
    }  # fmt: skip
    return [
        {
            "event": "start", "v": 1, "attempt": 1, "experiment": text, "config": config, "seed": 0, "pid": 1,
            "host": text, "device": text, "parameters": 10, "versions": {text: text}, "steps_per_epoch": 5,
            "epochs": 2, "init": text,
        },
        *scores,
        {"event": "confusion", "step": 10, "epoch": 2, "split": "test", "labels": labels, "matrix": [[5, 1], [2, 7]]},
        {"event": "log", "level": "warning", "message": f"LOG {text}"},
        {"event": "log", "level": "error", "message": text},
        {"event": "checkpoint", "step": 10, "epoch": 2, "path": f"../../../{text}", "kind": "last", "bytes": 5},
        end,
    ]  # fmt: skip


if __name__ == "__main__":
    write_project(Path(sys.argv[1]))
