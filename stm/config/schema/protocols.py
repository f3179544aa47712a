"""How a video is shown at evaluation: the protocols of the papers, and how far a study may scale them."""

from typing import Literal, Self

from pydantic import model_validator

from stm.config.loading import Strict
from stm.config.schema.fields import Count


class Protocol(Strict):
    """How a video is shown at evaluation: `clips` samplings of T frames x `crops` regions, mean of their softmax."""

    # `online`: the video as a stream, scored step by step.
    sampling: Literal["centre", "random", "online"]
    clips: Count
    crops: Literal[1, 3]
    # 224 of 256: the centre of the frame, or the whole of it resized to the network's input.
    region: Literal["crop_size", "short_side"]
    order: Literal["forward", "reversed", "shuffled", "single"] = "forward"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sampling == "centre" and self.clips != 1:
            raise ValueError("the centre of each segment is one clip: set clips to 1, or sampling to random")
        if self.sampling == "online" and (self.clips, self.crops, self.region, self.order) != (
            1,
            1,
            "crop_size",
            "forward",
        ):
            raise ValueError("a stream is seen once, in order, through one centre crop")
        return self


_EFFICIENT = Protocol(sampling="centre", clips=1, crops=1, region="crop_size")


# Section 4.2 of both papers (`full`), 4.6 of ICCV and 4.5 of TPAMI (`efficient`), 4.6 of TPAMI (`online`, as
# `stm.evaluation.online` reads it); the conditions are ours.
PROTOCOLS = {
    "efficient": _EFFICIENT,
    "full": Protocol(sampling="random", clips=10, crops=3, region="short_side"),
    "online": _EFFICIENT.model_copy(update={"sampling": "online"}),
    "efficient-reversed": _EFFICIENT.model_copy(update={"order": "reversed"}),
    "efficient-shuffled": _EFFICIENT.model_copy(update={"order": "shuffled"}),
    "efficient-single": _EFFICIENT.model_copy(update={"order": "single"}),
}


class Scale(Strict):
    """What a study may change of a protocol: how many views it takes."""

    clips: Count | None = None
    crops: Literal[1, 3] | None = None
