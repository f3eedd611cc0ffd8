"""`immersion completion SHELL`: completion of commands, recipes, flags, their words and files."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from immersion.cli.commands import COMMANDS
from immersion.cli.pages import GLOBAL
from immersion.cli.table import PATH, RUN, Words, read_table

FILES = ":files"
"""Line that asks the shell for the names of files and folders."""

SCRIPTS = {
    "bash": """\
_immersion() {
    local line current="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
        else
            COMPREPLY+=("$line")
        fi
    done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _immersion immersion""",
    "zsh": """\
_immersion() {
    local -a lines
    lines=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    [[ -n ${lines[(r):files]} ]] && _files
    lines=(${lines:#:files})
    (( ${#lines} )) && compadd -- "${lines[@]}"
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _immersion immersion""",
    "fish": """\
function __immersion_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c immersion -f -a '(__immersion_complete)'""",
}
"""Scripts that call `immersion __complete WORD...`, which prints the candidates for the last word,
one a line."""


def completion(shell: Literal["bash", "zsh", "fish"]) -> str:
    """Print the script that completes `immersion` in a shell.

    bash: add it to ~/.bashrc; zsh: to ~/.zshrc; fish: to
    ~/.config/fish/completions/immersion.fish.

    Args:
        shell: The shell.
    """
    return SCRIPTS[shell]


def complete(words: list[str]) -> list[str]:
    """Return the candidates for the last word, and `FILES` where a file's name may stand.

    Args:
        words: The words after `immersion`, of which the last may be empty.

    Example:
        >>> complete(["train", "vae", "--schedule", "co"])
        ['constant', 'cosine']
    """
    *before, current = words or [""]
    found = list(dict.fromkeys(_list_candidates(before, current)))
    files = [FILES] if PATH in found or RUN in found else []
    # The shell completes what has begun as a path.
    runs = _list_runs() if RUN in found and "/" not in current else []
    words = [word for word in found if word not in (PATH, RUN)]
    return [word for word in [*words, *runs] if word.startswith(current)] + files


def _list_candidates(before: list[str], current: str) -> Iterator[str]:
    """Yield the words that may follow, and `PATH` and `RUN`."""
    shared = [
        word for flags in GLOBAL for word in flags.replace(",", "").split() if word[0] == "-"
    ]
    if not before:
        yield from (*COMMANDS, *shared, "--version")
        return
    name, *rest = before
    recipes = [key.removeprefix("train ") for key in read_table() if key.startswith("train ")]
    if name == "train" and not rest:
        yield from (*recipes, PATH, "--config")
        return
    if before[-1] == "--config":
        yield PATH
        return
    table = read_table().get(f"{name} {rest[0]}" if name == "train" else name, {})
    waiting, places = _read_state(rest, table)
    if waiting:
        yield from table[waiting] or ()
    elif current.startswith("-"):
        yield from (flag for flag in table if flag.startswith("-"))
        yield from shared
    elif places:
        yield from table[places[0]] or ()


def _read_state(words: list[str], table: Mapping[str, Words]) -> tuple[str, list[str]]:
    """Return the flag that waits for a value, or "", and the positional arguments left to give."""
    places, waiting = [flag for flag in table if not flag.startswith("-")], ""
    for word in words:
        if waiting:
            waiting = ""
        elif table.get(word) is not None:
            waiting = word
        elif not word.startswith("-") and len(places) > 1:
            places = places[1:]
    return waiting, places


def _list_runs() -> list[str]:
    """Return the run folders in the current folder and in runs/."""
    found = (*Path().glob("*/run.json"), *Path("runs").glob("*/run.json"))
    return sorted(os.fspath(file.parent) for file in found)
