"""One screen of all commands, with a line to type them in."""
