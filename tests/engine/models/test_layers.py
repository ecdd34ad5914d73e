"""Each part of the optimized block does something, and does it right."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.profiler import ProfilerActivity, profile

from engine.models.layers import DropPath, EncoderLayer, FeedForward, FlashAttention, LayerScale, drop_path


@settings(deadline=None, max_examples=30)
@given(p=st.floats(0.01, 0.99), width=st.integers(1, 4), seed=st.integers(0, 2**31))
def test_drop_path_drops_whole_samples_and_keeps_the_mean(p, width, seed):
    torch.manual_seed(seed)
    x = torch.ones(4000, width, 2)
    out = drop_path(x, p, training=True)
    kept = out[:, 0, 0] != 0
    assert torch.equal(out, kept.view(-1, 1, 1).expand_as(out) * out[kept][:1].expand_as(out))
    assert torch.allclose(out[kept], torch.tensor(1 / (1 - p)))
    deviation = (p / (1 - p) / 4000) ** 0.5
    assert abs(out[:, 0, 0].mean().item() - 1) < 6 * deviation


def test_drop_path_is_off_in_evaluation_and_total_at_one():
    x = torch.randn(5, 3)
    assert drop_path(x, 0.5, training=False) is x
    assert DropPath(0.5).eval()(x) is x
    assert not DropPath(1.0)(x).any()
    with pytest.raises(ValueError, match="between 0 and 1"):
        DropPath(1.5)


def test_drop_path_takes_the_gradient_of_dropped_samples_only():
    x = torch.ones(100, 4, requires_grad=True)
    out = drop_path(x, 0.5, training=True)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())
    assert 0 < (x.grad == 0).all(dim=1).sum() < 100


@settings(deadline=None, max_examples=25)
@given(
    heads=st.integers(1, 4), head_dim=st.integers(1, 16), tokens=st.integers(1, 70), batch=st.integers(1, 3)
)
def test_fused_attention_equals_the_matrix(heads, head_dim, tokens, batch):
    width = heads * head_dim
    fused = FlashAttention(width, heads).double()
    math = FlashAttention(width, heads, attention="math").double()
    math.load_state_dict(fused.state_dict())
    x = torch.randn(batch, tokens, width, dtype=torch.double, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    weight = torch.randn(batch, tokens, width, dtype=torch.double)
    one, two = fused(x), math(y)
    torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)
    (one * weight).sum().backward()
    (two * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-9, atol=1e-11)
    for a, b in zip(fused.parameters(), math.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-9, atol=1e-11)


def peak_bytes(run):
    """The most memory that tensors born in a run held at once."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        run()
    held = peak = 0
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


@pytest.mark.slow
def test_fused_attention_never_holds_the_matrix():
    tokens, width, heads = 1025, 64, 8
    matrix = heads * tokens * tokens * 4
    x = torch.randn(1, tokens, width, requires_grad=True)
    peaks = {}
    for attention in ("fused", "math"):
        layer = FlashAttention(width, heads, attention=attention)
        layer(x).sum().backward()
        peaks[attention] = peak_bytes(lambda layer=layer: layer(x).sum().backward())
    assert peaks["fused"] < matrix / 4, peaks
    assert peaks["math"] > 2 * matrix, peaks


def test_attention_does_not_care_for_the_order_of_tokens_nor_mixes_samples():
    layer = FlashAttention(32, 4).double()
    x = torch.randn(3, 9, 32, dtype=torch.double)
    order = torch.randperm(9)
    torch.testing.assert_close(layer(x)[:, order], layer(x[:, order]))
    changed = x.clone()
    changed[1] += 1
    torch.testing.assert_close(layer(changed)[[0, 2]], layer(x)[[0, 2]])
    assert not torch.allclose(layer(changed)[1], layer(x)[1])


def test_permuting_heads_with_their_projection_changes_nothing():
    heads, head_dim = 4, 8
    layer = FlashAttention(32, heads).double()
    x = torch.randn(2, 5, 32, dtype=torch.double)
    before = layer(x)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        weight = layer.qkv.weight.view(3, heads, head_dim, 32)[:, order]
        layer.qkv.weight.copy_(weight.reshape(96, 32))
        layer.qkv.bias.copy_(layer.qkv.bias.view(3, heads, head_dim)[:, order].reshape(96))
        layer.proj.weight.copy_(layer.proj.weight.view(32, heads, head_dim)[:, order].reshape(32, 32))
    torch.testing.assert_close(layer(x), before)


def test_attention_refuses_what_it_cannot_be():
    with pytest.raises(ValueError, match="3 heads do not divide"):
        FlashAttention(32, 3)
    with pytest.raises(ValueError, match="'fused' or 'math'"):
        FlashAttention(32, 4, attention="flash")


@pytest.mark.parametrize("layer", [FlashAttention(32, 4, 0.5), FeedForward(32, 64, 0.5)])
def test_dropout_drops_in_training_only(layer):
    x = torch.randn(4, 6, 32)
    layer.train()
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


def test_feed_forward_is_two_layers_around_an_exact_gelu():
    layer = FeedForward(8, 16, 0.5).double().eval()
    x = torch.randn(3, 8, dtype=torch.double)
    hidden = x @ layer.fc1.weight.T + layer.fc1.bias
    gelu = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
    torch.testing.assert_close(layer(x), gelu @ layer.fc2.weight.T + layer.fc2.bias)


def test_layer_scale_scales_and_its_factors_train():
    layer = LayerScale(6, init_values=0.25)
    x = torch.randn(4, 5, 6)
    assert torch.equal(layer(x), 0.25 * x)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(x).sum().backward()
    torch.testing.assert_close(layer.gamma.grad, x.sum(dim=(0, 1)))
    optimizer.step()
    torch.testing.assert_close(layer.gamma.detach(), 0.25 - 0.1 * x.sum(dim=(0, 1)))


def test_encoder_layer_has_the_documented_signature_and_parts():
    layer = EncoderLayer(32, 4, 64, 0.3, 1e-3)
    assert isinstance(layer.attn, FlashAttention)
    assert isinstance(layer.mlp, FeedForward)
    assert layer.drop_path.p == 0.3
    assert torch.equal(layer.ls1.gamma, torch.full((32,), 1e-3))
    assert EncoderLayer(32, 4, 64).ls2.init_values == 1e-5
    assert layer(torch.randn(2, 5, 32)).shape == (2, 5, 32)


@pytest.mark.parametrize("part", ["attn", "mlp"])
def test_both_branches_of_a_block_count_and_stop_where_their_scale_is_zero(part):
    layer = EncoderLayer(32, 4, 64, 0.0, 1.0)
    x = torch.randn(2, 5, 32)
    before = layer(x)
    with torch.no_grad():
        (layer.ls1 if part == "attn" else layer.ls2).gamma.zero_()
        silenced = layer(x)
        for parameter in getattr(layer, part).parameters():
            parameter.add_(1.0)
        assert torch.equal(layer(x), silenced)
    assert not torch.allclose(before, silenced)


def test_a_dropped_block_is_the_identity():
    layer = EncoderLayer(32, 4, 64, dropout=0.0, drop_path=1.0).train()
    x = torch.randn(2, 5, 32)
    assert torch.equal(layer(x), x)
