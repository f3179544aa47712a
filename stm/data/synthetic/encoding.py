"""H.264 that does not tell which way time runs, and is the same bytes on every run."""

from pathlib import Path

import av
import numpy as np

from stm.files import replacing

FRAMES_PER_SECOND = 12

# An encoder that looks at neighbouring frames leaves traces of their order in each of them. Here every frame is coded
# alone and with the same quantiser, so the reversal of a clip decodes to exactly the reversed frames.
ENCODER = {
    "qp": "16",
    "x264-params": "keyint=1:scenecut=0:aq-mode=0:mbtree=0:rc-lookahead=0:threads=1",
}


def write_mp4(clip: np.ndarray, path: Path) -> None:
    """Encode the frames of a clip; the file is written whole or not at all.

    Args:
        clip: uint8 (T, H, W, 3), RGB; H and W even.
        path: the file, overwritten.
    """
    # Without the flag the file would name the version of the library that wrote it.
    with (
        replacing(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"fflags": "+bitexact"}) as container,
    ):
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=ENCODER)
        stream.height, stream.width = clip.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for pixels in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
