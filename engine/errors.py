"""The root of the errors whose message says all that a user needs: what is wrong, where, and what would be right.

::

    UserError
      ConfigError   experiments.toml or a setting          (engine.config.loader)
      StoreError    a run, its folder, or what is asked of it  (engine.runs.store)
      EditError     a change to experiments.toml           (engine.config.editor)
      FilterError   which runs are meant                       (engine.query.parser)
"""


class UserError(Exception):
    """A mistake or a mishap that a command reports as a message and not as a traceback."""
