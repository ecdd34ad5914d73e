"""Names, sizes and options: what is known builds, what is not is answered with what would be."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalog.model_sizes import MODELS, OPTIONS, caveat, patch_tokens, problems
from engine.models import create_model

VALUES = {
    "pool": ["token", "mean"],
    "dropout": [0.0, 0.1],
    "drop_path": [0, 0.2],
    "layer_scale": [False, 1e-4],
    "attention": ["fused", "math"],
    "stem": ["imagenet", "cifar"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_model_builds_with_every_option(name):
    family = MODELS[name].family
    patch = 16 if family == "vit" else None
    for index in (0, 1):
        options = {key: VALUES[key][index] for key in OPTIONS[family]}
        with torch.device("meta"):
            model = create_model(name, num_classes=3, image_size=64, patch_size=patch, **options)
            if "mini" in name:
                assert model(torch.empty(2, 3, 64, 64)).shape == (2, 3)


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(["vit_mini", "bit_mini", "hybrid_mini"]),
    size=st.integers(-1, 70),
    patch=st.none() | st.integers(-1, 40),
)
def test_what_has_no_problems_builds_and_the_rest_is_refused(name, size, patch):
    wrong = problems(name, size, patch, {})
    with torch.device("meta"):
        if wrong:
            with pytest.raises(ValueError, match=r"\w+"):
                create_model(name, num_classes=2, image_size=size, patch_size=patch)
            return
        model = create_model(name, num_classes=2, image_size=size, patch_size=patch)
        assert model(torch.empty(1, 3, size, size)).shape == (1, 2)
    if name != "bit_mini":
        assert model.pos_embed.shape[1] == 1 + patch_tokens(name, size, patch)


@pytest.mark.parametrize(
    ("name", "size", "patch", "options", "says"),
    [
        ("vit_bb", 32, 16, {}, "there is no model 'vit_bb'; did you mean 'vit_b'"),
        ("ViT_B", 32, 16, {}, "did you mean 'vit_b'"),
        ("resnet18", 32, None, {}, "Known: .*bit_r50x1"),
        ("vit_b", 32, 5, {}, "do not divide an image of 32; 1, 2, 4, 8, 16, 32 do"),
        ("vit_b", 32, None, {}, "needs a patch_size"),
        ("bit_r50x1", 32, 4, {}, "has no patches"),
        ("bit_r50x1", 4, None, {}, "at least 8 pixels"),
        ("hybrid_b", 40, None, {}, "multiple of its stride 16"),
        ("hybrid_b", 32, 16, {}, "leave patch_size out"),
        ("vit_b", 0, 16, {}, "at least one pixel"),
        ("vit_b", 32, 16, {"drop_out": 0.1}, "no option 'drop_out'; did you mean 'dropout'"),
        ("vit_b", 32, 16, {"pool": "max"}, "pool is 'token' or 'mean', not 'max'"),
        ("vit_b", 32, 16, {"dropout": 1.0}, "below 1, not 1.0"),
        ("vit_b", 32, 16, {"layer_scale": True}, "above 0, or false, not True"),
        ("vit_b", 32, 16, {"attention": "flash"}, "'fused' or 'math', not 'flash'"),
        ("bit_r50x1", 32, None, {"stem": "tiny"}, "'imagenet' or 'cifar', not 'tiny'"),
        ("timm:resnet18", 32, 4, {}, "leave patch_size out"),
        ("timm:no_such_model", 32, None, {}, "timm has no model 'no_such_model'"),
    ],
)
def test_a_mistake_says_what_is_allowed(name, size, patch, options, says):
    with pytest.raises(ValueError, match=says):
        create_model(name, num_classes=2, image_size=size, patch_size=patch, **options)


def test_all_mistakes_are_said_at_once():
    with pytest.raises(ValueError, match=r"do not divide.*no option.*at least one class"):
        create_model("vit_b", num_classes=0, image_size=32, patch_size=5, colour="red")


def test_timm_models_are_told_the_size_they_need():
    conv = create_model("timm:resnet18", num_classes=4, image_size=32)
    assert conv(torch.randn(2, 3, 32, 32)).shape == (2, 4)
    vit = create_model("timm:vit_tiny_patch16_224", num_classes=4, image_size=48)
    assert vit(torch.randn(2, 3, 48, 48)).shape == (2, 4)


def test_readers_are_warned_of_models_without_spatial_structure():
    assert patch_tokens("vit_b", 32, 32) == 1
    assert "one patch token" in caveat("vit_b", 32, 32)
    assert "only 4 patch tokens" in caveat("hybrid_b", 32, None)
    assert "1x1 maps" in caveat("bit_r50x1", 32, None)
    assert caveat("bit_r50x1", 32, None, {"stem": "cifar"}) == ""
    assert (
        caveat("vit_b", 224, 16) == caveat("bit_r50x1", 224, None) == caveat("timm:resnet18", 32, None) == ""
    )
    assert patch_tokens("timm:resnet18", 32, None) is None
