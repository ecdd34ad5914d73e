"""What each key of an experiment means, for people: the words that stand below its field in the schema."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from engine.config.schema import Experiment


def meaning_of(key: str) -> str:
    """Return in a sentence or two what a key of an experiment means; empty for an unknown one and for options."""
    return _meanings().get(key, "")


@cache
def _meanings() -> Mapping[str, str]:
    """Return the text below each field of the schema, on one line; the class itself does not keep them."""
    (definition,) = ast.parse(inspect.getsource(Experiment)).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  what it is the source of
    return {
        field.target.id: " ".join(inspect.cleandoc(text.value.value).split())
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }
