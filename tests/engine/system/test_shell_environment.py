"""Which variables go with a run, and which never do."""

from __future__ import annotations

import pytest

from engine.system.shell_environment import carried, is_secret, why_not_carried, with_carried


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "MYSQL_PWD", "DB_PASS", "GITHUB_PAT",
     "GOOGLE_APPLICATION_CREDENTIALS", "KAGGLE_KEY", "APIKEY", "hf_token", "OPENAI_KEYS", "SSH_AUTH_SOCK", "KEYFILE",
     "TOKEN2", "NETRC_PASSPHRASE", "CONDA_TOKEN", "MY_KEY_FILE", "DB_CREDS", "PRIVATE_FILE"],
)  # fmt: skip
def test_a_name_that_looks_like_a_secret_is_refused(name: str) -> None:
    assert is_secret(name)
    assert f"{name} looks like a secret" in why_not_carried(name)
    assert name not in carried({name: "x"}, [name])


@pytest.mark.parametrize(
    "name",
    ["PATH", "TOKENIZERS_PARALLELISM", "HF_HOME", "OMP_NUM_THREADS", "PWD", "KEYBOARD_LAYOUT", "NCCL_DEBUG",
     "CUDA_VISIBLE_DEVICES", "COMPASS", "AUTHOR", "PATIENCE"],
)  # fmt: skip
def test_others_are_not(name: str) -> None:
    assert why_not_carried(name) == ""


@pytest.mark.parametrize("name", ["", "A=B", "1X", "A B", "A\0", "é", "VITUI_RUN_DIR", "X" * 300])
def test_what_is_no_name_or_is_our_own_is_refused(name: str) -> None:
    assert why_not_carried(name)


def test_what_goes_with_a_run() -> None:
    shell = {
        "PATH": "/b/bin", "VIRTUAL_ENV": "/b", "CONDA_PREFIX": "/c", "CONDA_ANACONDA_TOKEN": "x", "HOME": "/root",
        "FOO": "1", "ODD": "\udcff",
    }  # fmt: skip
    assert carried(shell, ["FOO", "UNSET", "ODD"]) == {
        "PATH": "/b/bin", "VIRTUAL_ENV": "/b", "PYTHONPATH": None, "LD_LIBRARY_PATH": None, "CONDA_PREFIX": "/c",
        "FOO": "1", "UNSET": None,
    }  # fmt: skip


def test_what_is_not_set_there_is_not_set_here() -> None:
    worker = {
        "PATH": "/a", "VIRTUAL_ENV": "/a", "PYTHONPATH": "/a", "CONDA_PREFIX": "/a", "FOO": "a", "HOME": "/root",
        "VITUI_RUN": "r",
    }  # fmt: skip
    ticket = carried({"PATH": "/b", "PYTHONPATH": "/b"}, ["FOO"]) | {
        "VITUI_RUN": "x",
        "HF_TOKEN": "x",
        "A": "\0",
    }
    process = with_carried(worker, ticket, for_program=False)
    assert process == {"PATH": "/b", "PYTHONPATH": "/a", "HOME": "/root", "VITUI_RUN": "r"}
    program = with_carried(process, ticket, for_program=True)
    assert program == {"PATH": "/b", "PYTHONPATH": "/b", "HOME": "/root", "VITUI_RUN": "r"}
    assert with_carried(worker, {}, for_program=True) == worker
