"""Imported by a process that a test starts: it looks at sites often, and is sure of what they say after moments."""

from __future__ import annotations

from engine.remote import bridge, polling_pace, start_bridge
from engine.runs.posted import posted_state

posted_state.SURE_S = posted_state.SILENCE_S = 2.0
bridge.PollingPace = lambda: polling_pace.PollingPace(
    soon_s=0.3, usual_s=0.3, calm_s=0.3, first_backoff_s=0.1, longest_backoff_s=1
)
start_bridge.ARGUMENTS = ["-c", "import tests.engine.remote.hasty; from engine.cli import main; main()"]
