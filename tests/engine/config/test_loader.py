"""experiments.toml: what is right is read, and of what is wrong every mistake is named with its place."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.loader import Config, check_notes, find_experiment, load_config
from engine.config.overrides import override
from engine.config.schema import Experiment, chosen_settings
from engine.config.validate import ConfigError

ROOT = Path(__file__).parents[3]
ELEVEN = {
    "ViT-B-224x224-16-7", "ViT-B-32x32-32-7", "ViT-B-32x32-16-7", "ViT-B-224x224-32-7", "ViT-L-32x32-16-14",
    "BiT-M-R50x1-32x32-7", "BiT-M-R50x1-224x224-7", "BiT-S-R152x2-32x32-14", "ViT(B)-Hyb-32x32-14",
    "ViT-Hyb-32x32-14", "ViT-L-224x224-16-14",
}  # fmt: skip
SEVEN = {
    "train_7_epochs", "train_7_epochs_comparison", "f1_score_hybrid_vs_resnets_vs_vit", "f1_score_vit_vs_bit",
    "gpu_memory_allocated", "test_loss_7_epochs", "test_loss_14_epochs",
}  # fmt: skip


@pytest.fixture
def load(tmp_path):
    def load(text: str | bytes) -> Config:
        file = tmp_path / "x.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(file)

    return load


@pytest.fixture
def mistakes(load, tmp_path):
    """Return ``["line:column message", ...]`` of a text that is not valid."""

    def mistakes(text: str | bytes) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text)
        return [str(mistake).removeprefix(f"{tmp_path / 'x.toml'}:") for mistake in caught.value.mistakes]

    return mistakes


VIT = 'model = "vit_b"\npatch_size = 16\n'


class TestTheShippedFile:
    @pytest.fixture
    def config(self):
        return load_config(ROOT / "experiments.toml")

    def test_has_the_eleven_experiments_and_three_quick_ones(self, config):
        assert set(config.experiments) == ELEVEN | {"quick-ViT", "quick-BiT", "quick-Hybrid"}

    def test_shows_the_memory_that_training_takes_not_what_is_left_between_steps(self, config):
        assert config.figures["gpu_memory_allocated"].y == "gpu/memory_peak"

    def test_has_the_seven_figures_and_a_quick_one(self, config):
        assert set(config.figures) == SEVEN | {"quick"}

    def test_keeps_what_the_names_of_its_experiments_say(self, config):
        for name in ELEVEN:
            *_, size, last, epochs = ["", "", *name.split("-")][-5:]
            size, patch = (size, int(last)) if "x" in size and last.isdecimal() else (last, None)
            experiment = config.experiments[name]
            assert f"{experiment.image_size}x{experiment.image_size}" == size
            assert (experiment.patch_size, experiment.epochs) == (patch, int(epochs))

    def test_trains_the_eleven_from_scratch_on_cifar10(self, config):
        for name in ELEVEN:
            assert config.experiments[name].dataset == "cifar10"
            assert config.experiments[name].pretrained is None

    def test_notes_the_model_of_one_patch(self, config):
        assert any(note.startswith("ViT-B-32x32-32-7: one patch token") for note in check_notes(config))


def test_experiments_start_from_the_defaults(load):
    config = load(
        f'[defaults]\nepochs = 3\nlr = 1e-3\n[experiments.a]\n{VIT}[experiments."b c"]\n{VIT}epochs = 5\n'
    )
    a, b = config.experiments["a"], config.experiments["b c"]
    assert (a.epochs, a.lr, b.epochs, b.lr) == (3, 1e-3, 5, 1e-3)
    assert (a.name, a.dataset, a.run_seeds) == ("a", "cifar10", [0])


def test_seeds_are_one_run_each(load):
    config = load(f"[experiments.a]\n{VIT}seeds = [3, 1, 2]\n")
    assert config.experiments["a"].run_seeds == [3, 1, 2]


def test_a_folder_is_found_from_the_file(load, tmp_path):
    config = load(f'[experiments.a]\n{VIT}dataset = "folder:images"\n')
    assert config.experiments["a"].dataset == f"folder:{tmp_path / 'images'}"


@pytest.mark.parametrize(
    ("given", "leads"),
    [
        ("weights.safetensors", "{home}/weights.safetensors"),
        ("old/../best.pt", "{home}/best.pt"),
        ("./weights", "{home}/weights"),
        ("/data/x.npz", "/data/x.npz"),
        ("timm/vit_tiny_patch16_224.augreg_in21k", "timm/vit_tiny_patch16_224.augreg_in21k"),
        ("resnetv2_50x1_bit", "resnetv2_50x1_bit"),
    ],
)
def test_files_of_weights_are_relative_to_the_configuration_as_folders_are(load, tmp_path, given, leads):
    config = load(f'[experiments.a]\n{VIT}pretrained = "{given}"\n')
    assert config.experiments["a"].pretrained == leads.format(home=tmp_path)


def test_a_link_to_weights_keeps_its_name(load, tmp_path):
    (tmp_path / "blob").touch()
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "blob")
    config = load(f'[experiments.a]\n{VIT}pretrained = "model.safetensors"\n')
    assert config.experiments["a"].pretrained == str(tmp_path / "model.safetensors")


def test_a_command_that_is_no_list_is_the_only_mistake(mistakes):
    (only,) = mistakes('[experiments.a]\ncommand = "python train.py"\n')
    assert only.startswith("2:11: command")


def test_an_experiment_with_a_command_needs_no_model(load):
    assert load('[experiments.a]\ncommand = ["python", "train.py"]\n').experiments["a"].command


def test_graphs_take_one_batch_in_a_step(load, mistakes):
    """PyTorch: "accessing tensor output of CUDAGraphs that has been overwritten by a subsequent run"."""
    large = VIT.replace("16", "32") + 'image_size = 224\ncompile = "graphs"\n'
    (message,) = mistakes(f"[experiments.a]\n{large}")  # the recipe accumulates at this size
    assert message.startswith(
        "5:11: compile of experiment 'a': 'graphs' takes one batch in a step, and accumulate is 4"
    )
    assert "accumulate = 1 and batch_size = 512" in message
    experiment = load(f"[experiments.a]\n{large}accumulate = 1\nbatch_size = 512\n").experiments["a"]
    assert (experiment.compile, experiment.accumulate) == ("graphs", 1)


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(mistakes):
    found = mistakes(
        """\
[default]
[experiments."a b"]
model = "vit_bb"
  epoch = 3
[experiments.c]
model = "vit_b"
patch_size = 5
epochs = 0
lr = "fast"
[experiments.d]
[figures.f]
y = "test/f1"
experiments = ["a b", "cc"]
x = "age"
"""
    )
    places, messages = zip(*(each.split(": ", 1) for each in found), strict=True)
    assert places == ("1:1", "3:9", "4:3", "7:14", "8:10", "9:6", "10:1", "13:15", "14:5")
    for message, words in zip(
        messages,
        [
            "did you mean 'defaults'?",
            "did you mean 'vit_b'?",
            "did you mean 'epochs'?",
            "patches of 5 do not divide an image of 32; 1, 2, 4, 8, 16, 32 do",
            "found 0 (a whole number); it has to be a whole number of at least 1",
            "found 'fast' (a string); it has to be a number above 0",
            "model of experiment 'd': it is missing",
            "there is no experiment 'cc'",
            "no axis 'age'. Known: epoch, step, time, samples, gpu-hours, joules",
        ],
        strict=True,
    ):
        assert words in message


@pytest.mark.parametrize("uses", [0, 1, 3])
def test_a_mistake_in_the_defaults_is_named_once_whoever_inherits_it(mistakes, uses):
    own = f"epochs = 1\n{VIT}"
    experiments = "".join(f"[experiments.e{i}]\n{VIT if i < uses else own}" for i in range(3))
    found = mistakes(f'[defaults]\nepochs = "many"\n{experiments}')
    assert [each.split(":")[0] for each in found] == ["2"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('["experiments".\'a#=]"b\']\n"mo\\u0064el" = "vit_b"\n"patch_size" = 5', "3:16"),
        ('[experiments.a]\nmodel = "vit_b"\nnotes = """\n[x]\nepochs = 1\n"""\npatch_size = 5', "7:14"),
        ('[experiments.a]\nmodel = "vit_b"\ntags = [\n  "a", # [\n  "b",\n]\n\npatch_size = 5', "8:14"),
        ('experiments.a = { model = "vit_b", patch_size = 5 }', "1:1"),
        ('experiments.a.model = "vit_b"\nexperiments.a.patch_size = 5', "2:28"),
        ('experiments.a.model = "vit_b"\nexperiments.a.modle = 1\nexperiments.a.patch_size = 16', "2:1"),
        ('[experiments.a]\nmodel = "vit_b"\npatch_size = 16\nmodle.x = 1', "4:1"),
        ('[experiments.a]\nmodel = "vit_b"\npatch_size = 16\noptions.drop_path = 7', "4:1"),
        ('[experiments.a]\r\nmodel = "vit_b"\r\npatch_size = 5\r\n', "3:14"),
        ('[experiments.a]\nnotes = "a\u2028b\x85c"\nmodel = "vit_b"\npatch_size = 5', "4:14"),
        ('# a = 1\n\n  [experiments.a] # here\n\tmodel = "vit_b"\n\tpatch_size   =   5', "5:19"),
        ("[[experiments]]\na = 1", "1:1"),
        ("experiments = 3", "1:15"),
        ("[experiments]\na = 3", "2:5"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_wherever_toml_lets_it_stand(mistakes, text, place):
    assert [each.split(": ")[0] for each in mistakes(text)] == [place]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = [1,\n  2\nb = 3", "3:1"),
        ("[experiments.a\n", "1:15"),
        ("a = 1\na = 2", "2:6"),
    ],
)
def test_what_is_no_toml_is_named_with_its_place(mistakes, text, place):
    (only,) = mistakes(text)
    assert only.startswith(f"{place}: this is not TOML")


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = 2021-02-30", "[experiments.a]\nx." + "y." * 3000 + "z = 1"],
    ids=["deep", "digits", "date", "dots"],
)  # fmt: skip
def test_toml_that_strains_the_parser_is_a_mistake_too(mistakes, text):
    assert mistakes(text)


@pytest.mark.parametrize(
    "line",
    [
        "lr = inf", "lr = nan", "lr = true", "weight_decay = -1.0", "seed = -1", "seed = 99999999999999999999999",
        "seeds = [1, 1]", "seeds = [0.5]", "val_fraction = 0", "val_fraction = 0.6", "warmup = 1", "epochs = 2.5",
        'augment = "heavy"', 'precision = "float16"', 'dataset = "mnist"', 'dataset = "folder:"', "tags = [1]",
        'command = "python x.py"', 'options = "x"', "options = { pol = 'mean' }", "options = { dropout = 1 }",
        "image_size = 0", "epochs = 2021-01-01", "clip_norm = -1", "lr = 1" + "0" * 400, "notes = 3", "name = 'b'",
        "ema = 1", "layer_decay = 0", 'recipe = "best"', "betas = [0.9]", "betas = [0.9, 1.0]", "betas = 0.9",
        "eps = 0", "momentum = 0.5", "min_lr = 1.0", "deterministic = 1",
    ],
)  # fmt: skip
def test_an_impossible_value_is_named_on_its_line(mistakes, line):
    (only,) = mistakes(f'[experiments.a]\nmodel = "vit_b"\npatch_size = 16\n{line}\n')
    assert only.startswith("4:")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            'optimizer = "sgd"\nbetas = [0.9, 0.99]',
            "sgd has no betas, it is of adamw and adam; sgd takes momentum",
        ),
        ("momentum = 0.5", "adamw has no momentum, it is of sgd; adamw takes betas and eps"),
        ('schedule = "constant"\nmin_lr = 1e-6', "schedule = constant never falls: leave min_lr out"),
        ("lr = 1e-3\nmin_lr = 1e-3", "it has to be below lr, which is 0.001"),
    ],
)
def test_a_key_that_would_mean_nothing_is_named(mistakes, lines, message):
    (only,) = mistakes(f"[experiments.a]\n{VIT}{lines}\n")
    assert only.endswith(message)


def test_an_absurd_image_is_refused_at_once(mistakes):
    began = time.process_time()
    (only,) = mistakes(
        '[experiments.a]\nmodel = "vit_b"\nimage_size = 1000000000000000003\npatch_size = 16\n'
    )
    assert only.startswith("4:14: ")
    assert "do not divide an image of 1000000000000000003; 1 does" in only
    assert time.process_time() - began < 1


@pytest.mark.parametrize("path", ["folder:a\\u0000b", "folder:~nobody-of-that-name/images"])
def test_a_folder_that_no_path_leads_to_is_named_on_its_line(mistakes, path):
    (found,) = mistakes(f'[experiments.a]\n{VIT}dataset = "{path}"\n')
    assert found.startswith(f"{VIT.count(chr(10)) + 2}:11: dataset of experiment 'a': ")
    assert "leads to no folder" in found
    assert found.isprintable()


@pytest.mark.parametrize("name", ['""', '" "', '"a\\u001bb"', '"' + "a" * 121 + '"'])
def test_an_experiment_needs_a_name_that_can_be_shown(mistakes, name):
    (only,) = mistakes(f"[experiments.{name}]\n{VIT}")
    assert only.startswith("1:1: ")


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "", "a" * 81])
def test_a_figure_needs_a_name_that_a_file_can_have(mistakes, name):
    (only,) = mistakes(f'[experiments.a]\n{VIT}[figures."{name}"]\ny = "test/f1"\nexperiments = ["a"]\n')
    assert only.startswith("4:1: ")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.toml: there is no such file"):
        load_config(tmp_path / "no.toml")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_bytes_that_are_no_utf8_say_so(mistakes):
    (only,) = mistakes(b"[defaults]\nnotes = '\xff'\n")
    assert "not UTF-8" in only


WORDS = st.sampled_from(
    [
        "[defaults]", "[experiments.a]", "[figures.f]", "[[experiments]]", "model", "patch_size", "dataset", "seeds",
        "experiments", "=", "=", ".", ",", "[", "]", "{", "}", '"', "'", '"vit_b"', "'bit_mini'", '"""', "16", "0",
        "-1", "inf", "nan", "1e400", "true", "2021-01-01", "12:00", "#", "\\", "\n", "\n", "\n", "\r", "\x85", "é",
    ]
)  # fmt: skip


@given(st.one_of(st.text(), st.binary(), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("".join)))
def test_no_text_raises_anything_but_a_config_error(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "fuzz.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    with contextlib.suppress(ConfigError):
        load_config(file)


class TestOverrides:
    experiment = Experiment(name="a", model="vit_b", patch_size=16, seeds=[1, 2], options={"pool": "mean"})

    def test_are_toml_values(self):
        changed = override(
            self.experiment,
            ["lr=1e-2", "epochs = 3", 'tags=["x"]', "notes=3 of # them", "options.drop_path=0.1"],
        )
        assert (changed.lr, changed.epochs, changed.tags, changed.notes) == (1e-2, 3, ["x"], "3 of # them")
        assert changed.options == {"pool": "mean", "drop_path": 0.1}

    def test_leave_the_experiment_alone(self):
        override(self.experiment, ["options.drop_path=0.1"])
        assert self.experiment.options == {"pool": "mean"}

    def test_one_seed_takes_the_place_of_all(self):
        assert override(self.experiment, ["seed=7"]).run_seeds == [7]

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            (["epoch=3"], ["unknown key 'epoch'; did you mean 'epochs'?"]),
            (["learning_rate=1"], ["unknown key 'learning_rate'; did you mean 'lr'?"]),
            (["leraning-rate=1"], ["did you mean 'lr'?"]),
            (["learningRate=1"], ["did you mean 'lr'?"]),
            (["wd=1"], ["did you mean 'weight_decay'?"]),
            (["arch=vit_b"], ["did you mean 'model'?"]),
            (["min_learning=1"], ["did you mean 'min_lr'?"]),
            (["weight_dcay=1"], ["did you mean 'weight_decay'?"]),
            (["test_split=1"], ["did you mean 'split'?"]),
            (["epochs"], ["write it as key=value"]),
            (["epochs=x"], ["--set epochs: found 'x' (a string); it has to be a whole number of at least 1"]),
            (["epochs=x", "lr=0", "name=b"], ["unknown key 'name'", "--set epochs", "--set lr"]),
            (["image_size=40"], ["with --set image_size: patch_size: patches of 16 do not divide"]),
            (["options.poool=1"], ["did you mean 'pool'?"]),
            (["options=5", "options.pool=mean"], ["--set options"]),
            (["lr=" + "9" * 5000], ["--set lr"]),
            (["tags=" + "[" * 5000], ["--set tags"]),
        ],
        ids=lambda value: value[0][:40],
    )
    def test_that_are_wrong_are_all_named(self, settings, words):
        with pytest.raises(ConfigError) as caught:
            override(self.experiment, settings)
        assert len(caught.value.mistakes) == len(words)
        for mistake, word in zip(caught.value.mistakes, words, strict=True):
            assert word in str(mistake)

    @given(st.lists(st.one_of(st.text(), st.lists(WORDS).map("".join))))
    def test_raise_nothing_else(self, settings):
        with contextlib.suppress(ConfigError):
            override(self.experiment, settings)


def test_an_unknown_experiment_is_answered_with_the_nearest(load):
    config = load(f"[experiments.quick-ViT]\n{VIT}")
    with pytest.raises(ConfigError, match="no experiment 'quick-vti'; did you mean 'quick-ViT'"):
        find_experiment(config, "quick-vti")


def test_of_a_program_only_what_somebody_has_chosen_is_said(tmp_path):
    file = tmp_path / "experiments.toml"
    file.write_text('[experiments.mine]\ncommand = ["python", "train.py"]\nepochs = 9\n')
    config = msgspec.to_builtins(load_config(file).experiments["mine"])
    assert chosen_settings(config) == {
        "name": "mine",
        "command": ["python", "train.py"],
        "epochs": 9,
        "seed": 0,
    }
    assert chosen_settings(config | {"command": []}) == config | {"command": []}
