"""Single files that other programs log into, as runs: tables of any dialect, JSON lines and JSON documents."""
