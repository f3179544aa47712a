"""Keys of `config/models.yaml`, and the backbones that a study may scale."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stm.config.loading import Strict
from stm.config.schema.fields import Count, Name


class Backbone(Strict):
    """A residual network: the papers' by default, scaled where a study says so."""

    block: Literal["basic", "bottleneck"]
    blocks: Annotated[list[Count], Field(min_length=4, max_length=4)]
    width: Annotated[int, Field(ge=4, multiple_of=4)] = 64
    # CMM's r; section 4.2 of both papers says 16. So does TEA's of its motion excitation, which follows this too.
    cmm_reduction: Count = 16
    # With a narrow backbone C/r would leave one or two channels.
    cmm_least_channels: Count = 1


PAPER_BACKBONES = {
    18: Backbone(block="basic", blocks=[2, 2, 2, 2]),
    34: Backbone(block="basic", blocks=[3, 4, 6, 3]),
    50: Backbone(block="bottleneck", blocks=[3, 4, 6, 3]),
}


class Variant(Strict):
    """A network of the papers, as arguments of `stm.models.builder.build`."""

    depth: Literal[18, 34, 50] = 50
    # The temporal convolution before the block's 3x3. `channel_wise_1d_2d` makes the 3x3 channel-wise too (TPAMI Table
    # 10); `fixed` holds the kernel at [0, 1, 1] (TPAMI Table 8).
    cstm: Literal["none", "channel_wise", "channel_wise_1d_2d", "ordinary", "fixed"] = "none"
    # The 3x3 of the later frame. `fixed` is 1 in its centre and 0 elsewhere (TPAMI Table 8). `same_frame` is no motion
    # module: CMM's layers with the same frame twice, a control of its capacity.
    cmm: Literal["none", "channel_wise", "ordinary", "fixed", "same_frame"] = "none"
    # Eq. 2: ICCV subtracts the current frame, TPAMI subtracts from it. A bias-free 1x1 follows: the same functions.
    cmm_sign: Literal["next_minus_current", "current_minus_next"] = "current_minus_next"
    # Of CSTM and CMM. The control `concatenation_from_sum` is a concatenation whose 1x1 starts as the sum.
    fusion: Literal["sum", "concatenation", "concatenation_from_sum"] = "sum"
    # Where the modules stand: conv2_x to conv5_x, and which of a stage's blocks.
    stages: Annotated[list[Literal[2, 3, 4, 5]], Field(min_length=1)] = [2, 3, 4, 5]
    blocks: Literal["all", "first"] = "all"
    # TSM's shift of an eighth of the channels each way, before every block's first convolution; its online form takes
    # an eighth from the past and nothing from the future.
    shift: Literal["none", "both_ways", "from_past"] = "none"
    # TEA's blocks: those of Res2Net, with motion excitation and multiple temporal aggregation in the place of the 3x3.
    tea: bool = False
    # The papers' competitors that are no ResNet with modules: at their published size alone, for counts and speed.
    network: Literal["resnet", "i3d", "eco"] = "resnet"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.fusion != "sum" and "none" in (self.cstm, self.cmm):
            raise ValueError(f"fusion = {self.fusion!r} joins CSTM and CMM: give both")
        if self.cmm != "none" and self.cstm == "channel_wise_1d_2d":
            raise ValueError("cstm = 'channel_wise_1d_2d' stands alone (TPAMI Table 10): leave cmm out")
        if self.tea and (self.depth != 50 or self.model_dump(exclude_defaults=True).keys() - {"tea"}):
            raise ValueError("tea = true is a network of depth 50 of its own: leave the other keys out")
        if not self.scales and self.model_dump(exclude_defaults=True).keys() - {"network"}:
            raise ValueError(f"network = {self.network!r} is a network of its own: leave the other keys out")
        if self.stages != sorted(set(self.stages)):
            raise ValueError(f"stages {self.stages}: each stage once, in rising order")
        return self

    @property
    def scales(self) -> bool:
        """Whether it stands on a backbone, which a study may scale, and train."""
        return self.network == "resnet"

    @property
    def sees_order(self) -> bool:
        """Whether any part mixes frames before the scores are averaged."""
        temporal = self.cstm != "none" or self.cmm not in ("none", "same_frame")
        return temporal or self.shift != "none" or self.tea or not self.scales

    @property
    def causal(self) -> bool:
        """Whether no part looks at a later frame, so that a stream can be recognised with one frame's work a step."""
        return not self.model_copy(update={"shift": "none"}).sees_order and self.shift != "both_ways"


class Models(Strict):
    """config/models.yaml: the variants by name."""

    variants: dict[Name, Variant]
