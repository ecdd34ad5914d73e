"""Event files as TensorBoard's writers leave them."""

from __future__ import annotations

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.summary.writer.record_writer import RecordWriter

from tests.engine.exchange.conftest import NOW


def event_file(folder: Path, events: list[Event], name: str = "events.out.tfevents.1.host") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=NOW, file_version="brain.Event:2").SerializeToString())
        for event in events:
            writer.write(event.SerializeToString())
    return folder / name


def scalar(tag: str, step: int, value: float, time: float | None = None) -> Event:
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
    return Event(wall_time=NOW + step if time is None else time, step=step, summary=summary)


def session(settings: dict[str, float]) -> Event:
    """The first event of `SummaryWriter.add_hparams`."""
    data = HParamsPluginData()
    for name, value in settings.items():
        data.session_start_info.hparams[name].number_value = value
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=data.SerializeToString())
    value = Summary.Value(tag="_hparams_/session_start_info", metadata=SummaryMetadata(plugin_data=plugin))
    return Event(wall_time=NOW, summary=Summary(value=[value]))
