"""What the videos say: which are there, by a look at each file's entry, and how a sample of them decodes."""

import itertools
import os
import stat
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from stm.data.annotations import Clip, names
from stm.data.check.finding import NAMED, Finding, counted, error, percent, some, warning
from stm.data.decoding import Video, VideoError
from stm.data.jpeg_folder import JpegFolder
from stm.files import digest

SIZES = 5
SECONDS_BETWEEN_LINES = 5.0
ASKERS, ASKED_AT_ONCE = 16, 1000


@dataclass
class Files:
    """What of the listed clips lies on the disk."""

    present: list[Clip] = field(default_factory=list)
    missing: list[Clip] = field(default_factory=list)
    # Of no bytes: what a download that failed leaves.
    empty: list[Clip] = field(default_factory=list)
    # Clips that are one file or folder, by links: same device, number and size.
    same: list[list[Clip]] = field(default_factory=list)


def find_files(clips: Sequence[Clip], videos: str, spec: Mapping[str, Any]) -> Files:
    """Look for every clip, under each name that its format knows; those present have the name that was found.

    Nothing is opened. Folders are read whole, and only files are asked for their size, many at a time: of hundreds of
    thousands, on a network disk, each would take a moment.
    """
    folders = Folders(videos)
    files = Files()
    found: list[tuple[Clip, os.DirEntry[str]]] = []
    for clip in clips:
        for name in names(spec, clip.video):
            if entry := folders.entry(name):
                found.append((clip if name == clip.video else replace(clip, video=name), entry))
                break
        else:
            files.missing.append(clip)
    by_file: dict[tuple[int, int, int], list[Clip]] = defaultdict(list)
    for (clip, _), state in zip(found, _states([entry for _, entry in found]), strict=True):
        if isinstance(state, OSError):
            files.missing.append(clip)
        elif state is not None and stat.S_ISREG(state.st_mode) and not state.st_size:
            files.empty.append(clip)
        else:
            files.present.append(clip)
            # Some network disks number no files.
            if state is not None and state.st_ino:
                by_file[state.st_dev, state.st_ino, state.st_size].append(clip)
    files.same = [alike for alike in by_file.values() if len(alike) > 1]
    return files


class Folders:
    """What lies in the folders below one, each read when it is first asked for."""

    def __init__(self, top: str):
        self.top = top
        self.entries: dict[str, dict[str, os.DirEntry[str]]] = {}

    def entry(self, path: str) -> os.DirEntry[str] | None:
        """The file or folder of a path below the top; None where there is none."""
        folder, _, name = path.rpartition("/")
        if folder not in self.entries:
            # A list may have a folder a clip: of one that its own folder does not have, the disk is not asked.
            there = not folder or self.entry(folder) is not None
            self.entries[folder] = self._read(folder) if there else {}
        return self.entries[folder].get(name)

    def _read(self, folder: str) -> dict[str, os.DirEntry[str]]:
        try:
            with os.scandir(f"{self.top}/{folder}") as entries:
                return {entry.name: entry for entry in entries}
        except OSError:
            return {}


def _states(entries: Sequence["os.DirEntry[str]"]) -> Iterator[os.stat_result | OSError | None]:
    """Of each entry what the disk says of it, or why it does not; None of a folder, which has no size to know."""
    parts = [entries[first : first + ASKED_AT_ONCE] for first in range(0, len(entries), ASKED_AT_ONCE)]
    with ThreadPoolExecutor(ASKERS) as pool:
        yield from itertools.chain.from_iterable(pool.map(lambda part: [_state(entry) for entry in part], parts))


def _state(entry: "os.DirEntry[str]") -> os.stat_result | OSError | None:
    try:
        # A link may be a second name of something: it is followed.
        return None if entry.is_dir(follow_symlinks=False) else entry.stat()
    except OSError as error:
        return error


def file_line(files: Files, videos: str) -> str:
    lost = len(files.missing) + len(files.empty)
    whole = len(files.present) + lost
    return f"files in {videos}: {len(files.present):,} of {whole:,}; {percent(lost, whole)} missing or empty"


def lost_files(files: Files, videos: str) -> list[Finding]:
    """Files that are missing or empty: the pipeline goes on without them, unless nothing is left."""
    whole = len(files.present) + len(files.missing) + len(files.empty)
    findings = []
    for lost, what in ((files.missing, "without a file or folder"), (files.empty, "an empty file")):
        if lost:
            paths = some([f"{videos}/{clip.video}" for clip in lost])
            problem = f"{counted(len(lost), 'clip')} of {whole:,} ({percent(len(lost), whole)}) {what}: {paths}"
            advice = "Put them there, or go on without: the manifest says which"
            findings.append(warning(f"{problem}. {advice}"))
    return findings


def lost_splits(clips: Sequence[Clip], present: Sequence[Clip], folds: Sequence[str | None]) -> list[Finding]:
    """Splits of which nothing is left."""
    findings = []
    for number, fold in enumerate(folds):
        listed, found = ({clip.splits[number] for clip in those} for those in (clips, present))
        for split in ("train", "validation"):
            if split in listed - found:
                of = f"{split} of fold {fold}" if fold else split
                advice = "Correct the dataset's `videos` or the paths in its annotation files"
                findings.append(error(f"not one video of {of} is there. {advice}"))
    return findings


def same_files(files: Files) -> list[Finding]:
    """One video under two names: a leak where one name is trained on and the other tested."""
    leaks: list[Sequence[Clip]] = []
    others: list[Sequence[Clip]] = []
    for alike in files.same:
        (leaks if any(_meet(a, b) for a, b in itertools.combinations(alike, 2)) else others).append(alike)
    findings = []
    for finding, groups, where in ((error, leaks, "train and in validation or test"), (warning, others, "the list")):
        if groups:
            named = some([" = ".join(clip.video for clip in alike) for alike in groups])
            advice = "Keep one name of each"
            findings.append(finding(f"{counted(len(groups), 'video')} under two names in {where}: {named}. {advice}"))
    return findings


def _meet(one: Clip, other: Clip) -> bool:
    """Whether a fold trains on one and tests the other."""
    splits = zip(one.splits, other.splits, strict=True)
    return any(a != b and "train" in (a, b) and "" not in (a, b) for a, b in splits)


@dataclass(frozen=True)
class Decoded:
    """What a clip came to: frames, width and height as it has them, and why it is not whole."""

    clip: Clip
    frames: int
    size: tuple[int, int]
    fault: str


def sample(clips: Sequence[Clip], count: int | None) -> list[Clip]:
    """So many clips, the same at every call and about as many of each split; None takes all."""
    by_split: dict[tuple[str, ...], list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: digest(clip.clip)):
        by_split[clip.splits].append(clip)
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*by_split.values()))
    return [clip for clip in in_turn if clip][:count]


def decode(clips: Sequence[Clip], videos: str, decoder: str) -> Iterator[Decoded]:
    """Decode each clip to its end; says on stderr every few seconds how far it is.

    Raises:
        DecoderError: the decoder is not installed.
    """
    said = time.monotonic()
    for done, clip in enumerate(clips, 1):
        path = Path(videos) / clip.video
        yield _decode_folder(clip, path) if path.is_dir() else _decode_video(clip, path, decoder)
        if time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            print(f"{done:,} of {len(clips):,} clips decoded", file=sys.stderr, flush=True)


def _decode_video(clip: Clip, path: Path, decoder: str) -> Decoded:
    count, size, fault = 0, (0, 0), ""
    try:
        for pixels in Video(path, decoder):
            count, size = count + 1, _size(pixels)
    except VideoError as problem:
        fault = str(problem)
    return Decoded(clip, count, size, fault or ("" if count else "the video stream holds no frame"))


def _decode_folder(clip: Clip, path: Path) -> Decoded:
    count, size = 0, (0, 0)
    folder = JpegFolder(path)
    for pixels, _ in folder:
        count, size = count + 1, _size(pixels)
    return Decoded(clip, count, size, "; ".join(folder.faults))


def _size(pixels: np.ndarray) -> tuple[int, int]:
    height, width = pixels.shape[:2]
    return width, height


def decoded_line(decoded: Sequence[Decoded], present: int) -> str:
    whole = [clip for clip in decoded if clip.frames]
    line = f"decoded {len(decoded):,} of {present:,}"
    if not whole:
        return line
    frames = sorted(clip.frames for clip in whole)
    sizes = Counter(f"{clip.size[0]}x{clip.size[1]}" for clip in whole).most_common()
    shown = ", ".join(f"{size} ({count:,})" for size, count in sizes[:SIZES])
    others = f" and {counted(len(sizes) - SIZES, 'other size')}" if len(sizes) > SIZES else ""
    if frames[0] == frames[-1]:
        return f"{line}: {counted(frames[0], 'frame')} each, {shown}{others}"
    middle = statistics.median(frames)
    return f"{line}: {frames[0]:,} to {frames[-1]:,} frames a clip (median {middle:g}), {shown}{others}"


def faulty(decoded: Sequence[Decoded]) -> list[Finding]:
    """Videos that do not decode to their end; the pipeline uses the frames that there are, and marks the clip."""
    wrong = [clip for clip in decoded if clip.fault]
    findings = [_fault(clip) for clip in wrong[:NAMED]]
    if len(wrong) > NAMED:
        more = f"{len(wrong) - NAMED:,} more of the {len(decoded):,} decoded clips are unreadable or damaged"
        findings.append(warning(f"{more}. After extraction the dataset's manifest.csv names each"))
    if decoded and not any(clip.frames for clip in decoded):
        findings.append(error(f"none of the {len(decoded):,} decoded clips has a frame. Are these videos?"))
    return findings


def _fault(clip: Decoded) -> Finding:
    if clip.frames:
        problem = f"damaged: {clip.fault}; {counted(clip.frames, 'frame')} can be used"
    else:
        problem = f"unreadable: {clip.fault}; it is left out"
    return warning(f"{clip.clip.video} is {problem}. Replace the file, or go on: the manifest says so too")


def short(decoded: Sequence[Decoded], frames: Sequence[int]) -> list[Finding]:
    """For each T of the study's tables, clips with fewer frames."""
    findings = []
    for wanted in sorted(set(frames)):
        if too_short := [f"{clip.clip.video} {clip.frames}" for clip in decoded if 0 < clip.frames < wanted]:
            problem = f"{len(too_short):,} of {counted(len(decoded), 'decoded clip')} with fewer than {wanted} frames"
            advice = "The network sees some frames of these twice; leave them out if that is too little"
            findings.append(warning(f"{problem}: {some(too_short)}. {advice}"))
    return findings
