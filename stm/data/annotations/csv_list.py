"""Own videos: one csv file with the columns video, label, split and, where clips share a source, group.

UTF-8, comma-separated, columns in any order. Spaces around a cell are dropped: `opening` and `opening ` are one class.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from stm.config.loading import suggestion
from stm.data.annotations.clip import SPLITS, AnnotationError, Clip

REQUIRED = ("video", "label", "split")
COLUMNS = (*REQUIRED, "group")


def read(annotations: Mapping[str, str]) -> list[Clip]:
    """The clips of the file `list`. A clip's id is its video's path as listed; without a group it is one of its own.

    Raises:
        AnnotationError: naming file and line.
    """
    path = Path(annotations["list"])
    clips: list[Clip] = []
    first_lines: dict[str, int] = {}
    for line, row in _rows(path, _text(path)):
        clip = _clip(f"{path}:{line}", row)
        first = first_lines.setdefault(clip.video, line)
        if first != line:
            raise AnnotationError(
                f"{path}:{line}: video '{clip.video}' is listed on line {first} already. Remove one of them"
            )
        clips.append(clip)
    if not clips:
        raise AnnotationError(f"{path}:1: no clips below the columns. Add a line for each video")
    return clips


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise AnnotationError(f"{path}: no such file. It lists the videos: {','.join(COLUMNS)}") from None
    except UnicodeDecodeError as error:
        at = f"{path}:{_line(data, error.start)}"
        raise AnnotationError(f"{at}: byte 0x{data[error.start]:02x} is not UTF-8. Save the file as UTF-8") from None
    if "\0" in text:
        at = f"{path}:{_line(data, data.index(0))}"
        raise AnnotationError(f"{at}: a NUL byte: the file is damaged or UTF-16. Save it as UTF-8")
    return text


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row by column, with the line that it starts on."""
    records = _records(path, text)
    line, columns = next(records, (1, []))
    _check_columns(f"{path}:{line}", columns)
    for line, cells in records:
        if len(cells) != len(columns):
            problem = f"{len(cells)} cells for {len(columns)} columns. Put a cell that holds a comma in double quotes"
            raise AnnotationError(f"{path}:{line}: {problem}")
        yield line, dict(zip(columns, cells, strict=True))


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise AnnotationError(f"{path}:{line}: no valid csv: {error}") from None


def _check_columns(at: str, columns: list[str]) -> None:
    known = f"\n  Known: {', '.join(COLUMNS)}; the first line names the columns, separated by commas"
    missing = [name for name in REQUIRED if name not in columns]
    for name in columns:
        # A misspelt group would be dropped in silence, and with it the clusters of every interval.
        if name not in COLUMNS:
            hint = suggestion(name, COLUMNS) or " Rename or remove it"
            raise AnnotationError(f"{at}: column '{name}' is not known.{hint}{known}")
        if columns.count(name) > 1:
            raise AnnotationError(f"{at}: column '{name}' stands twice. Remove one of them")
    if missing:
        raise AnnotationError(f"{at}: no column '{missing[0]}'. Add it{known}")


def _clip(at: str, row: dict[str, str]) -> Clip:
    for name in REQUIRED:
        if not row[name]:
            raise AnnotationError(f"{at}: {name} is empty. Fill it, or remove the line")
    video, label, split = (row[name] for name in REQUIRED)
    if split not in SPLITS:
        hint = suggestion(split, SPLITS)
        raise AnnotationError(f"{at}: split = '{split}' is not known.{hint}\n  Known: {', '.join(SPLITS)}")
    _check_video(at, video)
    return Clip(clip=video, splits=(split,), label=label, group=row.get("group") or video, video=video)


def _check_video(at: str, video: str) -> None:
    """The path is a clip's id and its place in a shard: one spelling a file, and none outside the videos folder."""
    path = PurePosixPath(video)
    if path.is_absolute() or ".." in path.parts:
        raise AnnotationError(
            f"{at}: video = '{video}' leaves the videos folder. Write the path relative to that folder"
        )
    plain = str(PurePosixPath(video.replace("\\", "/")))
    if video != plain:
        raise AnnotationError(f"{at}: video = '{video}' is not a plain path. Write '{plain}'")
