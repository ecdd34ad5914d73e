"""The verbs of the `engine` command: a module for each kind, loaded when one of its verbs is called."""
