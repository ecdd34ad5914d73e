"""Checkpoints: what timm's own loaders read, ours read alike; what is not this network's is refused."""

import json
import re
import zipfile
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.catalog.model_sizes import MODELS
from engine.errors import CheckpointError
from engine.models import create_model
from engine.models.pretrained import LoadReport, load_pretrained
from engine.models.vit import resize_positions
from engine.models.weights.sources import read_checkpoint

CLASSES = 21


def load_file(model: torch.nn.Module, source: str | Path) -> LoadReport:
    return load_pretrained(model, read_checkpoint(source))


def google_vit(rng, encoder, tokens, kernel, classes=CLASSES):
    """The arrays of a ViT under the names and in the shapes of Google's JAX code; ``kernel`` is (H, W, in)."""
    width, heads, mlp = encoder.width, encoder.heads, encoder.mlp_dim
    shapes = {
        "cls": (1, 1, width),
        "embedding/kernel": (*kernel, width),
        "embedding/bias": (width,),
        "Transformer/posembed_input/pos_embedding": (1, 1 + tokens, width),
        "Transformer/encoder_norm/scale": (width,),
        "Transformer/encoder_norm/bias": (width,),
        "pre_logits/kernel": (width, width),
        "pre_logits/bias": (width,),
        "head/kernel": (width, classes),
        "head/bias": (classes,),
    }
    for i in range(encoder.depth):
        block = f"Transformer/encoderblock_{i}"
        attention = f"{block}/MultiHeadDotProductAttention_1"
        for part in ("query", "key", "value"):
            shapes[f"{attention}/{part}/kernel"] = (width, heads, width // heads)
            shapes[f"{attention}/{part}/bias"] = (heads, width // heads)
        shapes[f"{attention}/out/kernel"] = (heads, width // heads, width)
        shapes[f"{attention}/out/bias"] = (width,)
        for norm in ("LayerNorm_0", "LayerNorm_2"):
            shapes[f"{block}/{norm}/scale"] = (width,)
            shapes[f"{block}/{norm}/bias"] = (width,)
        for dense, sizes in (("Dense_0", (width, mlp)), ("Dense_1", (mlp, width))):
            shapes[f"{block}/MlpBlock_3/{dense}/kernel"] = sizes
            shapes[f"{block}/MlpBlock_3/{dense}/bias"] = sizes[1:]
    return {key: rng.normal(0, 0.1, shape).astype(np.float32) for key, shape in shapes.items()}


def google_resnet(rng, backbone):
    """The arrays of the hybrid's ResNet."""
    shapes, channels = {"conv_root/kernel": (7, 7, 3, backbone.stem_channels)}, backbone.stem_channels

    def group_norm(key, count):
        shapes[f"{key}/scale"] = shapes[f"{key}/bias"] = (1, 1, 1, count)

    group_norm("gn_root", channels)
    for s, (depth, out) in enumerate(zip(backbone.layers, backbone.channels, strict=True), 1):
        for u in range(1, depth + 1):
            unit, middle = f"block{s}/unit{u}", out // 4
            sizes = [(1, 1, channels, middle), (3, 3, middle, middle), (1, 1, middle, out)]
            for n, size in enumerate(sizes, 1):
                shapes[f"{unit}/conv{n}/kernel"] = size
                group_norm(f"{unit}/gn{n}", size[-1])
            if u == 1:
                shapes[f"{unit}/conv_proj/kernel"] = (1, 1, channels, out)
                group_norm(f"{unit}/gn_proj", out)
            channels = out
    return {key: rng.normal(0, 0.5, shape).astype(np.float32) for key, shape in shapes.items()}


def google_bit(rng, backbone, classes=CLASSES):
    """The arrays of a BiT; its first convolution is as large as the model's stem."""
    root = 3 if backbone.stem == "cifar" else 7
    channels = backbone.stem_channels
    shapes = {
        "resnet/root_block/standardized_conv2d/kernel": (root, root, 3, channels),
        "resnet/group_norm/gamma": (backbone.channels[-1],),
        "resnet/group_norm/beta": (backbone.channels[-1],),
        "resnet/head/conv2d/kernel": (1, 1, backbone.channels[-1], classes),
        "resnet/head/conv2d/bias": (classes,),
    }
    for s, (depth, out) in enumerate(zip(backbone.layers, backbone.channels, strict=True), 1):
        for u in range(1, depth + 1):
            unit, middle = f"resnet/block{s}/unit{u:02d}", out // 4
            sizes = [(1, 1, channels, middle), (3, 3, middle, middle), (1, 1, middle, out)]
            for letter, size in zip("abc", sizes, strict=True):
                shapes[f"{unit}/{letter}/standardized_conv2d/kernel"] = size
                for part in ("gamma", "beta"):
                    shapes[f"{unit}/{letter}/group_norm/{part}"] = (size[2],)
            if u == 1:
                shapes[f"{unit}/a/proj/standardized_conv2d/kernel"] = (1, 1, channels, out)
            channels = out
    return {key: rng.normal(0, 0.5, shape).astype(np.float32) for key, shape in shapes.items()}


def google_arrays(name, tokens=16):
    rng, spec = np.random.default_rng(0), MODELS[name]
    if spec.family == "bit":
        return google_bit(rng, spec.backbone)
    if spec.family == "hybrid":
        kernel = (1, 1, spec.backbone.channels[-1])
        return google_resnet(rng, spec.backbone) | google_vit(rng, spec.encoder, tokens, kernel)
    return google_vit(rng, spec.encoder, tokens, (8, 8, 3))


def write_npz(path, arrays):
    np.savez(path, **arrays)
    return path


def agree(ours, theirs, size):
    images = torch.randn(2, 3, size, size, dtype=torch.double)
    with torch.no_grad():
        mine, reference = ours.double().eval()(images), theirs.double().eval()(images)
    torch.testing.assert_close(mine, reference, rtol=1e-9, atol=1e-9)
    assert mine.std(dim=0).mean() > 1e-3


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("vit_mini", 32),
        ("vit_mini", 64),
        ("hybrid_mini", 32),
        ("hybrid_mini", 16),
        ("bit_mini", 32),
        pytest.param("bit_r50x1", 32, marks=pytest.mark.slow),
        pytest.param("hybrid_b", 32, marks=pytest.mark.slow),
    ],
)
def test_google_files_give_timms_logits(name, size, tmp_path, reference):
    path = write_npz(tmp_path / "google.npz", google_arrays(name))
    patch = 8 if name == "vit_mini" else None
    ours = create_model(name, num_classes=CLASSES, image_size=size, patch_size=patch)
    report = load_file(ours, path)
    theirs = reference(name, size, patch, num_classes=CLASSES)
    theirs.load_pretrained(str(path))
    agree(ours, theirs, size)
    assert report.missing == ()
    assert set(report.loaded) == set(ours.state_dict())
    bit = MODELS[name].family == "bit"
    assert report.unexpected == (() if bit else ("pre_logits/weight", "pre_logits/bias"))
    regridded = not bit and ours.pos_embed.shape[1] != 17
    assert report.resized == (("pos_embed",) if regridded else ())
    assert report.mean == report.std == (0.5, 0.5, 0.5)


def test_files_of_an_interrupted_google_optimizer_load_too(tmp_path):
    arrays = google_arrays("vit_mini")
    plain, wrapped = (
        create_model("vit_mini", num_classes=CLASSES, image_size=32, patch_size=8) for _ in "ab"
    )
    load_file(plain, write_npz(tmp_path / "plain.npz", arrays))
    load_file(
        wrapped, write_npz(tmp_path / "o.npz", {f"opt/target/{key}": each for key, each in arrays.items()})
    )
    assert all(map(torch.equal, plain.state_dict().values(), wrapped.state_dict().values()))


@pytest.fixture
def mini(randomise):
    def build(**options):
        size = {"num_classes": 10, "image_size": 32, "patch_size": 8} | options
        return randomise(create_model("vit_mini", **size), seed=options.get("image_size", 32))

    return build


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth", ".bin"])
def test_pytorch_files_load_whole(suffix, tmp_path, mini, randomise):
    giver, taker = mini(), randomise(mini(), seed=9)
    path = tmp_path / f"weights{suffix}"
    save = save_file if suffix == ".safetensors" else torch.save
    save(giver.state_dict(), path)
    report = load_file(taker, str(path))
    assert all(map(torch.equal, giver.state_dict().values(), taker.state_dict().values()))
    assert (report.missing, report.unexpected, report.resized) == ((), (), ())
    assert report.mean == (0.5, 0.5, 0.5)
    assert str(report) == (
        f"{len(giver.state_dict())} tensors from {path}; "
        "inputs normalised by mean 0.5, 0.5, 0.5 and std 0.5, 0.5, 0.5"
    )


@pytest.mark.parametrize("size", [16, 64])
def test_pytorch_positions_are_resized_as_timm_does(size, tmp_path, mini, reference):
    from timm.models.vision_transformer import checkpoint_filter_fn

    giver = mini()
    save_file(giver.state_dict(), tmp_path / "weights.safetensors")
    taker = mini(image_size=size)
    assert load_file(taker, tmp_path / "weights.safetensors").resized == ("pos_embed",)
    theirs = reference("vit_mini", size, 8)
    theirs.load_state_dict(checkpoint_filter_fn(giver.state_dict(), theirs))
    agree(taker, theirs, size)


def test_another_number_of_classes_gets_a_head_of_zeros(tmp_path, mini):
    giver, taker = mini(), mini(num_classes=3)
    save_file(giver.state_dict(), tmp_path / "weights.safetensors")
    report = load_file(taker, tmp_path / "weights.safetensors")
    assert not taker.head.weight.any()
    assert not taker.head.bias.any()
    assert torch.equal(taker.blocks[1].mlp.fc1.weight, giver.blocks[1].mlp.fc1.weight)
    assert report.missing == ("head.weight", "head.bias")
    assert set(report.unexpected) == {"head.weight", "head.bias"}


def test_a_checkpoint_without_a_head_gets_one_of_zeros(tmp_path, mini):
    state = {key: each for key, each in mini().state_dict().items() if not key.startswith("head")}
    save_file(state, tmp_path / "weights.safetensors")
    taker = mini()
    assert load_file(taker, tmp_path / "weights.safetensors").missing == ("head.weight", "head.bias")
    assert not taker.head.weight.any()


def test_plain_weights_compute_the_same_in_the_optimized_model(tmp_path, mini):
    giver = mini().eval()
    save_file(giver.state_dict(), tmp_path / "weights.safetensors")
    taker = create_model("vit_mini_optimized", num_classes=10, image_size=32, patch_size=8).eval()
    report = load_file(taker, tmp_path / "weights.safetensors")
    assert report.missing == tuple(f"blocks.{b}.ls{n}.gamma" for b in range(4) for n in (1, 2))
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(taker(images), giver(images))


def test_mean_pooling_leaves_the_class_token_behind(tmp_path, mini):
    giver = mini()
    save_file(giver.state_dict(), tmp_path / "weights.safetensors")
    taker = mini(pool="mean", image_size=64)
    report = load_file(taker, tmp_path / "weights.safetensors")
    assert report.unexpected == ("cls_token",)
    grid = resize_positions(giver.pos_embed.detach()[:, 1:], 8, 0)
    assert torch.equal(taker.pos_embed.detach(), grid)
    save_file(taker.state_dict(), tmp_path / "mean.safetensors")
    with pytest.raises(CheckpointError, match="no class token: load it into a model with pool = 'mean'"):
        load_file(mini(), tmp_path / "mean.safetensors")


def test_training_checkpoints_say_how_they_normalised(tmp_path, mini):
    giver = mini()
    content = {"model": giver.state_dict(), "optimizer": {}, "step": 3, "config": {"epochs": 7}}
    torch.save(content, tmp_path / "last.pt")
    report = load_file(mini(), tmp_path / "last.pt")
    assert (report.mean, report.std) == (None, None)
    content["config"] = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    torch.save(content, tmp_path / "last.pt")
    report = load_file(mini(), tmp_path / "last.pt")
    assert (report.mean, report.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_prefixes_of_compile_and_ddp_are_dropped(tmp_path, mini):
    giver, taker = mini(), mini(image_size=64)
    state = {f"module._orig_mod.{key}": each for key, each in giver.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "weights.pth")
    load_file(taker, tmp_path / "weights.pth")
    assert torch.equal(taker.norm.weight, giver.norm.weight)


def test_timm_models_load_too(tmp_path, randomise):
    giver, taker = (create_model("timm:resnet10t", num_classes=n, image_size=32) for n in (10, 4))
    save_file(randomise(giver).state_dict(), tmp_path / "weights.safetensors")
    report = load_file(taker, tmp_path / "weights.safetensors")
    assert report.missing == ("fc.weight", "fc.bias")
    assert torch.equal(taker.layer1[0].bn1.weight, giver.layer1[0].bn1.weight)


def unchanged(model, run):
    before = {key: each.clone() for key, each in model.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        run()
    assert all(torch.equal(each, before[key]) for key, each in model.state_dict().items())
    return str(caught.value)


def timm_model(name, size, classes=10, **options):
    return create_model(f"timm:{name}", num_classes=classes, image_size=size, **options)


SMALL_VIT = {"embed_dim": 48, "depth": 1, "num_heads": 2}
SMALL_SWIN = {"embed_dim": 24, "depths": (1, 1), "num_heads": (1, 2)}


@pytest.mark.filterwarnings("ignore::UserWarning:timm")
@pytest.mark.parametrize(
    ("name", "before", "after", "options", "resized"),
    [
        ("vit_tiny_patch16_224", 32, 64, SMALL_VIT, ("pos_embed",)),
        (
            "beit_base_patch16_224",
            64,
            32,
            SMALL_VIT,
            ("blocks.0.attn.relative_position_bias_table",),
        ),
        (
            "swin_tiny_patch4_window7_224",
            56,
            32,
            SMALL_SWIN,
            ("layers.1.blocks.0.attn.relative_position_bias_table",),
        ),
    ],
)
def test_positions_of_timm_models_are_resized_as_timm_does(
    name, before, after, options, resized, tmp_path, randomise
):
    import timm

    giver, taker = (timm_model(name, size, **options) for size in (before, after))
    path = tmp_path / "weights.safetensors"
    save_file(randomise(giver).state_dict(), path)
    report = load_file(taker, path)
    assert set(report.resized) == set(resized)
    assert (report.missing, report.unexpected) == ((), ())
    theirs = timm.create_model(
        name,
        pretrained=True,
        pretrained_cfg_overlay={"file": str(path), "num_classes": 10},
        num_classes=10,
        img_size=after,
        **options,
    )
    agree(taker, theirs, after)


def test_google_files_give_timm_models_timms_logits_too(tmp_path):
    import timm

    encoder = MODELS["vit_mini"].encoder
    options = {"embed_dim": encoder.width, "depth": encoder.depth, "num_heads": encoder.heads}
    options["mlp_ratio"] = encoder.mlp_dim / encoder.width
    arrays = google_vit(np.random.default_rng(0), encoder, 16, (16, 16, 3))
    path = write_npz(tmp_path / "google.npz", arrays)
    ours = timm_model("vit_tiny_patch16_224", 96, CLASSES, **options)
    report = load_file(ours, path)
    assert report.mean == report.std == (0.5, 0.5, 0.5)
    assert report.resized == ("pos_embed",)
    theirs = timm.create_model("vit_tiny_patch16_224", num_classes=CLASSES, img_size=96, **options)
    theirs.load_pretrained(str(path))
    agree(ours, theirs, 96)


IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_timm_weights_from_a_file_are_normalised_as_timm_says(suffix, tmp_path):
    giver, taker = (timm_model("test_efficientnet", 32) for _ in "ab")
    assert (giver.pretrained_cfg["mean"], giver.pretrained_cfg["std"]) == IMAGENET
    path = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else save_file)(giver.state_dict(), path)
    report = load_file(taker, path)
    assert (report.mean, report.std) == IMAGENET
    assert str(report).endswith("; inputs normalised by mean 0.485, 0.456, 0.406 and std 0.229, 0.224, 0.225")
    (tmp_path / "config.json").write_text(json.dumps({"pretrained_cfg": {"mean": [0.1, 0.2, 0.3]}}))
    report = load_file(taker, path)
    assert (report.mean, report.std) == ((0.1, 0.2, 0.3), IMAGENET[1])


def test_timm_weights_that_were_trained_here_keep_their_normalisation(tmp_path):
    model = timm_model("test_efficientnet", 32)
    config = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    torch.save({"model": model.state_dict(), "config": config}, tmp_path / "best.pt")
    report = load_file(model, tmp_path / "best.pt")
    assert (report.mean, report.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_files_from_before_batches_were_counted_load_too(tmp_path, randomise):
    giver, taker = (timm_model("test_efficientnet", 32) for _ in "ab")
    state = {
        key: each
        for key, each in randomise(giver).state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    torch.save(state, tmp_path / "old.pth")
    report = load_file(taker, tmp_path / "old.pth")
    assert all(name.endswith("num_batches_tracked") for name in report.missing)
    assert torch.equal(taker.classifier.weight, giver.classifier.weight)


def test_both_heads_of_a_distilled_model_are_kept_or_left_together(tmp_path, randomise):
    name = "deit_tiny_distilled_patch16_224"
    giver, same, other = (timm_model(name, 32, classes, **SMALL_VIT) for classes in (10, 10, 4))
    save_file(randomise(giver).state_dict(), tmp_path / "weights.safetensors")
    assert load_file(same, tmp_path / "weights.safetensors").missing == ()
    heads = ("head.weight", "head.bias", "head_dist.weight", "head_dist.bias")
    assert load_file(other, tmp_path / "weights.safetensors").missing == heads
    assert not other.head_dist.weight.any()


def test_another_timm_networks_checkpoint_is_refused(tmp_path):
    save_file(timm_model("test_efficientnet", 32).state_dict(), tmp_path / "weights.safetensors")
    for name, options in (
        ("vit_tiny_patch16_224", SMALL_VIT),
        ("swin_tiny_patch4_window7_224", SMALL_SWIN),
    ):
        model = timm_model(name, 32, **options)
        message = unchanged(model, lambda model=model: load_file(model, tmp_path / "weights.safetensors"))
        assert "another network's checkpoint" in message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"patch_size": 16}, r"patch_embed.proj.weight is \(96, 3, 8, 8\) there and \(96, 3, 16, 16\) here"),
        ({"name": "vit_ti"}, "another network's checkpoint: .* there and .* here"),
        ({"name": "bit_mini", "patch_size": None}, "another network's checkpoint: .* there and .* here"),
        ({"name": "hybrid_mini", "patch_size": None}, "there and|not in it"),
    ],
)
def test_another_networks_checkpoint_is_refused_whole(change, says, tmp_path, mini):
    save_file(mini().state_dict(), tmp_path / "weights.safetensors")
    size = {"name": "vit_mini", "num_classes": 10, "image_size": 32, "patch_size": 8} | change
    model = create_model(size.pop("name"), **size)
    message = unchanged(model, lambda: load_file(model, tmp_path / "weights.safetensors"))
    assert re.search(says, message)


def test_a_checkpoint_of_nothing_known_is_refused(tmp_path, mini):
    model = mini()
    write_npz(tmp_path / "data.npz", {"images": np.zeros((2, 3)), "labels": np.zeros(2)})
    message = unchanged(model, lambda: load_file(model, tmp_path / "data.npz"))
    assert "another network's checkpoint: cls_token and 53 more not in it" in message


def test_a_deeper_networks_checkpoint_is_refused(tmp_path, mini):
    state = mini().state_dict()
    state |= {key.replace("blocks.3", "blocks.4"): each.clone() for key, each in state.items()}
    save_file(state, tmp_path / "weights.safetensors")
    model = mini()
    message = unchanged(model, lambda: load_file(model, tmp_path / "weights.safetensors"))
    assert "no place here for blocks.4" in message


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path(self.target),))


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".safetensors"])
def test_nothing_is_unpickled(suffix, tmp_path, mini):
    bomb = Bomb()
    bomb.target = str(tmp_path / "exploded")
    path = tmp_path / f"weights{suffix}"
    if suffix == ".npz":
        np.savez(path, cls=np.array([bomb], dtype=object))
    else:
        torch.save({"model": bomb}, path)
    model = mini()
    said = unchanged(model, lambda: load_file(model, path))
    assert "cannot be read" in said
    assert "allow_pickle" not in said
    assert "weights_only" not in said
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("suffix", [".pt", ".npz"])
def test_an_archive_that_would_swell_is_not_read(suffix, tmp_path, mini):
    path = tmp_path / f"weights{suffix}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cls.npy", bytes(50_000_000))
    model = mini()
    assert "cannot be read: its 49 kB claim to hold 50 MB" in unchanged(model, lambda: load_file(model, path))


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"hello, this is no checkpoint", b"PK\x03\x04" + bytes(40), b"\x93NUMPY"]
)
def test_files_that_are_no_checkpoints_are_refused(suffix, content, tmp_path, mini):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    model = mini()
    assert "cannot be read" in unchanged(model, lambda: load_file(model, path))


def test_sources_that_are_nowhere_are_refused(tmp_path, mini):
    model = mini()
    (tmp_path / "notes.txt").write_text("no")
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "single.npy").rename(tmp_path / "single.npz")
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({}, tmp_path / "empty.pt")
    for source, says in {
        "gone.safetensors": "there is no file",
        str(tmp_path / "gone"): "there is no file",
        str(tmp_path / "notes.txt"): "should end in one of .npz, .safetensors",
        str(tmp_path / "single.npz"): "a single array",
        str(tmp_path / "list.pt"): "holds a list, not a state dict",
        str(tmp_path / "empty.pt"): "holds no tensors",
        "not a name/of a model": "no model of that name on the hub",
    }.items():
        assert says in unchanged(model, lambda source=source: load_file(model, source))


def test_hub_names_are_downloaded_with_their_normalisation(tmp_path, monkeypatch, mini):
    giver = mini()
    save_file(giver.state_dict(), tmp_path / "model.safetensors")
    config = {"pretrained_cfg": {"mean": [0.48, 0.45, 0.4], "std": [0.2, 0.3, 0.4]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    asked = []

    def download(repository, file):
        asked.append((repository, file))
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    for name in ("vit_mini.some_tag", "timm/vit_mini.some_tag"):
        report = load_file(mini(image_size=64), name)
        assert (report.mean, report.std) == ((0.48, 0.45, 0.4), (0.2, 0.3, 0.4))
    assert set(asked) == {("timm/vit_mini.some_tag", file) for file in ("config.json", "model.safetensors")}


def test_offline_says_what_to_do(tmp_path, monkeypatch, mini):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    model = mini()
    name = "timm/vit_tiny_patch16_224.augreg_in21k"
    message = unchanged(model, lambda: load_file(model, name))
    assert f"`hf download {name} model.safetensors config.json --local-dir DIR`" in message
    assert 'pretrained = "DIR/model.safetensors"' in message
