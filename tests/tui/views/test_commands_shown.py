"""A command that a run holds reads the same wherever it is shown: a stranger's hides nothing."""

from __future__ import annotations

from engine.runs.status import Status
from engine.text import command_line
from tui.state.run_page_record import Record
from tui.views.run_page_facts import sections
from tui.widgets.runs.run_overview import facts

HIDING = ["sh", "-c", "echo fine #\x1b[2K\x1b]52;c;AA\x07\r\u202erm"]


def test_nothing_of_a_command_is_hidden() -> None:
    assert command_line(HIDING) == r"sh -c 'echo fine #\x1b[2K\x1b]52;c;AA\x07\r\u202erm'"


def test_the_run_page_and_the_overview_show_it_as_the_question_does() -> None:
    settings = {"model": "script", "command": HIDING}
    page = [fact for section in sections(None, settings, Record("r")) for fact in section.facts]
    assert dict(page)["command"] == command_line(HIDING)
    assert dict(facts(Status(run="r"), None, settings))["command"] == command_line(HIDING)
