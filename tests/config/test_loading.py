import re
from pathlib import Path

import pytest

from stm.config.loading import ConfigError, Strict, read_value, read_yaml, validated


class Inner(Strict):
    width: int
    kind: str = "a"


class Outer(Strict):
    parts: list[Inner]
    rate: float = 0.1


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def message(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        validated(Outer, read_yaml(written(tmp_path, text)))
    return str(caught.value).replace(str(tmp_path), "DIR")


@pytest.mark.parametrize(("text", "value"), [("1e-1", 0.1), ("[1, 2e3]", [1, 2000.0]), ("50", 50), ("", None)])
def test_a_value_of_the_command_line_is_read_as_in_a_file(tmp_path, text, value):
    assert read_value("rate", text) == value == read_yaml(written(tmp_path, f"rate: {text}\n")).data["rate"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("*x", "no valid YAML.* alias"),
        ("[1, 2", "no valid YAML"),
        ("{a: 1, a: 2}", "'a' stands twice"),
        ("2001-99-99", "'2001-99-99' is no timestamp. Quote it"),
        ("[" * 60 + "]" * 60, "more than 50 values, each inside the other"),
    ],
)
def test_a_value_of_the_command_line_that_no_file_could_hold_is_refused_with_its_key(text, problem):
    with pytest.raises(ConfigError, match=rf"--config seeds:\d: .*{problem}.*Given: {re.escape(repr(text))}"):
        read_value("seeds", text)


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_spelling(tmp_path):
    text = message(tmp_path, "parts:\n  - width: 3\n  - widht: 4\n")
    assert text == (
        "DIR/study.yaml:3: parts[1].widht is no known key here. Did you mean 'width'?\n  Known: width, kind"
    )


def test_a_wrong_type_is_named_with_its_value(tmp_path):
    text = message(tmp_path, "parts:\n  - width: wide\n")
    assert text == "DIR/study.yaml:2: parts[0].width = 'wide': expected a valid integer"


def test_a_missing_key_is_named_where_it_is_missing(tmp_path):
    assert message(tmp_path, "rate: 0.1\n") == "DIR/study.yaml:1: the key 'parts' is missing"
    assert message(tmp_path, "parts:\n  - kind: b\n") == "DIR/study.yaml:2: parts[0]: the key 'width' is missing"


def test_all_problems_come_at_once(tmp_path):
    assert message(tmp_path, "parts:\n  - width: wide\nrate: fast\n").count("\n") == 1


def test_a_boolean_is_no_number(tmp_path):
    assert "expected a valid number" in message(tmp_path, "parts: []\nrate: true\n")


def test_a_key_that_stands_twice_is_refused(tmp_path):
    assert message(tmp_path, "rate: 1.0\nparts: []\nrate: 2.0\n").endswith(
        ":3: 'rate' stands twice, first on line 1. Remove one"
    )


def test_broken_yaml_is_refused_with_its_line(tmp_path):
    assert message(tmp_path, "parts: []\nrate: [1\n").startswith("DIR/study.yaml:3: this is no valid YAML:")


def test_a_list_is_no_configuration(tmp_path):
    assert message(tmp_path, "- a\n").endswith(":1: expected `key: value` lines, found list")


def test_an_absent_file_is_named_with_the_nearest_one(tmp_path):
    written(tmp_path, "")
    with pytest.raises(ConfigError, match=r"studi.yaml: no such file. Did you mean '.*study.yaml'\?"):
        read_yaml(tmp_path / "studi.yaml")


def test_a_number_with_an_exponent_needs_no_point(tmp_path):
    assert read_yaml(written(tmp_path, "rate: 1e-3\n")).data == {"rate": 0.001}


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_bytes(b"rate: \xff\xfe\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(path)
