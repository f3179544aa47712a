"""`stm <stage>`: one subcommand a stage of the pipeline, and a few for people. Each imports only what it needs."""

import argparse
import sys

from stm import __version__
from stm.cli.people import FOR_PEOPLE
from stm.cli.runs import ABOUT_RUNS
from stm.cli.stages import STAGES


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; errors that a user can act on are one message and exit status 1, without a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    options.arguments = arguments
    try:
        return options.stage(options) or 0
    except Exception as error:
        if not _speaks_to_the_user(error):
            raise
        print(f"stm {options.name}: {error}", file=sys.stderr)
        return 1


def _speaks_to_the_user(error: Exception) -> bool:
    """Whether an error is of the user's input or machine; a bug of ours keeps its traceback."""
    return type(error).__module__.startswith("stm.") or isinstance(error, ValueError | OSError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stm", description="Does this paper hold? Stages of the STM pipeline.")
    parser.add_argument("--version", action="version", version=__version__)
    stages = parser.add_subparsers(
        required=True, metavar="STAGE", title="stages in the order of the data, then what people type"
    )
    for name, (stage, text, declared) in {**STAGES, **FOR_PEOPLE, **ABOUT_RUNS}.items():
        sub = stages.add_parser(name, help=text, description=text)
        for flag, settings in declared.items():
            sub.add_argument(flag, **settings)
        sub.set_defaults(stage=stage, name=name)
    return parser
