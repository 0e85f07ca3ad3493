"""What is a URL, what is a path, and what is neither."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.errors import ConfigurationError
from ptycho_engine.io.objects.urls import ObjectUrl, is_url, location

PARTS = st.text("abcXYZ019-_.= +%", min_size=1, max_size=8).filter(
    lambda part: part not in (".", "..")
)
SECRET = "s3cr3t"


@settings(max_examples=40)
@given(st.sampled_from(["s3", "gs", "memory"]), st.lists(PARTS, min_size=1, max_size=4))
def test_a_url_is_one_from_text_to_text(scheme, parts):
    text = f"{scheme}://bucket/{'/'.join(parts)}"
    url = location(text)
    assert url == ObjectUrl(scheme, "bucket", "/".join(parts))
    assert str(url) == text
    assert location(url) is url
    assert Path("/folder") / url is url  # as an absolute path
    assert url.name == parts[-1]
    assert url.suffix == Path(parts[-1]).suffix
    assert str(url.with_name("other")) == text[: -len(parts[-1])] + "other"
    assert location(f"{text}/") == url


@pytest.mark.parametrize("path", ["scan.h5", "/a/b.h5", "~/x", "a:b", "s3:/b/c", ".", "3://x"])
def test_a_path_is_no_url(path):
    assert not is_url(path)
    assert location(path) == Path(path)
    assert location(Path(path)) == Path(path)


def test_a_path_that_looks_like_a_url_is_what_its_type_says():
    assert location(Path("s3://bucket/key")) == Path("s3:/bucket/key")


@pytest.mark.parametrize(
    ("text", "path"),
    [("file:///a/b.h5", "/a/b.h5"), ("file://localhost/a%20b", "/a b"), ("FILE:///a", "/a")],
)
def test_a_file_url_is_a_path(text, path):
    assert location(text) == Path(path)


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3://bucket", "s3:///key", "s3://b//c", "s3://b/a/../c", "s3://b/./c", "s3://b/a\nb",
     "s3://b/a\\b",
     f"s3://key:{SECRET}@b/c", f"s3://key:{SECRET}/+@b/c", f"s3://b/c?X-Amz-Signature={SECRET}", f"s3://b?{SECRET}/c",
     f"s3://b#{SECRET}/c", "http://b/c", "s4://b/c", "file://host/a", "file://"],
)  # fmt: skip
def test_what_names_no_object_is_refused_and_no_secret_repeated(text):
    with pytest.raises(ConfigurationError, match=r"Expected|Available") as caught:
        location(text)
    assert SECRET not in str(caught.value)
