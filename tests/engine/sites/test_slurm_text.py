"""What Slurm's programs print, recorded from Slurm 22.05, and what they never print: nothing raises."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.posted.posting import Seen
from engine.sites import slurm_text
from engine.sites.slurm_reasons import why_it_waits
from engine.sites.slurm_text import (
    Job,
    Rank,
    moment,
    parse_accounts,
    parse_gpus,
    parse_job,
    parse_partitions,
    parse_queue,
    parse_ranks,
    parse_settings,
    parse_span,
    parse_submitted,
)

NOW = 1795908850.0
QUEUE = """\
3|0|PENDING|None||1795909380|1795909500|arr
3|2|PENDING|JobArrayTaskLimit||N/A|N/A|arr
4|N/A|PENDING|JobHeldUser||N/A|N/A|held
1|N/A|RUNNING|None|n1|1795908846|1795909026|a
2|N/A|CANCELLED|None|n2|1795908846|1795908847|b|c d
5|N/A|FAILED|BadConstraints||1795908847|1795908847|sbatch
7|N/A|PENDING|BeginTime||1795908970|N/A|vitui-quick-ViT-s0-20261128-233405-00ff-1
8|N/A|COMPLETING|None|n1|1795908846|1795909026|x
9|N/A|RUNNING|None|n1|1795908957|NONE|unlimited
10|N/A|PENDING|Resources||1827445000|N/A|far
"""
SHOWN = (
    "JobId=7 ArrayJobId=3 ArrayTaskId=0 ArrayTaskThrottle=2 JobName=arr UserId=root(0) GroupId=root(0) MCS_label=N/A "
    "Priority=4294901757 Nice=0 Account=(null) QOS=(null) JobState=COMPLETED Reason=None Dependency=(null) Requeue=1 "
    "Restarts=2 BatchFlag=1 Reboot=0 ExitCode=0:0 RunTime=00:01:00 TimeLimit=00:02:00 TimeMin=N/A "
    "SubmitTime=2026-11-28T23:34:05 StartTime=1795908847 EndTime=1795908907 Deadline=N/A NodeList=n2 BatchHost=n2\n"
)
FAILED = (
    "JobId=9 JobName=vitui-a-1 UserId=me(1000) GroupId=me(1000) JobState=FAILED Reason=None ExitCode=3:0\n"
)
NODES = [
    ("n1", "main*", "gpu:2", "gpu:2", "mixed"),
    ("n1", "spare", "gpu:2", "gpu:2", "mixed"),
    ("n2", "main*", "gpu:2", "gpu:0", "idle"),
    ("n2", "spare", "gpu:2", "gpu:0", "idle"),
]


def columns(*rows: tuple[str, ...]) -> str:
    widths = slurm_text.NODE_FORMAT.values()
    return "".join("".join(f"{c:<{w}}"[:w] for c, w in zip(row, widths, strict=True)) + "\n" for row in rows)


def test_a_line_is_a_job_and_the_name_is_the_rest():
    jobs = {job.id: job for job in parse_queue(QUEUE)}
    assert list(jobs) == ["3_0", "3_2", "4", "1", "2", "5", "7", "8", "9", "10"]
    assert jobs["2"].name == "b|c d"
    states = [job.state for job in jobs.values()]
    assert states == [
        *["pending"] * 3,
        "running",
        "ended",
        "ended",
        "pending",
        "ending",
        "running",
        "pending",
    ]


@pytest.mark.parametrize(
    ("job", "seen"),
    [
        ("3_2", Seen(at=NOW, since=NOW, state="pending", reason="JobArrayTaskLimit")),
        ("3_0", Seen(at=NOW, since=NOW, state="pending", starts=1795909380)),
        ("1", Seen(at=NOW, since=NOW, state="running", node="n1", starts=1795908846, ends=1795909026)),
        ("2", Seen(at=NOW, since=NOW, state="ended", node="n2", starts=1795908846, exit="CANCELLED")),
        ("7", Seen(at=NOW, since=NOW, state="pending", reason="BeginTime", starts=1795908970)),
        ("9", Seen(at=NOW, since=NOW, state="running", node="n1", starts=1795908957)),
        ("10", Seen(at=NOW, since=NOW, state="pending", reason="Resources")),
    ],
    ids=["limit", "guess", "running", "cancelled", "anew", "no limit", "wild guess"],
)
def test_a_job_is_seen(job: str, seen: Seen):
    assert {job.id: job for job in parse_queue(QUEUE)}[job].seen(NOW) == seen


@pytest.mark.parametrize(
    ("word", "state", "exit_"),
    [
        ("REQUEUED", "pending", ""), ("REQUEUE_HOLD", "pending", ""), ("SPECIAL_EXIT", "pending", ""),
        ("CONFIGURING", "pending", ""), ("SIGNALING", "running", ""), ("STAGE_OUT", "ending", ""),
        ("PREEMPTED", "ended", "PREEMPTED"), ("TIMEOUT", "ended", "TIMEOUT"), ("NODE_FAIL", "ended", "NODE_FAIL"),
        ("OUT_OF_MEMORY", "ended", "OUT_OF_MEMORY"), ("BOOT_FAIL", "ended", "BOOT_FAIL"),
        ("DEADLINE", "ended", "DEADLINE"), ("CANCELLED by 1000", "ended", "CANCELLED"),
        ("SUSPENDED", "unknown", ""), ("REVOKED", "unknown", ""), ("TOMORROWS_WORD", "unknown", ""),
    ],
)  # fmt: skip
def test_each_of_its_states_is_one_of_ours(word: str, state: str, exit_: str):
    (job,) = parse_queue(f"1|N/A|{word}|None|n1|N/A|N/A|x\n")
    seen = job.seen(NOW)
    assert (seen.state, seen.exit) == (state, exit_)
    assert seen.reason == (word if state == "unknown" or word == "CONFIGURING" else "")


def test_a_job_that_is_shown_has_a_name_without_spaces():
    assert parse_job(SHOWN, "3_0") == Job(
        "3_0", "arr", "COMPLETED", "", "n2", 1795908847, 1795908907, restarts=2
    )
    failed = parse_job(FAILED, "9")
    assert failed is not None
    assert (failed.name, failed.seen(NOW).exit) == ("vitui-a-1", "3:0")
    forged = "JobId=9 JobName=vitui-a-1 UserId=me(1000) JobState=FAILED UserId=other(1001) JobState=RUNNING\n"
    assert parse_job(forged.replace("vitui-a-1", "x vitui-a-1"), "9") is None
    assert parse_job("slurm_load_jobs error: Invalid job id specified", "9") is None


def test_what_accounting_says():
    text = "9|CANCELLED by 0|0:15|vitui-a-1\n10_4|FAILED|3:0|vitui-array-1|x\n10.batch|FAILED|3:0|batch\nrubbish\n"
    assert parse_accounts(text) == [
        Job("9", "vitui-a-1", "CANCELLED"),
        Job("10_4", "vitui-array-1|x", "FAILED", exit="3:0"),
    ]


@pytest.mark.parametrize(
    ("text", "job"),
    [
        ("123\n", "123"),
        ("123;cluster\n", "123"),
        ("hello from your site\n77\n", "77"),
        ("", None),
        ("1x", None),
    ],
)
def test_what_sbatch_says(text: str, job: str | None):
    assert parse_submitted(text) == job


def test_free_gpus_of_a_partition():
    text = columns(*NODES)
    assert parse_gpus(text, "spare") == parse_gpus(text, "main") == parse_gpus(text, "*") == (2, 4)
    assert parse_gpus(text, "nowhere") is None


@pytest.mark.parametrize(
    ("gres", "used", "state", "counted"),
    [
        ("gpu:a100:4(S:0-1)", "gpu:a100:1(IDX:0)", "mixed", (3, 4)),
        ("gpu:a100:4,gpu:v100:2,mps:400", "gpu:a100:4(IDX:0-3),gpu:v100:0(IDX:N/A)", "allocated", (2, 6)),
        ("gpu:(null):2", "gpu:(null):1(IDX:0,3)", "mixed-", (1, 2)),
        ("gpu:2", "gpu:0", "idle~", (2, 2)),
        ("gpu:2", "gpu:0", "reserved", (0, 2)),
        ("gpu:2", "gpu:0", "drained", None),
        ("gpu:2", "gpu:0", "idle*", None),
        ("gpu:2", "gpu:0", "tomorrow", None),
        ("(null)", "gpu:0", "idle", None),
        ("gpu:two", "gpu:0", "idle", None),
        ("gpu:2", "gpu:3", "idle", None),
        ("gpu:" + "x" * 64 + ":2", "gpu:0", "idle", None),
        ("", "", "idle", None),
    ],
)
def test_what_cannot_be_read_is_not_guessed(
    gres: str, used: str, state: str, counted: tuple[int, int] | None
):
    assert parse_gpus(columns(("n1", "main*", gres, used, state)), "main") == counted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1-12:00:00", 129_600), ("4:00:00", 14_400), ("00:02:00", 120), ("30 sec", 30), ("UNLIMITED", None),
        ("INFINITE", None), ("", None), ("-1", None), ("9" * 30 + ":00:00", None),
    ],
)  # fmt: skip
def test_spans(text: str, seconds: float | None):
    assert parse_span(text) == seconds


def test_moments_are_seconds_or_local_times():
    assert moment("1795908850") == NOW
    assert moment(time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(NOW))) == NOW
    assert [moment(text) for text in ("N/A", "NONE", "Unknown", "9" * 40, "0001-01-01T00:00:00x")] == [
        0.0
    ] * 5


def test_ranks():
    assert parse_ranks("3|N/A|4294901757|0\n4|2|100|-5\n|x|\n") == {
        "3": Rank(4294901757, 0),
        "4_2": Rank(100, -5),
    }


PARSERS = [
    parse_queue, parse_accounts, parse_submitted, parse_settings, parse_partitions, parse_span, parse_ranks, moment,
    lambda text: parse_job(text, "1"), lambda text: parse_gpus(text, "main"), lambda text: parse_gpus(text, "*"),
]  # fmt: skip
PIECES = st.sampled_from(
    [*QUEUE.splitlines(), SHOWN, FAILED, columns(*NODES), "|", "\n", "=", "gpu:", "²", "9" * 30]
)


@given(
    st.one_of(
        st.binary().map(lambda raw: raw.decode(errors="replace")), st.lists(PIECES).map("".join), st.text()
    )
)
def test_no_text_raises(text: str):
    for parse in PARSERS:
        parse(text)
    for job in parse_queue(text):
        job.seen(NOW)


@given(st.text(), st.integers(0, 64))
def test_any_reason_is_said_with_itself_behind(reason: str, gpus: int):
    said = why_it_waits(reason, partition="gpu", gpus=gpus)
    assert said.endswith(f"({reason})") or reason in ("", "None")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Resources", "waits for 2 free GPUs of gpu (Resources)"),
        ("Priority", "other jobs go before it (Priority)"),
        ("QOSMaxGRESPerUser", "your limit is reached (QOSMaxGRESPerUser)"),
        ("AssocGrpGRES", "your group's limit is reached (AssocGrpGRES)"),
        (
            "ReqNodeNotAvail, UnavailableNodes:n[1-2]",
            "the nodes that it asks for are reserved or down (ReqNodeNotAvail, UnavailableNodes:n[1-2])",
        ),
        ("launch failed", "could not be started: `engine hold --release` tries again (launch failed)"),
        ("WhoKnows", "waits (WhoKnows)"),
        ("", "waits to be looked at"),
    ],
)  # fmt: skip
def test_reasons_in_words(reason: str, said: str):
    assert why_it_waits(reason, partition="gpu", gpus=2) == said


def test_when_it_is_begun_anew():
    at = time.strftime("%H:%M", time.localtime(NOW + 60))
    assert (
        why_it_waits("BeginTime", partition="gpu", gpus=1, starts=NOW + 60, now=NOW)
        == f"begins anew at {at} (BeginTime)"
    )
    assert (
        why_it_waits("Resources", partition="*", gpus=0)
        == "waits for a free place of its partition (Resources)"
    )
