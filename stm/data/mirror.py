"""Which class a clip is of when it is mirrored: itself, its partner, or none that is known."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from stm.errors import WrongValueError

# Instead of a list of pairs: they are found in the text of the labels.
FROM_LABELS = "from_labels"
WORDS = {
    "left": "right",
    "leftward": "rightward",
    "leftwards": "rightwards",
    "leftmost": "rightmost",
    "lefthand": "righthand",
    "lefthanded": "righthanded",
    "clockwise": "counterclockwise",
    "cw": "ccw",
}
MIRRORED_WORDS = WORDS | {other: one for one, other in WORDS.items()}
# `TurnLeft`, `turn_left` and `Turn left` have the same words.
WORD = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|\d+|[^\W\d_]+")
COUNTERCLOCKWISE = re.compile(r"(counter|anti|contra)[ _-]?clockwise", re.IGNORECASE)


def partners(classes: Sequence[str], pairs: Sequence[Sequence[str]] | str) -> list[int | None]:
    """For each class the one that it is when mirrored; None where that is no known one, and nothing may mirror it.

    Args:
        classes: in their order.
        pairs: classes that are each other mirrored, all others being themselves; `from_labels`: found by their text.

    Raises:
        ValueError: a pair names a class that is not there.
    """
    if isinstance(pairs, str):
        return _by_text(classes)
    found: list[int | None] = list(range(len(classes)))
    for one, other in pairs:
        for name in (one, other):
            if name not in classes:
                raise WrongValueError(f"flip_pairs: {name!r} is no class. Classes: {', '.join(classes)}")
        first, second = classes.index(one), classes.index(other)
        found[first], found[second] = second, first
    return found


def mirrored_labels(classes: Sequence[str], pairs: Sequence[Sequence[str]] | str) -> Mapping[str, str | None]:
    """The same by label, of the classes alone that a flip changes or that bear none."""
    found = zip(classes, partners(classes, pairs), strict=True)
    by_label = {label: None if partner is None else classes[partner] for label, partner in found}
    return {label: partner for label, partner in by_label.items() if partner != label}


def _by_text(classes: Sequence[str]) -> list[int | None]:
    """A label with left, right or a turn of the clock goes to the one class whose label has them exchanged.

    Without such a class it goes nowhere: a flip could make a clip of it that its label does not describe. The few that
    have the word in another sense ("pulling it right out") are then not mirrored either, and lose some variety.
    """
    words = [_words(label) for label in classes]
    numbers: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, of_class in enumerate(words):
        numbers[of_class].append(number)
    found: list[int | None] = []
    for number, of_class in enumerate(words):
        mirrored = tuple(MIRRORED_WORDS.get(word, word) for word in of_class)
        if mirrored == of_class:
            found.append(number)
        else:
            # Labels that differ in case or marks alone, each with a partner of its own, are not told apart.
            alone = len(numbers[of_class]) == len(numbers.get(mirrored, [])) == 1
            found.append(numbers[mirrored][0] if alone else None)
    return found


def _words(label: str) -> tuple[str, ...]:
    """The words of a label, in small letters."""
    return tuple(word.casefold() for word in WORD.findall(COUNTERCLOCKWISE.sub("counterclockwise", label)))
