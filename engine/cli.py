"""The `engine` command: train here and now, queue, work the queue, stop, resume, list, check.

A verb's module is loaded when the verb is called, so that the quick ones are quick.
"""

from __future__ import annotations

from engine.system import quiet_interrupt  # noqa: F401  before all else

# isort: split
from importlib import import_module

import click

from engine.commands.exit_codes import CommandGroup

VERBS = {
    "run": "train", "resume": "resume", "train": "train",
    "submit": "queue", "work": "queue", "stop": "queue",
    "move": "queue", "hold": "queue", "cancel": "queue", "bridge": "bridge",
    "ls": "ls_and_logs", "logs": "ls_and_logs", "diff": "diff",
    "check": "check_and_models", "models": "check_and_models",
    "tag": "labels_trash_doctor", "note": "labels_trash_doctor", "rm": "labels_trash_doctor",
    "restore": "labels_trash_doctor", "doctor": "labels_trash_doctor",
    "logger": "logger", "completion": "completion.shells",
    "site": "sites", "fetch": "sites", "far-end": "sites",
}  # fmt: skip
"""The module of each verb in ``engine.commands``, in the order of the help."""


class Engine(CommandGroup):
    """Finds verbs in their modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's own signature
        """Return the verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a verb's command, None where there is no such verb."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"engine.commands.{VERBS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb of a call with its arguments; a word that is no verb ends it with the nearest one."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from engine.commands.options import fail
            from engine.text import nearest

            fail(f"there is no verb {args[0]!r}{nearest(args[0], VERBS)} `engine --help` lists all")
        return super().resolve_command(ctx, args)


@click.group("engine", cls=Engine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vitui")
def main() -> None:
    """Train, queue and record image-classification experiments. `vitui` shows them."""


if __name__ == "__main__":
    main()
