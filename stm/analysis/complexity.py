"""Parameters and FLOPs of a network. The papers' FLOPs are multiply-adds, as fvcore counts them."""

from pathlib import Path
from typing import Any

import torch

from stm.analysis.flops import counted
from stm.files import write_sealed
from stm.models.builder import build


def count(spec: dict[str, Any]) -> dict[str, Any]:
    """Parameters (10^6) and multiply-adds (10^9) of one clip, and the operators that fvcore does not count.

    Args:
        spec: `variant` (as for `build`), `frames`, `classes`, `size` (height and width in pixels).
    """
    network = build(spec["variant"], spec["frames"], spec["classes"]).eval()
    # fvcore traces a real clip through the network, and 64 frames through I3D would leave gigabytes for a gradient.
    network.requires_grad_(False)
    clip = torch.zeros(1, spec["frames"], 3, *spec["size"])
    flops = counted(network, clip)
    return {
        "params_m": sum(p.numel() for p in network.parameters()) / 1e6,
        "flops_g": flops.total() / 1e9,
        "uncounted": dict(sorted(flops.unsupported_ops().items())),
        "spec": spec,
    }


def write_complexity(spec: dict[str, Any], out: Path) -> None:
    """Count and write as JSON."""
    write_sealed(out, count(spec))
