"""The verbs of `vitui` that write and read files; `vitui open` is in ``tui.cli``."""
