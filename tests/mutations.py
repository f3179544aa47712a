"""Files as strangers, editors and failing disks leave them: mutations of text, and the bounds that readers keep to."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from stm.data.limits import memory_in_use, memory_limit

SECONDS, MEMORY = 5, 1 << 30

# In the place of a value, or of a part of a line: absurd, of another kind, or made to do harm.
VALUES = [
    *("", "~", "true", "-1", "0", "1e400", "-1e-400", ".nan", "NaN", "Infinity", "9" * 30, "9" * 5000),
    *("0x" + "f" * 5000, "1:" * 2000 + "1", "2001-99-99", "[]", "{}", "[[]]", "&a [*a, *a]", "*nobody", "? [x]"),
    *("!!python/object/apply:os.system ['touch harmed']", "!!python/name:os.system", "!!binary '='"),
    *("!!timestamp soon", "!!bool perhaps", "../../../etc/passwd", "/etc/passwd", "..", "...", "-rf", "a b", "%d"),
    *("$(touch harmed)", "`touch harmed`", "'; touch harmed; '", "=cmd()", '"', "'", "\\", '"\\0"', '"\\ud800"'),
    *('"\\u202e"', "\u202egnp", "é" * 300, "x" * 300, "x" * 200_000),
]
BOMB = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x]"]
    + [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefg", "bcdefgh", strict=True)]
)


def damaged(whole: bytes) -> list[bytes]:
    """The content with each byte changed, and cut off at every seventh."""
    changed = [whole[:at] + bytes([byte ^ 1]) + whole[at + 1 :] for at, byte in enumerate(whole)]
    return changed + [whole[:cut] for cut in range(0, len(whole), 7)]


def delete_line(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return "".join(lines)


def double_line(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return "".join([*lines[:at], lines[at], *lines[at:]])


def swap_lines(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True)
    one, other = (rng.randrange(len(lines)) for _ in range(2))
    lines[one], lines[other] = lines[other], lines[one]
    return "".join(lines)


def replace_word(text: str, rng: Random) -> str:
    """One word, number or name becomes one of VALUES."""
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    words = [k for k, c in enumerate(lines[at]) if c.isalnum() and not lines[at][k - 1 : k].isalnum()]
    if words:
        start = rng.choice(words)
        end = next((k for k in range(start, len(lines[at])) if not lines[at][k].isalnum()), len(lines[at]))
        lines[at] = lines[at][:start] + rng.choice(VALUES) + lines[at][end:]
    return "".join(lines)


def replace_value(text: str, rng: Random) -> str:
    """What stands after a colon, comma or semicolon becomes one of VALUES."""
    marks = [k for k, c in enumerate(text) if c in ":;,"]
    if not marks:
        return text
    start = rng.choice(marks) + 1
    end = next((k for k in range(start, len(text)) if text[k] in ",;\n}]"), len(text))
    return f"{text[:start]} {rng.choice(VALUES)}{text[end:]}"


def insert(text: str, rng: Random) -> str:
    at = rng.randrange(len(text) + 1)
    return (
        text[:at]
        + rng.choice(["\0", "\ufeff", "\t", "\r", "\x07", "\u2028", '"', "'", "{", "[" * 5, *VALUES])
        + text[at:]
    )


def cut_off(text: str, rng: Random) -> str:
    return text[: rng.randrange(len(text))]


def nest(text: str, rng: Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(["[", '{"a":', "- ", "{a: "]) * rng.choice([60, 3000, 200_000]) + text[at:]


def explode(text: str, rng: Random) -> str:
    return rng.choice([BOMB + "\n" + text, text + "\n" + BOMB])


def line_ends(text: str, rng: Random) -> str:
    return "\ufeff" + text.replace("\n", rng.choice(["\r\n", "\r", "\n\n"]))


MUTATIONS: list[Callable[[str, Random], str]] = [
    *(delete_line, double_line, swap_lines, replace_word, replace_word, replace_value, replace_value, insert, cut_off),
    *(nest, explode, line_ends),
]


def flip(data: bytes, rng: Random) -> bytes:
    """A few bits: most often no valid UTF-8 is left."""
    flipped = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def mutated(text: str, rng: Random) -> tuple[str, bytes]:
    """What was done, and what came of it."""
    if rng.random() < 0.08:
        return "flip", flip(text.encode(), rng)
    mutation = rng.choice(MUTATIONS)
    return mutation.__name__, mutation(text, rng).encode("utf-8", "surrogatepass")


@contextmanager
def bounded() -> Iterator[None]:
    """End what takes more than `SECONDS` of this process or `MEMORY` beyond what it has."""

    def late(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with memory_limit(memory_in_use() + MEMORY):
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
