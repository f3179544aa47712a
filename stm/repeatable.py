"""What sums come out as is part of a result: of how many threads, by which algorithms, how precise."""

import torch


def be_repeatable(threads: int, device: torch.device) -> None:
    """Fix what would change sums from run to run, or from one `--cores` to another.

    Args:
        threads: of the CPU; 1, 2 and 4 give three different sums. Snakemake's own number of threads is never taken.
        device: on a GPU, deterministic algorithms are asked for (and a warning where there is none).
    """
    torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)


def in_bfloat16(device: torch.device, precision: str) -> bool:
    """Whether a network is passed through in bfloat16: where it is asked for, and on a GPU alone.

    Args:
        precision: `float32` or `bfloat16`, as of a recipe.
    """
    return device.type == "cuda" and precision == "bfloat16"
