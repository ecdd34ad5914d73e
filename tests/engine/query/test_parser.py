"""The filter language: what each term means, what is said of a wrong one, what Tab offers."""

from __future__ import annotations

import string
from types import SimpleNamespace
from typing import ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import UserError
from engine.query.completion import complete
from engine.query.fields import Subject, find_key, known_keys
from engine.query.key_words import MEANT
from engine.query.matching import OPERATORS, Filter, Term
from engine.query.parser import FilterError, parse
from engine.query.sorting import in_order
from engine.query.units import read_number
from engine.runs.status import Status

NOW = 1_795_456_800.0  # 2026-11-23 18:00:00 UTC
CONFIG = {
    "name": "ViT-B", "model": "vit_b", "lr": 5e-4, "batch_size": 128, "dataset": "folder:/a b", "tags": ["Vit", "old"],
    "notes": "Out of memory at 224", "options": {"drop_path": 0.1, "layer_scale": False, "pool": "mean"},
    "patch_size": None, "seeds": [],
}  # fmt: skip


def subject(**fields):
    status = {
        "run": "ViT-B-s3-20261122-180000-a7c5", "experiment": "ViT-B", "seed": 3, "state": "failed", "epoch": 3.5,
        "reason": "out of memory", "device": "cuda:0", "host": "lab", "init": "scratch", "step": 70, "attempt": 2,
        "last": {"test/f1": 0.81, "gpu/memory_peak": 3.5 * 2**30, "time/data": 0.02, "test/loss": None, "loss": 0.3},
        "best": {"test/f1": 0.85}, "parameters": 85_700_000, "trained_s": 600.0, "ended": NOW - 60,
    }  # fmt: skip
    return Subject(Status(**status | fields), lambda: CONFIG, now=NOW)


def means(text, **fields):
    return parse(text).matches(subject(**fields))


TRUE = (
    "", "  ", "state=failed", "state=FAILED", "state!=finished", "state=crashed,failed", "state!=crashed,finished",
    "run~s3-2026", "experiment=vit-b", "experiment~VIT", "experiment!~bit", "seed=3", "seed<4", "seed>=3",
    "epoch>3", "epoch<=3.5", "step=70", "attempt!=1", "reason~'of mem'", 'reason="out of memory"', "device=cuda:0",
    "host=lab", "init=scratch", "parameters>85M", "parameters<85.8M",
    "test/f1>0.8", "test/f1>80%", "test/f1<.82", "best:test/f1>0.84", "last:test/f1=0.81", "last:loss=0.3",
    "test/f1 > 0.8",
    "F1>.8", "f1<.82", "test/F1>.8", "-acc>0", "-val/acc>0", "-img/s>0",
    "gpu/memory_peak>3GiB", "gpu/memory_peak>3.4G", "gpu/memory_peak<4GB", "time/data<30ms", "time/data=20ms",
    "age<2d", "age>23h", "age=1d", "age=86400", "duration=10m", "duration<1h",
    "model=vit_b", "model~vit", "lr=5e-4", "lr=0.0005", "lr<1e-3", "batch_size=128", "dataset='folder:/a b'",
    "options.drop_path=0.1", "options.drop_path>=0.1", "options.layer_scale=false", "options.pool=mean",
    "options.pool~ME", "options.drop_path!~.1", "run!=0",
    "tag=vit", "tags=old", "tag~ol", "tag!=new", "tags=new,old", "note~memory", "notes!~disk",
    "vit-b", "S3-2026", "OLD", "nothing,old", "-nothing", "not nothing", "not not vit", "--vit",
    "state=failed model~vit test/f1>0.8 age<2d -tag=new", "notes!=''", "-notes=''",
    "!nothing", "!state=finished", "!-vit", "vit !bit", "vit !!old", "seed != 4",
    "vit | bit", "bit|vit", "bit |vit state=failed",
    "bit | state=finished | -bit",
    "state=failed bit | vit", "reason~'of|mem' | seed=3", "'a|b',vit",
)  # fmt: skip
FALSE = (
    "state=finished", "state!=failed", "-state=failed", "not state=failed", "seed=4", "lr>5e-4", "tag=ol", "tag!=old",
    "note~disk", "bit", "state=failed bit", "options.none=1", "options.none!=1", "options.pool>3",
    "options.layer_scale=0", "-vit", "vit -old", "!vit", "vit !state=failed", "bit | cnn", "vit | bit state=finished",
    # what is not there is neither like nor unlike anything
    "val/f1>0", "val/f1<=0", "val/f1=0", "val/f1!=0", "test/loss>0", "test/loss!=1", "best:val/f1>0",
    "patch_size=16", "patch_size!=16", "pretrained~x", "pretrained!~x", "cutout=0",
)  # fmt: skip


@pytest.mark.parametrize("text", TRUE)
def test_such_a_filter_means_the_run(text):
    assert means(text)


def test_what_heads_a_column_means_its_metric_unless_runs_measured_that_name():
    for text, key in (
        ("F1>0", "test/f1"),
        ("loss<1", "train/loss"),
        ("val/acc>0", "val/accuracy"),
        ("lr<1", "lr"),
    ):
        assert [term.key for term in parse(text).terms] == [key]
    assert parse("loss<1", lambda: {"loss": None}).terms[0].key == "loss"
    assert in_order([subject(), subject(last={"test/f1": 0.1})], "F1")[0].status.last["test/f1"] == 0.1


def test_a_filter_knows_how_it_would_look_inside_texts():
    condition, terms = parse("state!=failed model=VIT lr<1 -tag=a").inside()
    assert (str(condition), terms) == ("state!=failed model~VIT lr<1 -tag=a", "model~VIT")
    assert parse("lr=1 F1>0 vit").inside() is None


def test_a_filter_knows_which_of_its_values_do_not_exist():
    said = parse("optimizer=Adm model=x state~fin schedule~cos -compile=no").unknown_choices()
    assert said == "no optimizer 'Adm'; did you mean 'adam'? Known: adamw, adam, sgd"


@pytest.mark.parametrize("text", FALSE)
def test_such_a_filter_does_not(text):
    assert not means(text)


def test_nothing_is_said_of_what_a_queued_run_has_not_yet():
    queued = {"state": "queued", "device": "", "host": "", "attempt": 0, "trained_s": 0, "ended": 0}
    assert not means("device=cpu", **queued)
    assert not means("device!=cpu", **queued)
    assert means("-device=cpu", **queued)
    assert not means("duration<1h", **queued)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"state": "finished"}, 600),
        ({"state": "running", "started": NOW - 50, "ended": 0.0}, 650),
        ({"state": "crashed", "started": NOW - 50, "heartbeat": NOW - 20, "ended": 0.0}, 630),
    ],
)
def test_the_duration_is_the_time_of_all_attempts(fields, seconds):
    assert subject(**fields).duration == seconds


def test_the_age_of_a_folder_with_a_name_of_its_own_counts_from_its_start():
    assert subject(run="best", started=NOW - 90).age == 90
    assert subject(run="best", started=0.0).age is None


def test_labels_stand_in_the_place_of_the_experiments_own():
    found = Subject(
        Status(run="r"), lambda: CONFIG, lambda: SimpleNamespace(tags=["new"], notes="better"), now=NOW
    )
    assert parse("tag=new note~better").matches(found)
    assert not parse("tag=old").matches(found)


def test_files_are_read_only_if_a_term_needs_them_and_once():
    reads = []
    found = Subject(Status(run="r", state="failed"), lambda: reads.append(1) or CONFIG)
    assert not parse("model~vit state=finished").matches(found)
    assert reads == []
    assert parse("model~vit lr<1 tag=old").matches(found)
    assert reads == [1]


@pytest.mark.parametrize(
    "config",
    [{}, {"tags": None}, {"tags": "x", "lr": "fast", "options": [1], "model": {"a": 1}, "seeds": [[1]]}],
)
def test_a_damaged_configuration_stops_no_filter(config):
    found = Subject(Status(run="r"), lambda: config)
    for text in ("lr>1", "model~x", "options.a=1", "note~x", "seeds=1", "tag=x", "x"):
        assert not parse(text).matches(found)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("model~vit stat=failed", (10, 14), "unknown key 'stat'; did you mean 'state'?"),
        ("xyzzy=1", (0, 5), "unknown key 'xyzzy'. Known: state, run,"),
        ("options.=1", (0, 8), "unknown key 'options.'"),
        ("state=faild", (6, 11), "no state 'faild'; did you mean 'failed'? Known: queued,"),
        ("state~stopt", (6, 11), "no state 'stopt'; did you mean 'stopped'? Known: queued,"),
        ("took<2h", (0, 4), "unknown key 'took'; did you mean 'duration'?"),
        ("learning_rate<1", (0, 13), "unknown key 'learning_rate'; did you mean 'lr'?"),
        ("name~vit", (0, 4), "unknown key 'name'; did you mean 'experiment'?"),
        ("Run-ID~vit", (0, 6), "unknown key 'Run-ID'; did you mean 'run'?"),
        ("status=failed", (0, 6), "unknown key 'status'; did you mean 'state'?"),
        ("accuracy>0.5", (0, 8), "unknown key 'accuracy'; did you mean 'test/accuracy'?"),
        ("bs=64", (0, 2), "unknown key 'bs'; did you mean 'batch_size'?"),
        ("mem<2G", (0, 3), "unknown key 'mem'; did you mean 'gpu/memory_process'?"),
        ("state=Waiting", (6, 13), "no state 'Waiting'; did you mean 'queued'?"),
        ("lr==1", (2, 4), "unknown operator '=='; did you mean '='?"),
        ("lr=>1", (2, 4), "did you mean '>='?"),
        ("lr<>1", (2, 4), "did you mean '!='?"),
        ("model=~vit", (5, 7), "did you mean '~'?"),
        ("lr!1", (2, 3), "did you mean '!='?"),
        ("lr=<>1", (2, 5), "unknown operator '=<>'. Known: = != ~ !~ < <= > >="),
        ("state:failed", (0, 12), "'state:failed' has no operator; did you mean 'state=failed'?"),
        ("lr>fast", (3, 7), "lr is compared with a number, such as 0.8, 1e-3, 80% or 85M, not with 'fast'"),
        ("age<2y", (4, 6), "age is compared with a time, such as 90s, 30m, 12h, 2d or 1w, not with '2y'"),
        ("gpu/memory_used>3x", (16, 18), "a size, such as 512MiB or 3GiB"),
        ("options.x>a", (10, 11), "options.x is compared with a number"),
        ("model<3", (5, 6), "model is text, which is not more or less: compare it with = != ~ or !~"),
        ("lr~3", (2, 3), "lr is a number, which has no parts: compare it with = != < <= > or >="),
        ("lr<1,2", (5, 6), "'<' takes one value"),
        ("model=", (6, 7), "a value is missing after '='; \"\" is an empty one"),
        ("model= ", (7, 8), "a value is missing"),
        ("model=a,", (8, 9), "a value is missing"),
        ("=3", (0, 1), "a key is missing before '='. Known: state,"),
        ("notes~'x y", (6, 10), "this quote has no end"),
        ('"a"b', (3, 4), "found 'b' where a space or the end should be"),
        ("vit,lr=3", (6, 7), "found '=' where a space or the end should be"),
        ("-", (0, 1), "nothing follows that could be turned round"),
        ("vit not", (4, 7), "nothing follows that could be turned round"),
        ("- vit", (0, 1), "nothing follows that could be turned round"),
        ("a or b", (2, 4), "'or' joins nothing: one of two terms is meant with '|' between them; for one of several"),
        ("a and b", (2, 5), "'and' joins nothing: all terms have to hold; for one of several values"),
        ("| vit", (0, 1), "a term is missing before '|'"),
        ("vit | ", (4, 5), "a term is missing behind '|'"),
        ("vit || bit", (4, 6), "unknown sign '||'; did you mean '|'?"),
        ("model~vit|bit", (9, 10), "'|' stands between terms; for one of several values write model~vit,bit"),
        ("! vit", (0, 1), "nothing follows that could be turned round"),
        (",", (0, 1), "a word is missing"),
    ],
)  # fmt: skip
def test_a_wrong_filter_says_where_what_and_what_would_be_right(text, place, words):
    with pytest.raises(FilterError) as raised:
        parse(text)
    error = raised.value
    assert (error.start, error.end) == place
    assert words in error.message
    first, shown, mark = str(error).splitlines()
    assert first == f"filter, character {place[0] + 1}: {error.message}"
    assert shown == f"  {text}"
    assert mark == "  " + " " * place[0] + "^" * (place[1] - place[0])


def test_peoples_words_for_keys_lead_to_keys_and_are_none_themselves():
    for word, key in MEANT.items():
        assert find_key(key) is not None, word
        with pytest.raises(FilterError, match=f"unknown key '{word}'; did you mean '{key}'"):
            parse(f"{word}=1")


def test_the_mark_stands_under_wide_characters_too():
    with pytest.raises(FilterError) as raised:
        parse("日本 x=1\n")
    assert str(raised.value).splitlines()[1:] == ["  日本 x=1 ", "       ^"]


key = st.sampled_from(
    [*known_keys(), "test/f1", "best:test/f1", "last:loss", "options.pool", "time/data", "gpu/memory_peak"]
)
amount = st.integers(0, 10**6).map(str) | st.sampled_from(["0.8", "1e-3", ".5"])
word = st.text(min_size=1, max_size=8)


@st.composite
def terms(draw):
    negated = draw(st.booleans())
    if (name := draw(st.none() | key)) is None:
        words = tuple(draw(st.lists(word, min_size=1, max_size=2)))
        return Term("", "", words, negated, draw(st.booleans()))
    kind = find_key(name).kind
    allowed = {"text": OPERATORS[:4], "any": OPERATORS[:4]}.get(kind, ("=", "!=", "<", "<=", ">", ">="))
    sign = draw(st.sampled_from(allowed))
    value = st.sampled_from(find_key("state").choices) if name == "state" else st.text(max_size=8)
    values = draw(
        st.lists(
            value if kind in ("text", "any") else amount,
            min_size=1,
            max_size=1 if "<" in sign or ">" in sign else 3,
        )
    )
    return Term(name, sign, tuple(values), negated, draw(st.booleans()))


@given(st.lists(terms(), max_size=4))
def test_a_filter_written_down_is_the_same_filter(given):
    first = [term._replace(alternative=False) for term in given[:1]]
    assert parse(str(Filter(given))).terms == (*first, *given[1:])


@given(terms())
def test_a_negated_term_means_exactly_the_other_runs(term):
    found = subject()
    assert Filter([term]).matches(found) != Filter([term._replace(negated=not term.negated)]).matches(found)


@given(st.lists(terms(), max_size=4))
def test_all_terms_have_to_hold_and_one_of_alternatives(given):
    holds = True, True  # the terms before the group, and the group
    for term in given:
        own = Filter([term]).matches(subject())
        holds = (
            (holds[0], holds[1] or own) if term.alternative and term is not given[0] else (all(holds), own)
        )
    assert Filter(given).matches(subject()) == all(holds)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.lists(terms(), max_size=3),
    st.dictionaries(st.sampled_from(list(known_keys())) | st.just("options"), anything),
)
def test_matching_raises_nothing_whatever_run_json_says(given, config):
    assert Filter(given).matches(Subject(Status(run="r", experiment="e"), lambda: config)) in (True, False)


near = st.text(st.sampled_from("abc=!~<>,|-'\" \\\n:/.0159%not") | st.characters(), max_size=30)


@given(near)
@example('"\\')
@example("state=" + "9" * 5000)
@example("step=" + "9" * 5000)
@example("step<1e999")
def test_a_text_is_a_filter_or_says_why_not(text):
    try:
        found = parse(text)
    except FilterError:
        return
    assert parse(str(found)).terms == found.terms
    assert found.matches(subject()) in (True, False)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("1", "number", 1), ("-1.5", "number", -1.5), ("80%", "number", 0.8), ("2k", "number", 2000), ("3", "any", 3),
        ("9007199254740993", "number", 9007199254740993), ("1_000", "number", None), ("inf", "number", None),
        ("nan", "number", None), ("", "number", None), ("3d", "number", None), ("٣", "number", None),
        ("1w", "seconds", 604_800), ("1.5h", "seconds", 5400), ("500ms", "seconds", 0.5), ("1M", "seconds", None),
        ("3GiB", "bytes", 3 * 2**30), ("3G", "bytes", 3 * 2**30), ("3GB", "bytes", 3 * 10**9), ("3", "bytes", 3),
        ("1kB", "bytes", 1000), ("2TiB", "bytes", 2**41), ("3m", "bytes", None),
    ],
)  # fmt: skip
def test_numbers_times_and_sizes(text, kind, value):
    assert read_number(text, kind) == value


class TestOrder:
    RUNS: ClassVar = [subject(run=name, last={} if f1 is None else {"test/f1": f1}, experiment=name) for name, f1 in
            (("b", 0.5), ("a", None), ("d", 0.9), ("c", 0.7))]  # fmt: skip

    @pytest.mark.parametrize(
        ("by", "order"),
        [("test/f1", "bcda"), ("-test/f1", "dcba"), ("experiment", "abcd"), ("-seed", "badc")],
    )
    def test_by_a_key_with_what_is_not_known_last(self, by, order):
        assert "".join(found.status.run for found in in_order(self.RUNS, by)) == order

    def test_an_unknown_key_is_said(self):
        with pytest.raises(UserError, match="unknown key 'stat'; did you mean 'state'"):
            in_order(self.RUNS, "-stat")

    @given(st.lists(anything))
    def test_whatever_the_values_are(self, values):
        runs = [Subject(Status(run="r"), lambda value=value: {"options": {"x": value}}) for value in values]
        assert len(in_order(runs, "options.x")) == len(runs)


class TestCompletion:
    VALUES: ClassVar = {"experiment": ["ViT-B", "BiT M", "ViT-L"], "test/f1": (), "tags": ["a,b"]}

    @pytest.mark.parametrize(
        ("text", "offered"),
        [
            ("stat", ["state"]),
            ("state", ["state=", "state!=", "state~", "state!~"]),
            ("seed", ["seed=", "seed!=", "seed<", "seed<=", "seed>", "seed>="]),
            ("state=f", ["state=finished", "state=failed"]),
            ("vit -state=failed,cr", ["vit -state=failed,crashed"]),
            ("vit expe", ["vit experiment"]),
            ("vit -fin", ["vit -state=finished"]),
            ("vit|expe", ["vit|experiment"]),
            ("state=failed | !state=fi", ["state=failed | !state=finished"]),
            ("experiment~vit", ["experiment~ViT-B", "experiment~ViT-L"]),
            ("experiment=b", ['experiment="BiT M"']),
            ("experiment='BiT ", ['experiment="BiT M"']),
            ("tags=", ['tags="a,b"']),
            ("optimizer=ad", ["optimizer=adamw", "optimizer=adam"]),
            ("test/", ["test/f1"]),
            ("best:", ["best:test/f1"]),
            ("highest:", ["highest:test/f1"]),
            ("lowest:", []),
            ("nothing=", []),
            ("zzz", []),
        ],
    )
    def test_offers(self, text, offered):
        assert complete(text, len(text), self.VALUES) == offered

    def test_only_what_stands_before_the_cursor_counts(self):
        assert complete("stat age<2d", 4) == ["state"]

    def test_nothing_written_offers_every_key(self):
        assert complete("", 0) == list(known_keys())
        assert complete("a ", 2, self.VALUES)[-2:] == ["a test/f1", "a best:test/f1"]

    @given(
        near,
        st.integers(0, 30),
        st.dictionaries(st.sampled_from(["state", "experiment", "test/f1"]), st.lists(st.text(max_size=5))),
    )
    def test_whatever_is_written(self, text, cursor, values):
        offered = complete(text, cursor, values)
        assert len(offered) == len(set(offered))

    @given(st.text(min_size=1, max_size=8), st.text(string.ascii_letters, max_size=5))
    def test_a_value_that_is_offered_is_a_filter_of_that_value(self, value, before):
        begun = f"{before} experiment=" if before else "experiment="
        (offered,) = complete(begun, len(begun), {"experiment": [value]})
        assert parse(offered).terms[-1].values == (value,)


class TestMetricsWithoutASlash:
    """What runs of other programs have measured is a key, as it is called."""

    MEASURED: ClassVar = {"val_loss": 0.5, "准确率": 0.75, "lr": 0.1}

    def subjects(self) -> list[Subject]:
        return [
            Subject(Status(run=f"r{i}", state="finished", last={"val_loss": loss}), dict)
            for i, loss in enumerate((0.5, 0.25, 0.75))
        ]

    @pytest.mark.parametrize(
        "text", ["val_loss<1", "准确率>=75%", "-val_loss>1", "val_loss=0.5 准确率<1", "lr=0.1"]
    )
    def test_it_is_compared(self, text):
        run = Subject(Status(run="r", state="finished", last=self.MEASURED), dict)
        assert parse(text, lambda: self.MEASURED).matches(run)
        assert str(parse(text, lambda: self.MEASURED))

    def test_it_sorts(self):
        assert [each.status.run for each in in_order(self.subjects(), "val_loss")] == ["r1", "r0", "r2"]
        assert [each.status.run for each in in_order(self.subjects(), "-val_loss")] == ["r2", "r0", "r1"]
        with pytest.raises(UserError, match="did you mean 'val_loss'"):
            in_order(self.subjects(), "val_los")

    def test_what_no_run_has_measured_is_no_key(self):
        with pytest.raises(FilterError, match="unknown key 'val_los'; did you mean 'val_loss'"):
            parse("val_los<1", lambda: self.MEASURED)
        with pytest.raises(FilterError, match="val_loss is compared with a number"):
            parse("val_loss<word", lambda: self.MEASURED)

    def test_it_is_offered(self):
        assert complete("val_l", 5, {"val_loss": ()}) == ["val_loss"]
        assert "val_loss<" in complete("val_loss", 8, {"val_loss": ()})


@pytest.mark.parametrize("text", ["age<2d|vit", "test/f1>0.8|vit", "epoch=3|vit", "model~vit|-hybrid"])
def test_a_bar_without_spaces_is_one_too_where_no_list_of_values_could_be_meant(text):
    assert len(parse(text).terms) == 2
