"""Recipes fill in what an experiment does not say, and nothing that it says."""

from __future__ import annotations

import pytest

from engine.catalog.model_sizes import MODELS
from engine.catalog.recipes import SEED, fill, of_family
from engine.config.loader import load_config
from engine.config.overrides import override


@pytest.fixture
def experiment(tmp_path):
    def load(text, defaults=""):
        path = tmp_path / "experiments.toml"
        path.write_text(f"[defaults]\n{defaults}\n[experiments.a]\n{text}")
        return load_config(path).experiments["a"]

    return load


VIT = 'model = "vit_b"\npatch_size = 16\n'


def test_families_learn_in_their_own_ways(experiment):
    vit, bit = experiment(VIT), experiment('model = "bit_r50x1"')
    assert (vit.optimizer, vit.lr, vit.batch_size, vit.weight_decay) == ("adamw", 5e-4, 512, 0.05)
    assert (bit.optimizer, bit.lr, bit.batch_size, bit.warmup) == ("sgd", 0.1, 256, 0.05)
    assert experiment('model = "bit_r152x2"\nepochs = 14').lr == 0.05
    assert experiment('model = "vit_l"\npatch_size = 16').lr == 3e-4
    assert experiment(f"{VIT}epochs = 14").weight_decay == 0.1
    tuned = experiment('model = "bit_r50x1"\npretrained = "x.npz"')
    assert (tuned.schedule, tuned.weight_decay, tuned.mixup) == ("staircase", 0, 0.1)


def test_the_rate_follows_the_images_in_a_step(experiment):
    assert experiment(f"{VIT}batch_size = 128").lr == 2.5e-4  # Adam: the root of a quarter
    assert experiment(f"{VIT}batch_size = 64\naccumulate = 8").lr == 5e-4
    assert experiment('model = "bit_r50x1"\nbatch_size = 64').lr == 0.025  # SGD: a quarter


def test_large_images_go_through_in_parts_of_the_same_step(experiment):
    large = experiment(f"{VIT}image_size = 224")
    assert (large.batch_size, large.accumulate, large.lr) == (128, 4, 5e-4)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_recipe(name):
    settings = of_family({"model": name})
    assert settings["lr"] > 0
    assert settings["batch_size"] * settings["accumulate"] >= 256
    assert of_family({"model": name, "command": ["python"]}) == {}
    assert of_family({"model": name, "batch_size": "many", "epochs": None}) == settings


def test_what_is_written_stands(experiment):
    assert experiment(f"{VIT}lr = 0.3\nlabel_smoothing = 0.2").lr == 0.3
    assert experiment(VIT, defaults="lr = 0.2").lr == 0.2


def test_the_seeds_recipe_stands_where_it_is_named(experiment):
    seed = experiment(f'{VIT}recipe = "seed"', defaults="batch_size = 128\nlr = 1e-3")
    assert {key: getattr(seed, key) for key in SEED} == SEED
    assert experiment(f'{VIT}recipe = "seed"\nlr = 2e-4').lr == 2e-4
    assert experiment(f"{VIT}lr = 2e-4", defaults='recipe = "seed"').lr == 2e-4
    assert experiment(VIT, defaults='recipe = "seed"').optimizer == "adam"
    assert fill([{"model": "vit_b"}, {"recipe": "seed", "batch_size": 4}])["batch_size"] == 4


def test_settings_on_the_command_line_follow_the_recipe_too(experiment):
    vit = experiment(VIT)
    assert override(vit, ["batch_size=128"]).lr == 2.5e-4
    assert override(vit, ["batch_size=128", "lr=1e-3"]).lr == 1e-3
    assert override(vit, ["batch_size=128", "accumulate=4"]).lr == 5e-4
    assert override(experiment(f"{VIT}lr = 3e-4"), ["batch_size=128"]).lr == 3e-4
    seed = override(vit, ["recipe=seed", "subset_per_class=500"])
    assert (seed.optimizer, seed.batch_size, seed.subset_per_class) == ("adam", 16, 500)
    back = override(seed, ["recipe=auto"])
    assert (back.optimizer, back.lr, back.batch_size) == (vit.optimizer, vit.lr, vit.batch_size)
    assert back.subset_per_class == 500  # asked for, not the recipe's
    assert override(experiment(f'{VIT}recipe = "seed"'), ["recipe=auto"]) == vit
    bit = override(experiment('model = "hybrid_b"'), ["model=bit_r50x1"])
    assert bit == experiment('model = "bit_r50x1"')
    assert override(experiment(f"{VIT}seeds = [1, 2]"), ["seed=3"]).run_seeds == [3]
    sgd = override(vit, ["optimizer=sgd"])
    assert (sgd.lr, sgd.weight_decay) == (0.03, 5e-4)
