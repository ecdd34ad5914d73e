"""`vitui import`: runs that another program trained become finished runs here, to be looked at and compared."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from engine.config.schema import IMPORTED
from engine.events import End, Start
from engine.exchange.already_imported import STDIN, KnownRuns
from engine.exchange.import_sources import Format, ImportSource, find_sources, in_order, told
from engine.exchange.imported_run import ImportedRun, experiment_name
from engine.exchange.optional_packages import ExchangeError
from engine.exchange.run_names_from_paths import SEED_SETTINGS, name_sources, take_name
from engine.exchange.same_training import one_of_each
from engine.exchange.source_readers import SourceReaders
from engine.exchange.steps_or_epochs import COUNTED_FROM_0, count_epochs_from_one, scale_remarks
from engine.runs import status_file
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Source, Store, StoreError
from engine.text import nearest, printable

TAG = "imported"
SHOWN = 5
"""Metrics and changed names that are listed for a run."""
LONGEST = 500
"""Characters of a setting, and of its name."""
MOST_SETTINGS = 500
STDIN_NAME = "standard input"


@dataclass
class Request:
    """What is imported, and how."""

    paths: Sequence[Path]
    """Files and folders; ``-`` for what comes through standard input."""
    kind: Format | None = None
    """Their format; None to tell it from what they hold."""
    name: str | None = None
    """The experiment of all runs; None for what each is called."""
    steps_per_epoch: int | None = None
    """Places steps on the axis of epochs where nothing else does."""
    renames: Sequence[tuple[str, str, float]] = ()
    """Metrics, their new names, and what their values are multiplied by."""
    dry: bool = False
    """Whether nothing is written."""
    stdin: bytes = b""
    """What came through standard input."""


def import_from(
    store: Store,
    paths: Path | Sequence[Path],
    kind: Format | None = None,
    name: str | None = None,
    *,
    steps_per_epoch: int | None = None,
    renames: Sequence[tuple[str, str, float]] = (),
    dry: bool = False,
    stdin: bytes = b"",
    say: Callable[[str], None],
) -> bool:
    """Make a run of each that files and folders hold, unless it is here already, and say what was done and left.

    What cannot be used stops nothing else.

    Args:
        store: Where the runs go.
        paths: Files and folders; ``-`` stands for standard input.
        kind: Their format; None to tell it from what they hold.
        name: The experiment of all runs; they are told apart by their seeds, which go on from those that it has here
            where none is said.
        steps_per_epoch: Places steps on the axis of epochs where nothing else does.
        renames: Metrics, the names that they get, and what their values are multiplied by.
        dry: Whether to say what would come in and to write nothing.
        stdin: What came through standard input.
        say: Called with each line for the user; it is plain text without control characters.

    Returns:
        Whether there was something to import, and all of it is here now.

    Raises:
        ExchangeError: Nothing at all can be used; the message says in which file and where.
        StoreError: A run cannot be made.
    """
    request = Request(
        [paths] if isinstance(paths, Path) else paths, kind, name, steps_per_epoch, renames, dry, stdin
    )
    return _Import(store, request, lambda line: say(printable(line))).run()


def make_run(store: Store, imported: ImportedRun, source: Source, steps_per_epoch: int | None = None) -> Run:
    """Return a new run, finished, of what was measured elsewhere.

    Args:
        store: Where the run goes.
        imported: What was measured.
        source: Where the measurements come from.
        steps_per_epoch: Places steps on the axis of epochs; None where the run says epochs itself.

    Raises:
        StoreError: It cannot be written.
    """
    config: dict[str, Any] = {
        "name": imported.experiment,
        "model": IMPORTED,
        "tags": [TAG],
        "notes": f"Imported from {source.path} ({source.format}), where it is {source.name}.",
    }
    if imported.params:
        config["options"] = _options(imported.params)
    begin, end = imported.span
    with store.adopt(imported.experiment, imported.seed or 0, config, source) as draft:
        recorder = Recorder(draft)
        try:
            recorder.emit(
                Start(
                    time=begin, run=draft.id, experiment=imported.experiment, seed=imported.seed or 0,
                    device="another machine", init="imported", steps_per_epoch=steps_per_epoch,
                )
            )  # fmt: skip
            for event in imported.events(draft.id, steps_per_epoch):
                recorder.emit(event)
            reason = f"imported from {source.path}"
            recorder.emit(
                End(time=end, run=draft.id, state="finished", reason=reason, duration_s=end - begin)
            )
        finally:
            recorder.close()
        if status_file.rebuild(draft).state != "finished":
            raise StoreError(f"{draft.id} cannot be written whole: {recorder.status.reason}")
        run_id = draft.id
    return Run(store.root / run_id)


def _options(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run that find a place in its file: plain ones, neither too many nor too long."""
    fitting = {
        _text(key): _text(value) if isinstance(value, str) else value
        for key, value in params.items()
        if key not in SEED_SETTINGS and len(key) <= LONGEST and len(str(value)) <= LONGEST
    }
    return dict(islice(fitting.items(), MOST_SETTINGS))


class _Import:
    """One call: finds all that there is, reads one after another, and says what became of it."""

    def __init__(self, store: Store, request: Request, say: Callable[[str], None]) -> None:
        self._store, self._request, self._say = store, request, say
        self._readers = SourceReaders(request.stdin)
        self._known = KnownRuns(store)
        self._experiments = frozenset(self._known.experiments())
        """Those that had runs before this call."""
        self._passed: dict[Path, Counter[str]] = {}
        self._failures: list[str] = []
        self._counts: Counter[str] = Counter()
        self._metrics: dict[str, None] = {}
        """All that were met, by their names here."""
        self._renamed: set[str] = set()

    def run(self) -> bool:
        for named in name_sources(self._sources()):
            try:
                for imported in self._readers.read(named):
                    take_name(imported, named)
                    self._take(imported, named.source)
            except ExchangeError as error:
                self._failures.append(str(error))
        self._tell_passed()
        return self._tell_end()

    def _sources(self) -> list[ImportSource]:
        """Return the files and folders to read, each once."""
        sources: list[ImportSource] = []
        met: set[str] = set()
        for path in self._request.paths:
            if path == STDIN:
                found = [ImportSource(self._request.kind, path, (STDIN_NAME,), named=True)]
            else:
                found = self._found(path)
            for source in found:
                files = {os.path.realpath(file) for file in source.all_files}
                if not files <= met:
                    sources.append(source)
                met |= files
        return sources

    def _found(self, path: Path) -> list[ImportSource]:
        findings = find_sources(path, self._request.kind)
        self._failures += findings.troubles
        if not path.is_dir():
            return findings.sources
        self._passed[path] = findings.passed
        try:
            found = self._readers.joined(findings.sources)
        except ExchangeError as error:
            found = [source for source in findings.sources if source.format != "tensorboard"]
            count = len(findings.sources) - len(found)
            self._failures.append(f"{path}: {count} folder{'s' * (count != 1)} of event files: {error}")
        return in_order(one_of_each(found, findings.passed))

    def _take(self, imported: ImportedRun, origin: ImportSource) -> None:
        """Make a run of what was read, unless it is here or empty, and say so."""
        self._failures += imported.failures
        if not len(imported):
            self._counts["empty"] += 1
            self._say(f"{imported.name}: passed over, it holds no measurements")
            self._say_all(_left(imported))
            return
        request = self._request
        path = _text(str(STDIN if origin.path == STDIN else origin.path.resolve()))
        kind = origin.format or ("json" if ".json" in origin.path.name else "csv")
        key = f"{imported.name} ({imported.key})" if imported.key else imported.name
        source = Source(path=path, name=_text(key), format=kind, digest=imported.digest())
        if (reason := self._known.why_here(source)) is not None:
            why, is_whole = reason
            self._counts["here" if is_whole else "earlier"] += 1
            self._say(f"{imported.name}: passed over, {why}")
            self._say_all(_left(imported))
            return
        self._rename(imported)
        if count_epochs_from_one(imported):
            imported.notes.append(COUNTED_FROM_0)
        imported.experiment = experiment_name(request.name or imported.experiment)
        said = imported.seed
        imported.seed = self._known.seed_of(imported.experiment, said)
        remarks = list(self._remarks(imported, source, said))
        if request.dry:
            run_id = f"{imported.name} of {source.path}"
            self._say(_preview(imported, source))
        else:
            run_id = make_run(self._store, imported, source, request.steps_per_epoch).id
            self._say(f"{imported.name}: {run_id}, {_values(imported)}")
        self._known.add(run_id, imported, source)
        self._counts["new"] += 1
        self._say_all(remarks)

    def _rename(self, imported: ImportedRun) -> None:
        self._metrics |= dict.fromkeys(imported.metrics)
        for metric, name, scale in self._request.renames:
            if metric not in imported and f"{metric}%" in imported and scale != 1:
                self._renamed.add(metric)
                metric = f"{metric}%"  # which says by its name that it is a percentage
            if metric not in imported:
                continue
            self._renamed.add(metric)
            if not imported.rename(metric, name, scale):
                imported.notes.append(f"{metric} is not called {name}: another metric is")

    def _remarks(self, imported: ImportedRun, source: Source, said: int | None) -> Iterator[str]:
        """Yield what a user has to know of how a run was taken over."""
        request, known, experiment = self._request, self._known, imported.experiment
        seed = imported.seed or 0
        if (twin := known.equal(source)) != "":
            yield f"its numbers are those of {twin}, which comes from another file"
        if said is None and request.name is None and experiment in self._experiments:
            yield f"{experiment} has runs here already: this is its seed {seed}; `--name` calls it otherwise"
        if said is not None and (other := known.with_seed(experiment, seed)) != "":
            yield f"it says seed {seed}, which {other} has: of one seed the newest run counts"
        yield from _left(imported)
        renamed = list(imported.renamed.items())
        for was, now in renamed[:SHOWN]:
            yield f"metric {was[:80]!r} is called {now} here"
        if len(renamed) > SHOWN:
            yield f"and {len(renamed) - SHOWN} more names were changed"
        yield from scale_remarks(imported)
        if not imported.has_epochs and not request.steps_per_epoch:
            yield "it says no epochs, so that axis is empty; `--steps-per-epoch N` fills it"

    def _tell_passed(self) -> None:
        """Say what of folders was passed over."""
        for path, passed in self._passed.items():
            if passed:
                self._say(f"{path}: passed over {told(passed)}")

    def _tell_end(self) -> bool:
        """Say what was left and how much came in, and return whether all is here."""
        counts, request = self._counts, self._request
        came = counts["new"] + counts["here"] + counts["earlier"]
        for metric, _, _ in request.renames:
            if came and counts["new"] and metric not in self._renamed:
                self._failures.append(
                    f"--rename: no metric is called {metric!r}{nearest(metric, self._metrics)}"
                )
        if self._failures and not came:
            raise ExchangeError("\n".join(self._failures))
        for failure in self._failures:
            self._say(f"left: {failure}")
        if not came:
            names = ", ".join(map(str, request.paths))
            self._say(f"{names} {'holds' if len(request.paths) == 1 else 'hold'} no measurements")
        elif came + counts["empty"] + len(self._failures) > 1 or request.dry:
            self._say(_summary(counts, len(self._failures), dry=request.dry))
        return came > 0 and not self._failures and not counts["earlier"]

    def _say_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._say(f"  {line}")


def _text(text: str) -> str:
    """Return the name of a file as text that can be written, whatever bytes it has."""
    return text.encode(errors="replace").decode()


def _left(imported: ImportedRun) -> Iterator[str]:
    """Yield what was remarked while a run was read, and what of it was left out."""
    yield from imported.notes
    for why, count in imported.left.items():
        yield f"left out: {count:,}, {why}"


def _values(imported: ImportedRun) -> str:
    return f"{len(imported):,} value{'s' * (len(imported) != 1)}"


def _preview(imported: ImportedRun, source: Source) -> str:
    """Return what a run would be."""
    metrics = ", ".join(imported.metrics[:SHOWN])
    more = f" and {len(imported.metrics) - SHOWN} more" if len(imported.metrics) > SHOWN else ""
    what = f"{_values(imported)} of {metrics}{more}"
    return (
        f"{imported.name}: would be seed {imported.seed} of {imported.experiment}, {what}, from {source.path}"
    )


def _summary(counts: Mapping[str, int], left: int, *, dry: bool) -> str:
    """Return in one line what became of all runs."""
    words = [f"{counts['new']} run{'s' * (counts['new'] != 1)} {'would come in' if dry else 'imported'}"]
    if counts["here"]:
        words.append(f"{counts['here']} here already")
    if counts["earlier"]:
        words.append(f"{counts['earlier']} here in an earlier state")
    if counts["empty"]:
        words.append(f"{counts['empty']} without measurements")
    if left:
        words.append(f"{left} left")
    return ", ".join(words) + ("; nothing was written" if dry else "")
