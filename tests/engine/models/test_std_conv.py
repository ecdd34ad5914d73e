"""Standardised weights: right, kept only while they are right, and always in float32."""

import pytest
import torch

from engine.models import create_model, standardized_once
from engine.models.layers.std_conv import StdConv2d


@pytest.fixture
def conv():
    return StdConv2d(4, 8, 3)


def test_filters_have_mean_zero_and_variance_one(conv):
    filters = conv.double().standardized_weight().flatten(1)
    assert filters.mean(dim=1).abs().max() < 1e-12
    torch.testing.assert_close(filters.var(dim=1, correction=0), torch.ones(8).double(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (1, 2), (3, 1), (3, 2), (7, 2)])
@pytest.mark.parametrize("padding", ["center", "same"])
@pytest.mark.parametrize("size", [4, 10])
def test_convolution_equals_timms_with_its_gradient(kernel, stride, padding, size):
    from timm.layers import StdConv2d as TimmConv
    from timm.layers import StdConv2dSame as TimmConvSame

    ours = StdConv2d(4, 8, kernel, stride, padding).double()
    kind = TimmConvSame if padding == "same" else TimmConv
    theirs = kind(4, 8, kernel, stride, eps=1e-8).double()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 4, size, size, dtype=torch.double)
    one, two = ours(x), theirs(x)
    torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)
    one.square().sum().backward()
    two.square().sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=1e-9, atol=1e-11)


def test_evaluation_standardises_once(conv):
    conv.eval()
    with torch.no_grad():
        assert conv.standardized_weight() is conv.standardized_weight()
    with torch.inference_mode():
        assert conv.standardized_weight() is conv.standardized_weight()
    x = torch.randn(1, 4, 5, 5)
    with torch.no_grad():
        kept = conv(x)
    conv(x).sum().backward()  # with gradients on, nothing kept is used
    assert conv.weight.grad is not None
    assert torch.equal(kept, conv(x))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda weights: torch.optim.SGD(weights, lr=1.0, momentum=0.9),
        lambda weights: torch.optim.AdamW(weights, lr=1.0, foreach=True),
        lambda weights: torch.optim.AdamW(weights, lr=1.0, fused=True),
    ],
)
def test_a_step_of_an_optimizer_renews_what_is_kept(conv, optimizer):
    conv.eval()
    with torch.no_grad():
        before = conv.standardized_weight()
    steps = optimizer(conv.parameters())
    conv(torch.randn(2, 4, 6, 6)).square().sum().backward()
    steps.step()
    with torch.no_grad():
        after = conv.standardized_weight()
        torch.testing.assert_close(after, conv._standardize())
    assert not torch.allclose(before, after)


def test_loading_casting_and_training_renew_what_is_kept(conv):
    conv.eval()
    with torch.no_grad():
        conv.standardized_weight()
        conv.load_state_dict({"weight": torch.randn(8, 4, 3, 3)})
        torch.testing.assert_close(conv.standardized_weight(), conv._standardize())
        assert conv.double().standardized_weight().dtype == torch.double
        conv.standardized_weight()
        conv.weight.data.mul_(torch.randn(8, 4, 3, 3))  # leaves no trace in the version
        conv.train()
        conv.eval()
        torch.testing.assert_close(conv.standardized_weight(), conv._standardize())


def test_what_is_kept_is_no_state_and_is_not_shared_by_copies(conv):
    from copy import deepcopy

    conv.eval()
    with torch.no_grad():
        conv.standardized_weight()
        assert set(conv.state_dict()) == {"weight"}
        copy = deepcopy(conv)
        copy.weight.add_(torch.randn_like(copy.weight))
        torch.testing.assert_close(copy.standardized_weight(), copy._standardize())


def test_standardising_stays_in_float32_under_autocast_and_in_half_models(conv):
    x = torch.randn(1, 4, 5, 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert conv.standardized_weight().dtype == torch.float32
        assert conv(x).dtype == torch.bfloat16
    conv.bfloat16()
    assert conv.standardized_weight().dtype == torch.float32
    assert conv(x.bfloat16()).dtype == torch.bfloat16


def test_gradients_of_micro_batches_add_up_to_the_batchs():
    model = create_model("bit_mini", num_classes=3, image_size=16).double()
    torch.nn.init.normal_(model.head.fc.weight)
    images, labels = torch.randn(4, 3, 16, 16, dtype=torch.double), torch.tensor([0, 1, 2, 0])
    loss = torch.nn.CrossEntropyLoss(reduction="sum")
    loss(model(images), labels).backward()
    whole = [each.grad.clone() for each in model.parameters()]
    model.zero_grad()
    for half in (slice(0, 2), slice(2, 4)):
        loss(model(images[half]), labels[half]).backward()
    for each, gradient in zip(model.parameters(), whole, strict=True):
        torch.testing.assert_close(each.grad, gradient, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ["bit_mini", "hybrid_mini", "vit_mini"])
def test_filters_standardised_once_for_all_micro_batches_give_the_same_gradients(name, monkeypatch):
    model = create_model(
        name, num_classes=3, image_size=16, patch_size=4 if name == "vit_mini" else None
    ).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    images, labels = torch.randn(4, 3, 16, 16, dtype=torch.double), torch.tensor([0, 1, 2, 0])
    loss = torch.nn.CrossEntropyLoss(reduction="sum")

    def passes():
        for half in (slice(0, 2), slice(2, 4)):
            loss(model(images[half]), labels[half]).backward()

    passes()
    apart = [each.grad.clone() for each in model.parameters()]
    model.zero_grad()
    counted = []
    first = StdConv2d._standardize
    monkeypatch.setattr(StdConv2d, "_standardize", lambda conv: counted.append(conv) or first(conv))
    with standardized_once(model):
        passes()
    assert len(counted) == len({id(conv) for conv in counted})  # each once, for two passes
    for each, gradient in zip(model.parameters(), apart, strict=True):
        torch.testing.assert_close(each.grad, gradient, rtol=1e-9, atol=1e-12)
    convs = [each for each in model.modules() if isinstance(each, StdConv2d)]
    assert len(counted) == len(convs)
    assert all(conv._shared is None for conv in convs)


def test_a_frozen_filter_and_an_error_within_a_step_leave_nothing_behind(conv):
    x = torch.randn(1, 4, 5, 5, requires_grad=True)
    conv.requires_grad_(False)
    with standardized_once(conv):
        conv(x).sum().backward()
    assert conv.weight.grad is None
    conv.requires_grad_(True)

    def fail():
        with standardized_once(conv):
            conv(x).sum().backward()
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        fail()
    assert conv.weight.grad is None
    assert conv._shared is None


def test_filters_lie_as_the_weights_do():
    torch.manual_seed(0)
    conv, images = StdConv2d(4, 8, 3).double(), torch.randn(2, 4, 5, 5).double()
    expected, one = conv.standardized_weight(), conv(images)
    (gradient,) = torch.autograd.grad(one.square().sum(), conv.weight)
    conv.to(memory_format=torch.channels_last)
    filters, two = conv.standardized_weight(), conv(images.contiguous(memory_format=torch.channels_last))
    assert expected.is_contiguous()
    assert filters.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(filters, expected)
    torch.testing.assert_close(two, one)
    (again,) = torch.autograd.grad(two.square().sum(), conv.weight)
    torch.testing.assert_close(again, gradient)
