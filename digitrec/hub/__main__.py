"""Publish a model or the demo: digitrec push-model | push-space"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from digitrec.errors import DigitrecError
from digitrec.hub import client, model, space
from digitrec.hub.card import Links


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = parse_options(arguments)
    try:
        if options.command == "push-model":
            links = Links(options.code, options.space)
            if options.dry_run:
                content = model.collect_model(options.folder, options.repository, links)
                model.write_model(content, options.dry_run)
                address = options.dry_run
            else:
                tell(f"Pushing {options.folder} to {options.repository} …")
                address = client.push_model(
                    options.folder,
                    options.repository,
                    private=options.private,
                    links=links,
                    pause=wait,
                )
        elif options.dry_run:
            space.build_space(options.dry_run, options.model)
            address = options.dry_run
        else:
            with tempfile.TemporaryDirectory() as folder:
                space.build_space(Path(folder) / "space", options.model)
                tell(f"Pushing the Space {options.repository} …")
                address = client.push_space(
                    Path(folder) / "space",
                    options.repository,
                    private=options.private,
                    hardware=options.hardware,
                    pause=wait,
                )
    except DigitrecError as error:
        tell(str(error))
        return 2
    print(address)
    return 0


def tell(message: str) -> None:
    print(f"digitrec.hub: {message}", file=sys.stderr, flush=True)


def wait(seconds: float) -> None:
    if seconds:
        tell(f"The Hub does not answer; trying again in {seconds:g} seconds …")
    time.sleep(seconds)


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="digitrec", description="Publish on the Hugging Face Hub."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    about = "Publish a model and its card in one commit."
    example = "Example: digitrec push-model runs/20250101-120000 me/digits"
    weights = commands.add_parser("push-model", help=about, description=about, epilog=example)
    weights.add_argument("folder", metavar="FOLDER", help="the folder of a run, or checkpoints")
    about = "Publish the demo as a Space in one commit."
    example = "Example: digitrec push-space me/demo --dry-run space"
    app = commands.add_parser("push-space", help=about, description=about, epilog=example)
    for command, what in ((weights, "model"), (app, "Space")):
        command.add_argument("repository", metavar="USER/NAME", help="created if it does not exist")
        command.add_argument(
            "--private",
            action="store_true",
            default=None,
            help="make a new repository private (default: the account's setting)",
        )
        command.add_argument(
            "--dry-run",
            metavar="DIR",
            help=f"write the {what} to this new folder instead of pushing it",
        )
    weights.add_argument(
        "--space", metavar="USER/NAME", help="a Space with the demo, which the card then links to"
    )
    weights.add_argument(
        "--code",
        metavar="URL",
        help="where digitrec's code is, which the card then links to (default: what the installed "
        "package names)",
    )
    app.add_argument(
        "--model",
        metavar="USER/MODEL[@REVISION]",
        help="the model to serve, at the commit it has now (default: checkpoints/)",
    )
    app.add_argument(
        "--hardware",
        help="for a new Space; an account without PRO needs zero-a10g (default: cpu-basic)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
