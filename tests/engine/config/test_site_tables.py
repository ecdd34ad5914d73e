"""Where runs may be sent: tables of the project, the user's own file, what --on takes; each mistake in its place."""

from __future__ import annotations

import pytest

from engine.config.loader import load_config
from engine.config.site import Site
from engine.config.site_tables import all_sites, own_sites, parse_on
from engine.config.validate import ConfigError

JZ = Site(name="jz", slurm="gpu")


def load(tmp_path, text: str):
    path = tmp_path / "experiments.toml"
    path.write_text(text)
    return load_config(path).sites


def mistakes(tmp_path, text: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    return str(error.value)


def test_a_machine_a_cluster_and_a_cluster_far_away(tmp_path):
    sites = load(tmp_path, """
        [sites.gpubox]
        ssh = "gpubox"
        [sites.jz]
        slurm = "gpu"
        time = "4:00:00"
        setup = ["module load cuda"]
        [sites.jz-far]
        ssh = "jz.login"
        slurm = "*"
        code = "send"
    """)  # fmt: skip
    assert [(site.name, site.where, site.is_here) for site in sites.values()] == [
        ("gpubox", "ssh gpubox", False), ("jz", "slurm gpu", True), ("jz-far", "slurm * over ssh jz.login", False),
    ]  # fmt: skip
    assert sites["jz"].setup == ["module load cuda"]


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        ("", 1, "a site is a machine"),
        ('shh = "box"', 2, "ssh"),
        ('ssh = "-oProxyCommand=evil"', 2, "is no alias: put what ssh needs into ~/.ssh/config"),
        ('ssh = "box; rm"', 2, "is no alias"),
        ('slurm = "-x"', 2, "is not one word as Slurm takes it"),
        ('slurm = "gpu"\naccount = "a b"', 3, "is not one word"),
        ('slurm = "gpu"\ntime = "tomorrow"', 3, "is no time: minutes"),
        ('slurm = "gpu"\nsetup = ["a\\nb"]', 3, "has a line break"),
        ('slurm = "gpu"\nnotice = -1', 3, "a whole number of seconds"),
        ('slurm = "gpu"\nnodes = 0', 3, "nodes"),
        ('slurm = "gpu"\ncode = "send"', 3, "only a site with `ssh` has it"),
        ('slurm = "gpu"\nfolder = "~/x"', 3, "only a site with `ssh` has it"),
        ('ssh = "box"\nqos = "long"', 3, "only a site with `slurm` has it"),
        ('ssh = "box"\nnodes = 2', 3, "only a site with `slurm` has several"),
        ('ssh = "box"\nbring = "all"', 3, "'none', 'best' or 'last'"),
        ('ssh = "box"\npython = ""', 3, "is no program"),
    ],
)
def test_mistakes_have_their_line_and_say_what_is_right(tmp_path, table, line, words):
    said = mistakes(tmp_path, f"[sites.x]\n{table}\n")
    assert words in said
    assert f"experiments.toml:{line}" in said


def test_all_mistakes_are_said_at_once(tmp_path):
    said = mistakes(tmp_path, '[sites.a]\nssh = "-x"\n[sites."b c"]\nssh = "b"\n[sites.d]\nslurm = 3\n')
    assert len(said.splitlines()) == 3


def test_the_users_own_file_gives_sites_and_the_project_wins(tmp_path):
    folder = tmp_path / "config" / "vitui"
    folder.mkdir(parents=True)
    (folder / "sites.toml").write_text('[mine]\nssh = "mine"\n[jz]\nssh = "mine"\n')
    sites = all_sites({"jz": JZ}, {"XDG_CONFIG_HOME": str(tmp_path / "config")})
    assert (sites["mine"].ssh, sites["jz"]) == ("mine", JZ)
    (folder / "sites.toml").write_text('[sites.mine]\nssh = "mine"\n')
    assert own_sites(folder)["mine"].ssh == "mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[x]\nshh = "y"', "there is no such key"),
        ("[x", "this is not TOML"),
        ('x = 1', "it has to be a table"),
        ('["a b"]\nssh = "x"', "it has to be a table with a name"),
        ('[x]\nssh = "-y"', "is no alias"),
    ],
)  # fmt: skip
def test_mistakes_in_the_users_own_file(tmp_path, text, words):
    (tmp_path / "sites.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"sites\.toml") as error:
        own_sites(tmp_path)
    assert words in str(error.value)


def test_no_file_and_one_that_cannot_be_read(tmp_path):
    assert own_sites(tmp_path) == {}
    (tmp_path / "sites.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        own_sites(tmp_path)


@pytest.mark.parametrize(
    ("text", "where"),
    [("jz", "slurm gpu"), ("slurm:long", "slurm long"), ("slurm:*", "slurm *"), ("host:a.b", "ssh a.b")],
)  # fmt: skip
def test_what_on_takes(text, where):
    assert parse_on(text, {"jz": JZ}).where == where


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jy", "no site 'jy'; did you mean 'jz'"),
        ("slurm:", "a site is a machine"),
        ("host:-oX", "is no alias"),
        ("slurm:a b", "is not one word"),
        ("ssh:box", "no site 'ssh:box'"),
        ("", "Known: jz"),
    ],
)
def test_what_on_does_not_take(text, words):
    with pytest.raises(ConfigError) as error:
        parse_on(text, {"jz": JZ})
    assert words in str(error.value)
