"""Gradient checkpointing keeps less and changes no gradient, no random number and no running statistic."""

from __future__ import annotations

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from engine.errors import UserError
from engine.models import (
    checkpoint_blocks,
    create_model,
    recomputed_modules,
    standardized_once,
    statistics_kept,
)

OURS = [
    ("vit_mini", {"image_size": 16, "patch_size": 4, "dropout": 0.2, "drop_path": 0.3}),
    pytest.param(("bit_mini", {"image_size": 16}), marks=pytest.mark.slow),
    ("hybrid_mini", {"image_size": 16, "dropout": 0.2}),
]
TIMM = [
    pytest.param(("timm:resnet18", {"image_size": 32}), marks=pytest.mark.slow),
    pytest.param(("timm:efficientnet_b0", {"image_size": 32}), marks=pytest.mark.slow),
    pytest.param(("timm:swin_tiny_patch4_window7_224", {"image_size": 224}), marks=pytest.mark.slow),
]


def kept_bytes(model, size: int, recomputed=()) -> int:
    """Return the bytes that autograd keeps of a forward pass, weights and the insides of some modules apart."""
    weights = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    storages, inside = {}, []

    def keep(tensor):
        storage = tensor.untyped_storage()
        if not inside and storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage
        return tensor

    def enter(module, inputs):
        list(map(keep, inputs))
        inside.append(module)

    handles = [module.register_forward_pre_hook(enter) for module in recomputed]
    handles += [module.register_forward_hook(lambda *_: inside.clear()) for module in recomputed]
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        _graph = model(torch.randn(2, 3, size, size))
    for handle in handles:
        handle.remove()
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "patch"),
    [("vit_mini", 64, 8), ("bit_mini", 64, None), ("hybrid_mini", 64, None), ("timm:resnet50", 64, None),
     ("timm:regnety_004", 64, None), ("timm:convnext_atto", 64, None), ("timm:vit_tiny_patch16_224", 224, None),
     ("timm:swin_tiny_patch4_window7_224", 224, None)],
)  # fmt: skip
def test_the_modules_that_are_computed_again_are_those_that_keep_their_input_alone(name, size, patch):
    model = create_model(name, num_classes=3, image_size=size, patch_size=patch).train()
    estimated = kept_bytes(model, size, recomputed_modules(model))
    checkpoint_blocks(model)
    assert kept_bytes(model, size) == pytest.approx(estimated, rel=0.02)


def trained(case, *, checkpointing: bool):
    """Return a model after a forward and a backward pass, the bytes kept in between, and a random number after it."""
    name, options = case
    torch.manual_seed(5)
    model = create_model(name, num_classes=3, **options).train()
    if checkpointing:
        checkpoint_blocks(model)
    kept: dict[int, int] = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    images = torch.randn(4, 3, options["image_size"], options["image_size"])
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = torch.nn.functional.cross_entropy(model(images), torch.tensor([0, 1, 2, 1]))
    with statistics_kept(model):
        loss.backward()
    return model, sum(kept.values()), torch.rand(())


@pytest.mark.parametrize("case", [*OURS, *TIMM], ids=lambda case: case[0])
def test_gradients_and_statistics_are_bit_for_bit_those_without(case):
    (plain, much, random), (lean, little, same) = (
        trained(case, checkpointing=checkpointing) for checkpointing in (False, True)
    )
    assert little < much
    assert random == same
    for (name, one), other in zip(plain.named_parameters(), lean.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad), name
    for (name, tensor), other in zip(plain.state_dict().items(), lean.state_dict().values(), strict=True):
        assert torch.equal(tensor, other), name


@pytest.mark.slow
def test_filters_that_are_standardised_once_a_step_are_so_when_computed_again():
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(5)
        model = create_model("bit_mini", num_classes=3, image_size=16)
        torch.nn.init.normal_(model.head.fc.weight)
        if checkpointing:
            checkpoint_blocks(model)
        images = torch.randn(4, 3, 16, 16)
        with standardized_once(model):
            for part in images.chunk(2):
                model(part).sum().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


def test_an_evaluation_keeps_nothing():
    model = create_model("vit_mini", num_classes=3, image_size=16, patch_size=4)
    checkpoint_blocks(model)
    with torch.no_grad():
        assert not model(torch.zeros(1, 3, 16, 16)).requires_grad


@pytest.mark.slow
def test_a_model_without_it_is_named():
    with torch.device("meta"):
        model = create_model("timm:vgg11", num_classes=3, image_size=32)
    with pytest.raises(UserError, match="timm offers no checkpointing for a VGG: leave checkpointing out"):
        checkpoint_blocks(model)
