"""Pictures of every screen of the app in each size and look, to be looked at by somebody.

    python -m tests.bench.pictures FOLDER [--size 120x36]… [--look dark]… [--screen list]… [--code WORKTREE]

Needs tmux, DejaVu fonts (Debian: fonts-dejavu-core) and `pip install pyte pillow`. The app runs on a project of awkward
runs; each session presses keys from screen to screen. FOLDER gets SCREEN-SIZE-LOOK.png and .txt, a contact sheet a
screen, and faults.txt: words below a contrast of 4.5 (what lies behind a question is meant to be), and what is not
ASCII with --ascii. `tests/bench/pictures.md` has what was seen. --code takes the pictures of another checkout, whose
keys may be others.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.bench.pictures.picture import draw, faults, sheet
from tests.bench.pictures.project import ROOT, STATE, projects
from tests.bench.pictures.terminal import Terminal

SIZES = ("60x20", "80x24", "120x36", "200x60", "240x70")
LOOKS: dict[str, tuple[list[str], dict[str, str]]] = {
    "dark": (["--theme", "dark"], {}),
    "light": (["--theme", "light"], {}),
    "contrast": (["--theme", "contrast"], {}),
    "ascii": (["--theme", "dark", "--ascii"], {}),
    "colourless": (["--theme", "dark"], {"NO_COLOR": "1"}),
}
"""Arguments and environment of each look."""


class Shot(NamedTuple):
    """A screen: the keys that lead there from the one before, and back to where the next begins."""

    name: str
    keys: str = ""
    back: str = ""


OVERLAY = "g Space Down Space Down Space"
SESSIONS: dict[str, tuple[str, list[Shot]]] = {
    "empty": ("no experiments", [Shot("first-start")]),
    "fresh": ("quick-ViT", [Shot("nothing-has-run"), Shot("welcome-row", "Down")]),
    "mistaken": ("mistake", [Shot("mistakes-start"), Shot("mistakes", "!", "Escape")]),
    "lab": (
        "ViT-B",
        [
            Shot("list"),
            Shot("overlaid", OVERLAY),
            Shot("zoom", "z", "z"),
            Shot("readout", "i 5"),
            Shot("readout-zoom", "z", "z i"),
            Shot("by-seeds", "b", "b"),
            Shot("smoothed", "+ +", "="),
            Shot("log-y", "y", "y"),
            Shot("compare", "c"),
            Shot("compare-tab", "Tab", "Escape"),
            Shot("why", "w", "Escape"),
            Shot("run-overview", "g Enter"),
            Shot("run-confusion", "2"),
            Shot("run-confusion-shades", "z", "z"),
            Shot("run-classes", "3"),
            Shot("run-console", "4"),
            Shot("run-events", "5", "Escape"),
            Shot("machine", "5"),
            Shot("queue", "5", "Escape Escape"),
            Shot("palette", ":"),
            Shot("palette-found", "s o r t", "Escape Escape"),
            Shot("help", "?", "Escape"),
            Shot("filter", "f s t a t e = f a i l e d"),
            Shot("filtered", "Enter", "f C-u Enter Escape"),
            Shot("columns", "C", "Escape"),
            Shot("export", "E", "Escape"),
            Shot("copy", "Y", "Escape"),
            Shot("variation", "o", "Escape"),
            Shot("delete", "D", "Escape"),
            Shot("tag", "t", "Escape"),
            Shot("edit", "e"),
            Shot("form", "f"),
            Shot("form-changed", "Down Down Down", "Escape"),
            Shot("messages", "M", "Escape"),
            Shot("console-below", "4", "4"),
            Shot("stop-of-a-row", "G Up Up Up Up Up .", "Escape"),
            Shot("unfolded", "l Down Down Down"),
            Shot("overlay-what-waits", "Up Space", "Space Down"),
            Shot("marked", "m Down m Down m"),
            Shot("stop", ".", "Escape Escape"),
            Shot("time-machine", "@", "Escape"),
            Shot("nothing-to-overlay", "G Up Up Space"),
            Shot("too-large-a-batch", "o b a t c h _ s i z e = 9 9 9 9 9 9 9 9", "Escape"),
            Shot("other-axis", "x"),
            Shot("third-axis", "x"),
            Shot("fourth-axis", "x", "x x"),
            Shot("sorted", "s s s"),
            Shot("column-chosen", "C / l r Enter Space Escape Escape"),
        ],
    ),
}
"""What each project's first screen has on it, and the screens to take."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", action="append", choices=SIZES)
    parser.add_argument("--look", action="append", choices=list(LOOKS))
    parser.add_argument(
        "--screen", action="append", help="only these; the keys of those before are pressed all the same"
    )
    parser.add_argument("--code", type=Path, default=ROOT)
    parser.add_argument("--together", type=int, default=2, help="sessions at once")
    wanted = parser.parse_args()
    sizes, looks = wanted.size or SIZES, wanted.look or list(LOOKS)
    out = wanted.folder.absolute()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vitui-pictures-") as scratch, projects(Path(scratch)) as found:
        tasks = [
            (name, size, look)
            for name in SESSIONS
            for size in sizes
            for look in looks
            if _has(name, wanted.screen)
        ]
        with ThreadPoolExecutor(wanted.together) as pool:
            said = pool.map(
                lambda task: take(*task, found[task[0]], out, wanted.code.absolute(), wanted.screen), tasks
            )
            (out / "faults.txt").write_text("".join(line + "\n" for lines in said for line in lines))
    for shot in (shot for _, shots in SESSIONS.values() for shot in shots):
        _write_sheet(out, shot.name, sizes, looks)
    return 0


def _has(session: str, screens: Sequence[str] | None) -> bool:
    return not screens or any(shot.name in screens for shot in SESSIONS[session][1])


def take(
    session: str, size: str, look: str, project: Path, out: Path, code: Path, screens: Sequence[str] | None
) -> list[str]:
    """Take a session's pictures.

    Args:
        session: Its name.
        size: The terminal's, as ``120x36``.
        look: One of ``LOOKS``.
        project: The folder that the app opens.
        out: Where pictures go.
        code: The checkout that runs.
        screens: Those to take; all of them if None.

    Returns:
        What is wrong that can be counted, a line each.
    """
    first, shots = SESSIONS[session]
    words, variables = LOOKS[look]
    width, height = map(int, size.split("x"))
    said: list[str] = []
    with tempfile.TemporaryDirectory(prefix="vitui-pictures-state-") as state:
        shutil.copytree(project.parent / STATE, state, dirs_exist_ok=True)
        environment = {"PYTHONPATH": str(code), "XDG_STATE_HOME": state, "PYTHONSAFEPATH": "1"} | variables
        command = [sys.executable, "-m", "tui.cli", "open", *words]
        terminal = Terminal(command, project, (width, height), environment)
        try:
            terminal.wait_for(first)
            for shot in shots:
                terminal.press(*shot.keys.split())
                if not screens or shot.name in screens:
                    screen = terminal.screen()
                    name = f"{shot.name}-{size}-{look}"
                    draw(screen).save(out / f"{name}.png")
                    (out / f"{name}.txt").write_text("\n".join(screen.display) + "\n")
                    said += [f"{name}: {fault}" for fault in faults(screen, ascii_only=look == "ascii")]
                terminal.press(*shot.back.split())
        except RuntimeError as error:
            said.append(f"{session}-{size}-{look}: {error}")
        finally:
            terminal.close()
    return said


def _write_sheet(out: Path, screen: str, sizes: Sequence[str], looks: Sequence[str]) -> None:
    rows = [[out / f"{screen}-{size}-{look}.png" for look in looks] for size in sizes]
    taken = [[Image.open(path) for path in row if path.exists()] for row in rows]
    if any(taken):
        sheet([row for row in taken if row]).save(out / f"{screen}.png")


if __name__ == "__main__":
    sys.exit(main())
