"""Every parameter is in one group; the catalogue's models and timm's are split as each asks for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.models import create_model
from engine.training.parameter_groups import parameter_groups

MINI = {"vit_mini": 4, "vit_mini_optimized": 4, "bit_mini": None, "hybrid_mini": None}
SPLIT_BY_TIMM = {
    "resnet18": 32, "efficientnet_b0": 32, "swin_tiny_patch4_window7_224": 224, "convnext_atto": 32,
    "vit_small_patch16_224": 32, "deit_tiny_distilled_patch16_224": 32, "beit_base_patch16_224": 32,
}  # fmt: skip


def build(name: str) -> nn.Module:
    return create_model(name, num_classes=5, image_size=32 if "hybrid" in name else 8, patch_size=MINI[name])


def on_paper(name: str) -> nn.Module:
    """A model of timm without memory behind its weights: its names and shapes."""
    with torch.device("meta"):
        return create_model(f"timm:{name}", num_classes=10, image_size=SPLIT_BY_TIMM[name])


def by_name(model: nn.Module, groups: list[dict], *keys: str) -> dict[str, tuple]:
    """The settings of each parameter; each that trains is in one group."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    found = [
        (names[parameter], tuple(group[key] for key in keys))
        for group in groups
        for parameter in group["params"]
    ]
    assert sorted(name for name, _ in found) == sorted(names.values())
    return dict(found)


@pytest.mark.parametrize("name", MINI)
def test_only_weights_decay(name):
    model = build(name)
    decaying, constant = parameter_groups(model, 0.3)
    assert (decaying["weight_decay"], constant["weight_decay"]) == (0.3, 0.0)
    for key, (decay,) in by_name(model, [decaying, constant], "weight_decay").items():
        free = key in ("cls_token", "pos_embed") or "norm" in key or key.endswith((".bias", ".gamma"))
        assert decay == (0 if free else 0.3), key


@pytest.mark.parametrize("name", [*MINI, "resnet18"])
def test_groups_keep_their_order_which_checkpoints_rely_on(name):
    model = build(name) if name in MINI else on_paper(name)
    order = [id(parameter) for parameter in model.parameters()]
    for weight_decay in (0.05, 0.0):
        groups = parameter_groups(model, weight_decay)
        assert [group["weight_decay"] for group in groups] == [weight_decay, 0.0]
        for group in groups:
            places = [order.index(id(parameter)) for parameter in group["params"]]
            assert places == sorted(places)


@pytest.mark.parametrize(("name", "first", "blocks"), [("vit_mini", "patch_embed.proj.weight", 4),
                                                       ("bit_mini", "stem.conv.weight", 3)])  # fmt: skip
def test_layers_nearer_to_the_image_learn_more_slowly(name, first, blocks):
    model = build(name)
    rates = by_name(model, parameter_groups(model, 0.1, lr=0.5, layer_decay=0.5), "lr")
    stage = "blocks" if name == "vit_mini" else "stages"
    assert rates[first] == (0.5 * 0.5 ** (blocks + 1),)
    for block in range(blocks):
        of_block = {rate for each, rate in rates.items() if each.startswith(f"{stage}.{block}.")}
        assert of_block == {(0.5 * 0.5 ** (blocks - block),)}
    assert {rate for each, rate in rates.items() if each.startswith(("head.", "norm."))} == {(0.5,)}


def test_layer_decay_splits_the_groups_of_weight_decay_in_their_order():
    model = build("vit_mini")
    names = {parameter: name for name, parameter in model.named_parameters()}
    plain = parameter_groups(model, 0.1)
    split = parameter_groups(model, 0.1, lr=1.0, layer_decay=0.5)
    assert [group["weight_decay"] for group in split] == [0.1] * 6 + [0.0] * 6
    assert [group["lr"] for group in split] == [0.5**k for k in range(6)] * 2
    for whole, parts in zip(plain, (split[:6], split[6:]), strict=True):
        regrouped = [names[parameter] for part in parts for parameter in part["params"]]
        assert sorted(regrouped) == sorted(names[parameter] for parameter in whole["params"])


def test_layer_decay_without_a_learning_rate_is_refused():
    with pytest.raises(ValueError, match="needs the learning rate"):
        parameter_groups(build("vit_mini"), 0.1, layer_decay=0.5)


@pytest.mark.parametrize("name", SPLIT_BY_TIMM)
def test_timm_models_are_split_as_timm_does(name):
    from timm.optim import create_optimizer_v2

    model = on_paper(name)
    theirs = create_optimizer_v2(model, "sgd", lr=0.1, weight_decay=0.05).param_groups
    expected = by_name(model, theirs, "weight_decay")
    assert by_name(model, parameter_groups(model, 0.05), "weight_decay") == expected

    theirs = create_optimizer_v2(model, "sgd", lr=0.1, weight_decay=0.05, layer_decay=0.5).param_groups
    expected = {
        key: (decay, pytest.approx(0.1 * scale))
        for key, (decay, scale) in by_name(model, theirs, "weight_decay", "lr_scale").items()
    }
    mine = parameter_groups(model, 0.05, lr=0.1, layer_decay=0.5)
    assert by_name(model, mine, "weight_decay", "lr") == expected
    assert max(group["lr"] for group in mine) == 0.1


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("deit_tiny_distilled_patch16_224", ("dist_token",)),
        ("swin_tiny_patch4_window7_224", ("relative_position_bias_table",)),
        ("beit_base_patch16_224", ("relative_position_bias_table",)),
    ],
)
def test_what_timm_keeps_from_decay_does_not_decay(name, kept):
    model = on_paper(name)
    decays = by_name(model, parameter_groups(model, 0.05), "weight_decay")
    chosen = [decay for key, decay in decays.items() if key.endswith(kept)]
    assert chosen
    assert set(chosen) == {(0.0,)}
