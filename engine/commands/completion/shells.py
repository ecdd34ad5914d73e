"""`engine completion`: a line for a shell's start-up file, after which tab completes words of `engine` and `vitui`.

The shell's function calls the program with the line up to the cursor in ``VITUI_COMPLETE``. The program prints what can
stand there, a candidate a line with a few words about it behind a blank, and trains, opens and queues nothing.
"""

from __future__ import annotations

import os
from typing import ClassVar

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from engine.commands.completion import COMPLETION_ASKED
from engine.commands.completion.candidates import Items

BREAKS = "VITUI_COMPLETE_BREAKS"
"""The variable that has the characters which end a word for bash, within one of ours."""
FILES, FOLDERS = ":files", ":folders"
"""What stands for names that the shell itself completes."""

SCRIPTS = {
    "bash": """\
_vitui_complete() {
    local value
    COMPREPLY=()
    while read -r value _; do
        case $value in
            :files) compopt -o default ;;
            :folders) compopt -o plusdirs ;;
            *=) compopt -o nospace; COMPREPLY+=("$value") ;;
            *) COMPREPLY+=("$value") ;;
        esac
    done < <(VITUI_COMPLETE="${COMP_LINE:0:COMP_POINT}" VITUI_COMPLETE_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null)
}
complete -F _vitui_complete engine vitui
""",
    "zsh": """\
_vitui_complete() {
    local value about
    local -a values shown open
    while read -r value about; do
        case $value in
            :files) _files ;;
            :folders) _files -/ ;;
            *=) open+=("$value") ;;
            *) values+=("$value"); shown+=("$value${about:+  -- $about}") ;;
        esac
    done < <(VITUI_COMPLETE="${(j: :)words[1,CURRENT-1]} $PREFIX" "$words[1]" 2>/dev/null)
    (( $#values )) && compadd -l -V vitui -d shown -a values
    (( $#open )) && compadd -S '' -V vitui-open -a open
    return 0
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _vitui_complete engine vitui
""",
    "fish": """\
function __vitui_complete
    set -l command (commandline -opc)[1]
    for line in (VITUI_COMPLETE=(commandline -cp | string collect) $command 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :folders
                __fish_complete_directories (commandline -ct)
            case '*'
                string replace ' ' \\t -- $line
        end
    end
end
complete --command engine --no-files --keep-order --arguments '(__vitui_complete)'
complete --command vitui --no-files --keep-order --arguments '(__vitui_complete)'
""",
}


class LineCompletion(ShellComplete):
    """Completes a line as our functions in the shells ask for it."""

    name: ClassVar[str] = "vitui"
    source_template: ClassVar[str] = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is completed, and what is typed of that."""
        line = os.environ[COMPLETION_ASKED]
        words = split_arg_string(line)[1:]
        if not words or line[-1:].isspace():
            return words, ""
        return words[:-1], words[-1]

    def get_completions(self, args: list[str], incomplete: str) -> Items:
        """Return what can stand there."""
        self._kept = _before_break(incomplete, os.environ.get(BREAKS, ""))
        return super().get_completions(args, incomplete)

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return a candidate as a line; for bash, without what stands before its own start of the word."""
        if item.type in ("file", "dir"):
            return FILES if item.type == "file" else FOLDERS
        about = " ".join((item.help or "").split())
        return f"{item.value.removeprefix(self._kept)} {about}"


def _before_break(word: str, breaks: str) -> str:
    """Return the part of a word that is a word of its own for bash: ``lr=`` of ``lr=0``, where ``=`` ends words."""
    end = max((word.rfind(sign) for sign in "=:" if sign in breaks), default=-1)
    return word[: end + 1]


def print_candidates(command: click.Command, name: str) -> None:
    """Print what can stand where the line that a shell has asked about ends."""
    if lines := LineCompletion(command, {}, name, COMPLETION_ASKED).complete():
        click.echo(lines)


@click.command()
@click.argument("shell", type=click.Choice([*SCRIPTS]))
def completion(shell: str) -> None:
    """Print what makes tab complete verbs, options, runs, experiments, tags, keys and sites.

    One line sets it up, which is added to ~/.bashrc or ~/.zshrc: eval "$(engine completion bash)", or zsh; to
    ~/.config/fish/config.fish: engine completion fish | source.
    """
    click.echo(SCRIPTS[shell], nl=False)
