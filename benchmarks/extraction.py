"""Frames a second of extraction beside the `ffmpeg` command's, at one size and JPEG quality, and over processes.

    python benchmarks/extraction.py FOLDER_OF_VIDEOS --processes 1 2 4

Both read the same videos in every round, each on one thread a process: ours into tars, ffmpeg into folders of JPEG
files, a command a video as its users write it. Of ffmpeg's qualities the best, `-qmin 1 -q:v 1`, is nearest in size to
ours: at `-q:v 2` a frame had 5,297 bytes beside our 8,414 (quality 95). The last column says both sizes.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import av
import torch

from stm.analysis.rounds import ratio
from stm.data.decoding import Video, VideoError
from stm.data.extraction import extract_clip
from stm.data.videos import ENDINGS
from stm.training.provenance import provenance

QUALITY = 95
# ffmpeg's -q:v goes no lower than 2 without -qmin.
FFMPEG_QUALITY = ["-qmin", "1", "-q:v", "1"]


def ours(videos: list[Path], short_side: int) -> tuple[int, int]:
    """Frames and bytes."""
    spec = {"frames": {"short_side": short_side, "size": None, "quality": QUALITY}, "decoder": "pyav"}
    with tempfile.TemporaryFile() as tar:
        rows = [extract_clip(path.stem, path, spec, tar) for path in videos]
    return sum(row.frames for row in rows), sum(sum(row.sizes) for row in rows)


def ffmpeg(videos: list[Path], short_side: int) -> tuple[int, int]:
    """Frames and bytes."""
    scale = f"scale='if(gt(iw,ih),-2,min(iw,{short_side}))':'if(gt(iw,ih),min(ih,{short_side}),-2)':flags=bicubic"
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(videos):
            out = Path(folder) / str(number)
            out.mkdir()
            command = ["ffmpeg", "-loglevel", "error", "-threads", "1", "-i", str(path), "-vf", scale]
            command += ["-filter_threads", "1", "-fps_mode", "passthrough", "-threads", "1", *FFMPEG_QUALITY]
            subprocess.run([*command, f"{out}/%05d.jpg"], check=True)
        files = [file.stat().st_size for file in Path(folder).rglob("*.jpg")]
    return len(files), sum(files)


def rate(
    extract: Callable[[list[Path], int], tuple[int, int]], videos: list[Path], short_side: int, processes: int
) -> tuple[float, float]:
    """Frames a second of all processes together, each with its share of the videos, and bytes a frame."""
    with ProcessPoolExecutor(processes) as pool:
        # Processes start with their first task, which is none of the measurement.
        list(pool.map(abs, range(processes)))
        started = time.perf_counter()
        found = list(pool.map(extract, [videos[k::processes] for k in range(processes)], [short_side] * processes))
        seconds = time.perf_counter() - started
    frames = sum(count for count, _ in found)
    return frames / seconds, sum(size for _, size in found) / frames


def readable(path: Path) -> bool:
    try:
        return sum(1 for _ in Video(path)) > 0
    except VideoError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--short-side", type=int, default=128)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=int, default=40, help="videos, the first by name")
    options = parser.parse_args()
    videos = [path for path in sorted(options.folder.rglob("*")) if path.suffix in ENDINGS and readable(path)]
    videos = videos[: options.most]
    if not videos:
        sys.exit(f"{options.folder}: no video that can be read")
    version = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout.split()[2]
    made = provenance(torch.device("cpu"))
    print(
        f"{len(videos)} videos · short side {options.short_side} · PyAV {av.__version__}, ffmpeg {version} · {made}\n"
    )
    print("| processes | ours, frames/s | ffmpeg, frames/s | ours / ffmpeg [range of rounds] | bytes a frame, each |")
    print("|---:|---:|---:|---:|---:|")
    for processes in options.processes:
        rates: dict[str, list[float]] = {"ours": [], "ffmpeg": []}
        sizes = {}
        for turn in range(options.rounds + 1):
            for name, extract in {"ours": ours, "ffmpeg": ffmpeg}.items():
                found, sizes[name] = rate(extract, videos, options.short_side, processes)
                if turn:
                    rates[name].append(found)
        against = ratio(rates["ours"], rates["ffmpeg"])
        middle = {name: statistics.median(values) for name, values in rates.items()}
        print(
            f"| {processes} | {middle['ours']:.0f} | {middle['ffmpeg']:.0f} | {against.value:.2f} [{against.low:.2f}, "
            f"{against.high:.2f}] | {sizes['ours']:.0f}, {sizes['ffmpeg']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
