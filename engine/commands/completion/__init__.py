"""What a shell completes when tab is pressed behind `engine` or `vitui`."""

COMPLETION_ASKED = "VITUI_COMPLETE"
"""The variable in which a shell gives the line up to the cursor; the program then prints what can stand there."""
