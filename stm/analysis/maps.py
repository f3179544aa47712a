"""What the first block of a run's network makes of a clip: maps of magnitudes, and what they are like.

The first temporal modules of the papers' networks stand in the first block behind the stem ("Conv 1 block", TPAMI
2022, Figure 1). What stands there is looked at in every network: CSTM and CMM, and of one without them its 3x3
convolution.

Shape letters: as in `stm.analysis.motion`; N clips of a batch, C channels, S signals, M measures.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from stm.analysis.likeness import correlation, energy_share, magnitude, two_point_spectrum
from stm.analysis.mapsfile import MapsError, read_maps_file, write_maps_file
from stm.analysis.motion import drawn_pair
from stm.config.signals import CORRELATIONS, ENERGY_SHARES, EVEN, MEASURES, OF_FRAMES, UNTRAINED
from stm.config.specification import recipe_in_full
from stm.data.dataset import EvaluationClips
from stm.data.shards import FrameIndex
from stm.data.transforms import normalise
from stm.evaluation.evaluate import load_run
from stm.models.backbone import ResNet
from stm.models.cstm import CSTM, OrdinaryCSTM
from stm.repeatable import be_repeatable
from stm.training.initial import starting_network

Maps = dict[str, np.ndarray]


def write_maps(
    spec: dict[str, Any],
    run: Path,
    index_path: Path,
    motion_path: Path,
    weights: Path | None,
    out: Path,
    device: torch.device,
    workers: int = 0,
) -> None:
    """Write `measures`, float (n, S, M), and `drawn.maps` (d, S, h, w), of a run and of what it started from.

    Args:
        spec: of `stm.config.products.Maps`.
        run: the run's folder.
        index_path: of the dataset that it was trained on.
        motion_path: of `write_motion`, of the same clips.
        weights: what the training started from, where it did not start from scratch.
        out: a safetensors file; its metadata name clips, signals and measures.
        device: where the network computes.
        workers: loader processes.

    Raises:
        RunError: there is no such run, or its weights are others.
        MapsError: the frames have changed since `write_motion`, or the network has no such block.
    """
    network, record = load_run(run, device)
    recipe = recipe_in_full(record["spec"]["recipe"])
    be_repeatable(recipe["threads"], device)
    start, _ = starting_network(record["spec"] | {"recipe": recipe}, record["classes"], weights)
    index = FrameIndex(index_path)
    references, about = read_maps_file(motion_path)
    if about["data_digest"] != index.digest:
        raise MapsError(f"{motion_path} is of other frames than {index_path} has now. Delete it and run again")
    rows = {index.clip(int(row)).clip: int(row) for row in index.select(about["spec"]["split"])}
    clips = EvaluationClips(
        index,
        [rows[clip] for clip in about["clips"]],
        spec["protocol"],
        record["spec"]["frames"],
        recipe["short_side"],
        recipe["crop_size"],
    )
    loader = DataLoader(
        clips, recipe["micro_batch"], num_workers=workers, multiprocessing_context="forkserver" if workers else None
    )
    networks = {"": network, UNTRAINED: start.to(device).eval()}
    pair = drawn_pair(record["spec"]["frames"])
    measures, drawn, signals = [], [], []
    for i, (maps, given) in enumerate(_by_clip(loader, networks, references, device)):
        signals = list(maps)
        measures.append([measured(name, maps, given) for name in signals])
        if i in about["drawn"]:
            drawn.append(np.stack([maps[name][pair] for name in signals]).astype(np.float32))
    told = {key: about[key] for key in ("clips", "classes", "groups", "drawn", "data_digest")}
    told |= {"spec": spec, "signals": signals, "measures": list(MEASURES), "weights_sha256": record["weights_sha256"]}
    write_maps_file(out, {"measures": np.array(measures), "drawn.maps": np.stack(drawn)}, told)


def _by_clip(
    loader: DataLoader[Tensor], networks: Mapping[str, nn.Module], references: Maps, device: torch.device
) -> Iterator[tuple[Maps, Maps]]:
    """Each clip's maps, of its frames and of every network, and what is known of it without a network."""
    done = 0
    for batch in loader:
        seen = [maps_of(network, batch[:, 0].to(device), prefix) for prefix, network in networks.items()]
        for k in range(len(batch)):
            given = {name: planes[done] for name, planes in references.items() if not name.startswith("drawn.")}
            maps = {name: given[name] for name in OF_FRAMES} | {EVEN: np.ones_like(given["flow"])}
            for of_network in seen:
                maps |= {name: planes[k] for name, planes in of_network.items()}
            yield maps, given
            done += 1


def measured(signal: str, maps: Maps, given: Maps) -> list[float]:
    """A clip's measures of one signal; NaN of what cannot be measured, as where nobody knows where the mover is."""
    own = UNTRAINED if signal.startswith(UNTRAINED) else ""
    found = maps[signal]
    references = [given[name] if name in OF_FRAMES else maps[f"{own}{name}"] for name in CORRELATIONS]
    like = [correlation(found, reference) for reference in references]
    shares = [energy_share(found, given[name]) if name in given else float("nan") for name in ENERGY_SHARES]
    return [*like, *shares]


def maps_of(network: nn.Module, views: Tensor, prefix: str = "") -> Maps:
    """The magnitudes of every two neighbouring frames, (N, P, h, w) each.

    `input` and `next_input` are the features before the block, `low` and `high` their two temporal frequencies,
    `middle` is what stands in the place of the 3x3 convolution, and of it `cstm` and `cmm` where it has them. Of what
    is made for single frames it is that of the first of the two.

    Args:
        network: in evaluation mode.
        views: (N, T, 3, H, W) bytes.
        prefix: of the names.

    Raises:
        MapsError: the network has no such block.
    """
    if not isinstance(network, ResNet):
        raise MapsError("maps are of networks on the papers' backbone, which this one does not stand on")
    with torch.inference_mode(), _watched(network) as seen:
        seen["input"] = network.stem(normalise(views).flatten(0, 1))
        network.get_submodule("layer1.0")(seen["input"])
    shape = (-1, network.frames)
    planes = {name: value.float().unflatten(0, shape).cpu().numpy() for name, value in seen.items()}
    found = {name: magnitude(features)[:, :-1] for name, features in planes.items()}
    spectra = [two_point_spectrum(features) for features in planes["input"]]
    found["next_input"] = magnitude(planes["input"])[:, 1:]
    found["low"], found["high"] = (magnitude(np.stack(parts)) for parts in zip(*spectra, strict=True))
    return {f"{prefix}{name}": maps for name, maps in found.items()}


@contextmanager
def _watched(network: ResNet) -> Iterator[dict[str, Tensor]]:
    """What the modules of the first block put out while the context is open."""
    seen: dict[str, Tensor] = {}
    middle = network.get_submodule("layer1.0.middle")
    modules = {"middle": middle, **{name: getattr(middle, name, None) for name in ("cstm", "cmm")}}
    if isinstance(middle, CSTM | OrdinaryCSTM):
        modules["cstm"] = middle
    handles = [
        module.register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output))
        for name, module in modules.items()
        if module is not None
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
