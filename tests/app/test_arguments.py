"""What a command line, and a composed configuration, may hold at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine.app.arguments import (
    CALLS,
    DEEPEST,
    LONGEST,
    LONGEST_WORD,
    check_arguments,
    check_configuration,
)
from ptycho_engine.errors import ConfigurationError


def refused(check, value):
    with pytest.raises(ConfigurationError) as caught:
        check(value)
    message = str(caught.value)
    assert "Expected" in message
    assert len(message.splitlines()) == 1
    assert len(message) < 400
    return message


@pytest.mark.parametrize(
    "argument",
    [
        "patch_size=64", "+compat.values.N=64", "++a.b=3", "~plugin.threads", "hydra/launcher=x",
        "plugin@other=numba", "scan.path=/a b/c-d_(1)#2.npz", "scan.path='a=b.npz'", "--multirun",
        "--config-name=mine", "-cn", "wrappers=[a,[b]]", "patch_size=1,2,3", "fill=${a.b}", "x=",
        "scan.path=s3://b/a@2#1.h5,gs://c/d:e.h5", "runner.scheduler=tls://host:8786",
        "scan.path='s3://${oc.env:BUCKET}/a.h5'",
    ],
)  # fmt: skip
def test_what_people_type_is_let_through(argument):
    check_arguments([argument])


@pytest.mark.parametrize(
    "argument",
    ["s3://key:SECRET@b/c.h5", "scan.path=s3://b/a.h5,s3://key:SEC/RET@b/c.h5",
     "output.path='gs://b/c.zarr?sig=SECRET'", "scan.path=https://h/c.h5?sig=SECRET",
     "hydra.sweeper.params.scan.path=S3://SECRET@b/c.h5"],
)  # fmt: skip
def test_urls_with_secrets_are_refused_and_not_repeated(argument):
    message = refused(check_arguments, [argument])
    assert "credentials" in message
    assert "SEC" not in message


def test_the_limits_themselves_are_let_through():
    for text, beyond in (
        ("a=" + "[" * DEEPEST + "]" * DEEPEST, "a=" + "[" * DEEPEST + "[]" + "]" * DEEPEST),
        ("a=" + "x" * LONGEST_WORD, "a=" + "x" * LONGEST_WORD + "x"),
        ("a=" + "x " * (LONGEST // 2 - 1), "a=" + "x " * (LONGEST // 2)),
    ):
        check_arguments([text])
        refused(check_arguments, [text, beyond])


@pytest.mark.parametrize("argument", ["=3", "+=3", "~=", "@=3", "plugin@=3", "+@a=3", "a b=3"])
def test_arguments_without_a_key_are_refused(argument):
    assert "has no key" in refused(check_arguments, [argument])


@pytest.mark.parametrize("key", sorted(CALLS))
def test_nothing_is_called(key):
    for argument in (
        f"+plugin.{key}=os.system",
        f"{key}=1",
        f"++hydra.launcher.{key}=x",
        f"~{key}",
    ):
        assert "would have Hydra call" in refused(check_arguments, [argument])
    for config in ({key: 1}, {"plugin": {key: "os.system"}}, {"a": [{"b": [{key: 1}]}]}):
        assert "would have Hydra call" in refused(check_configuration, config)


@pytest.mark.parametrize("number", [2**64, -(2**64), 10**400, 10**5000], ids=range(4))
def test_numbers_beyond_any_setting_are_refused(number):
    for config in ({"a": number}, {"a": {"b": [1, number]}}):
        assert "whole number" in refused(check_configuration, config)


@pytest.mark.parametrize(
    "arguments",
    [
        ["a=range(1000000000000)"], ["a=range(5,1e12)"], ["a=range(0,1,1e-9)"],
        ["a=[range(10001)]"],
        ["a=range(start=0,stop=1,step=0.00001)"], ["a=range(1e9,0,-1)"], ["a=range(inf)"],
        ["a=range(101)", "b=range(100)"],
    ],
)  # fmt: skip
def test_sweeps_without_end_are_refused(arguments):
    assert "comes to" in refused(check_arguments, arguments)


def test_sweeps_of_usual_length_are_let_through():
    check_arguments(["a=range(10000)"])
    check_arguments(["a=range(100)", "b=range(1,101)", "c=range(0,1)"])
    check_arguments(["a=range(0,10000000,1000)", "b=range(x)", "c=range()", "d=range(1,2,0)"])


def test_a_usual_configuration_is_let_through():
    check_configuration({"plugin": {"name": "numba", "threads": "auto"}, "wrappers": [], "a": None})


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_command_line_is_let_through_or_refused_in_words(arguments):
    try:
        check_arguments(arguments)
    except ConfigurationError as error:
        message = str(error)
    else:
        message = "Expected"
    assert "Expected" in message
    assert len(message.splitlines()) == 1
