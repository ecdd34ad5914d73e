"""Runs in the order of a key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.errors import UserError
from engine.query.fields import Subject, key_meant, measured_by


def in_order(subjects: Iterable[Subject], by: str) -> list[Subject]:
    """Return runs in the order of a key, those without a value last; a ``-`` before the key puts the most first.

    Raises:
        UserError: There is no such key.
    """
    name, subjects = by.removeprefix("-"), list(subjects)
    try:
        key = key_meant(name, lambda: measured_by(subject.status for subject in subjects))
    except UserError as error:
        raise UserError(f"the runs cannot be sorted: {error}") from error
    ranked = [(_rank(key.value(subject)), subject) for subject in subjects]
    having = [(rank, subject) for rank, subject in ranked if rank is not None]
    having.sort(key=lambda pair: pair[0], reverse=name != by)
    return [subject for _, subject in having] + [subject for rank, subject in ranked if rank is None]


def _rank(field: object) -> tuple[bool, Any] | None:
    """Return what puts a value into its place: numbers before texts; None for no value."""
    if isinstance(field, int | float) and not isinstance(field, bool):
        return False, field
    return None if field is None else (True, str(field).casefold())
