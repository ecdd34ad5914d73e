"""What a line of commands offers and means, without a screen."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.schema import Experiment
from engine.runs.metadata import RunMetadata
from engine.runs.status import Status
from tui.state.snapshot import Snapshot
from tui.views.command_palette.list_lines import column_offers, filter_text, named_column, order_text
from tui.views.command_palette.run_line import offers, parse, sentences, takes_s
from tui.views.run_list_columns import known_columns
from tui.views.run_overrides import unfinished, vary

VIT = Experiment(
    name="quick-ViT", model="vit_mini", dataset="digits", image_size=16, patch_size=4, lr=2e-3, epochs=4
)
SPACED = msgspec.structs.replace(VIT, name="two words")
EXPERIMENTS = {each.name: each for each in (VIT, SPACED)}


def finished(run: str, seed: int, **changed: object) -> tuple[Status, RunMetadata]:
    config = msgspec.structs.asdict(msgspec.structs.replace(VIT, **changed))  # type: ignore[arg-type]
    status = Status(
        run=run, experiment=VIT.name, seed=seed, state="finished", epochs=4, epoch=4.0, steps_per_epoch=10,
        trained_s=480.0, ended=float(seed), last={"test/f1": 0.961},
    )  # fmt: skip
    return status, RunMetadata(config)


RUNS = (finished("a", 0), finished("b", 1, lr=5e-4))
NOW = Snapshot(runs=tuple(status for status, _ in RUNS), metadata={status.run: made for status, made in RUNS})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["quick-ViT ", '"two words" ']), ("vit", ["quick-ViT "]), ("tw", ['"two words" ']), ("nothing", []),
        ("quick-ViT epo", ["quick-ViT epochs="]), ("quick-ViT lr=", ["quick-ViT lr=0.002", "quick-ViT lr=0.0005"]),
        ("quick-ViT lr=0.0005", []), ("quick-ViT seeds=", ["quick-ViT seeds=0"]), ("unknown lr=", []),
        ("quick-ViT on=j", ["quick-ViT on=jz"]), ('"two words" optimizer=sg', ['"two words" optimizer=sgd']),
    ],
)  # fmt: skip
def test_it_offers_names_then_keys_then_values(text: str, expected: list[str]) -> None:
    offered = list(offers(text, EXPERIMENTS, NOW, ["jz"]))
    assert offered[: len(expected)] == expected if expected else offered == []


def test_values_say_where_they_are_from() -> None:
    notes = offers("quick-ViT lr=", EXPERIMENTS, NOW, [])
    assert notes == {"quick-ViT lr=0.002": "as in the file", "quick-ViT lr=0.0005": "of s1, finished"}


@pytest.mark.parametrize(
    ("rest", "there", "expected"),
    [
        (
            "seeds=0,1 lr=1e-3", (),
            ["queues 2 runs: quick-ViT s0 and s1, lr 0.001 (file: 0.002)", "seed 1 ran at lr 0.0005: F1 .961"],
        ),
        ("", (0,), ["asks which seed: quick-ViT has s0 already", "has finished with seed 0 (F1 .961) already"]),
        ("seeds=0,2 priority=3", (0,), ["queues a run: quick-ViT s2, priority 3", "on this machine; has finished"]),
        ("seed=7", (), ["queues a run: quick-ViT s7", "about 8 min, on this machine"]),
    ],
)  # fmt: skip
def test_it_says_what_would_be_queued(rest: str, there: tuple[int, ...], expected: list[str]) -> None:
    variation = vary(VIT, rest)
    assert variation.mistakes == ()
    said = sentences(variation, VIT, {seed: NOW.runs[seed] for seed in there}, NOW)
    assert len(said) == len(expected)
    for sentence, part in zip(said, expected, strict=True):
        assert part in sentence


def test_the_time_of_the_first_of_its_kind_is_not_known() -> None:
    assert takes_s(VIT, NOW) == pytest.approx(480)
    assert takes_s(VIT, Snapshot()) is None
    assert "time not known" in sentences(vary(VIT, ""), VIT, {}, Snapshot())[1]


@given(st.text(max_size=60))
def test_any_text_has_a_name_and_a_rest_and_goes_on_as_itself(text: str) -> None:
    rest = parse(text).rest
    assert text.endswith(rest)
    assert unfinished(rest, is_offered=True) in rest
    offers(text, EXPERIMENTS, NOW, ["jz"])
    offers(f"quick-ViT {text}", EXPERIMENTS, NOW, ["jz"])


def test_columns_are_named_by_name_heading_and_title() -> None:
    columns = known_columns(NOW)
    assert next(iter(column_offers("mem", columns))) == "memory"
    assert next(iter(column_offers("-mem", columns))) == "-memory"
    for text in ("memory", "mem", "-MEMORY"):
        column, backwards, wrong = named_column(text, columns)
        assert column is not None
        assert (column.name, backwards, wrong) == ("memory", text.startswith("-"), "")
    assert named_column("memmory", columns)[2] == "there is no column 'memmory'; did you mean 'memory'?"
    assert named_column(" ", columns) == (None, False, "")
    memory = named_column("mem", columns)[0]
    assert order_text(memory, backwards=False) != order_text(memory, backwards=True)
    assert order_text(None, backwards=False).startswith("lists the experiments as the file has them")


@pytest.mark.parametrize(
    ("text", "says", "wrong", "at_the_end"),
    [
        ("", "shows all experiments", "", ""), ("state=finished", "1 of 1 experiments pass", "", ""),
        ("state=failed", "0 of 1 experiments pass", "", ""), ("stat", "0 of 1 experiments pass", "", ""),
        ("test/f1>abc", None, None, "number"),
    ],
)  # fmt: skip
def test_a_filter_is_counted(text: str, says: str | None, wrong: str | None, at_the_end: str) -> None:
    got = filter_text(text, NOW)
    assert says is None or got[0] == says
    assert wrong is None or got[1] == wrong
    assert at_the_end in got[2]
    assert bool(at_the_end) == bool(got[2])
