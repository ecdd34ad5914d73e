"""What other programs write: their logs, and what they print."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from engine import events
from engine.errors import UserError
from engine.exchange.log_files import log_reader
from engine.runner import json_in_output, output_lines, printed_events, printing_ranks
from engine.runs import event_text
from tests.bench.fuzz_parts.samples import LINES, RUN

LOGS = (
    "epoch,time,train/loss,acc\n1,10.5,1.9,93.2%\n2,20.9,NA,94.1 %\nepoch,time,train/loss,acc\n1,04:39,word,\n",
    "sep=;\nepoch;loss\n1/10;0,9\n2/10;1.234,5\n", "step\tloss\n-1\tnan\n10\t0.5\n20\t0.4\n10\t0.3\n",
    "# a comment\n,epoch,step,lr\n0,,0,0.1\n1,0,3,\n", "run,seed,step,metric,value\na,0,1,loss,0.5\nb,1,1,loss,\n",
    '"Step","a - loss","a - loss__MIN","a - loss__MAX"\n"0","1","1","1"\n', "Wall time,Step,Value\n1700000000,1,0.5\n",
    '{"epoch": 1, "iter": 5, "step": 5, "mode": "train", "loss": NaN}\n{"step": 1, "val": {"acc": "0.5"}}\n',
    '{"log_history": [{"step": 10, "epoch": 0.5, "loss": [1]}]}', '{"loss": [1, 2], "val": {"0": 1, "1": 2}}',
    "time,x\n2025-01-02 10:11:12,tensor(0.5)\n2025-01-02T10:11:13Z,1e400\n",
)  # fmt: skip


def logs_target(data: bytes) -> None:
    """A file that another program logged into: its runs can be written, or one line says why it is none."""
    said = ""
    try:
        for imported in log_reader.read_log(Path("log.csv"), data):
            for event in imported.events(RUN):
                assert events.decode(events.encode(event).rstrip(b"\n")) is not None, "no event comes of it"
    except UserError as error:
        said = str(error)
    assert len(said) < 1000, "that is no line"


def output_target(data: bytes) -> None:
    """What a program prints, cut into blocks: each byte of text arrives once, and what is heard can be recorded."""
    passed, ranks = bytearray(), printing_ranks.PrintingRanks()

    def hear(printed: json_in_output.Printed) -> bool:
        event, _ = printed_events.event_of(printed.fields, RUN, 0, 0.0)
        if isinstance(event, events.Metrics):
            ranks.sift(event, printing_ranks.rank_of(printed.fields, printed.before))
        if event is not None:
            event_text.sentence(events.normalised(event) or event)
            passed.extend(printed.text.encode("utf-8", "surrogateescape"))
        return event is not None

    lines = output_lines.OutputLines(hear, passed.extend, lambda _: None)
    cut, text = (data[0] + 1 if data else 1), data[1:]
    for number, start in enumerate(range(0, len(text), cut)):
        lines.feed(text[start : start + cut], number / 4)
        lines.look(number / 4 + 0.2)
    lines.finish()
    blanks = re.compile(rb"\s|\x1b.|[\x00-\x1f]", re.DOTALL)
    if b"\x1b" not in text:
        assert sorted(blanks.sub(b"", bytes(passed))) == sorted(blanks.sub(b"", text)), "something is lost"


def logs_corpus() -> list[bytes]:
    """Return logs, some in another encoding, packed, or no text."""
    texts = [text.encode() for text in LOGS]
    return [*texts, LOGS[0].encode("utf-16"), gzip.compress(texts[0]), b"a,b\xe9\n1,2\n\0\0\n"]


def logs_words() -> list[str]:
    """Return the cells of the logs and what stands between them."""
    cells = {word for text in LOGS for word in re.split(r"[,;\t\n]", text) if word}
    return [*sorted(cells), *',;\t\n\r"#[]{}']


def output_corpus() -> list[bytes]:
    """Return events behind bars and prefixes, cut in three ways."""
    bars = b"\r 10%|##| " + LINES[1] + b"\nINFO:root:" + LINES[2] + LINES[4] + b"\n[rank1]: " + LINES[1]
    unlike = b"{'event': 'metrics'}\n" + LINES[1].replace(b"0.5", b"NaN").replace(b"3,", b"3.0,")
    return [bytes([cut]) + text for cut in (0, 20, 255) for text in (*LINES, bars, unlike)]
