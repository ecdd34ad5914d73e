"""What a metric may be called: letters of any script stay, what a filter could not hold does not."""

from __future__ import annotations

import re
import unicodedata

from engine.catalog.metrics import MAX_NAME, is_overlong

_BARRED = re.compile(r"""^-|[\s=!~<>,"']""")
"""What ends a key in the filter language, or turns a term round."""
UNNAMED = "value"
"""What a metric is called that says no name."""


def metric_name(name: str, suffix: str = "") -> str:
    """Return the name under which a metric of another program can be asked for here; most stay as they are.

    Args:
        name: What the other program calls it.
        suffix: What it ends with here, to tell it from others; it is kept where the name is cut to the length
            that readers take.
    """
    name = unicodedata.normalize("NFC", name.strip())
    name = "".join(c if c.isprintable() else "_" for c in name)
    name = _BARRED.sub("_", name)[:MAX_NAME] or UNNAMED
    while is_overlong(name + suffix):
        name = name[:-1]
    return name + suffix
