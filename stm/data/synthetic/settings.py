"""What a synthetic dataset may be asked for, checked before anything is drawn."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass, replace
from typing import Any, NamedTuple

from stm.data.synthetic.canvas import Paint
from stm.errors import WrongValueError

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Settings:
    """The settings of one rendered dataset.

    Args:
        generator: one of `stm.data.synthetic.generators`.
        seed: 0 or more; two seeds share no clip.
        clips: how many clips each split holds; the classes get equal shares.
        pairs: of time-reversed pairs only, how many of them, 2 or more; None takes all that there are.
        frames: frames a clip, an odd multiple of 8. Eight segments then have an odd length and a middle frame each,
            so that centre sampling picks the same frames of a clip and of its reversal.
        size: pixels of a side; even, because the chroma of H.264 has half the resolution.
    """

    generator: str
    seed: int
    clips: Mapping[str, int]
    pairs: int | None = None
    frames: int = 24
    size: int = 64


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
    clips: Callable[[Settings, str, Paint], Iterator[Clip]]
    paired: bool = False
    together: int = 1
    splits: tuple[str, ...] = SPLITS


def checked(settings: Any, generators: Mapping[str, Generator]) -> Settings:
    """The settings, complete and valid.

    Args:
        settings: a mapping with the keys of `Settings`, or a dataclass with those fields.
        generators: those that there are to choose from.

    Raises:
        ValueError: names the first wrong key, its value and what is allowed.
    """
    given = dict(asdict(settings) if is_dataclass(settings) and not isinstance(settings, type) else settings)
    _check_keys(given)
    if given["generator"] not in generators:
        raise WrongValueError(
            f"generator = {given['generator']!r} is not known.{_nearest(given['generator'], generators)}"
            f" Known: {', '.join(generators)}"
        )
    _check_whole("seed", given["seed"], least=0)
    result = Settings(**given)
    generator = generators[result.generator]
    if generator.paired and result.pairs is None:
        result = replace(result, pairs=len(generator.classes) // 2)
    _check_pairs(result, generators)
    _check_whole("frames", result.frames, least=8)
    if result.frames % 16 != 8:
        raise WrongValueError(
            f"frames = {result.frames} is not allowed. Allowed: an odd multiple of 8 (8, 24, 40 ...), so"
            " that eight segments have a middle frame each and a reversed clip is sampled alike"
        )
    _check_whole("size", result.size, least=32)
    if result.size % 2:
        raise WrongValueError(f"size = {result.size} is not allowed. Allowed: an even number of pixels, 32 or more")
    _check_clips(result, generator)
    return result


def _check_keys(given: Mapping[str, Any]) -> None:
    known = [field.name for field in fields(Settings)]
    for key in given:
        if key not in known:
            raise WrongValueError(
                f"{key} = {given[key]!r} is not a setting.{_nearest(key, known)} Known: {', '.join(known)}"
            )
    for field in fields(Settings):
        if field.default is MISSING and field.name not in given:
            raise WrongValueError(f"{field.name} is missing. Needed: generator, seed, clips")


def _check_pairs(settings: Settings, generators: Mapping[str, Generator]) -> None:
    if settings.pairs is None:
        return
    generator = generators[settings.generator]
    if not generator.paired:
        paired = ", ".join(name for name in generators if generators[name].paired)
        raise WrongValueError(f"pairs = {settings.pairs!r} is not allowed. It is a setting of generator: {paired} only")
    _check_whole("pairs", settings.pairs, least=2, most=len(generator.classes) // 2)


def _check_clips(settings: Settings, generator: Generator) -> None:
    clips = settings.clips
    if not isinstance(clips, Mapping) or set(clips) != set(generator.splits):
        allowed = f"a number for each of {', '.join(generator.splits)}, and nothing else"
        raise WrongValueError(f"clips = {clips!r} is not allowed. Allowed with {settings.generator}: {allowed}")
    if settings.pairs:
        multiple, why = 2 * settings.pairs, "2 x pairs, so that each clip has its reversed twin"
    else:
        multiple = generator.together * len(generator.classes)
        together = f"{generator.together} x " if generator.together > 1 else ""
        why = f"{together}the number of its classes"
    for split, count in clips.items():
        _check_whole(f"clips.{split}", count, least=multiple)
        if count % multiple:
            raise WrongValueError(f"clips.{split} = {count} is not allowed. Allowed: a multiple of {multiple} ({why})")


def _check_whole(key: str, value: Any, least: int, most: int | None = None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        bounds = f"{least} or more" if most is None else f"{least} to {most}"
        raise WrongValueError(f"{key} = {value!r} is not allowed. Allowed: a whole number, {bounds}")


def _nearest(word: Any, known: Any) -> str:
    close = difflib.get_close_matches(str(word), known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
