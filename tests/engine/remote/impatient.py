"""Imported by a process that a test starts: it goes to folder sites, and is sure of what they say after a moment."""

from __future__ import annotations

from engine.remote import bridge, polling_pace, post, start_bridge
from engine.runs.posted import posted_state
from tests.engine.remote.folder_site import FolderLink

post.link_to = FolderLink
post.require_programs = lambda site: None
posted_state.SURE_S = posted_state.SILENCE_S = 0.5
bridge.POLL_S = 0.02
bridge.PollingPace = lambda: polling_pace.PollingPace(
    soon_s=0.02, usual_s=0.02, calm_s=0.02, first_backoff_s=0.02, longest_backoff_s=0.1
)
start_bridge.ARGUMENTS = ["-c", "import tests.engine.remote.impatient; from engine.cli import main; main()"]
