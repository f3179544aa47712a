"""Something-Something v2 as its makers wrote it: JSON lists of clips, and `labels.json`; a clip is `<id>.webm`.

Parts: `train`, `validation` (`{"id": "78687", "template": "Holding [something] next to [something]", …}`), `labels`
(`{"Holding something next to something": "40", …}`); optional: `test`, whose clips may have an id alone. A clip's label
is its template without the brackets.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stm.config.loading import suggestion
from stm.data.annotations.clip import SPLITS, AnnotationError, Clip
from stm.data.annotations.text import check_once, check_path, check_text, json_list, json_object

NUMBER = re.compile(r"\d{1,9}")
EXAMPLE = '{"id": "78687", "template": "Holding [something]"}'


def read(annotations: Mapping[str, str]) -> list[Clip]:
    """The clips of the lists, one after the other. A clip's id is that of the lists.

    Raises:
        AnnotationError: naming file and line.
    """
    known = set(labels(annotations))
    clips: list[Clip] = []
    places: dict[str, str] = {}
    for split in [split for split in SPLITS if split in annotations]:
        path = Path(annotations[split])
        before = len(clips)
        for at, item in json_list(path, f"the {split} clips: [{EXAMPLE}, …]"):
            clip, label = _clip(at, item, split)
            check_once(places, at, "clip", clip)
            if label and label not in known:
                listed = f"\n  Known: the {len(known)} labels of {annotations['labels']}"
                raise AnnotationError(f"{at}: label '{label}' is not known.{suggestion(label, known)}{listed}")
            clips.append(Clip(clip=clip, splits=(split,), label=label, group=clip, video=f"{clip}.webm"))
        if len(clips) == before:
            raise AnnotationError(f"{path}:1: no clips. Add one: {EXAMPLE}")
    return clips


def labels(annotations: Mapping[str, str]) -> list[str]:
    """The labels in the order of their numbers, from 0 on.

    Raises:
        AnnotationError: naming file and line.
    """
    path = Path(annotations["labels"])
    numbers: dict[str, int] = {}
    places: dict[str, str] = {}
    for at, label, value in json_object(path, 'the labels: {"Holding something": "0", …}'):
        if not isinstance(label, str) or not label.strip():
            raise AnnotationError(f"{at}: {label!r} is no label. Remove it")
        check_text(at, label)
        if not NUMBER.fullmatch(str(value)):
            raise AnnotationError(f"{at}: the number of '{label}' is {value!r}. Write a whole number, as \"0\"")
        check_once(places, at, "label", label.strip())
        check_once(places, at, "number", str(int(value)))
        numbers[label.strip()] = int(value)
    if sorted(numbers.values()) != list(range(len(numbers))) or not numbers:
        wanted = f"0 to {len(numbers) - 1}, each once" if numbers else "0 and on"
        raise AnnotationError(f"{path}:1: {len(numbers)} labels whose numbers are not {wanted}. Complete the file")
    return sorted(numbers, key=lambda label: numbers[label])


def _clip(at: str, item: Any, split: str) -> tuple[str, str]:
    """Id and label of a clip."""
    if not isinstance(item, dict):
        raise AnnotationError(f"{at}: {item!r} is no clip. Write {EXAMPLE}")
    clip = _text(at, item, "id")
    check_path(at, "id", clip)
    # Of test clips the makers keep the labels to themselves.
    if split == "test" and "template" not in item:
        return clip, ""
    label = _text(at, item, "template").replace("[", "").replace("]", "").strip()
    if not label:
        raise AnnotationError(f"{at}: template = {item['template']!r} holds brackets alone. Write {EXAMPLE}")
    return clip, label


def _text(at: str, item: Mapping[str, Any], key: str) -> str:
    if key not in item:
        raise AnnotationError(f"{at}: no '{key}'. Write {EXAMPLE}")
    if not isinstance(item[key], str) or not item[key].strip():
        raise AnnotationError(f"{at}: {key} = {item[key]!r} is no text. Write {EXAMPLE}")
    check_text(at, item[key])
    return item[key]
