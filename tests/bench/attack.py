"""The attacks of the review of November 2026, as they go today: a line each, with what the review saw.

    python -m tests.bench.attack [--only NAME…] [--full] [--list]
    python -m tests.bench.attack --storm MINUTES [--seed 0]

Real processes, real signals, real disks in memory (as root), each attack in a project of its own in a temporary
folder that is removed. ``--full`` takes the review's sizes: 1 GB of output, 24 races. ``--storm`` throws random bytes,
keys, mouse, resizes, pastes and signals at the app for so many minutes instead. The exit code is 1 where one attack
came through. tests/bench/attack.md has a table of each day.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from tests.bench.attack_parts import disk, output, queue, screen
from tests.bench.attack_parts.lab import Lab, Outcome, Skipped
from tests.bench.attack_parts.storm import storm

ATTACKS: tuple[tuple[str, Callable[[Lab], Outcome], str], ...] = (
    ("F1", queue.stranger, "10 of 18 executed"),
    ("F1", queue.stranger_of_another_user, "executed as root"),
    ("F2", screen.completions, "OSC 52 sent by t, f tag= Tab, and 5 more"),
    ("F3", queue.double_resume, "trained again 2 of 5"),
    ("F4", queue.setsid_race, "events after the end 18 of 24, traceback 24, damage 1"),
    ("F5", queue.spoofed_pids, "2 of 2 killed"),
    ("F6", screen.invalid_bytes, "9 of 9 end the app, exit code 0"),
    ("F7", disk.full_disk, "3 of 3 tracebacks"),
    ("F8", queue.hangup, "crashed, no checkpoint"),
    ("F9", queue.leftovers, "stays; doctor: every run is well"),
    ("F10", output.no_newline, "2.0 GB of memory, a fifth lost, finished"),
    ("F10", output.progress_bar, "0 bytes after 5 s"),
    ("F11", output.telemetry_order, "31 of 171,352 lines"),
    ("F12", screen.terminated, "everything stays on, 143"),
    ("", screen.left_by_quitting, "(not tried)"),
    ("", screen.continued, "(not tried)"),
    ("F13", queue.old_description, "traceback"),
    ("F14", disk.read_only, "work: traceback"),
    ("F15", disk.full_device, "tracebacks 3 of 3"),
    ("F16", queue.repaired_again_and_again, "repaired 4 times, never done"),
    ("F17", output.big_events, "no warning 3 of 3"),
    ("F18", output.escapes_in_json, "ls --json: C1 and bidi"),
    ("F18", output.escapes_in_csv, "ESC, NUL, bidi"),
    ("F19", output.formulas, "4 of 4 names"),
    ("F20", queue.stopped_worker, "no reason"),
    ("F21", queue.hostile_ticket, "300 digits of minutes"),
    ("F21", output.damaged_checkpoint, "advice: weights_only=False"),
    ("F22", queue.moved_folder, "0 and no word, both"),
)
"""The failure's number, the attack, and what the review saw."""


def attempt(attack: Callable[[Lab], Outcome], full: bool) -> tuple[str, str]:
    """Return what came of an attack, and whether it was withstood, in a word."""
    lab = Lab(full)
    try:
        outcome = attack(lab)
    except Skipped as why:
        return str(why), "skipped"
    except Exception as error:  # noqa: BLE001  the table goes on
        return f"{type(error).__name__}: {error}"[:200], "ERROR"
    finally:
        lab.close()
    return outcome.text, "held" if outcome.held else "THROUGH"


def main() -> None:
    """Attack, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="attacks by name, or failures as F4")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--storm", type=float, metavar="MINUTES")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.storm:
        text, verdict = attempt(lambda lab: storm(lab, options.storm, options.seed), options.full)
        print(f"storm of {options.storm:g} minutes, seed {options.seed}: {text}: {verdict}")
        sys.exit(verdict != "held")
    chosen = [each for each in ATTACKS if not options.only or {each[0], each[1].__name__} & set(options.only)]
    if options.list:
        for number, attack, _ in chosen:
            print(f"{attack.__name__:28} {attack.__doc__ or number}")
        return
    print("| | attack | the review saw | now | | s |\n|---|---|---|---|---|---|")
    through = 0
    for number, attack, before in chosen:
        began = time.monotonic()
        text, verdict = attempt(attack, options.full)
        through += verdict in ("THROUGH", "ERROR")
        text = text.replace("|", "\\|")
        print(
            f"| {number} | {attack.__name__} | {before} | {text} | {verdict} | {time.monotonic() - began:.0f} |",
            flush=True,
        )
    sys.exit(bool(through))


if __name__ == "__main__":
    main()
