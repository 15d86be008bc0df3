"""``vidcolor --completion SHELL``: a script by which a shell completes commands and options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vidcolor.cli.config_file import add_option

SHELLS = ("bash", "zsh", "fish")

_CHOICE = re.compile(r"[a-z0-9][a-z0-9-]*(?:\|[a-z0-9][a-z0-9-]*)+")
_FOLDER = ("FOLDER", "DIR", "OUTFOLDER")
_WORD = re.compile(r"[^\w.,;:()/ -]")


@dataclass(frozen=True)
class Option:
    """An option of a command."""

    names: tuple[str, ...]
    """Such as ``("-y", "--force")``."""
    help: str
    """The beginning of what the help says of it."""
    takes: str = ""
    """What its value is: empty where it has none, ``words``, ``file``, ``folder`` or ``any``."""
    words: tuple[str, ...] = ()
    """Of which the value is one, where it takes ``words``."""


Commands = Mapping[str, Sequence[Option]]
"""Options of each command; of ``vidcolor IN OUT`` under the empty name."""


def options_of(p: argparse.ArgumentParser) -> list[Option]:
    """The options that a parser shows."""
    return [
        Option(tuple(action.option_strings), _summarise(action), *_value_of(action))
        for action in p._actions
        if action.option_strings and action.help != argparse.SUPPRESS
    ]


def _summarise(action: argparse.Action) -> str:
    """The first words of the help, without what a shell would take for its own."""
    text = re.split(r"[;:.(]\s|\s\(", action.help or "")[0].replace("%%", "")
    return _WORD.sub("", text)[:60].strip()


def _value_of(action: argparse.Action) -> tuple[str, tuple[str, ...]]:
    if action.nargs == 0:
        return "", ()
    if action.choices:
        return "words", tuple(map(str, action.choices))
    shown = action.metavar[0] if isinstance(action.metavar, tuple) else action.metavar or ""
    if _CHOICE.fullmatch(shown):
        return "words", tuple(shown.split("|"))
    if "FILE" in shown or shown in ("OUT", "IMAGE"):
        return "file", ()
    return ("folder", ()) if shown in _FOLDER else ("any", ())


def write_bash(commands: Commands) -> str:
    """A script for bash 4 and newer."""
    names = " ".join(sorted(filter(None, commands)))
    lines = [
        '# bash completion of vidcolor: eval "$(vidcolor --completion bash)"',
        "_vidcolor() {",
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}",
        "  local command=${COMP_WORDS[1]} options=",
        "  COMPREPLY=()",
        "  case $command in",
    ]
    for name, options in commands.items():
        every = " ".join(one for option in options for one in option.names)
        lines += [f"  {name or '*'})", f"    options='{every}'", "    case $prev in"]
        for option in options:
            if option.takes:
                lines.append(f"    {'|'.join(option.names)}) {_bash_value(option)}; return ;;")
        lines += ["    esac ;;"]
    lines += [
        "  esac",
        "  if [[ $cur == -* ]]; then",
        '    COMPREPLY=($(compgen -W "$options" -- "$cur"))',
        "  else",
        "    compopt -o filenames 2>/dev/null",
        '    mapfile -t COMPREPLY < <(compgen -f -- "$cur")',
        "    if (( COMP_CWORD == 1 )); then",
        f"      COMPREPLY+=($(compgen -W '{names}' -- \"$cur\"))",
        "    fi",
        "  fi",
        "}",
        "complete -F _vidcolor vidcolor",
    ]
    return "\n".join(lines) + "\n"


def _bash_value(option: Option) -> str:
    if option.takes == "words":
        return f"COMPREPLY=($(compgen -W '{' '.join(option.words)}' -- \"$cur\"))"
    if option.takes == "any":
        return ":"
    flag = "-d" if option.takes == "folder" else "-f"
    names = f'mapfile -t COMPREPLY < <(compgen {flag} -- "$cur")'
    return f"compopt -o filenames 2>/dev/null; {names}"


def write_zsh(commands: Commands) -> str:
    """A script for zsh."""
    lines = [
        "#compdef vidcolor",
        "# zsh completion of vidcolor: vidcolor --completion zsh > FOLDER-IN-FPATH/_vidcolor",
        "_vidcolor() {",
        "  local -a options",
        "  case ${words[2]} in",
    ]
    for name, options in commands.items():
        shift = "    words=(${words[1]} ${words[3,-1]}); (( CURRENT-- ))"
        lines += [f"  {name or '*'})", *([shift] if name else []), "    options=("]
        for option in options:
            others = f"({' '.join(option.names)})" if len(option.names) > 1 else ""
            for one in option.names:
                lines.append(f"      '{others}{one}[{option.help}]{_zsh_value(option)}'")
        lines += ["    ) ;;"]
    names = " ".join(sorted(filter(None, commands)))
    lines += [
        "  esac",
        "  if (( CURRENT == 2 )) && [[ ${words[CURRENT]} != -* ]]; then",
        f"    compadd {names}",
        "  fi",
        "  _arguments -s $options '*:file:_files'",
        "}",
        'if [[ ${funcstack[1]} == _vidcolor ]]; then _vidcolor "$@"; else compdef _vidcolor'
        " vidcolor; fi",
    ]
    return "\n".join(lines) + "\n"


def _zsh_value(option: Option) -> str:
    values = {
        "": "",
        "words": f":value:({' '.join(option.words)})",
        "any": ":value: ",
        "file": ":file:_files",
        "folder": ":folder:_files -/",
    }
    return values[option.takes]


def write_fish(commands: Commands) -> str:
    """A script for fish."""
    names = " ".join(sorted(filter(None, commands)))
    seen = f"__fish_seen_subcommand_from {names}"
    lines = [
        "# fish completion of vidcolor: vidcolor --completion fish | source",
        f"complete -c vidcolor -n 'test (count (commandline -opc)) -eq 1' -a '{names}'",
    ]
    for name, options in commands.items():
        where = f"__fish_seen_subcommand_from {name}" if name else f"not {seen}"
        lines += [f"complete -c vidcolor -n '{where}'{_fish_option(option)}" for option in options]
    return "\n".join(lines) + "\n"


def _fish_option(option: Option) -> str:
    words = [f" -l {one[2:]}" if one.startswith("--") else f" -s {one[1:]}" for one in option.names]
    values = {
        "": "",
        "words": f" -x -a '{' '.join(option.words)}'",
        "any": " -x",
        "file": " -r -F",
        "folder": " -x -a '(__fish_complete_directories)'",
    }
    return f"{''.join(words)}{values[option.takes]} -d '{option.help}'"


WRITERS: dict[str, Callable[[Commands], str]] = {
    "bash": write_bash,
    "zsh": write_zsh,
    "fish": write_fish,
}


class PrintCompletion(argparse.Action):
    """Prints the script of a shell, and ends."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002
        values: Any,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Print the script."""
        from vidcolor.cli.main import COMMANDS, command_module

        # The one without a name matches every word, and so comes last.
        parsers = {name: command_module(name).parser() for name in COMMANDS}
        for p in parsers.values():
            add_option(p, None)
        found = {name: options_of(p) for name, p in (parsers | {"": parser}).items()}
        print(WRITERS[values](found), end="")
        parser.exit()
