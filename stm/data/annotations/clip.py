"""What every annotation format comes down to."""

from dataclasses import dataclass

from stm.errors import UserError

SPLITS = ("train", "validation", "test")


class AnnotationError(UserError):
    """An annotation file that cannot be meant; the text says where, what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One listed video.

    Attributes:
        clip: its id, once in a dataset: it decides the shard and every random draw of the clip.
        splits: one of SPLITS for each fold of the dataset, in their order; '' where a fold leaves the clip out. One
            entry where the dataset has no folds, as from every format.
        label: the name of its class; '' where the makers keep it to themselves, as of some test splits.
        group: clips of one source (speaker, long video) share it; statistics count them as one cluster.
        video: its file, or its folder of frames, relative to the dataset's videos folder.
    """

    clip: str
    splits: tuple[str, ...]
    label: str
    group: str
    video: str
