"""The command digitrec: reads pictures, serves the demo, trains and publishes."""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from digitrec import __version__
from digitrec.errors import DigitrecError, needs_extra
from digitrec.output import ends_with_its_output


class Command(NamedTuple):
    """A subcommand; its module is imported only when the command is given."""

    summary: str
    module: str
    function: str = "main"  # takes a list of arguments and gives the exit status
    extra: str = ""  # of pyproject.toml, with what the module imports
    first: tuple[str, ...] = ()  # arguments before those of the user

    def load(self) -> Callable[[list[str]], int]:
        with needs_extra(self.extra):
            function = getattr(import_module(self.module), self.function)
        return lambda arguments: function([*self.first, *arguments])


PUBLISH = "digitrec.hub.__main__"
COMMANDS = {
    "read": Command("read the digits in pictures", "digitrec.read"),
    "serve": Command("serve the demo as a web page", "digitrec.demo.serve", extra="demo"),
    "train": Command("train a model", "digitrec.training.command", "run_program", "train"),
    "export": Command("write the network as an ONNX model", "digitrec.export"),
    "report": Command(
        "draw a model's plots of the test images again", "digitrec.training.report", extra="train"
    ),
    "push-model": Command(
        "publish a model on the Hugging Face Hub", PUBLISH, extra="hub", first=("push-model",)
    ),
    "push-space": Command(
        "publish the demo as a Space", PUBLISH, extra="hub", first=("push-space",)
    ),
}


@ends_with_its_output
def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; return its exit status, and 2 if what it needs is not installed."""
    arguments = sys.argv[1:] if arguments is None else arguments
    name = parse_command(arguments[:1])
    try:
        run = COMMANDS[name].load()
    except DigitrecError as error:
        print(f"digitrec {name}: {error}", file=sys.stderr)
        return 2
    return run(arguments[1:])


def parse_command(arguments: list[str]) -> str:
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog="digitrec",
        description="Handwritten digits: from pictures to answers.",
        usage="digitrec COMMAND [ARGUMENTS]",
        epilog="\n".join(
            [
                "commands:",
                *(f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()),
                "",
                "`digitrec COMMAND --help` explains a command. Example: digitrec read seven.png",
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"digitrec {__version__}")
    parser.add_argument("command", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser.parse_args(arguments).command


if __name__ == "__main__":
    sys.exit(main())
