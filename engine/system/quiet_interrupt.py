"""Imported first by both commands, so that Ctrl-C while they still load ends them without a traceback.

The process ends by the signal all the same, as a shell expects it.
"""

from __future__ import annotations

import sys
from types import TracebackType


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _say
