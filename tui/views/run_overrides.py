"""``key=value`` pairs as typed for one run of an experiment: what they mean, what is wrong, how they could go on.

The rules are those of ``engine submit --set``; ``seeds=0,1,2``, ``priority=P`` and ``on=SITE`` are its options of that
name, and ``on=here`` is the queue of this folder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from engine.config.overrides import SEEDS, override, read_value, seeds_of
from engine.config.preflight_warnings import missing, oversized_batch
from engine.config.schema import Experiment
from engine.config.setting_choices import choices, keys_of, starting_with
from engine.config.site import Site
from engine.config.site_tables import all_sites, parse_on
from engine.config.validate import ConfigError
from engine.text import clean
from tui.views.run_destination import HERE

SUBMIT_OPTIONS = ("seeds", "priority", "on")
"""What `engine submit` takes as options of its own."""
VARIED = ("lr", "epochs", "batch_size", "seed", "seeds", "weight_decay")
"""What is varied most often: offered before all others."""
NO_SITES: Mapping[str, Site] = MappingProxyType({})
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Variation:
    """An experiment with changes, and the seeds and the priority with which it is queued."""

    experiment: Experiment
    seeds: tuple[int, ...] = ()
    priority: int = 0
    on: str | None = None
    """Where it was asked to go, ``here`` or the name of a site; None where that was not said."""
    site: Site | None = None
    """The site of that name."""
    mistakes: tuple[str, ...] = ()
    """What is wrong with the text, one sentence each; nothing is queued then."""


def words(text: str) -> list[str]:
    """Return the pairs of a text: parted by spaces, those in quotes and brackets apart."""
    pairs, word, quote = [], "", ""
    open_: list[str] = []
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in _CLOSING:
            open_.append(_CLOSING[letter])
        elif open_ and letter == open_[-1]:
            open_.pop()
        if letter.isspace() and not quote and not open_:
            pairs += [word] if word else []
            word = ""
        else:
            word += letter
    return [*pairs, word] if word else pairs


def unfinished(text: str, *, is_offered: bool) -> str:
    """Return the pair at the end of a text that is still to be typed; empty where there is none.

    Args:
        text: What was typed.
        is_offered: Whether its end could become a key.
    """
    pairs = words(text)
    if not pairs or text[-1].isspace() or pairs[-1].partition("=")[2]:
        return ""
    return pairs[-1] if is_offered or text.endswith("=") else ""


def vary(
    experiment: Experiment, text: str, of_project: Mapping[str, Site] = NO_SITES, usual: str = HERE
) -> Variation:
    """Return what a text makes of an experiment.

    Args:
        experiment: As it stands.
        text: What was typed.
        of_project: The sites of experiments.toml; those of the user's own file are read.
        usual: Where it goes if the text does not say: ``here`` or the name of a site.
    """
    settings, mistakes = [], []
    seeds: tuple[int, ...] | None = None
    priority, on, site = 0, None, None
    for word in words(text):
        key, _, value = word.partition("=")
        if wrong_seeds := _wrong_seeds(key, value):
            mistakes.append(f"{word}: {wrong_seeds}")
        elif key == "seeds":
            seeds = tuple(seeds_of(value) or ())
        elif key == "priority":
            try:
                priority = int(value)
            except ValueError:
                mistakes.append(f"{word}: it has to be a whole number; the higher, the earlier")
        elif key == "on":
            on = value or HERE
            site, wrong = _site(on, of_project)
            mistakes += wrong
        else:
            settings.append(word)
    try:
        experiment = override(experiment, settings) if settings else experiment
        goes_away = (on or usual) != HERE
        if goes_away and priority:
            mistakes.append(f"priority={priority}: it is of the queue here; on=here sends it there")
        if not goes_away and (lacks := missing(experiment)):
            mistakes.append(f"{lacks}; `engine submit` queues it for a machine that has it")
    except ConfigError as error:
        mistakes += [
            str(mistake).removeprefix("--set ").replace("e.g. --set ", "e.g. ") for mistake in error.mistakes
        ]
    chosen = tuple(experiment.run_seeds) if seeds is None else seeds
    return Variation(experiment, chosen, priority, on, site, tuple(mistakes))


def _wrong_seeds(key: str, value: str) -> str:
    """Return what is wrong with one seed or several; empty for nothing, and for another key."""
    listed = seeds_of(value)
    if key == "seeds" and listed is None:
        return f"it has to be {SEEDS}"
    return f"it is one; for several write seeds={value}" if key == "seed" and len(listed or ()) > 1 else ""


def _site(on: str, of_project: Mapping[str, Site]) -> tuple[Site | None, list[str]]:
    """Return the site of a name, None for the queue of this folder, and what is wrong with the name."""
    try:
        return (None if on == HERE else parse_on(on, all_sites(of_project))), []
    except ConfigError as error:
        return None, [str(mistake).removeprefix("--on: ").removeprefix("--on ") for mistake in error.mistakes]


def complete(experiment: Experiment, text: str, sites: Collection[str] = ()) -> list[str]:
    """Return the texts that a text could become when its last word is completed.

    Args:
        experiment: As it stands.
        text: What was typed.
        sites: The names of the sites that there are.
    """
    done, last = (text, "") if not text or text[-1].isspace() else _without_last(text)
    key, equals, value = last.partition("=")
    typed = (word.partition("=") for word in words(done))
    values = msgspec.structs.asdict(experiment) | {name: read_value(name, text) for name, _, text in typed}
    if equals:
        known = [HERE, *sites] if key == "on" else choices(key, values)
        return [f"{done}{key}={choice}" for choice in starting_with(value, known) if choice != value]
    first = (*VARIED, "on") if sites else VARIED
    keys = dict.fromkeys([*first, *keys_of(values), *SUBMIT_OPTIONS])
    return [f"{done}{choice}=" for choice in starting_with(key, keys)]


def _without_last(text: str) -> tuple[str, str]:
    last = words(text)[-1]
    return text[: len(text) - len(last)], last


def settings_line(variation: Variation, usual: str = HERE) -> str:
    """Return what would be queued, in a few words; ``usual`` is where it goes if nothing else was asked for."""
    seeds = ", ".join(map(str, variation.seeds))
    count = len(variation.seeds)
    runs = f"{count} runs, seeds {seeds}" if count > 1 else f"a run, seed {seeds}"
    priority = f", priority {variation.priority}" if variation.priority else ""
    note = oversized_batch(variation.experiment)
    on = variation.on or usual
    place = f" on {clean(on)}" if on != HERE else ""
    return f"enter queues {runs}{place}{priority}" + (f"; {note}" if note else "")
