"""Completion of a command line by bash, zsh and fish: commands, their options, and settings."""

import argparse
import shlex
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from distillrun.config.compose import conf_folder
from distillrun.config.schema import register_schema
from distillrun.errors import ConfigError, nearest
from distillrun.upstream import begun_hydra, flag_parser, flags_of, settings_after, subparsers_of, values_of

_BASH = r"""
_distillrun() {
    local line="${COMP_LINE:0:COMP_POINT}" breaks="${COMP_WORDBREAKS//[^=:@]/}" IFS=$'\n' word stem=""
    word="${line##*[[:space:]]}"
    # bash replaces what follows the last of its own breaks, such as =, and no more
    [[ -n "$breaks" && "$word" != [\"\']* ]] && stem="${word%"${word##*[$breaks]}"}"
    COMPREPLY=($(COMP_LINE="$line" distillrun --shell-completion query=bash 2> /dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$stem"}")
}
complete -o nospace -o default -F _distillrun distillrun
"""
_ZSH = r"""
_distillrun() {
    local line="${(j: :)words[1,CURRENT-1]} $PREFIX"
    local -a found finished open
    found=(${(f)"$(COMP_LINE="$line" distillrun --shell-completion query=zsh 2> /dev/null)"})
    finished=(${${(M)found:#* }% }) open=(${found:#* })
    (( $#found )) || { _files; return; }
    compadd -a finished
    compadd -S '' -a open
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _distillrun distillrun
"""
_FISH = r"""
function __distillrun
    COMP_LINE=(commandline -cp) distillrun --shell-completion query=fish 2> /dev/null | string trim --right
end
complete -c distillrun -a '(__distillrun)'
"""
INSTALL = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
UNINSTALL = {"bash": "complete -r distillrun", "zsh": "compdef -d distillrun", "fish": "complete -e -c distillrun"}
REFUSED = ("--config-path", "--experimental-rerun")

Parsers = Mapping[str, Callable[[], argparse.ArgumentParser]]


def shell_completion(asked: Sequence[str], line: str, parsers: Parsers) -> str:
    """Return what `--shell-completion` prints for install=SHELL, uninstall=SHELL or query=SHELL.

    Args:
        asked: what follows the flag.
        line: the command line up to the cursor, for a query.
        parsers: of the commands, by name.
    """
    action, _, shell = (asked[0] if len(asked) == 1 else "").partition("=")
    if action not in ("install", "uninstall", "query") or shell not in INSTALL:
        raise ConfigError(
            f"--shell-completion {' '.join(asked)}: write install=SHELL or uninstall=SHELL, with bash, zsh or fish"
            f"{nearest(shell, INSTALL)}"
        )
    if action != "query":
        return f"{(INSTALL if action == 'install' else UNINSTALL)[shell].strip()}\n"
    return "".join(f"{word}\n" for word in completions(line, parsers))


def completions(line: str, parsers: Parsers) -> list[str]:
    """Return the words that the last one of a line may become; one that is whole ends with a blank."""
    words = _words(line)[1:]
    last = "" if not words or line[-1:].isspace() else words.pop()
    if words and words[0] in parsers:
        return _of_command(parsers[words[0]](), words[1:], last, has_settings=words[0] == "plan")
    commands = [f"{name} " for name in parsers if name.startswith(last) and not words]
    if last.startswith("-"):
        flags = [flag for flag in flags_of(flag_parser()) if flag.startswith("--") and flag not in REFUSED]
        return sorted(f"{flag} " for flag in flags if flag.startswith(last))
    return [*commands, *_settings(words, last)]


def _words(line: str) -> list[str]:
    """Return the words of a line, whose last one may have a quote that is still open."""
    for closed in (line, f"{line}'", f'{line}"'):
        try:
            return shlex.split(closed)
        except ValueError:
            continue
    return line.split()


def _of_command(parser: argparse.ArgumentParser, words: Sequence[str], last: str, has_settings: bool) -> list[str]:
    """Return the completions of a command's word; nothing where a file is to be named, which shells know."""
    for word in words:
        parser = subparsers_of(parser).get(word, parser)
    if words and (values := values_of(parser, words[-1])):
        return [f"{value} " for value in values if value.startswith(last)]
    if last.startswith("-"):
        return sorted(f"{flag} " for flag in flags_of(parser) if flag.startswith("--") and flag.startswith(last))
    if has_settings:
        return _settings(words, last)
    return [f"{name} " for name in subparsers_of(parser) if name.startswith(last)]


def _settings(words: Sequence[str], last: str) -> list[str]:
    """Return the groups, options, keys and values that a setting may become, with what the others choose."""
    folder = next((after for flag, after in pairwise(words) if flag == "--config-dir"), None)
    others = [
        word for word in words if "=" in word and not word.startswith(("-", "hydra.")) and not {*word} & {*" \t,"}
    ]
    key, equals, value = last.partition("=")
    begun = value[: max(value.rfind(","), value.rfind("[")) + 1]  # of a list or a sweep, what stands before
    register_schema()
    with begun_hydra(conf_folder(), folder or None) as hydra:
        lines = (" ".join([*before, f"{key}{equals}{value[len(begun) :]}"]) for before in (others, []))
        # where one of the others is wrong, there is nothing to go by but the defaults
        found = next(filter(None, (settings_after(line, hydra, "config") for line in lines)), [])
    wholes = [one.replace(f"{key}=", f"{key}={begun}", 1) if begun else one for one in found]
    return [one if one.endswith(("=", ".", "/")) or begun else f"{one} " for one in wholes]
