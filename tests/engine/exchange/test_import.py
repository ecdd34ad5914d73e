"""Runs of other programs become finished runs, once; what cannot be used is told with its file and line."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.util.tensor_util import make_tensor_proto

from engine.analysis.runs_that_count import choose, read_candidates, settings
from engine.diagnostics import run_checks
from engine.exchange.exporting import export_runs
from engine.exchange.importing import import_from
from engine.exchange.optional_packages import ExchangeError
from engine.history.reader import History
from engine.queue.stop_and_resume import request_resume, require_resumable
from engine.runs.labels import labels_of
from engine.runs.liveness import status_of
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store, StoreError
from tests.engine.exchange.conftest import NOW, Write
from tests.engine.exchange.event_files import event_file, scalar
from tui.cli import main
from tui.state.run_page_record import Record
from tui.views.run_page_facts import sections


def say(_line: str) -> None:
    """Nobody listens."""


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


def history(run: Run) -> History:
    found = History(run.path)
    found.update()
    return found


def points(run: Run, metric: str) -> list[tuple[float, float]]:
    x, y = history(run).series(metric)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def table(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["metrics.csv", "curves.csv", "curve.csv", "a.txt"])
def test_what_was_exported_keeps_its_names_whatever_its_file_is_called(name, store, write, here, out):
    write(seed=3)
    export_runs(store, "csv", out, say=say)
    (out / "net").mkdir()
    import_from(here, (out / "metrics.csv").rename(out / "net" / name), say=say)
    (run,) = here.runs()
    assert (run.info().experiment, run.info().seed) == ("tiny", 3)
    with pytest.raises(ExchangeError, match=r"it has a row a run; metrics.csv beside it has"):
        import_from(here, out / "runs.csv", say=say)


@pytest.mark.parametrize(("kind", "exact"), [("csv", True), ("tensorboard", False)])
def test_what_was_exported_comes_back_with_the_same_histories(kind, exact, store, write, here, out):
    runs = [write(seed=0), write(seed=1, again=12), write(seed=5, end=False)]
    export_runs(store, kind, out, say=say)
    assert import_from(here, out / "metrics.csv" if exact else out, say=say)
    found = here.runs()
    assert [each.info().seed for each in found] == [0, 1, 5]
    for was, now in zip(runs, found, strict=True):
        old, new = history(was), history(now)
        assert set(new.metrics) == set(old.metrics)
        assert now.info().experiment == "tiny"
        for metric in old.metrics:
            for x in ("step", "epoch"):
                for before, after in zip(old.series(metric, x), new.series(metric, x), strict=True):
                    kept = before if exact else before.astype(np.float32)  # event files hold no more
                    np.testing.assert_array_equal(after, kept)


def test_an_imported_run_is_well_finished_tagged_and_never_resumed(here, tmp_path):
    path = table(tmp_path / "old net.csv", "step,train/loss\n1,0.5\n2,0.25\n")
    assert import_from(here, path, say=say)
    (run,) = here.runs()
    status, info = status_of(run), run.info()
    assert (status.state, status.experiment, status.step) == ("finished", "old net", 2)
    assert labels_of(run).tags == ("imported",)
    assert str(path) in labels_of(run).notes
    assert info.imported is not None
    assert (info.imported.path, info.imported.name, info.imported.format) == (str(path), "old net", "csv")
    assert (info.git, info.command, info.cwd) == (None, [], "")
    assert set(info.config) == {"name", "model", "tags", "notes"}
    assert {key for key, value in settings(info.config).items() if value is not None} == {"model"}
    assert np.isnan(history(run).series("train/loss", "samples")[0]).all()
    assert run_checks.examine(run, {run.id}) == []
    assert sorted(each.name for each in run.path.iterdir()) == [
        "checkpoints", "events.jsonl", "run.json", "status.json",
    ]  # fmt: skip
    for refused in (require_resumable, request_resume):
        with pytest.raises(StoreError, match="was imported from"):
            refused(run)
    assert run.queue_file.exists() is False


def test_the_same_file_is_imported_once(here, tmp_path):
    path = table(tmp_path / "a.csv", "step,x\n1,2\n")
    said: list[str] = []
    assert import_from(here, path, say=said.append)
    (run,) = here.runs()
    assert import_from(here, path, say=said.append)
    assert said[-1] == f"a: passed over, it is here as {run.id}"
    table(path, "step,x\n1,2\n2,3\n")
    assert not import_from(here, path, say=said.append)
    assert "an earlier state of it is here" in said[-1]
    assert [each.id for each in here.runs()] == [run.id]


def test_a_wide_table_has_a_column_a_metric(here, tmp_path):
    text = (
        "Step,epoch,Wall time,loss/train,acc,comment\n"
        "10,1,1795000000,0.5,,fine\n20.0,2,1795000060,nan,0.75,\n30,3,1795000120,inf,0.8,x\n"
    )
    said: list[str] = []
    import_from(here, table(tmp_path / "w.csv", text), say=said.append)
    (run,) = here.runs()
    assert points(run, "acc") == [(20, 0.75), (30, 0.8)]
    np.testing.assert_array_equal(history(run).series("loss/train")[1], [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(history(run).series("acc", "epoch")[0], [2, 3])
    np.testing.assert_array_equal(history(run).series("acc", "time")[0], [60, 120])
    assert history(run).metrics == ["loss/train", "acc"]
    assert any("column 'comment' holds no numbers" in line for line in said)


def test_keras_counts_epochs_alone_and_pandas_writes_an_index(here, tmp_path):
    import_from(here, table(tmp_path / "k.csv", "epoch,loss\n0,0.5\n1,0.25\n"), say=say)
    assert points(here.runs()[0], "loss") == [(0, 0.5), (1, 0.25)]
    assert import_from(here, table(tmp_path / "p.csv", ",step,loss\n0,7,0.5\n"), say=say)
    assert points(here.runs()[1], "loss") == [(7, 0.5)]


def test_names_that_no_filter_could_hold_are_changed_and_said(here, tmp_path):
    text = 'step,"my loss","my=loss",loss/train,"[/x]\x1b[31m"\n1,1,2,3,4\n'
    said: list[str] = []
    import_from(here, table(tmp_path / "n.csv", text), say=said.append)
    assert history(here.runs()[0]).metrics == ["my_loss", "my_loss_", "loss/train", "[/x]_[31m"]
    assert "  metric 'my loss' is called my_loss here" in said
    assert all(line.isprintable() for line in said)


def test_a_name_makes_seeds_of_one_experiment_of_all(here, tmp_path):
    for name in ("a", "b/c"):
        event_file(tmp_path / "tb" / name, [scalar("Loss/train", 1, len(name))])
    import_from(here, tmp_path / "tb", name="old", say=say)
    infos = [run.info() for run in here.runs()]
    assert sorted((info.experiment, info.seed) for info in infos) == [("old", 0), ("old", 1)]
    assert {info.imported.name for info in infos if info.imported} == {"a", "b/c"}


def test_epochs_come_from_a_tag_or_from_the_steps_in_one(here, tmp_path):
    events = [scalar("loss", 5, 1.0), scalar("epoch", 5, 0), scalar("loss", 10, 0.5), scalar("epoch", 10, 1)]
    event_file(tmp_path / "lightning", events)
    import_from(here, tmp_path / "lightning", say=say)
    assert history(here.runs()[0]).metrics == ["loss"]
    assert list(history(here.runs()[0]).series("loss", "epoch")[0]) == [1, 2]  # as many as are done
    event_file(tmp_path / "plain", [scalar("loss", 5, 2.0)])
    import_from(here, tmp_path / "plain", steps_per_epoch=10, say=say)
    assert list(history(here.runs()[1]).series("loss", "epoch")[0]) == [0.5]


def test_tensors_that_are_scalars_are_read_and_pictures_are_not(here, tmp_path):
    meta = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))

    def tensor(step: int, tensor: object, metadata: SummaryMetadata | None, tag: str = "loss") -> Event:
        value = Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
        return Event(wall_time=NOW + step, step=step, summary=Summary(value=[value]))

    bomb = make_tensor_proto(np.float32(1))
    bomb.tensor_shape.dim.add().size = 2**40
    text = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    events = [
        tensor(1, make_tensor_proto(np.float64(0.1)), meta),
        tensor(2, make_tensor_proto(np.float32(0.25)), None),
        tensor(3, bomb, None),
        tensor(4, make_tensor_proto("words"), None),
        tensor(5, make_tensor_proto(np.ones((2, 2))), None),
        tensor(6, make_tensor_proto("hello"), text, "text"),
    ]
    event_file(tmp_path / "tf2", events)
    import_from(here, tmp_path / "tf2", say=say)
    assert history(here.runs()[0]).metrics == ["loss"]
    assert points(here.runs()[0], "loss") == [(1, 0.1), (2, 0.25)]


def test_a_program_that_went_back_measured_the_steps_anew(here, tmp_path):
    event_file(tmp_path / "r", [scalar("x", step, 1.0) for step in (1, 2, 3, 4)])
    restart = Event(wall_time=NOW + 9, step=3, session_log=SessionLog(status=SessionLog.START))
    again = [restart, *(scalar("x", step, 2.0, NOW + 10 + step) for step in (3, 4))]
    event_file(tmp_path / "r", again, "events.out.tfevents.2.host")
    import_from(here, tmp_path / "r", say=say)
    assert points(here.runs()[0], "x") == [(1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0)]


@pytest.mark.parametrize("cut", [1, 3, 20])
def test_a_torn_event_file_is_read_up_to_there_and_said(cut, here, tmp_path):
    path = event_file(tmp_path / "t", [scalar("x", step, step) for step in (1, 2, 3)])
    path.write_bytes(path.read_bytes()[:-cut])
    said: list[str] = []
    import_from(here, tmp_path / "t", say=said.append)
    assert points(here.runs()[0], "x") == [(1, 1), (2, 2)]
    assert any(str(path) in line and "3 events could be read" in line for line in said)


HEADER = struct.pack("<Q", 2**62)
HOSTILE = {
    "garbage": b"hello world " * 40,
    "huge": HEADER + struct.pack("<I", masked_crc32c(HEADER)) + b"abc",
    "pickle": b"\x80\x04cos\nsystem\n(S'touch /tmp/pwned'\ntR.",
    "short": b"abc",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_event_file_is_named(data, here, tmp_path):
    path = tmp_path / "x" / "events.out.tfevents.9"
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(ExchangeError, match=r"events\.out\.tfevents\.9 is no event file of TensorBoard"):
        import_from(here, path.parent, say=say)
    assert here.runs() == []


def test_pipes_and_links_do_not_hold_an_import(here, tmp_path):
    event_file(tmp_path / "tb", [scalar("x", 1, 1.0)])
    (tmp_path / "tb" / "events.out.tfevents.link").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "tb" / "events.out.tfevents.pipe")
    said: list[str] = []
    assert import_from(here, tmp_path / "tb", say=said.append)
    assert f"{tmp_path / 'tb'}: passed over 2 pipes, sockets and devices" in said
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ExchangeError, match="is no file"):
        import_from(here, tmp_path / "pipe.csv", say=say)


WRONG = {
    "": "is empty",
    "1,2\n3,4\n": "line 1 holds numbers",
    "a,b\nx,y\n": "is no table of measurements: it begins 'a,b'",
    "experiment,data,seeds,test_f1_n,test_f1_mean\nvit,digits,3,3,0.9\n": "it has the results of a row's runs",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_a_table_that_cannot_be_used_is_told(text, message, here, tmp_path):
    path = table(tmp_path / "t.csv", text)
    with pytest.raises(ExchangeError) as caught:
        import_from(here, path, say=say)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert here.runs() == []


@pytest.mark.parametrize("data", [b"\x00" * 100, b'step,x\n1,"' + b"a" * 200_000 + b'"\n'])
def test_what_is_no_text_or_no_table_is_named(data, here, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(ExchangeError, match=r"t\.csv"):
        import_from(here, path, say=say)


@pytest.mark.parametrize("end", ["3", '3,"7'])
def test_a_last_line_that_is_torn_is_passed_over_and_said(end, here, tmp_path):
    said: list[str] = []
    import_from(here, table(tmp_path / "t.csv", f"step,x\n1,2\n2,3\n{end}"), say=said.append)
    assert points(here.runs()[0], "x") == [(1, 2), (2, 3)]
    assert any("line 4" in line and "cut off" in line for line in said)


def test_a_disk_that_takes_nothing_leaves_no_run(here, tmp_path):
    here.root.mkdir()
    (tmp_path / "a.csv").write_text("step,x\n1,2\n")
    blocked = Store(tmp_path / "a.csv")
    with pytest.raises(StoreError, match="no run can be made"):
        import_from(blocked, tmp_path / "a.csv", say=say)


def test_the_commands_say_what_is_wrong_without_a_traceback(tmp_path, write: Write, store):
    write()
    runner, runs = CliRunner(), ["--runs", str(store.root)]
    (tmp_path / "x.bin").write_bytes(b"")
    for arguments, message in (
        (["import", str(tmp_path / "none.csv"), *runs], "there is no such file or folder"),
        (["import", str(tmp_path / "x.bin"), "--rename", "a", *runs], "write OLD=NEW"),
        (["import", str(tmp_path / "x.bin"), "--rename", "a=b c", *runs], "'b c' is no name of a metric"),
        (["export", "--where", "seed=0", *runs], "--where goes with runs (--to)"),
        (["export", "--to", "csv", "f1", *runs], "what is written here is runs (--to)"),
        (["export", "--to", "csv", "--where", "nope=1", *runs], "unknown key"),
        (["export", "--to", "csv", "--out", str(tmp_path / "x.bin"), *runs], "cannot be written"),
    ):
        done = runner.invoke(main, arguments)
        assert done.exit_code == 2, done.output
        assert message in done.output
    done = runner.invoke(main, ["export", "--to", "csv", "--out", str(tmp_path / "o"), *runs])
    assert done.exit_code == 0
    done = runner.invoke(main, ["import", str(tmp_path / "o/metrics.csv"), "--runs", str(tmp_path / "new")])
    assert done.exit_code == 0
    assert len(Store(tmp_path / "new").runs()) == 1


def test_the_app_shows_an_imported_run_for_what_it_is(here, tmp_path):
    events = [scalar("test/f1", 1, 0.5), scalar("test/f1", 2, 0.75)]
    event_file(tmp_path / "old [/x]", events)
    import_from(here, tmp_path / "old [/x]", say=say)
    (run,) = here.runs()
    told = history(run)
    record = Record(run.id, info=run.info(), starts=tuple(told.starts), end=told.ends[-1])
    facts = {
        name: text
        for section in sections(status_of(run), run.config(), record, labels_of(run))
        for name, text in section.facts
    }
    assert facts["tags"] == "#imported"
    assert str(tmp_path / "old [/x]") in facts["note"]
    assert facts["init"] == "imported"
    assert facts["F1"].startswith(".750")
    assert not facts.keys() & {"lr", "host", "commit", "folder", "dataset", "epochs"}


def test_an_imported_run_speaks_for_an_experiment_only_where_no_other_does(here, tiny, tmp_path):
    import_from(here, table(tmp_path / "tiny.csv", "step,test/f1\n1,0.5\n"), say=say)
    choice = choose(tiny, read_candidates(here)[0], "test/f1")
    assert [each.run.id for each in choice.runs] == [run.id for run in here.runs()]
    assert choice.changes == {"model": ("imported", "vit_mini")}
    own = here.create(msgspec.structs.replace(tiny, lr=0.5), 0)
    recorder = Recorder(own)
    recorder.metrics(1, 1.0, {"test/f1": 0.25})
    recorder.end("stopped", "")
    recorder.close()
    assert [each.run.id for each in choose(tiny, read_candidates(here)[0], "test/f1").runs] == [own.id]
