"""What a near and a far end say to each other, a struct each: the JSON lines of ``engine.sites.far_end_frames``.

::

    near -> far   hello  have  forget  code  carry part enter  do  fetch  again  check  ping
    far -> near   hello  put  append  verdict  machine  done  chunk  gone  looked  pong

Files are of seven names, sizes have bounds, and no word is longer than a line may be.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.events import Moment
from engine.runs.posted.posting import Seen
from engine.runs.posted.site_status import SiteGpu
from engine.runs.status import State
from engine.system.files import MAX_FILE

MAX_BODY = MAX_FILE
"""Bytes behind a line."""

MOST_CODE = 64 * 1024 * 1024
"""Bytes of the code of a project: more than that is data, which has its own way there."""
TAIL = 64 * 1024
"""Bytes of a console.log that are shown elsewhere."""

LineFile = Literal["events.jsonl", "console.log"]
WholeFile = Literal["status.json", "predictions.json", "predictions.npy", "console.log", "packages.txt"]
CarriedFile = Literal["events.jsonl", "last.pt", "best.pt"]
Checkpoint = Literal["last.pt", "best.pt"]
Size = Annotated[int, Meta(ge=0, le=1 << 50)]
Nanoseconds = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Id = Annotated[str, Meta(max_length=64)]


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="op"):
    """A frame's line."""

    n: Annotated[int, Meta(ge=0, le=MAX_BODY)] = 0
    """Bytes behind it."""


class HeadOfRun(Head, frozen=True, kw_only=True, omit_defaults=True):
    """The line of a frame about a run."""

    run: Annotated[str, Meta(max_length=200)]


class Hello(Head, frozen=True, kw_only=True, omit_defaults=True, tag="hello"):
    """The first frame of the near end."""

    v: int
    engine: str


class Held(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the near end has of a run."""

    events: Size = 0
    """Bytes of events.jsonl, whole lines."""
    console: Size = 0
    """Bytes of console.log."""
    times: dict[WholeFile, Nanoseconds] = {}
    """When each of these was changed there."""


class Have(Head, frozen=True, kw_only=True, omit_defaults=True, tag="have"):
    """Asks to be told of some runs from now on; the body is JSON of ``dict[run id, Held]``."""


class Forget(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="forget"):
    """Asks not to be told of a run any more."""


class Code(Head, frozen=True, kw_only=True, omit_defaults=True, tag="code"):
    """Brings a part of the code of a project; without a body asks whether it is there."""

    id: Id
    sha256: Annotated[str, Meta(max_length=64)]
    size: Size
    at: Size = 0


class Carry(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="carry"):
    """Begins to bring a run; the body is its run.json."""

    home: Annotated[str, Meta(max_length=4096)] = ""
    """The user's home at the near end, for paths below it."""
    code: Annotated[str, Meta(max_length=64)] = ""
    """The digest of the code that it runs; empty for what lies there."""
    events: Size = 0
    """Bytes of its events: where it went on elsewhere meanwhile, it takes the place of what is there of it."""


class Part(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="part"):
    """Brings a part of a file of the run that is being brought."""

    file: CarriedFile
    at: Size


class Demands(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run asks of the queue there."""

    device: str = "auto"
    gpus: Annotated[int, Meta(ge=1, le=1024)] = 1
    priority: int = 0
    after: list[str] = []
    share: bool = False
    on_hold: bool = False


class Enter(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="enter"):
    """Has a run wait there: the one that was brought, or one that is there and has ended."""

    id: Id
    name: Annotated[str, Meta(max_length=300)]
    """The name of its posting: the same one enters it once only."""
    events: Size = 0
    """Bytes of events that the near end has: one that went on elsewhere meanwhile has more than are there."""
    settings: list[str] = []
    demands: Demands = Demands()
    cluster: dict[str, Any] | None = None
    """The table of the site there, without ``ssh``, where it is a cluster."""


class Do(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="do"):
    """Asks for something to be done with a run."""

    id: Id
    verb: Literal["stop", "stop-now", "cancel", "hold", "release", "move", "priority", "rm"]
    words: list[str] = []


class Fetch(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="fetch"):
    """Asks for a checkpoint from a byte on, while it is the one with that key."""

    file: Checkpoint
    at: Size = 0
    key: Id = ""


class Again(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="again"):
    """Says what the near end has of a file, where it was not what the far end thought."""

    file: LineFile
    at: Size


class Check(Head, frozen=True, kw_only=True, omit_defaults=True, tag="check"):
    """Asks what is there for some experiments; the body is JSON of ``Question``."""

    id: Id


class Ping(Head, frozen=True, kw_only=True, omit_defaults=True, tag="ping"):
    """Says that the near end lives."""

    t: Moment


class FarHello(Head, frozen=True, kw_only=True, omit_defaults=True, tag="hello"):
    """The first frame of the far end."""

    v: int
    engine: str
    host: str
    boot: str = ""
    torch: bool = False
    gpus: int = 0
    now: Moment
    folder: str = ""
    """The project's folder there."""


class Put(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="put"):
    """A file whole; of console.log the last part."""

    file: WholeFile
    time: Nanoseconds


class Append(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="append"):
    """What comes next in a file, at a byte of the near end's; of events whole lines only."""

    file: LineFile
    at: Size
    time: Nanoseconds = 0


class Verdict(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="verdict"):
    """The state of a run as its own machine judges it: only there locks and processes mean something."""

    state: State
    reason: str = ""
    attempt: Annotated[int, Meta(ge=0, le=1 << 31)] = 0
    name: Annotated[str, Meta(max_length=300)] = ""
    """The posting that it was entered for last."""
    job: Annotated[str, Meta(max_length=200)] = ""
    """The cluster's id of it, where it was posted there."""
    seen: Seen | None = None
    """The cluster's word on it."""


class Machine(Head, frozen=True, kw_only=True, omit_defaults=True, tag="machine"):
    """What its devices are doing."""

    gpus: list[SiteGpu] = []
    cpu: float | None = None


class Done(Head, frozen=True, kw_only=True, omit_defaults=True, tag="done"):
    """What became of ``enter``, ``do``, ``check`` or a ``fetch`` that cannot be."""

    id: Id
    code: Literal[0, 2, 4]
    """0 where it was done, 2 where it was refused, ``HAS_TO_BE_BROUGHT`` where that is first."""
    text: str = ""
    job: Annotated[str, Meta(max_length=200)] = ""


class Chunk(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="chunk"):
    """A part of a checkpoint; the last one has the digest of all of it."""

    file: Checkpoint
    key: Id
    at: Size
    size: Size
    sha256: Annotated[str, Meta(max_length=64)] = ""


class Gone(HeadOfRun, frozen=True, kw_only=True, omit_defaults=True, tag="gone"):
    """There is no such run there."""


class Looked(Head, frozen=True, kw_only=True, omit_defaults=True, tag="looked"):
    """All that was asked for by ``have`` has been told."""


class Pong(Head, frozen=True, kw_only=True, omit_defaults=True, tag="pong"):
    """Answers a ping, with the time there."""

    t: Moment
    now: Moment


class Question(msgspec.Struct, frozen=True):
    """The body of ``check``."""

    experiments: dict[str, dict[str, Any]] = {}
    """The configuration of each experiment, whose data are looked for."""
    project: str = ""
    """The project's folder at the near end."""
    home: str = ""
    """The user's home there."""
    mark: str = ""
    """The name of a file beside what is known of sites: whether it is there says whether both are one folder."""


class Answer(msgspec.Struct, frozen=True):
    """What a far end answers to a ``check``."""

    torch: str = ""
    """The version of PyTorch, empty without."""
    gpus: list[str] = []
    """The names of its GPUs."""
    no_gpu: str = ""
    """Why there is none."""
    lacks: dict[str, str] = {}
    """What it lacks for each experiment whose data are not there."""
    is_same_folder: bool = False
    has_flock: bool = False
    """Whether its disk locks files."""
    commit: str = ""
    is_dirty: bool = False
    brought: list[str] = []
    """The ids of the runs that were brought there and have not ended."""


REFUSED: Literal[2] = 2
HAS_TO_BE_BROUGHT: Literal[4] = 4
"""The code of an answer to ``enter`` of a run that is not there, or went on elsewhere since it was."""
CODE_IS_THERE = "it is there"
"""The answer to ``code`` that need not be sent, or has arrived."""
NearHead = Hello | Have | Forget | Code | Carry | Part | Enter | Do | Fetch | Again | Check | Ping
FarHead = FarHello | Put | Append | Verdict | Machine | Done | Chunk | Gone | Looked | Pong
FROM_NEAR: msgspec.json.Decoder[NearHead] = msgspec.json.Decoder(NearHead)
FROM_FAR: msgspec.json.Decoder[FarHead] = msgspec.json.Decoder(FarHead)
