"""`stm <stage>`: one subcommand a stage of the pipeline, and a few for people. Each imports only what it needs."""

import argparse
import sys

from stm import __version__
from stm.cli.people import FOR_PEOPLE
from stm.cli.runs import ABOUT_RUNS
from stm.cli.stages import STAGES
from stm.errors import UserError, is_of_memory

# What can be done where memory has run out.
MORE_MEMORY = "Run it where nothing else takes the device, or give the job more memory (mem_mb in a cluster's profile)"
VIEWS_AT_A_TIME = (
    "It takes micro_batch views at a time, as in training: of a public checkpoint set less in its `evaluation:`; of a "
    f"run of one's own: {MORE_MEMORY[0].lower()}{MORE_MEMORY[1:]}, or --device cpu"
)
STOPPED = {"train": "The same command goes on from the last checkpoint"}
# What a shell says of a command that Ctrl-C ended: 128 and the signal's number.
INTERRUPTED = 130
LESS_MEMORY = {
    "train": "The last checkpoint is kept: give the job a device with more memory, and the same command goes on. "
    "A recipe that `extends:` this one with a smaller micro_batch needs less; batch normalisation then sees others",
    "evaluate": VIEWS_AT_A_TIME,
    "features": VIEWS_AT_A_TIME,
    "maps": VIEWS_AT_A_TIME,
    "speed": "Give the study a smaller `speed: batch`",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; errors that a user can act on are one message and exit status 1, without a traceback, which a
    bug of ours keeps.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    options.arguments = arguments
    try:
        return options.stage(options) or 0
    except (UserError, OSError) as error:
        said = str(error)
    except (MemoryError, RuntimeError) as error:
        if not is_of_memory(error):
            raise
        told = str(error).partition("\n")[0].partition(". ")[0]
        said = f"out of memory ({told}). {LESS_MEMORY.get(options.name, MORE_MEMORY)}"
    except KeyboardInterrupt:
        print(f"\nstm {options.name}: stopped. {STOPPED.get(options.name, '')}".rstrip(), file=sys.stderr)
        return INTERRUPTED
    print(f"stm {options.name}: {said}", file=sys.stderr)
    return 1


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
