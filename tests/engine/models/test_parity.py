"""Every family is timm's, in forward and backward, with weights carried over by name."""

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engine.models import create_model

CASES = [
    ("vit_mini", 32, 4),
    ("vit_mini", 48, 8),
    ("vit_mini", 64, 16),
    ("vit_mini", 64, 32),
    ("vit_mini", 32, 32),
    ("vit_mini_optimized", 32, 8),
    ("vit_ti", 48, 16),
    ("bit_mini", 32, None),
    ("bit_mini", 48, None),
    ("hybrid_mini", 32, None),
    ("hybrid_mini", 48, None),
    ("hybrid_mini", 64, None),
]
SLOW = [
    ("bit_r50x1", 32, None),
    ("vit_s", 32, 4),
    ("vit_ti", 224, 16),
    ("vit_b", 32, 16),
    ("vit_b", 32, 32),
    ("vit_b", 64, 8),
    ("vit_b", 224, 32),
    ("vit_b", 224, 16),
    ("vit_l", 32, 16),
    ("bit_r50x1", 64, None),
    ("bit_r50x1", 224, None),
    ("bit_r101x1", 32, None),
    ("bit_r50x3", 32, None),
    ("bit_r152x2", 32, None),
    ("hybrid_b", 32, None),
    ("hybrid_b", 224, None),
    ("hybrid_b_s32", 64, None),
    ("hybrid_l", 32, None),
]
ALL = [*CASES, *[pytest.param(*case, marks=pytest.mark.slow) for case in SLOW]]


def share_weights(taker, giver):
    """Make one model compute with the very tensors of the other, found by name."""
    taker.load_state_dict(giver.state_dict(), strict=True, assign=True)
    for name, parameter in taker.named_parameters():
        parameter.requires_grad_(giver.get_parameter(name).requires_grad)


def distance(ours, theirs, floor=0.0):
    return ((ours - theirs).norm() / theirs.norm().clamp(min=floor)).item()


@pytest.mark.parametrize(("name", "size", "patch"), ALL)
def test_logits_and_gradients_equal_timms(name, size, patch, reference, randomise):
    ours = create_model(name, num_classes=10, image_size=size, patch_size=patch).double().eval()
    randomise(ours)
    with torch.device("meta"):
        theirs = reference(name, size, patch).eval()
    share_weights(theirs, ours)
    images = torch.randn(1 if size == 224 else 2, 3, size, size, dtype=torch.double)
    target = torch.arange(len(images))
    # In the largest, norms and biases must do: they lie between all the weights, and take a hundredth of the memory.
    huge = sum(each.numel() for each in ours.parameters()) > 2e8
    results = []
    for model in (ours, theirs):
        pixels = images.clone().requires_grad_()
        logits = model(pixels)
        loss = torch.nn.functional.cross_entropy(logits, target)
        parameters = [each for each in model.named_parameters() if not huge or each[1].ndim == 1]
        names, leaves = zip(*parameters, strict=True)
        gradients = torch.autograd.grad(loss, [pixels, *leaves])
        results.append((logits.detach(), dict(zip(["pixels", *names], gradients, strict=True))))
    (our_logits, our_gradients), (their_logits, their_gradients) = results
    assert distance(our_logits, their_logits) < 1e-10
    assert our_gradients.keys() == their_gradients.keys()
    # A gradient that is zero but for rounding has no relative error: measure it against the largest.
    floor = 1e-6 * max(gradient.norm().item() for gradient in their_gradients.values())
    for key, gradient in their_gradients.items():
        assert distance(our_gradients[key], gradient, floor) < 1e-9, key


@pytest.mark.parametrize(("name", "size", "patch"), [case for case in CASES if "mini" in case[0]])
def test_weights_load_both_ways_by_name(name, size, patch, reference, randomise):
    ours = create_model(name, num_classes=7, image_size=size, patch_size=patch).eval()
    theirs = randomise(reference(name, size, patch, num_classes=7)).eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        assert distance(ours(images), theirs(images)) < 1e-4
        theirs.load_state_dict(randomise(ours, seed=2).state_dict())
        assert distance(ours(images), theirs(images)) < 1e-4


@pytest.mark.parametrize("name", ["vit_mini", "hybrid_mini"])
def test_mean_pooling_equals_timms_without_class_token(name, reference, randomise):
    patch = 8 if name == "vit_mini" else None
    ours = create_model(name, num_classes=10, image_size=32, patch_size=patch, pool="mean")
    randomise(ours).double().eval()
    theirs = reference(name, 32, patch, global_pool="avg", class_token=False, fc_norm=False).double().eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 32, 32, dtype=torch.double)
    with torch.no_grad():
        assert distance(ours(images), theirs(images)) < 1e-10


def test_dropout_and_drop_path_fall_where_timms_do(reference, randomise):
    options = {"dropout": 0.2, "drop_path": 0.5, "layer_scale": 0.1}
    ours = create_model("vit_mini_optimized", num_classes=10, image_size=32, patch_size=8, **options)
    randomise(ours).double().train()
    theirs = reference("vit_mini_optimized", 32, 8, pos_drop_rate=0.2, proj_drop_rate=0.2, drop_path_rate=0.5)
    theirs.double().train().load_state_dict(ours.state_dict())
    images = torch.randn(8, 3, 32, 32, dtype=torch.double)
    torch.manual_seed(3)
    mine = ours(images)
    torch.manual_seed(3)
    assert distance(mine, theirs(images)) < 1e-7  # timm's ramp of rates is rounded to float32
    assert distance(ours(images), mine) > 1e-3


@pytest.mark.parametrize(("name", "patch"), [("vit_mini", 4), ("bit_mini", None), ("hybrid_mini", None)])
def test_bfloat16_stays_near_float32(name, patch, randomise):
    model = randomise(create_model(name, num_classes=10, image_size=32, patch_size=patch)).eval()
    images = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        exact = model(images)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = model(images).float()
    assert distance(rounded, exact) < 2e-2


class Operators(TorchDispatchMode):
    """Counts what is computed."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count[str(function)] += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(("name", "patch"), [("vit_mini", 4), ("bit_mini", None), ("hybrid_mini", None)])
def test_a_step_computes_nothing_that_timm_does_not(name, patch, reference):
    counts = []
    for model in (
        create_model(name, num_classes=10, image_size=32, patch_size=patch),
        reference(name, 32, patch),
    ):
        with Operators() as operators:
            model(torch.randn(2, 3, 32, 32)).sum().backward()
        counts.append(operators.count)
    assert counts[0] - counts[1] == Counter()
