"""One line of a check: what is so, how bad that is, and its cure."""

from __future__ import annotations

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of ``engine site check``."""

    about: str
    """What was looked at: ``ssh``, ``vitui``, ``folder`` …"""
    state: Literal["good", "note", "bad"]
    """``bad``: no run can be sent before it is cured. ``note``: it can, and this is worth knowing."""
    text: str
    cure: str = ""


def good(about: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(about=about, state="good", text=text)


def note(about: str, text: str, cure: str = "") -> Finding:
    """Return something worth knowing."""
    return Finding(about=about, state="note", text=text, cure=cure)


def bad(about: str, text: str, cure: str = "") -> Finding:
    """Return what keeps runs from being sent."""
    return Finding(about=about, state="bad", text=text, cure=cure)
