"""The predictions file: the scores that one run gives every clip under one protocol.

Every metric, interval and test is computed from these files, so no later question needs the network again. A file of
features is the same with the logits in the scores' place, and the features that they are made of beside them.

Shape letters: n clips, K classes, C features.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stm.errors import UserError, WrongValueError
from stm.files import canonical_json, replacing


class PredictionsError(UserError):
    """A predictions file that cannot be read; the text says which, why and what to do."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Scores of clips, in the order in which they were evaluated.

    Args:
        clips: n ids, each once.
        labels: int64 (n), positions in `classes`; -1 where the makers keep a test clip's to themselves.
        groups: n sources (speaker, original video); "" where a clip's source is not known: it then stands for itself.
        scores: float32 (n, K), the mean over views of the softmax; of the logits where there are features.
        classes: K names in the order of the scores.
        record: what else is known of the evaluation: run, protocol, views, digest of the data ...
        features: float32 (n, C), the mean over views and frames of the classifier's input; None in predictions.

    Raises:
        ValueError: the lengths do not fit, a clip stands twice, a label is no class, a score or feature is not finite.
    """

    clips: list[str]
    labels: np.ndarray
    groups: list[str]
    scores: np.ndarray
    classes: list[str]
    record: dict[str, Any] = field(default_factory=dict)
    features: np.ndarray | None = None

    def __post_init__(self) -> None:
        n, k = len(self.clips), len(self.classes)
        if not n or self.labels.shape != (n,) or len(self.groups) != n or self.scores.shape != (n, k):
            raise WrongValueError(
                f"{n} clips and {k} classes do not fit {len(self.groups)} groups, "
                f"labels {self.labels.shape} and scores {self.scores.shape}"
            )
        if len(set(self.clips)) != n:
            raise WrongValueError("a clip stands twice")
        if self.labels.min() < -1 or self.labels.max() >= k:
            raise WrongValueError(f"labels from {self.labels.min()} to {self.labels.max()} do not fit {k} classes")
        if not np.isfinite(self.scores).all():
            raise WrongValueError("a score is not finite")
        if self.features is not None and not (len(self.features) == n and np.isfinite(self.features).all()):
            raise WrongValueError(f"features {self.features.shape} do not fit {n} clips, or one is not finite")


def write(path: Path, predictions: Predictions) -> None:
    """Write an Arrow file, whole or not at all; equal predictions give equal bytes."""
    matrices = [_float32(matrix) for matrix in (predictions.scores, predictions.features) if matrix is not None]
    columns = [
        pa.array(predictions.clips),
        pa.array(predictions.labels.astype(np.int64)),
        pa.array(predictions.groups),
        *(pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1]) for matrix in matrices),
    ]
    about = {"classes": predictions.classes, "record": predictions.record, "digest": _digest(predictions)}
    schema = _schema(*(matrix.shape[1] for matrix in matrices)).with_metadata({"stm": canonical_json(about)})
    table = pa.table(columns, schema=schema)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with replacing(path) as temporary, pa.ipc.new_file(str(temporary), table.schema, options=options) as writer:
        writer.write_table(table)


def read(path: Path) -> Predictions:
    """Read what `write` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        PredictionsError: the file is damaged, or is no predictions file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there are no predictions here; evaluate the run first")
    try:
        with pa.OSFile(str(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
        # Arrow follows the offsets of a string column without a look at them.
        table.validate(full=True)
        about = json.loads(table.schema.metadata[b"stm"])
        widths = [field.type.list_size for field in table.schema if pa.types.is_fixed_size_list(field.type)]
        if not table.schema.equals(_schema(len(about["classes"]), *widths[1:2])):
            raise ValueError("its columns are not those of predictions")
        predictions = Predictions(
            clips=table["clip"].to_pylist(),
            labels=_numbers(table["label"].combine_chunks()),
            groups=table["group"].to_pylist(),
            scores=_matrix(table["scores"]),
            classes=about["classes"],
            record=about["record"],
            features=_matrix(table["features"]) if len(widths) == 2 else None,
        )
        if _digest(predictions) != about["digest"]:
            raise ValueError("its content does not match its digest")
    except (pa.ArrowException, ValueError, KeyError, TypeError, OSError) as error:
        raise PredictionsError(f"{path} is damaged: delete it and run again ({error})") from error
    return predictions


def _schema(classes: int, features: int | None = None) -> pa.Schema:
    columns = {"clip": pa.string(), "label": pa.int64(), "group": pa.string()}
    widths = {"scores": classes} | ({"features": features} if features else {})
    return pa.schema(columns | {name: pa.list_(pa.float32(), width) for name, width in widths.items()})


def _matrix(column: pa.ChunkedArray) -> np.ndarray:
    """A column of lists as float32 (n, width)."""
    return _numbers(column.combine_chunks().flatten()).reshape(-1, column.type.list_size)


def _numbers(column: pa.Array) -> np.ndarray:
    """Without a copy; pyarrow's own `to_numpy` would load pandas, which takes longer than a second file."""
    return np.from_dlpack(column)


def _float32(matrix: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(matrix, dtype=np.float32)


def _digest(predictions: Predictions) -> str:
    """A digest of the content: a flipped bit in a compressed buffer would otherwise be read as another score."""
    p = predictions
    text = canonical_json([p.clips, p.labels.tolist(), p.groups, p.classes, p.record])
    matrices = b"".join(_float32(matrix).tobytes() for matrix in (p.scores, p.features) if matrix is not None)
    return hashlib.sha256(text.encode() + matrices).hexdigest()
