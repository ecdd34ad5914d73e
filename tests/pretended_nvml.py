"""A machine with GPUs that are not there: ``libnvidia-ml.so.1`` made of pretended_nvml.c, and a file of its cards.

A program that is started with ``machine.environment`` sees them through its own NVML library; ``machine.here`` has this
process see them. ``machine.put(...)`` changes the cards while programs look at them.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")
GIB = 2**30
DRIVER = 600 * 2**20
"""What an idle card has in use."""
NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND, LOST, UNKNOWN = 3, 4, 13, 15, 999
HOST_PID = 4_000_000
"""A process that this machine's /proc does not have, as host pids in a container."""


@dataclass(frozen=True)
class Card:
    """One card, or one slice of a card; memory in bytes, -1 for a process whose memory the driver does not know."""

    name: str = "NVIDIA H100 80GB HBM3"
    uuid: str = ""
    """Empty for the card's own: ``GPU-00000000-…`` for the first."""
    total: int = 80 * GIB
    used: int | None = None
    """None for what its processes hold and the driver's part."""
    processes: Mapping[int, int] = field(default_factory=dict)
    graphics: Mapping[int, int] = field(default_factory=dict)
    mps: Mapping[int, int] = field(default_factory=dict)
    facts: Mapping[str, int] = field(
        default_factory=lambda: {"utilization": 87, "power": 412_000, "temperature": 61, "energy": 1_000_000}
    )
    errors: Mapping[str, int] = field(default_factory=dict)
    """NVML's error code by what is asked."""
    slices: Sequence[Card] | None = None
    """The slices of a card in MIG mode."""

    def lines(self, device: int) -> list[str]:
        """Return the lines of the file for it."""
        held = sum(size for size in {**self.graphics, **self.mps, **self.processes}.values() if size > 0)
        used = DRIVER + held if self.used is None else self.used
        facts = {
            "name": self.name,
            "uuid": self.uuid or uuid(device),
            "total": self.total,
            "used": used,
            **self.facts,
        }
        lines = [f"{device} {key} {value}" for key, value in facts.items()]
        for kind, holders in (("process", self.processes), ("graphics", self.graphics), ("mps", self.mps)):
            lines += [f"{device} {kind} {pid} {size}" for pid, size in holders.items()]
        lines += [f"{device} error {key} {code}" for key, code in self.errors.items()]
        if self.slices is not None:
            lines.append(f"{device} slices 7")
            for number, part in enumerate(self.slices):
                lines += part.lines(100 * (device + 1) + number)
        return lines


def uuid(device: int) -> str:
    """Return the UUID of a card."""
    return f"GPU-{device:08d}-1111-2222-3333-444444444444"


def slice_of(number: int, card: int = 0, **facts: object) -> Card:
    """Return a slice of an A100: it has memory and processes of its own, and nothing else that it could tell."""
    plain = Card(
        name="NVIDIA A100-SXM4-40GB MIG 1g.5gb", uuid=f"MIG-{card}{number}000000-aaaa-bbbb-cccc-dddddddddddd",
        total=5 * GIB, used=20 * 2**20, facts={},
    )  # fmt: skip
    return replace(plain, **facts)  # type: ignore[arg-type]


ALONE = Card()
LOST_EARLY = Card(errors={"handle": LOST})
"""A card that was lost before anybody asked: not even its UUID is known."""
LOST_LATE = Card(errors={"total": LOST, "process": LOST, "power": LOST, "utilization": LOST})
INTEGRATED = Card(
    name="NVIDIA GB10", errors={"total": NOT_SUPPORTED, "power": NOT_SUPPORTED, "energy": NOT_SUPPORTED}
)
JETSON = Card(
    name="Orin (nvgpu)",
    errors=dict.fromkeys(("total", "power", "energy", "temperature", "utilization", "process"), NOT_SUPPORTED)
    | {"graphics": NOT_SUPPORTED, "mps": NOT_SUPPORTED},
)
SILENT = Card(used=20 * GIB, errors=dict.fromkeys(("process", "graphics", "mps"), NOT_SUPPORTED))
"""A card in use whose driver does not list processes."""
IN_SLICES = Card(
    name="NVIDIA A100-SXM4-40GB", total=40 * GIB, used=GIB, slices=(slice_of(0), slice_of(1)),
    errors={"utilization": NOT_SUPPORTED},
)  # fmt: skip
OLD_DRIVER = Card(
    name="Tesla P100-PCIE-16GB", total=16 * GIB, processes={1: 3 * GIB},
    errors={"v3": FUNCTION_NOT_FOUND, "energy": NOT_SUPPORTED},
)  # fmt: skip

MACHINES: dict[str, Sequence[Card]] = {
    "one": (ALONE,),
    "two": (ALONE, ALONE),
    "eight": (ALONE,) * 8,
    "one of three lost": (ALONE, LOST_EARLY, ALONE),
    "one lost at work": (LOST_LATE, ALONE),
    "all lost": (LOST_EARLY, replace(LOST_EARLY, errors={"handle": UNKNOWN})),
    "GB10": (INTEGRATED,),
    "Jetson": (JETSON,),
    "slices": (IN_SLICES,),
    "foreign": (replace(ALONE, processes={1: 60 * GIB}, graphics={1: 2 * GIB}),),
    "host pids": (replace(ALONE, processes={HOST_PID: 20 * GIB}),),
    "no list": (SILENT,),
    "old driver": (OLD_DRIVER,),
    "not ours": (replace(ALONE, errors={"handle": NO_PERMISSION}), ALONE),
}


class PretendedNvml:
    """A machine's NVML: the library, and the file with its cards.

    Args:
        library: The folder of ``libnvidia-ml.so.1``.
        folder: Where the file of cards goes.
    """

    def __init__(self, library: Path, folder: Path) -> None:
        self._library = library
        self._file = folder / "cards.txt"
        self._log = folder / "nvml.log"
        self.put()

    def put(self, *cards: Card) -> None:
        """Replace the cards of the machine, at once."""
        lines = [
            f"cards {len(cards)}",
            *(line for number, card in enumerate(cards) for line in card.lines(number)),
        ]
        draft = self._file.with_suffix(".new")
        draft.write_text("\n".join(lines) + "\n")
        draft.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a program see these cards."""
        path = f"{self._library}:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":")
        return {
            "LD_LIBRARY_PATH": path,
            "PRETENDED_NVML": str(self._file),
            "PRETENDED_NVML_LOG": str(self._log),
        }

    def here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have this process, and those that it starts, see the cards."""
        import pynvml

        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(self._library / "libnvidia-ml.so.1")))
        monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    @property
    def open(self) -> int:
        """How many times NVML was begun and not ended."""
        words = self._log.read_text().split()[1::2] if self._log.exists() else []
        return words.count("init") - words.count("shutdown")


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library that stands in for NVIDIA's."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("nvml")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return folder


@pytest.fixture
def machine(nvml_library: Path, tmp_path: Path) -> PretendedNvml:
    """A machine without cards so far, for programs that are started."""
    folder = tmp_path / "nvml"
    folder.mkdir()
    return PretendedNvml(nvml_library, folder)


@pytest.fixture
def nvml(machine: PretendedNvml, monkeypatch: pytest.MonkeyPatch) -> PretendedNvml:
    """A machine without cards so far, for this process."""
    machine.here(monkeypatch)
    return machine
