"""What must hold of every whole model: it sees, it trains, nothing in it is dead, samples keep apart."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models import create_model
from engine.models.vit import ViT, ViTOptimized, resize_positions

MINI = {"vit_mini": 8, "vit_mini_optimized": 8, "bit_mini": None, "hybrid_mini": None}
CALM = {"dropout": 0.0, "drop_path": 0.0}


def build(name, **options):
    if name == "vit_mini_optimized":
        options = {**CALM, **options}
    return create_model(name, num_classes=5, image_size=32, patch_size=MINI[name], **options)


@pytest.fixture(params=MINI)
def name(request):
    return request.param


def awake(model):
    """A fresh model, but for its head, whose zeros hide the image from the logits."""
    torch.nn.init.normal_((model.head if isinstance(model, ViT) else model.head.fc).weight, std=0.02)
    return model


def test_every_pixel_reaches_the_logits(name, randomise):
    model = randomise(build(name))
    images = torch.randn(2, 3, 32, 32, requires_grad=True)
    model(images)[:, 0].sum().backward()
    assert (images.grad != 0).float().mean() > 0.99
    assert (images.grad.abs().amax(dim=1) > 0).all()


def test_fresh_models_tell_images_apart(name):
    model = awake(build(name)).eval()
    with torch.no_grad():
        logits = model(torch.randn(16, 3, 32, 32))
    spread = logits.std(dim=0).mean() / logits.abs().mean()
    assert spread > 0.01


def test_the_class_token_hears_the_image_in_the_optimized_model_at_its_start():
    def heard(layer_scale):
        torch.manual_seed(0)
        model = awake(build("vit_mini_optimized", layer_scale=layer_scale)).eval()
        with torch.no_grad():
            return model(torch.randn(32, 3, 32, 32)).std(dim=0).mean().item()

    assert heard(0.1) > 1000 * heard(1e-5)
    assert heard(0.1) > 0.01 * heard(False)


def test_no_parameter_is_without_a_gradient(name, randomise):
    model = randomise(build(name)).train()
    loss = torch.nn.functional.cross_entropy(model(torch.randn(4, 3, 32, 32)), torch.arange(4))
    loss.backward()
    dead = [key for key, each in model.named_parameters() if each.grad is None or not each.grad.any()]
    assert dead == []


@settings(deadline=None, max_examples=8)
@given(data=st.data())
def test_images_of_a_batch_do_not_touch_each_other(data):
    name = data.draw(st.sampled_from(list(MINI)))
    changed = data.draw(st.integers(0, 3))
    model = awake(build(name)).double().train()
    images = torch.randn(4, 3, 32, 32, dtype=torch.double)
    before = model(images)
    images[changed] = torch.randn(3, 32, 32, dtype=torch.double)
    after = model(images)
    others = [row for row in range(4) if row != changed]
    torch.testing.assert_close(before[others], after[others], rtol=1e-9, atol=1e-12)
    assert not torch.allclose(before[changed], after[changed])
    torch.testing.assert_close(model(images[:1]), after[:1], rtol=1e-9, atol=1e-12)


def test_evaluation_is_deterministic_and_training_of_the_optimized_model_is_not():
    model = awake(create_model("vit_mini_optimized", num_classes=5, image_size=32, patch_size=8))
    images = torch.randn(4, 3, 32, 32)
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))


@pytest.mark.slow
def test_models_learn(name):
    model = build(name).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    images, labels = torch.randn(10, 3, 32, 32), torch.arange(10) % 5
    losses = []
    for _ in range(10):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(torch.tensor(5.0).log().item(), abs=1e-4)
    assert losses[1] < losses[0]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("pool", ["token", "mean"])
def test_vit_starts_as_documented(pool):
    model = create_model("vit_ti", num_classes=10, image_size=64, patch_size=4, pool=pool)
    assert not model.head.weight.any()
    assert not model.head.bias.any()
    assert model.pos_embed.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.pos_embed.shape == (1, 256 + (pool == "token"), 192)
    assert (model.cls_token is None) == (pool == "mean")
    assert pool == "mean" or not model.cls_token.any()
    assert model.patch_embed.proj.weight.std().item() == pytest.approx(48**-0.5, rel=0.05)
    for block in model.blocks:
        for layer in (block.attn.qkv, block.attn.proj, block.mlp.fc1, block.mlp.fc2):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
            assert not layer.bias.any()
        assert (block.norm1.weight == 1).all()
        assert block.norm1.eps == 1e-6


def test_resnets_start_as_documented():
    bit = create_model("bit_r50x1", num_classes=10, image_size=32)
    assert not bit.head.fc.weight.any()
    assert not bit.head.fc.bias.any()
    conv = bit.stages[1].blocks[1].conv2
    assert conv.weight.std().item() == pytest.approx((2 / (conv.out_channels * 9)) ** 0.5, rel=0.02)
    hybrid = create_model("hybrid_mini", num_classes=10, image_size=32)
    for stage in hybrid.patch_embed.backbone.stages:
        for block in stage.blocks:
            assert not block.norm3.weight.any()
            assert (block.norm2.weight == 1).all()


def test_drop_path_grows_linearly_with_depth():
    model = create_model("vit_ti", num_classes=2, image_size=32, patch_size=16, drop_path=0.11)
    assert [block.drop_path.p for block in model.blocks] == pytest.approx([0.01 * i for i in range(12)])


def test_each_part_of_the_optimized_model_can_be_turned_off():
    model = create_model(
        "vit_mini_optimized",
        num_classes=5,
        image_size=32,
        patch_size=8,
        layer_scale=False,
        attention="math",
        **CALM,
    )
    assert isinstance(model, ViTOptimized)
    plain = create_model("vit_mini", num_classes=5, image_size=32, patch_size=8)
    plain.load_state_dict(awake(model).state_dict())
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model(images), plain(images), rtol=1e-4, atol=1e-5)


def test_the_optimized_model_has_all_its_parts_on():
    model = ViTOptimized(image_size=32, patch_size=16, num_classes=10, depth=3, embed_dim=24, mlp_dim=48)
    block = model.blocks[-1]
    assert block.drop_path.p == 0.1
    assert block.mlp.drop1.p == 0.1
    assert block.attn.attention == "fused"
    assert (block.ls1.gamma == 0.1).all()


def test_images_of_another_size_are_refused():
    model = create_model("vit_mini", num_classes=5, image_size=32, patch_size=8)
    with pytest.raises(ValueError, match="built for images of 32, not 64x64"):
        model(torch.randn(1, 3, 64, 64))
    with pytest.raises(ValueError, match="do not divide"):
        ViT(image_size=32, patch_size=5, num_classes=2)


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(old=st.integers(1, 15), new=st.integers(1, 15), prefix=st.integers(0, 1), google=st.booleans())
def test_positions_are_interpolated_as_timm_does(old, new, prefix, google):
    from timm.layers import resample_abs_pos_embed

    table = torch.randn(1, prefix + old * old, 6)
    how = {"mode": "bilinear", "antialias": False} if google else {}
    ours = resize_positions(table, new, prefix, **how)
    interpolation = "bilinear" if google else "bicubic"
    theirs = resample_abs_pos_embed(
        table, [new, new], [old, old], prefix, interpolation=interpolation, antialias=not google
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert torch.equal(ours[:, :prefix], table[:, :prefix])


def test_positions_that_form_no_grid_are_refused():
    with pytest.raises(ValueError, match="no square grid"):
        resize_positions(torch.zeros(1, 7, 4), 3, 1)


@pytest.mark.slow
def test_models_compile_to_one_graph(name):
    model = awake(build(name))
    images = torch.randn(2, 3, 32, 32)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    for mode in (True, False):
        model.train(mode)
        torch.testing.assert_close(compiled(images), model(images))
        with torch.no_grad():
            torch.testing.assert_close(compiled(images), model(images))
    torch.compiler.reset()
