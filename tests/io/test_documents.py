"""Settings of anyone: read within a second, or refused in one line, whatever they hold."""

import json
import os
import sys
import time

import pytest
import yaml
from hostile_settings import JSON, YAML
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine.errors import InputFileError
from ptycho_engine.io.documents import (
    DEEPEST,
    LARGEST,
    MOST_VALUES,
    check_yaml,
    read_json,
    read_yaml,
)

#: What is YAML or JSON all the same, though no legacy parameters.
READABLE = {
    "deep quotes", "bytes that are none", "a number without end", "no number",
    "a number of 400 digits as text", "an exponent without end", "a list for a number",
    "a set for a number", "bytes for a number", "a date for a number", "bytes for a path",
    "a list for a path", "keys that are numbers", "keys that are nothing", "keys that are dates",
    "a lone surrogate", "a lone surrogate for a key", "no mapping", "as many keys as there may be",
    "as many values as there may be",
}  # fmt: skip

#: As many as there is room for.
MANY_KEYS = "".join(f'"{i}":0,' for i in range(5000))


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(read, path):
    """The reason of a refusal, which is one line that names the file, and comes at once."""
    tracer = sys.gettrace()
    sys.settrace(None)  # coverage takes several times what it measures
    started = time.process_time()
    try:
        with pytest.raises(InputFileError) as caught:
            read(path)
        assert time.process_time() - started < 1
    finally:
        sys.settrace(tracer)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    assert len(message) < 700 + len(str(path))
    return message


@pytest.mark.parametrize("name", [name for name in YAML if name not in READABLE])
def test_hostile_yaml_is_refused(tmp_path, name):
    refused(read_yaml, written(tmp_path / "old.yaml", YAML[name]))


@pytest.mark.parametrize("name", [name for name in JSON if name not in READABLE])
def test_hostile_json_is_refused(tmp_path, name):
    refused(read_json, written(tmp_path / "old.json", JSON[name]))


@pytest.mark.parametrize("name", sorted(READABLE))
def test_odd_values_are_read_as_yaml_has_them(tmp_path, name):
    if name in YAML:
        value = read_yaml(written(tmp_path / "old.yaml", YAML[name]))
        assert repr(value) == repr(yaml.safe_load(YAML[name]))
    else:
        assert read_json(written(tmp_path / "old.json", JSON[name])) == json.loads(JSON[name])


@pytest.mark.parametrize("read", [read_yaml, read_json])
def test_what_is_no_regular_file_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    assert "is no regular file" in refused(read, tmp_path / "pipe")
    assert "is no regular file" in refused(read, tmp_path)
    (tmp_path / "link").symlink_to("/dev/zero")
    assert "is no regular file" in refused(read, tmp_path / "link")
    assert "no such file" in refused(read, tmp_path / "none")


def test_anchors_that_stay_small_are_what_they_stand_for(tmp_path):
    text = "base: &base {N: 64, gridsize: 2}\nmodel: {<<: *base, N: 32}\nlist: [*base, *base]\n"
    path = written(tmp_path / "old.yaml", text)
    base = {"N": 64, "gridsize": 2}
    assert read_yaml(path) == {"base": base, "model": base | {"N": 32}, "list": [base, base]}


def test_an_anchor_given_twice_stands_for_nothing(tmp_path):
    path = written(tmp_path / "old.yaml", "a: &a [1]\nb: &a [*a]\n")
    assert "stands in what it names" in refused(read_yaml, path)
    path = written(tmp_path / "old.yaml", "a: &a [1]\nb: &a [2]\nc: *a\n")
    assert "duplicate anchor" in refused(read_yaml, path)


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (read_yaml, "N: 64\ngridsize: 2\nN: 128\n", "line 3: the key 'N' stands twice"),
        (read_yaml, "model:\n- {N: 64, 'N': 128}\n", "line 2: the key 'N' stands twice"),
        (read_json, '{"model": [{"N": 64, "N": 128}]}', "the key 'N' stands twice"),
        pytest.param(
            *(read_json, "{" + MANY_KEYS + '"4999":0}', "the key '4999' stands twice"), id="many"
        ),
    ],
)
def test_a_key_given_twice_is_refused(tmp_path, read, text, reason):
    assert reason in refused(read, written(tmp_path / "old", text))


def test_a_key_may_stand_in_two_mappings_and_two_may_be_merged(tmp_path):
    text = "a: &a {N: 64}\nb: &b {M: 1}\nc: {<<: *a, <<: *b}\n"
    assert read_yaml(written(tmp_path / "old.yaml", text))["c"] == {"N": 64, "M": 1}
    assert read_json(written(tmp_path / "old.json", '{"a": {"N": 1}, "b": {"N": 1}}'))


def test_the_limits_themselves_are_allowed(tmp_path):
    path = tmp_path / "old.yaml"
    deep = "[" * DEEPEST + "]" * DEEPEST
    assert read_yaml(written(path, deep)) == json.loads(deep)
    assert "nests deeper" in refused(read_yaml, written(path, f"[{deep}]"))
    wide = [1] * (MOST_VALUES - 1)
    assert read_yaml(written(path, str(wide))) == wide
    assert "more than" in refused(read_yaml, written(path, str([*wide, 1])))
    long = "a" * (LARGEST - 2)
    assert read_yaml(written(path, f"'{long}'")) == long
    assert "more than 64 KiB" in refused(read_yaml, written(path, f"'{long}a'"))
    assert read_yaml(written(path, f"[{2**64 - 1}, {-(2**64) + 1}]")) == [2**64 - 1, -(2**64) + 1]
    for number in (2**64, -(2**64)):
        assert "whole number" in refused(read_yaml, written(path, str(number)))


@given(text=st.text(alphabet="[]{}:,-?&*!<>|'\"#%@ \n\tab1.0x~e", max_size=60))
def test_any_text_is_read_as_the_library_reads_it_or_refused(tmp_path_factory, text):
    path = written(tmp_path_factory.getbasetemp() / "any.yaml", text)
    value = message = None
    try:
        value = read_yaml(path)
    except InputFileError as error:
        message = str(error)
    if message is None:
        assert repr(value) == repr(yaml.safe_load(text))
    else:
        assert len(message.splitlines()) == 1


def expanded(value):
    """How many values there are, each as often as it stands there."""
    if isinstance(value, dict):
        return 1 + sum(expanded(k) + expanded(v) for k, v in value.items())
    return 1 + sum(map(expanded, value)) if isinstance(value, list) else 1


@pytest.mark.slow
@given(counts=st.lists(st.integers(0, 12), min_size=1, max_size=6))
def test_expansion_is_counted_as_it_will_be(counts):
    """Lists of so many times the one before: refused if and only if they are too many."""
    lines = ["a0: &a0 [x]"]
    lists = [["x"]]
    for n, count in enumerate(counts, start=1):
        lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * count)}]")
        lists.append([lists[-1]] * count)
    total = expanded({f"a{n}": value for n, value in enumerate(lists)})
    text = "\n".join(lines)
    if total > MOST_VALUES:
        with pytest.raises(ValueError, match="repeats"):
            check_yaml(text)
    else:
        check_yaml(text)
