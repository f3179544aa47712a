"""JPEG files to pixels, the same for whoever looks at a frame."""

import numpy as np
import simplejpeg

from stm.data.limits import MOST_PIXELS

# Of a progressive file, each of which draws the whole picture anew; encoders write ten.
MOST_SCANS = 100
SCAN = b"\xff\xda"


def decode(data: bytes) -> np.ndarray:
    """A JPEG file as (H, W, 3) bytes in RGB.

    Raises:
        ValueError: it is damaged, cut off, or asks for more than an honest frame does.
    """
    height, width = simplejpeg.decode_jpeg_header(data)[:2]
    # A header that promises more is damaged, and must not take the memory that it promises.
    if height * width > MOST_PIXELS:
        raise ValueError(f"its header says {width}x{height} pixels")
    if data.count(SCAN) > MOST_SCANS:
        raise ValueError(f"more than {MOST_SCANS} scans")
    return simplejpeg.decode_jpeg(data, colorspace="RGB")
