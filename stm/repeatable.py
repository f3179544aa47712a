"""Sums that come out the same each time: the number of threads and the choice of algorithms are part of a result."""

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
