"""In what a study's run of a line differs from the paper's, and what then cannot be tested with it."""

from stm.config.schema.networks import PAPER_BACKBONES
from stm.config.schema.protocols import PROTOCOLS
from stm.config.schema.recipes import Pretrained, Recipe
from stm.config.schema.tables import Line, Table
from stm.config.study import BoundStudy


def deviations(study: BoundStudy, role: str, line: Line, recipe: str, protocol: str) -> list[str]:
    """In what a run differs from the paper's: data, backbone, initialisation, recipe, protocol."""
    found = []
    dataset = study.dataset_of(role)
    if dataset.entry.genuine != role:
        found.append(f"data: {dataset.name} for {study.role_facts[role].title}")
    depth = study.variants[line.variant or ""].depth
    backbone = study.settings.backbones.get(depth)
    if backbone is not None and backbone != PAPER_BACKBONES[depth]:
        blocks = "-".join(map(str, backbone.blocks))
        found.append(f"backbone: {backbone.block} {blocks} of width {backbone.width} for ResNet-{depth}")
    theirs = study.paper_recipe(recipe)
    name, ours = study.recipe(recipe)
    frames = dataset.entry.frames
    if frames.size is not None:
        found.append(f"frames: stored as {frames.size[0]}x{frames.size[1]} pixels, whatever their shape")
    elif name == recipe and frames.short_side is not None and frames.short_side < theirs.short_side:
        found.append(f"frames: stored with a short side of {frames.short_side} pixels for {theirs.short_side}")
    start, paper_start = _start(study, ours, published=False), _start(study, theirs, published=True)
    if start != paper_start:
        found.append(f"initialisation: {start} for {paper_start}")
    elif study.variants[line.variant or ""].tea and _first_start(study, ours) == "imagenet":
        # torchvision has no Res2Net, whose weights the authors of TEA start from.
        found.append("initialisation: ImageNet's stem and shortcuts of ResNet-50 for the whole of Res2Net-50")
    if name != recipe:
        found.append(f"recipe: {name} for {recipe}")
    scaled, full = study.protocol(protocol), PROTOCOLS[protocol]
    if scaled != full:
        found.append(f"protocol: {scaled.clips}x{scaled.crops} views for {full.clips}x{full.crops}")
    return found


def _first_start(study: BoundStudy, recipe: Recipe) -> str | None:
    """What the first of the trainings started from, where it was no file."""
    start = recipe.initialisation
    if isinstance(start, Pretrained):
        return _first_start(study, study.recipe(start.recipe)[1]) if start.recipe else None
    return start


def _start(study: BoundStudy, recipe: Recipe, *, published: bool) -> str:
    """What a training starts from: as the paper's recipe says it, or as this study's bindings turn it out."""
    start = recipe.initialisation
    if isinstance(start, str):
        return start
    if start.role is None or start.recipe is None:
        return f"the file {start.file}"
    title = study.role_facts[start.role].title
    if published:
        return f"trained on {title} by {start.recipe}"
    dataset = study.dataset_of(start.role)
    data = title if dataset.entry.genuine == start.role else dataset.name
    return f"trained on {data} by {study.recipe(start.recipe)[0]}"


def lost_start(study: BoundStudy, table: Table, recipe: str) -> str | None:
    """Why what Kinetics adds to ImageNet's weights cannot be seen: here the others do not start from ImageNet's."""
    theirs, (_, ours) = study.paper_recipe(recipe), study.recipe(recipe)
    compared = isinstance(study.paper_recipe(table.recipe).initialisation, Pretrained)
    if not compared or theirs.initialisation != "imagenet" or ours.initialisation == "imagenet":
        return None
    start = _start(study, ours, published=False)
    return f"the network that should start from ImageNet weights starts otherwise here ({start})"
