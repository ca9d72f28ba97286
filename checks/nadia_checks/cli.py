"""The `nadia` command: one word, one file in `nadia_checks.commands`."""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from nadia_checks.core.errors import UsageError
from nadia_checks.core.exit_codes import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

# The commands in the order of --help, each with its half line. One is imported when it is used.
COMMANDS = {
    "gate": "run every check and give one verdict",
    "init": "look at this repository and write the configuration that fits it",
    "baseline": "write, prune or show the findings that were there before the gate",
    "health": "put faults before a health check, and tell which it notices",
    "explain": "say what a rule means, why it matters and how to repair it",
}

EPILOG = """\
without a command: the gate on this folder; where nothing is configured yet, a preview that
writes nothing.

exit codes: 0 pass, 1 findings, 2 the command or the configuration is wrong,
            3 incomplete (a check crashed, timed out or could not run), 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """Ends with the house's exit code and one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see '{self.prog} --help')")


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: doing so costs as much as all of --help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"nadia {_version()}")
        parser.exit(Exit.PASS)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except UsageError as error:
        print(f"nadia: {error}", file=sys.stderr)
        return Exit.USAGE
    except KeyboardInterrupt:
        print("nadia: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return Exit.INCOMPLETE
    except Exception:
        traceback.print_exc()
        print(
            f"nadia: this is a bug of pytest-nadia {_version()}: report the text above",
            file=sys.stderr,
        )
        return Exit.INCOMPLETE


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in COMMANDS:
        command = import_module(f"nadia_checks.commands.{arguments[0]}")
        parser = Parser(prog=f"nadia {arguments[0]}", description=COMMANDS[arguments[0]])
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        command.configure(parser)
        options = parser.parse_args(arguments[1:])
    elif arguments and not arguments[0].startswith("-"):
        close = difflib.get_close_matches(arguments[0], COMMANDS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(COMMANDS)}"
        raise UsageError(f"there is no command {arguments[0]!r}; {hint}")
    else:
        _top_parser().parse_args(arguments)
        command = import_module("nadia_checks.commands.gate")
        options = command.preview_options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return int(command.run(options))


def _top_parser() -> Parser:
    parser = Parser(
        prog="nadia",
        description="A fault, an attack, a leak or a slowdown goes in, and it must be noticed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary)
    return parser


def _version() -> str:
    from importlib.metadata import version

    return version("pytest-nadia")


def _silence_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
