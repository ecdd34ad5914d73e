"""What experiments, figures and the statistics are: every field is a key of experiments.toml, with what it takes.

The text below a field of an experiment is what the form says of the key (``engine.config.setting_meanings``).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[int, Meta(ge=1, description="a whole number of at least 1")]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1, description="a whole number of at least 0 and below 2^63")]
Rate = Annotated[float, Meta(gt=0, le=sys.float_info.max, description="a number above 0")]
Weight = Annotated[float, Meta(ge=0, le=sys.float_info.max, description="a number of at least 0")]
Fraction = Annotated[float, Meta(ge=0, lt=1, description="a number from 0 up to, not including, 1")]
Words = Annotated[list[str], Meta(description="a list of strings")]
Text = Annotated[str, Meta(description="a string")]
Decay = Annotated[float, Meta(gt=0, le=1, description="a number above 0 and at most 1")]

LARGEST_SETTING = 1e15
"""No setting that counts something is larger."""
SCRIPT = "script"
"""The ``model`` of an experiment that runs its own ``command``."""
IMPORTED = "imported"
"""The ``model`` of a run that another program trained: nothing else is known of how."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """One experiment: which model learns what, and how. Every field is a key of experiments.toml."""

    name: str
    # what learns
    model: Text
    """What is trained: its architecture and size."""
    image_size: Positive = 32
    """The side of the images that the model sees, in pixels; others are resized."""
    patch_size: Positive | None = None
    """The side of a patch, which a vit_* model requires; it divides image_size, and smaller is slower and finer."""
    options: Annotated[dict[str, Any], Meta(description="a table of model options")] = {}
    """Options of the model's family."""
    pretrained: Text | None = None
    """Weights to start from: a file, or a name on the Hugging Face hub; none is from scratch."""
    # from what
    dataset: Text = "cifar10"
    """The images to learn from and to be tested on."""
    subset_per_class: Positive | None = None
    """Train on so many images of each class, drawn with the seed; for quick trials and studies of small data."""
    val_fraction: Annotated[float, Meta(gt=0, le=0.5, description="a number above 0 and at most 0.5")] = 0.02
    """The part of the training split that is held back to choose the best checkpoint; more for small data."""
    split: Annotated[float, Meta(gt=0, lt=1, description="a number above 0 and below 1")] | None = None
    """The part of each class that is cut off as the test split of a folder or list that comes without one."""
    corrupt: Annotated[Literal["refuse", "skip"], Meta(description="'refuse' or 'skip'")] = "refuse"
    """What becomes of a folder or list with images that cannot be decoded."""
    workers: Annotated[int, Meta(ge=0, le=256, description="a whole number from 0 to 256")] | None = None
    """Processes that decode a folder the first time, 0 for none; one for each core but one, if not given."""
    augment: Annotated[
        Literal["none", "light", "randaugment"], Meta(description="'none', 'light' or 'randaugment'")
    ] = "light"
    """How training images are varied; light: a crop with reflection, and a flip where a mirror image is as true."""
    cutout: Count = 0
    """The side of a square that is blanked out, in pixels of the stored image; 0 for none."""
    mixup: Weight = 0.0
    """Alpha of mixup, 0 for none; where cutmix is set too, a batch gets one of the two."""
    cutmix: Weight = 0.0
    """Alpha of cutmix, 0 for none."""
    # how; what is not given comes from the recipe of the model's family
    recipe: Annotated[Literal["auto", "seed"], Meta(description="'auto' or 'seed'")] = "auto"
    """What keys are that are left out: auto goes by the model's family, seed is how the original comparison trained."""
    epochs: Positive = 7
    """Passes over the training split."""
    batch_size: Positive = 128
    """Images that go through the model at once; lower it where memory is short."""
    accumulate: Positive = 1
    """Batches in an optimizer step: a step sees batch_size × accumulate images."""
    gpus: Annotated[int, Meta(ge=1, le=64, description="a whole number from 1 to 64")] = 1
    """Devices that share each batch; what is learned stays the same."""
    optimizer: Annotated[Literal["adamw", "adam", "sgd"], Meta(description="'adamw', 'adam' or 'sgd'")] = (
        "adamw"
    )
    """How gradients become changes of the weights."""
    betas: (
        Annotated[
            list[Fraction],
            Meta(
                min_length=2, max_length=2, description="a list of two numbers from 0 up to, not including, 1"
            ),
        ]
        | None
    ) = None
    """Decay of the two moments of adamw and adam; if not given 0.9 and 0.95, of adam 0.9 and 0.999."""
    eps: Rate | None = None
    """What adamw and adam add to the root of the second moment; 1e-8 if not given."""
    momentum: Fraction | None = None
    """Nesterov's momentum, of sgd; 0.9 if not given."""
    lr: Rate = 5e-4
    """The peak learning rate."""
    weight_decay: Weight = 0.05
    """The pull of weights to 0; norms, biases and learned tokens are exempt."""
    layer_decay: Decay = 1.0
    """The factor between the learning rates of one block and the one before it; 1 for the same everywhere."""
    schedule: Annotated[
        Literal["cosine", "staircase", "constant"], Meta(description="'cosine', 'staircase' or 'constant'")
    ] = "cosine"
    """How the learning rate falls after the warmup: down to min_lr, in steps, or not."""
    min_lr: Weight = 0.0
    """The learning rate that cosine and staircase fall to; with layer_decay that of the head."""
    warmup: Fraction = 0.1
    """The part of the run in which the learning rate rises."""
    label_smoothing: Fraction = 0.1
    """The part of a label that is spread over all classes."""
    clip_norm: Weight = 1.0
    """The norm that gradients are scaled down to; 0 for no limit."""
    ema: Fraction = 0.0
    """Decay of an average of the weights, measured as ``ema/*`` and validated as ``ema/val/*``; 0 for none."""
    patience: Annotated[int, Meta(ge=0, le=100_000, description="a whole number from 0 on")] = 0
    """Evaluations without a better validation score after which training ends; 0 for no such end."""
    precision: Annotated[
        Literal["auto", "float32", "tf32", "bf16", "fp16"],
        Meta(description="'auto', 'float32', 'tf32', 'bf16' or 'fp16'"),
    ] = "auto"
    """Of products and convolutions; auto is bf16 on a GPU that has it, fp16 on older ones and float32 elsewhere."""
    deterministic: Annotated[bool, Meta(description="true or false")] = False
    """Whether only algorithms run that give the same bits each time: a resume is exact on a GPU too."""
    compile: Annotated[
        Literal["auto", "off", "on", "graphs"], Meta(description="'auto', 'off', 'on' or 'graphs'")
    ] = "auto"
    """Whether torch.compile is used; auto is on for a GPU and off for a CPU, graphs adds CUDA graphs."""
    checkpointing: Annotated[bool, Meta(description="true or false")] = False
    """Whether blocks compute their activations again in the backward pass instead of keeping them."""
    seed: Count = 0
    """Of the weights, order, augmentation, subset and validation split."""
    seeds: Annotated[list[Count], Meta(description="a list of whole numbers")] = []
    """One run for each, shown as one curve with a band; three at least for a conclusion."""
    log_every: Positive = 10
    """Optimizer steps between two measurements of the training."""
    evaluate_every: Positive = 1
    """Epochs between two evaluations; after the last epoch there is always one."""
    # around it
    retries: Annotated[int, Meta(ge=0, le=100, description="a whole number from 0 to 100")] = 0
    """How often the queue begins the run anew by itself when it fails or crashes."""
    console_limit: Annotated[
        int, Meta(ge=0, le=1_000_000, description="megabytes, a whole number from 0 to 1000000")
    ] = 100
    """Megabytes that a run's console.log may take, and its older part beside it once more; 0 for no limit."""
    command: Words = []
    """A program of your own to run instead of a model."""
    env: Words = []
    """Names of variables that a queued run takes along from the shell that submits it, besides PATH and the like."""
    tags: Words = []
    """Words to filter and group by."""
    notes: Text = ""
    """A remark, shown with the run."""

    @property
    def run_seeds(self) -> list[int]:
        """The seeds to run: ``seeds``, or ``seed`` alone."""
        return self.seeds or [self.seed]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.required else field.default


DEFAULTS: Mapping[str, Any] = {field.name: _default(field) for field in msgspec.structs.fields(Experiment)}
"""What each key of an experiment is where nothing is said of it; None for a required key."""
IDENTITY = frozenset({"name", "seed", "seeds"})
"""Keys that say which run of which experiment it is."""
LABELS = IDENTITY | {"tags", "notes"}
"""Keys that say which run it is and what people say of it."""
NOT_SETTINGS = LABELS | {
    "log_every", "evaluate_every", "gpus", "retries", "console_limit", "deterministic", "checkpointing",
    "env",
}  # fmt: skip
"""Keys that change nothing about what is learned: runs that differ in these alone are repeats."""


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a configuration says about learning; a key that it does not have yet has its default.

    Of an imported run only the model is known; the rest is None.
    """
    if config.get("model") == IMPORTED:
        return dict.fromkeys(key for key in DEFAULTS if key not in NOT_SETTINGS) | {"model": IMPORTED}
    return {
        key: msgspec.to_builtins(config.get(key, default))
        for key, default in DEFAULTS.items()
        if key not in NOT_SETTINGS
    }


def chosen_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a configuration says: of a program's run only its seed and what the user has chosen.

    What a program of the user's own trains, on what and how, is its own affair: no default speaks of it.
    """
    if not config.get("command"):
        return dict(config)
    defaults = {**DEFAULTS, "model": SCRIPT, "seed": None}
    return {key: value for key, value in config.items() if value != defaults.get(key)}


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure of some experiments, written to ``images/<name>.png``.

    ``engine.catalog.figure_kinds`` has which keys go together.
    """

    name: str
    kind: Annotated[str, Meta(description="a kind of figure, such as 'curves' or 'bars'")] = "curves"
    title: Text = ""
    y: Text = ""
    """The metric; it also says which runs count."""
    x: Annotated[str, Meta(description="the name of an axis, such as 'epoch'")] = ""
    """Of curves an axis of ``engine.history.reader``, of a scatter one of ``engine.catalog.figure_kinds.COSTS``."""
    experiments: Annotated[list[str], Meta(min_length=1, description="a list of experiment names")]
    y_label: Text = ""
    smoothing: Fraction = 0.0


class Statistics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What comparisons have to know from the user."""

    margin: Annotated[
        dict[str, Rate], Meta(description='a table of differences above 0, such as { "test/f1" = 0.01 }')
    ] = {}
    """By metric: a difference below it does not matter here."""
    planned_seeds: (
        Annotated[int, Meta(ge=2, le=10_000, description="a whole number from 2 to 10000")] | None
    ) = None
    """How many seeds of each are to be trained; until these are there the level is 0.005."""


def positive_number(config: Mapping[str, Any], key: str, otherwise: float = 1.0) -> float:
    """Return a positive number of a configuration, as a run's file has it; any file may say anything there.

    Args:
        config: The settings by key.
        key: Which of them.
        otherwise: What is returned where it says no number above 0 and below ``LARGEST_SETTING``.
    """
    value = config.get(key)
    return float(value) if isinstance(value, int | float) and 0 < value < LARGEST_SETTING else otherwise
