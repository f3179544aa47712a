"""What a dataset of the papers' size costs, before and beside its decoding: time and memory at several sizes.

    python benchmarks/scale.py

Lists of so many clips, in the form of Kinetics-400's, and shards' indexes of 300 frames a clip are written to a
temporary folder; what is then asked of them is the pipeline's own code, each stage in a process of its own. There are
no JPEG files: frames are looked up, not read. Then: extraction of longer and longer videos, and dry runs of the paper
study with lists as long as its datasets'. The record is scale.md.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

CHECKOUT = Path(__file__).resolve().parents[1]
SIZES = [2_400, 24_000, 240_000]
WORKERS = [0, 4, 16]
VIDEO_FRAMES = [250, 2_500, 25_000]
CLIPS_A_SHARD, FRAMES_A_CLIP, CLASSES = 600, 300, 400
# Train and validation clips of the datasets that the paper study trains on, and how many classes.
PAPER = {
    "something_v1": (86_017, 11_522, 174),
    "something_v2": (168_913, 24_777, 174),
    "jester": (118_562, 14_787, 27),
    "kinetics400": (240_000, 19_906, 400),
    "ucf101": (9_537, 3_783, 101),
    "hmdb51": (3_570, 1_530, 51),
}
HEADER = "label,youtube_id,time_start,time_end,split\n"


def memory_mb(field: str = "VmHWM", file: str = "/proc/self/status") -> float:
    """Of this process: `VmHWM`, the most so far. Unlike getrusage's it knows nothing of the process that started it."""
    lines = Path(file).read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) / 1024


def specification(folder: Path, clips: int) -> dict[str, Any]:
    """As of `DatasetPlan.frames_spec`."""
    return {
        "dataset": "scale",
        "format": "kinetics400",
        "annotations": {"train": str(folder / "train.csv"), "validation": str(folder / "val.csv")},
        "videos": str(folder),
        "folds": [],
        "leave_groups_out": None,
        "shards": clips // CLIPS_A_SHARD,
    }


def kinetics_list(path: Path, split: str, clips: int, first: int, classes: int) -> None:
    rows = (f"class {k % classes:03d},{first + k:011d},0,10,{split}\n" for k in range(clips))
    path.write_text(HEADER + "".join(rows))


# Stages: each takes a folder and a size, and returns what is to be told beside its time and memory.


def listing(folder: Path, clips: int) -> None:
    from stm.data.listing import write_listing

    write_listing(specification(folder, clips), folder / "clips.csv", folder / "classes.csv")


def digests(folder: Path, clips: int) -> None:
    """Every shard's, as Snakemake asks for them when it starts."""
    from stm.data.listing import shard_digests

    shard_digests(specification(folder, clips), folder / "lists.jsonl")


def one_shard(folder: Path, clips: int) -> None:
    """The clips of one shard, as its extraction asks for them."""
    from stm.data.listing import shard_clips

    shard_clips(specification(folder, clips), "0000", folder / "lists.jsonl")


def shard_indexes(folder: Path, clips: int) -> None:
    """What extraction would leave, without the frames."""
    from stm.data.arrowfile import write_arrow
    from stm.data.extraction import SHARD_SCHEMA
    from stm.data.listing import shard_clips

    spec = specification(folder, clips)
    (folder / "shards").mkdir()
    sizes, sums = np.full(FRAMES_A_CLIP, 12_000, np.int32), np.zeros(FRAMES_A_CLIP, np.uint32)
    metadata = {key: json.dumps(value) for key, value in {"tar_sha256": "0" * 64, "versions": {}, "frames": {}}.items()}
    schema = SHARD_SCHEMA.with_metadata(metadata)
    for k in range(spec["shards"]):
        ids = [clip.clip for clip in shard_clips(spec, f"{k:04d}", folder / "lists.jsonl")]
        offsets = [512 + 12_800 * (FRAMES_A_CLIP * row + np.arange(FRAMES_A_CLIP)) for row in range(len(ids))]
        same = {"status": "ok", "reason": "", "decoder": "pyav", "frames": FRAMES_A_CLIP, "width": 340, "height": 256}
        columns = {name: [value] * len(ids) for name, value in same.items()}
        columns |= {"clip": ids, "offsets": offsets, "sizes": [sizes] * len(ids), "crc32": [sums] * len(ids)}
        write_arrow(folder / f"shards/{k:04d}.arrow", pa.Table.from_pydict(columns, schema=schema))


def manifest(folder: Path, _: int) -> None:
    from stm.data.manifest import write_manifest

    indexes = sorted((folder / "shards").glob("*.arrow"))
    outputs = (folder / "index.arrow", folder / "manifest.csv")
    write_manifest(folder / "clips.csv", folder / "classes.csv", indexes, *outputs)


def opening(folder: Path, _: int) -> dict[str, str]:
    """The index opened, and then looked up by so many workers at once: seconds, and what all of them hold together."""
    from stm.data.shards import FrameIndex

    index = FrameIndex(folder / "index.arrow")
    rows = index.select("train")
    index.labels(rows)
    held = {}
    for workers in WORKERS:
        # As a training starts its loader processes: each opens the index itself.
        context = multiprocessing.get_context("forkserver")
        done, end = context.Semaphore(0), context.Event()
        processes = [context.Process(target=_look_up, args=(index, rows, k, done, end)) for k in range(workers)]
        for process in processes:
            process.start()
        for _ in processes:
            done.acquire()
        pids = [os.getpid(), *(process.pid for process in processes)]
        together = sum(memory_mb("Pss", f"/proc/{pid}/smaps_rollup") for pid in pids)
        held[f"with {workers} workers"] = f"{together:.0f} MB"
        end.set()
        for process in processes:
            process.join()
    return held


def _look_up(index: Any, rows: np.ndarray, seed: int, done: Any, end: Any) -> None:
    """An epoch's share of looking up where frames lie, everything but the reading of their tars."""
    for row in np.random.default_rng(seed).choice(rows, min(len(rows), 20_000)):
        clip = index.clip(row)
        at = index._first[row] + np.arange(0, clip.frames, 40)
        assert index._offsets[at].min() > 0 and index._sizes[at].min() > 0
    done.release()
    end.wait()


def epoch_order(folder: Path, _: int) -> dict[str, str]:
    from stm.data.dataset import MicroBatches
    from stm.data.shards import FrameIndex

    started, before = time.monotonic(), memory_mb()
    batches = MicroBatches(FrameIndex(folder / "index.arrow").select("train"), 0, 1, 64, 8)
    count = sum(1 for _ in batches)
    own = f"{time.monotonic() - started:.2f} s and {memory_mb() - before:.0f} MB beside torch's start"
    return {"of which": own, "micro-batches": str(count)}


def extraction(folder: Path, _: int) -> None:
    from stm.data.extraction import extract

    (folder / "list.csv").write_text("video,label,split\nvideo.avi,a,train\n")
    spec = specification(folder, CLIPS_A_SHARD) | {"format": "csv", "annotations": {"list": str(folder / "list.csv")}}
    spec |= {"frames": {"short_side": 256, "size": None, "quality": 95}, "decoder": "pyav"}
    extract(spec, "0000", folder / "shards/0000.tar", folder / "shards/0000.arrow")


def write_video(path: Path, frames: int) -> None:
    import av

    pixels = np.random.default_rng(0).integers(0, 255, (16, 240, 320, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels[number % 16], format="rgb24")))
        container.mux(stream.encode())


STAGES = [listing, digests, digests, one_shard, shard_indexes, manifest, opening, epoch_order]
BY_NAME = {stage.__name__: stage for stage in [*STAGES, extraction]}


def measured(stage: str, folder: Path, size: int) -> None:
    """Run one stage in a process of its own and print a line of the record."""
    command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder), "--sizes", str(size)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{stage} of {size} failed:\n{done.stdout}{done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])
    more = "; ".join(f"{name} {value}" for name, value in found["more"].items())
    whole = time.monotonic() - started
    print(f"| {size:,} | {stage} | {whole:.1f} | {found['cpu']:.1f} | {found['mb']:.0f} | {more} |", flush=True)


def official_lists(data: Path, name: str, train: int, validation: int, classes: int) -> None:
    """Lists of so many clips in the form of the dataset's makers."""
    data.mkdir(parents=True)
    known = [f"class{k:03d}" for k in range(classes)]
    for split, count, first in (("train", train, 1), ("validation", validation, train + 1)):
        clips = [(first + k, known[k % classes]) for k in range(count)]
        if name == "kinetics400":
            short = {"train": "train", "validation": "val"}[split]
            kinetics_list(data / f"kinetics-400_{short}.csv", short, count, first, classes)
        elif name == "something_v2":
            items = [{"id": str(clip), "template": label} for clip, label in clips]
            (data / f"something-something-v2-{split}.json").write_text(json.dumps(items, indent=0))
            (data / "something-something-v2-labels.json").write_text(
                json.dumps({c: str(k) for k, c in enumerate(known)})
            )
        elif name == "ucf101":
            lists = data / "ucfTrainTestlist"
            lists.mkdir(exist_ok=True)
            (lists / "classInd.txt").write_text("".join(f"{k} {label}\n" for k, label in enumerate(known, 1)))
            short = {"train": "train", "validation": "test"}[split]
            text = "".join(f"{c}/v_{c}_g{clip:05d}_c01.avi {int(c[5:]) + 1}\n" for clip, c in clips)
            for fold in "123":
                (lists / f"{short}list0{fold}.txt").write_text(text)
        elif name == "hmdb51":
            lists = data / "testTrainMulti_7030_splits"
            lists.mkdir(exist_ok=True)
            use = {"train": 1, "validation": 2}[split]
            for label, fold in itertools.product(known, "123"):
                with (lists / f"{label}_test_split{fold}.txt").open("a") as file:
                    file.writelines(f"{clip}_{label}_0.avi {use}\n" for clip, of in clips if of == label)
        else:
            prefix = {"something_v1": "something-something-v1", "jester": "jester-v1"}[name]
            (data / f"{prefix}-{split}.csv").write_text("".join(f"{clip};{label}\n" for clip, label in clips))
            (data / f"{prefix}-labels.csv").write_text("\n".join(known))


def dry_runs(folder: Path) -> None:
    """Of everything that the paper study makes: the first after a change of the lists, and every one after it."""
    for name in ("Snakefile", "workflow", "config", "profiles", "environment.yml", "stm"):
        (folder / name).symlink_to(CHECKOUT / name)
    for name, counts in PAPER.items():
        official_lists(folder / "data" / name, name, *counts)
    for kind in ("first", "second"):
        command = [sys.executable, "-m", "snakemake", "-n", "--cores", "2", "--configfile", "config/paper.yaml"]
        started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the dry run failed:\n{done.stdout}{done.stderr}")
        jobs = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("total"))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{kind} dry run: {jobs} jobs, {time.monotonic() - started:.1f} s, {cpu:.1f} s of CPU", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="clips")
    parser.add_argument("--video-frames", type=int, nargs="+", default=VIDEO_FRAMES, help="of the videos extracted")
    parser.add_argument("--stage", choices=BY_NAME, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        more = BY_NAME[options.stage](options.folder, options.sizes[0]) or {}
        print(json.dumps({"cpu": time.process_time(), "mb": memory_mb(), "more": more}))
        return
    packages = ", ".join(f"{name} {version(name)}" for name in ("snakemake", "pyarrow", "numpy", "torch", "av"))
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {load}; ", end="")
    print(f"Python {platform.python_version()}, {packages}\n")
    print("| clips, or frames | stage | s | CPU s | peak MB | |\n|---|---|---|---|---|---|")
    for clips in options.sizes:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            kinetics_list(folder / "train.csv", "train", clips * 9 // 10, 0, CLASSES)
            kinetics_list(folder / "val.csv", "val", clips - clips * 9 // 10, clips, CLASSES)
            for stage in STAGES:
                measured(stage.__name__, folder, clips)
    for frames in options.video_frames:
        with tempfile.TemporaryDirectory() as temporary:
            write_video(Path(temporary) / "video.avi", frames)
            measured("extraction", Path(temporary), frames)
            shutil.rmtree(Path(temporary) / "shards")
    print()
    with tempfile.TemporaryDirectory() as temporary:
        dry_runs(Path(temporary))


if __name__ == "__main__":
    main()
