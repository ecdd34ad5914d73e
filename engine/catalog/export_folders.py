"""The folders that figures, tables, reports and exported runs are written to where the user names none."""

from __future__ import annotations

from pathlib import Path

FIGURES_AND_TABLES = Path("images")
"""Of `vitui export` and of the app's E."""
EXPORTED_RUNS = Path("exports")
"""Of `vitui export --to`; in it a folder for each format."""
REPORT = Path("report")
"""Of `vitui report`."""
ALL = (FIGURES_AND_TABLES, EXPORTED_RUNS, REPORT)
