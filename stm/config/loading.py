"""YAML files with the line of every value, and errors that name file, line, key, value and what to write instead."""

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from stm.errors import UserError

Key = tuple[str | int, ...]


class ConfigError(UserError):
    """A configuration that cannot be meant; the text says where, what, and what would be allowed."""


@dataclass(frozen=True)
class Source:
    """The content of one YAML file and the line on which each key stands.

    `elsewhere` has what other sources say in its place, by the first part of the key.
    """

    path: Path
    data: Any
    lines: dict[Key, int]
    elsewhere: dict[str | int, "Source"] = field(default_factory=dict)

    def where(self, key: Key) -> str:
        """`file:line` of a key, or of the nearest one above it."""
        if key and key[0] in self.elsewhere:
            return self.elsewhere[key[0]].where(key)
        if not self.lines:
            return str(self.path)
        while key and key not in self.lines:
            key = key[:-1]
        return f"{_shown(self.path)}:{self.lines.get(key, 1)}"

    def error(self, key: Key, problem: str) -> ConfigError:
        """The error that says `problem` of the value at `key`."""
        return ConfigError(f"{self.where(key)}: {key_text(key)}{problem}")


def _shown(path: Path) -> str:
    """The path as a user would type it: relative to the working folder where it lies below it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def key_text(key: Key) -> str:
    """`lines[2].variant` for ("lines", 2, "variant")."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


# Of nested values, and of values in a file once its aliases are followed: one of ten lines can stand for a billion.
DEEPEST, MOST_VALUES = 50, 20_000
# Of a value in a message, in characters.
SHOWN = 200

# Of libyaml where PyYAML was built with it: ten times as fast, which every `snakemake` feels.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """YAML 1.1 as PyYAML reads it, but 1e-3 is a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_yaml(path: Path) -> Source:
    """Read one YAML file that holds a mapping.

    Raises:
        ConfigError: the file is absent, is no YAML, holds a key twice, or is no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        beside = [_shown(p) for p in sorted(path.parent.glob("*.yaml"))] if path.parent.is_dir() else []
        raise ConfigError(f"{_shown(path)}: no such file.{suggestion(_shown(path), beside)}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{_shown(path)}:{line}: cannot be read: {error}") from None
    except OSError as error:
        raise ConfigError(f"{_shown(path)}: cannot be read: {error}") from None
    return _source(text, path)


# A study asks for the same tables again and again.
@lru_cache(maxsize=256)
def _source(text: str, path: Path) -> Source:
    lines: dict[Key, int] = {}
    data = _parsed(text, path, lines, empty={})
    if not isinstance(data, dict):
        raise ConfigError(f"{_shown(path)}:1: expected `key: value` lines, found {type(data).__name__}")
    return Source(path, data, lines)


def read_value(key: str, text: str) -> Any:
    """A value that `--config` gives, read as in a file.

    Raises:
        ConfigError: it is no YAML, or holds what no file may; with key and value.
    """
    try:
        return _parsed(text, Path(f"--config {key}"), {}, empty=None)
    except ConfigError as error:
        raise ConfigError(f"{error}. Given: {shortened(text)}") from None


def _parsed(text: str, path: Path, lines: dict[Key, int], empty: Any) -> Any:
    """What a text holds, `empty` where that is nothing; `lines` comes to have the line of everything in it."""
    try:
        _check_depth(text, path)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            return _construct(loader, node, (), lines, path) if node is not None else empty
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{_shown(path)}:{line}: this is no valid YAML: {problem}") from None


def _check_depth(text: str, path: Path) -> None:
    """Refuse values nested so deep that libyaml, which calls itself for each, would end the process."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ConfigError(f"{_shown(path)}:{line}: more than {DEEPEST} values, each inside the other")


def _construct(loader: _Loader, node: yaml.Node, key: Key, lines: dict[Key, int], path: Path) -> Any:
    """Build a node's value and note the line of everything in it."""
    line = node.start_mark.line + 1
    lines.setdefault(key, line)
    # An alias inside what it stands for goes ever deeper.
    if len(lines) > MOST_VALUES or len(key) > DEEPEST:
        raise ConfigError(f"{_shown(path)}:{line}: its aliases (*) stand for too many values. Write them out")
    if isinstance(node, yaml.MappingNode):
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(f"{_shown(path)}:{line}: a list or a mapping cannot be a key")
            name = _scalar(loader, key_node, path)
            if not isinstance(name, str | int) or isinstance(name, bool):
                raise ConfigError(f"{_shown(path)}:{key_node.start_mark.line + 1}: {name!r} cannot be a key; quote it")
            if name in result:
                first = lines[(*key, name)]
                line = key_node.start_mark.line + 1
                raise ConfigError(f"{_shown(path)}:{line}: '{name}' stands twice, first on line {first}. Remove one")
            lines[(*key, name)] = key_node.start_mark.line + 1
            result[name] = _construct(loader, value_node, (*key, name), lines, path)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, child, (*key, i), lines, path) for i, child in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode), "YAML has three kinds of nodes"
    return _scalar(loader, node, path)


def _scalar(loader: _Loader, node: yaml.ScalarNode, path: Path) -> Any:
    try:
        value = loader.construct_object(node, deep=True)
    # What PyYAML raises for a day that no month has, a number of too many digits, `!!bool perhaps` …
    except (ValueError, KeyError, AttributeError, OverflowError):
        kind = node.tag.rpartition(":")[2]
        raise _refused(node, path, f"{shortened(node.value)} is no {kind}. Quote it if it is text") from None
    if isinstance(value, int) and value.bit_length() > 64:
        raise _refused(node, path, f"{shortened(node.value)} is too large a number")
    if isinstance(value, str) and "\0" in value:
        raise _refused(node, path, f"{shortened(value)} holds a NUL character, which no path and no name may")
    return value


def _refused(node: yaml.Node, path: Path, problem: str) -> ConfigError:
    return ConfigError(f"{_shown(path)}:{node.start_mark.line + 1}: {problem}")


def shortened(value: Any) -> str:
    """A value as messages show it."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text):,} characters)"


def suggestion(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or nothing where nothing is near."""
    near = difflib.get_close_matches(str(name), [str(k) for k in known])
    # Of what is equally near what only goes on: of `seed` `seeds`, not `speed`.
    near.sort(key=lambda found: not found.startswith(str(name)))
    return f" Did you mean '{near[0]}'?" if near else ""


class Strict(BaseModel):
    """A part of the configuration: types are not converted, unknown keys are refused with the nearest known one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    hint = suggestion(key, cls.model_fields)
                    known = ", ".join(cls.model_fields)
                    raise PydanticCustomError(
                        "unknown_key",
                        "is no known key here.{hint}\n  Known: {known}",
                        {"key": key, "hint": hint, "known": known},
                    )
        return data


M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], source: Source, data: Any = None, at: Key = ()) -> M:
    """The part of `source` at `at` (or `data` in its place) as `model`.

    Raises:
        ConfigError: with all that is wrong, one problem a line.
    """
    if data is None:
        data = source.data
        for part in at:
            data = data[part]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(_problem(source, at, data, e) for e in error.errors())) from None


def _problem(source: Source, at: Key, data: Any, error: Any) -> str:
    """One pydantic error in our words."""
    # Pydantic puts names of union members and `[key]` into `loc`; what the data does not have is no part of the key.
    key: Key = ()
    value = data
    for part in error["loc"]:
        if (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int)):
            value = value[part]
            key = (*key, part)
    kind = error["type"]
    if kind == "unknown_key":
        key = (*key, error["ctx"]["key"])
        return str(source.error((*at, *key), f" {error['msg']}"))
    if kind == "missing":
        return str(source.error((*at, *key), f"{': ' if key or at else ''}the key '{error['loc'][-1]}' is missing"))
    message = error["msg"].removeprefix("Value error, ")
    if message.startswith("Input should be "):
        message = "expected " + message.removeprefix("Input should be ")
    # A problem of a whole section names its keys itself; its value would fill the screen.
    shown = f" = {shortened(value)}" if not isinstance(value, dict) else ""
    separator = ": " if key or at or shown else ""
    return str(source.error((*at, *key), f"{shown}{separator}{message}"))
