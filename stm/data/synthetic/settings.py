"""What a generator draws, and what a dataset drawn by it may be asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from stm.config.schema.datasets import DrawnSplit, Render
from stm.data.synthetic.canvas import Paint
from stm.errors import WrongValueError

SPLITS: tuple[DrawnSplit, ...] = ("train", "validation")


class Clip(NamedTuple):
    """A clip as drawn: its name, its class, its group (the source it was drawn from), what was painted of it."""

    name: str
    label: str
    group: str
    frames: Any


@dataclass(frozen=True)
class Generator:
    """What a generator draws.

    Args:
        classes: in their order.
        clips: the clips of a split, each painted as frames or otherwise.
        paired: each two classes are each other's reversal, and of all their clips.
        together: how many clips of a class are drawn together.
        splits: into what the clips are divided; one part where that is left to folds of whole groups.
    """

    classes: tuple[str, ...]
    clips: Callable[[Render, DrawnSplit, Paint], Iterator[Clip]]
    paired: bool = False
    together: int = 1
    splits: tuple[DrawnSplit, ...] = SPLITS


def checked(settings: Mapping[str, Any], generators: Mapping[str, Generator]) -> Render:
    """The settings, complete, and such as their generator can draw.

    Args:
        settings: the keys of `Render`.
        generators: by name.

    Raises:
        ValueError: names the first wrong key, its value and what is allowed.
    """
    render = Render.model_validate(dict(settings))
    generator = generators[render.generator]
    pairs = len(generator.classes) // 2
    if render.pairs is None:
        render = render.model_copy(update={"pairs": pairs if generator.paired else None})
    elif not generator.paired:
        paired = ", ".join(name for name in generators if generators[name].paired)
        raise WrongValueError(f"pairs = {render.pairs} is not allowed. It is a setting of generator: {paired} only")
    elif render.pairs > pairs:
        raise WrongValueError(f"pairs = {render.pairs} is not allowed. Allowed: 2 to {pairs}")
    _check_clips(render, generator)
    return render


def _check_clips(render: Render, generator: Generator) -> None:
    if set(render.clips) != set(generator.splits):
        allowed = f"a number for each of {', '.join(generator.splits)}, and nothing else"
        raise WrongValueError(f"clips = {render.clips} is not allowed. Allowed with {render.generator}: {allowed}")
    if render.pairs:
        multiple, why = 2 * render.pairs, "2 x pairs, so that each clip has its reversed twin"
    else:
        multiple = generator.together * len(generator.classes)
        together = f"{generator.together} x " if generator.together > 1 else ""
        why = f"{together}the number of its classes"
    for split, count in render.clips.items():
        if count < multiple or count % multiple:
            raise WrongValueError(f"clips.{split} = {count} is not allowed. Allowed: a multiple of {multiple} ({why})")
