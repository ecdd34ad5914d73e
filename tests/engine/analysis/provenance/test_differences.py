"""Why two runs differ: all that differs is told, nothing else is, and the order says what to suspect."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.provenance.differences import NONE, differences, unknown
from engine.analysis.provenance.run_origin import Code, RunOrigin
from engine.events import Data
from engine.runs.provenance.git_patch_format import FilePatch
from engine.runs.provenance.packages import Environment
from engine.runs.provenance.repository import Change

WORDS = st.sampled_from(["a", "b", ""])
DIGESTS = st.dictionaries(st.sampled_from(["train.py", "vitui"]), st.sampled_from(["sha256:1", "sha256:2"]))
PATCHES = st.dictionaries(
    st.sampled_from(["train.py", "x.md", "y.py"]),
    st.sampled_from(
        [FilePatch(1, 0, b"one", "b1"), FilePatch(1, 0, b"other", "b2"), FilePatch(0, 0, b"# left out")]
    ),
)
CODES = st.builds(
    Code, commit=st.sampled_from(["", "1" * 40, "2" * 40]), dirty=st.booleans(), patch=WORDS, files=PATCHES,
    digests=st.none() | DIGESTS, is_program=st.booleans(),
)  # fmt: skip
VALUES = st.one_of(st.none(), st.integers(0, 2), st.sampled_from(["x", [1, 2], {"a": 1.5}]))
KEYS = st.sampled_from(
    ["lr", "dataset", "gpus", "precision", "pretrained", "tags", "subset_per_class", "log_every", "odd"]
)
DATA = st.builds(
    Data, digest=WORDS, train=st.just(5), val=st.just(1), test=st.integers(2, 3), classes=st.just(["a", "b"])
)
PACKAGES = st.dictionaries(st.sampled_from(["torch", "numpy", "rich"]), st.sampled_from(["1", "2"]))
ORIGINS = st.builds(
    RunOrigin, run=st.just("r"), config=st.dictionaries(KEYS, VALUES), seed=st.integers(0, 1), code=CODES,
    environment=st.none() | st.builds(Environment, st.sampled_from(["3.11", "3.12"]), st.just(""), PACKAGES),
    data=st.none() | DATA, device=st.sampled_from(["", "cpu", "cuda:0 NVIDIA H200", "2 x NVIDIA H200"]),
    precision=st.sampled_from(["", "bf16", "tf32"]), init=WORDS, versions=PACKAGES,
)  # fmt: skip
CHANGES = st.builds(
    Change, st.sampled_from(["", "b1", "b2"]), st.sampled_from(["", "b1", "b2"]), st.integers(0, 9)
)
BETWEEN = st.none() | st.dictionaries(st.sampled_from(["train.py", "z.py"]), CHANGES)


@given(ORIGINS, st.none() | st.just({}))
def test_a_run_does_not_differ_from_itself(origin, between):
    assert differences(origin, replace(origin, run="another id"), between) == []


@given(ORIGINS, ORIGINS, BETWEEN)
def test_differences_are_the_same_from_both_sides(one, other, between):
    turned = between and {name: Change(each.after, each.before, each.lines) for name, each in between.items()}
    there, back = differences(one, other, between), differences(other, one, turned)
    assert [each._replace(first=each.second, second=each.first) for each in there] == back
    assert [each.rank for each in there] == sorted(each.rank for each in there)
    assert len({(each.kind, each.what) for each in there}) == len(there)
    assert all(each.why for each in there)


BASE = RunOrigin(
    "base", {"lr": 0.1, "dataset": "digits", "gpus": 1}, 0,
    Code("1" * 40, digests={"train.py": "sha256:11111111"}, is_program=True, files={"a.py": FilePatch(2, 1, b"a")}),
    Environment("3.11.7", "", {"torch": "2.11", "rich": "13"}),
    Data(digest="d" * 9, train=9, val=1, test=5, classes=["x"]),
    "cuda:0 NVIDIA H200", "bf16", "scratch", {"torch": "2.11"},
)  # fmt: skip


def code(**changes):
    return replace(BASE, code=replace(BASE.code, **changes))


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(BASE, config=BASE.config | {"lr": 0.2}), "lr: 0.1 | 0.2 | it changes what is learned"),
        (replace(BASE, config=BASE.config | {"tags": ["x"]}), ""),
        (replace(BASE, config=BASE.config | {"retries": 7}), "retries: 0 | 7 | it changes nothing that is learned"),
        (replace(BASE, config=BASE.config | {"gpus": 2}), "gpus: 1 | 2 | batches are split otherwise"),
        (replace(BASE, seed=3), "seed: 0 | 3 | as repeats differ"),
        (replace(BASE, precision="tf32"), "precision: bf16 | tf32 | sums are rounded otherwise"),
        (replace(BASE, device="cuda:5 NVIDIA H200"), ""),
        (replace(BASE, device="cuda:5 NVIDIA A100"), "device: NVIDIA H200 | NVIDIA A100 | sums are in another order"),
        (replace(BASE, device=""), ""),
        (replace(BASE, data=None), ""),
        (replace(BASE, init="x.pt"), "init: scratch | x.pt | the weights began otherwise"),
        (replace(BASE, environment=Environment("3.11", "", {"torch": "2.11"})),
         "python: 3.11.7 | 3.11 | seldom the reason; "
         f"rich: 13 | {NONE} | seldom the reason"),
        (replace(BASE, versions={"torch": "2.12", "cuda": "13"}), "torch: 2.11 | 2.12 | it computes"),
        (code(digests={"train.py": "sha256:22222222"}), "train.py: 11111111 | 22222222 | the program is another"),
        (code(files={}), "a.py: +2 −1 | as in 11111111 | code"),
        (code(files={"a.py": FilePatch(0, 0, b"# left out")}), "a.py: +2 −1 | changed | code"),
        (code(commit="2" * 40), "commit: 1111111111 | 2222222222 | another commit, unknown to git here"),
        (code(commit=""), ""),
        (code(commit="", files={}, dirty=True, digests=None), ""),
        (
            replace(BASE, data=Data(digest="e" * 9, train=8, val=1, test=5, classes=["x"])),
            "images: 9, 1, 5 of 1 classes, dddddddd | 8, 1, 5 of 1 classes, eeeeeeee | "
            "other images: scores cannot be compared",
        ),
    ],
)  # fmt: skip
def test_each_thing_that_differs_is_told(other, told):
    lines = [f"{each.what}: {each.first} | {each.second} | {each.why}" for each in differences(BASE, other)]
    assert "; ".join(lines) == told


def test_files_between_commits_are_named_and_what_is_no_code_stands_last():
    other = code(commit="2" * 40)
    told = differences(BASE, other, {"README.md": Change("1", "2", 3), "model.py": Change("1", "2", 5)})
    assert [(each.what, each.rank) for each in told] == [("commit", 2), ("model.py", 2), ("README.md", 9)]
    assert told[1].why == "code, 5 lines between the commits"


def test_what_was_tried_and_then_committed_is_the_same_code():
    tried = replace(BASE, code=replace(BASE.code, digests=None, files={"a.py": FilePatch(2, 1, b"a", "new")}))
    committed = replace(tried, code=replace(tried.code, commit="2" * 40, dirty=False, files={}))
    (commit,) = differences(tried, committed, {"a.py": Change("old", "new", 3)})
    assert (commit.what, commit.rank, commit.why) == ("commit", 10, "another commit, and no file differs")
    assert [each.what for each in differences(tried, committed, {"a.py": Change("old", "other", 3)})] == [
        "a.py",
        "commit",
    ]


def test_code_that_does_not_train_is_suspected_last():
    one = replace(BASE, code=replace(BASE.code, is_program=False))
    other = replace(one, seed=1, code=replace(one.code, files={}))
    assert [each.what for each in differences(one, other)] == ["a.py", "seed"]
    assert "vitui trains" in differences(one, other)[0].why


def test_a_draw_of_images_by_the_seed_is_no_other_data_set():
    one = replace(BASE, config=BASE.config | {"subset_per_class": 5})
    other = replace(one, seed=1, data=Data(digest="e" * 9, train=9, val=1, test=5, classes=["x"]))
    assert [each.why for each in differences(one, other)] == [
        "the seed draws which images are used",
        "as repeats differ",
    ]


def test_what_is_not_known_is_said():
    assert unknown(BASE) == unknown(code(commit="")) == []
    assert unknown(BASE, code(commit="")) == ["not known of base: commit"]
    assert unknown(RunOrigin("old", code=Code(commit="1" * 40, dirty=True))) == [
        "not known of old: packages, changes to its commit, images, device"
    ]
