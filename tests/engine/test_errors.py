"""One tree of errors: its drawing is the whole of it, and each says by itself whether trying again may help."""

from __future__ import annotations

import ast
import errno
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch

from engine import errors
from engine.config.schema import Experiment
from engine.config.validate import ConfigError
from engine.errors import CheckpointError, DeviceError, UserError, is_transient
from engine.events import End, Failure, decode, encode
from engine.models.weights import sources
from engine.training.data.unsplit_dataset import DataError
from engine.training.failure_advice import failure_of, failure_text, is_out_of_memory
from engine.training.trainer import Diverged
from tests.test_structure import nodes_of

ROOT = Path(errors.__file__).parent.parent
ROW = re.compile(r"^ {4}( *)(\w+) .*\((here|[\w.]+)\)$")


def classes() -> Iterator[tuple[str, str, str]]:
    """Yield each class of the project with its first base and its module."""
    for package in ("engine", "tui"):
        for path in (ROOT / package).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in nodes_of(path):
                if isinstance(node, ast.ClassDef) and node.bases:
                    yield node.name, ast.unparse(node.bases[0]), module


def drawn() -> set[tuple[str, str, str]]:
    """Return the classes that the docstring draws, in the form of ``classes``."""
    rows, above = set(), ["UserError"]
    for line in (errors.__doc__ or "").splitlines():
        if match := ROW.match(line):
            depth = len(match[1]) // 2
            above[depth:] = [match[2]]
            rows.add((match[2], above[depth - 1], "engine.errors" if match[3] == "here" else match[3]))
    return rows


@pytest.mark.xdist_group("source")
def test_the_drawing_is_the_tree():
    family, tree = {"UserError"}, set()
    rows = list(classes())
    while len(family) != len(family := family | {name for name, base, _ in rows if base in family}):
        tree = {row for row in rows if row[1] in family}
    assert drawn() == tree
    assert len({name for name, _, _ in tree}) == len(tree)  # no name twice


@pytest.mark.xdist_group("source")
def test_what_is_called_an_error_is_of_the_tree():
    called = {name for name, _, _ in classes() if name.endswith("Error")}
    assert called - {name for name, _, _ in drawn()} == {"UserError"}


class InvalidJsonError(OSError, ValueError):
    """What a client of the network raises: a value that is wrong because of the connection."""


@pytest.mark.xdist_group("engine")  # a failure for want of memory is told with all of torch
@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (DataError("no such folder"), False), (DataError("timed out", transient=True), True),
        (CheckpointError("torn"), False), (DeviceError("no cuda:7"), False), (Diverged("nan"), False),
        (ConfigError([]), False), (ImportError("torch"), False), (ModuleNotFoundError("timm"), False),
        (msgspec.ValidationError("newer"), False), (OSError(errno.ENOSPC, "full"), True),
        (ConnectionResetError(), True), (RuntimeError("CUDA error"), True), (torch.OutOfMemoryError(), True),
        (NotImplementedError('"lerp_kernel_scalar" not implemented for \'Long\''), False),
        (ValueError("Expected more than 1 value per channel when training"), False), (TypeError("a layer"), False),
        (AttributeError("a layer"), False), (KeyError("blocks"), False), (ZeroDivisionError(), False),
        (InvalidJsonError("the network's"), True),
    ],
)  # fmt: skip
def test_a_failure_carries_whether_to_try_again(error, transient, store, tiny):
    run = store.create(tiny, seed=0)
    assert is_transient(error) is transient
    failure = failure_of(error, run, tiny, torch.device("cpu"))
    written = decode(encode(End(time=1.0, run=run.id, state="failed", error=failure)))
    assert isinstance(written, End)
    assert written.error is not None
    assert written.error.transient is transient
    named = not isinstance(error, UserError) and not is_out_of_memory(error)
    assert failure_text(written.error).startswith(f"{type(error).__name__}: ") is named


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (torch.AcceleratorError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"), True),
        (RuntimeError("NCCL error: unhandled cuda error\nLast error:\nCuda failure 2 'out of memory'"), True),
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), False),
        (RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"), False),
        (DataError("the class folder 'CUDA out of memory' is empty"), False),
    ],
)  # fmt: skip
def test_a_gpu_without_memory_is_told_by_what_the_libraries_say(error, full):
    assert is_out_of_memory(error) is full


@pytest.mark.xdist_group("engine")
def test_a_library_without_memory_ends_the_run_with_the_cure(store, tiny):
    error = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
    failure = failure_of(error, store.create(tiny, seed=0), tiny, torch.device("cpu"))
    assert failure.message.startswith("out of GPU memory at batch_size = 32: ")
    assert "batch_size = 16 should fit" in failure.message
    assert (failure.transient, failure.explained) == (True, True)


def test_a_failure_of_before_is_read():
    line = b'{"event":"end","time":1.0,"run":"r","state":"failed","error":{"type":"E","message":"m"}}'
    assert decode(line) == End(time=1.0, run="r", state="failed", error=Failure(type="E", message="m"))


class TestTheNetwork:
    def test_a_hub_that_cannot_be_reached_is_tried_again(self, monkeypatch):
        hub = pytest.importorskip("huggingface_hub")

        def unreachable(*_: object, **__: object) -> str:
            raise ConnectionError("no route to host")

        monkeypatch.setattr(hub, "hf_hub_download", unreachable)
        with pytest.raises(CheckpointError, match="the hub cannot be reached") as caught:
            sources.read_checkpoint("timm/resnetv2_50x1_bit")
        assert caught.value.transient

    def test_weights_that_are_no_file_are_left(self):
        with pytest.raises(CheckpointError, match="there is no file") as caught:
            sources.read_checkpoint("./none.npz")
        assert not caught.value.transient

    @pytest.mark.xdist_group("engine")  # torchvision takes seconds to import
    @pytest.mark.parametrize(("in_the_way", "transient"), [(False, True), (True, False)])
    def test_a_download_without_a_network_is_tried_again(self, in_the_way, transient, monkeypatch, tmp_path):
        from engine.training.data import cifar

        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("VITUI_DATA", str(tmp_path / "data"))
        monkeypatch.setattr("torchvision.datasets.CIFAR10.url", "http://127.0.0.1:9/cifar.tar.gz")
        if in_the_way:
            (tmp_path / "data").write_text("a file where the folder should be")
        with pytest.raises(DataError, match="cannot be downloaded") as caught:
            cifar.cifar_source("cifar10", lambda _: None)
        assert caught.value.transient is transient


def test_an_experiment_of_a_newer_version_is_left():
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"name": "x", "surprise": 1}, Experiment)
    assert not is_transient(caught.value)
