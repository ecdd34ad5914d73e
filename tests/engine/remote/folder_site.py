"""A site in a folder that really starts processes, in the order in which they were posted: a way to it for the bridge.

Files in the folder make it fail: ``down`` (it does not answer), ``refuse`` (it refuses, with this text), ``deaf``
(what is posted arrives, its answer does not), ``full`` (nothing begins), ``forgets`` (what is over is not known),
``slow`` and ``slow-answer`` (who posts has to wait, before it arrives or after), ``slow-look``.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from msgspec.structs import replace

from engine.config.site import Site
from engine.remote.link import Verb
from engine.runs.posted.posting import Posting, Seen
from engine.runs.posted.site_status import SiteStatus
from engine.runs.store import Run
from engine.sites.ssh_command import SiteError, Unreachable
from tests.engine.remote import folder_job

FOLDER = "VITUI_TEST_SITE"
"""The variable with the folder of the site, for processes that are started."""


class FolderLink:
    """The way to the site; the folder of a site is ``<root>/../<name>``."""

    def __init__(self, root: Path, site: Site) -> None:
        self.site = site
        self.folder = Path(root).absolute().parent / site.name
        self.jobs = self.folder / "jobs"
        self.jobs.mkdir(parents=True, exist_ok=True)

    def post(self, run: Run, posting: Posting) -> Posting:
        self._answer()
        if (refuse := self.folder / "refuse").exists():
            raise SiteError(refuse.read_text())
        if (self.folder / "slow").exists():  # what asks is killed meanwhile
            (self.folder / "asking").touch()
            time.sleep(600)
        number = str(len(list(self.jobs.iterdir())) + 1)
        job = self.jobs / number
        job.mkdir()
        self._write(job, {"name": posting.name, "run": str(run.path.absolute()), "hold": False})
        self._begin()
        if (self.folder / "slow-answer").exists():
            (self.folder / "asking").touch()
            time.sleep(600)
        if (self.folder / "deaf").exists():
            raise Unreachable("no answer")
        return replace(posting, job=number)

    def post_all(self, runs: Iterable[tuple[Run, Posting]]) -> dict[str, Posting | SiteError]:
        answers: dict[str, Posting | SiteError] = {}
        for run, posting in runs:
            try:
                answers[run.id] = self.post(run, posting)
            except SiteError as error:
                answers[run.id] = error
        return answers

    def look(self, posted: Mapping[str, tuple[Run, Posting]]) -> SiteStatus:
        while (self.folder / "slow-look").exists():
            time.sleep(0.02)
        self._answer()
        at = time.time()
        self._begin()
        runs = {}
        for name, (_, posting) in posted.items():
            own = [job for job in self._all() if self._read(job)["name"] == posting.name]
            runs[name] = self._seen(own[-1], at) if own else Seen(at=at, state="gone")
        return SiteStatus(site=self.site, at=at, runs=runs)

    def ask(self, run: Run, posting: Posting, verb: Verb, words: Sequence[str] = ()) -> str:
        self._answer()
        with (self.folder / "asked").open("a") as file:
            file.write(f"{verb} {posting.name} {' '.join(words)}".rstrip() + "\n")
        for job in self._all():
            said = self._read(job)
            if said["name"] != posting.name:
                continue
            if verb in ("cancel", "stop-now") and not (job / "exit").exists():
                if "pid" in said:
                    with contextlib.suppress(psutil.Error):
                        psutil.Process(said["pid"]).terminate()
                else:
                    (job / "exit").write_text("CANCELLED")
            if verb in ("hold", "release"):
                self._write(job, said | {"hold": verb == "hold"})
        return f"{verb} at {self.site.name}"

    def close(self) -> None:
        pass

    def names(self) -> list[str]:
        return [self._read(job)["name"] for job in self._all()]

    def _answer(self) -> None:
        if (self.folder / "down").exists():
            raise Unreachable(f"{self.site.name} is down")

    def _begin(self) -> None:
        """Start what waits; one job after another, so that there is no question who starts it."""
        if (self.folder / "full").exists():
            return
        for job in self._all():
            said = self._read(job)
            if "pid" in said or said["hold"] or (job / "exit").exists():
                continue
            with (job / "err").open("w") as err:
                process = subprocess.Popen(
                    [sys.executable, folder_job.__file__, said["run"], said["name"], str(job / "exit")],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                    start_new_session=True, env=os.environ | {"PYTHONPATH": os.fspath(Path(__file__).parents[3])},
                )  # fmt: skip
            threading.Thread(target=process.wait, daemon=True).start()  # lest it stays as a zombie
            self._write(job, said | {"pid": process.pid, "began": time.time()})

    def _seen(self, job: Path, at: float) -> Seen:
        said = self._read(job)
        over = (job / "exit").exists() or ("pid" in said and not _lives(said["pid"]))
        if over and (self.folder / "forgets").exists():
            return Seen(at=at, state="gone")
        if (job / "exit").exists():
            return Seen(at=at, state="ended", job=job.name, exit=(job / "exit").read_text())
        if "pid" not in said:
            return Seen(at=at, state="pending", job=job.name, reason="held" if said["hold"] else "Resources")
        if over:
            return Seen(at=at, state="ended", job=job.name, exit="0:9")
        return Seen(at=at, state="running", job=job.name, node="n1", starts=said["began"])

    def _all(self) -> list[Path]:
        return sorted(self.jobs.iterdir(), key=lambda job: int(job.name))

    def _read(self, job: Path) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((job / "job.json").read_text())
        return said

    def _write(self, job: Path, said: dict[str, Any]) -> None:
        draft = job / "draft"
        draft.write_text(json.dumps(said))
        draft.rename(job / "job.json")


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
