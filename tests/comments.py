"""What the rules of ``ptycho-migrate`` leave to the reader, for the tests."""

import re

from ptycho_engine.migrations.codemod.findings import Kind
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES


def left(text):
    """Return rule, line and name of what gets a comment, and check that one run is enough."""
    found = rewrite(text, RULES)
    assert rewrite(found.text, RULES).text == found.text
    compile(found.text, "after", "exec")
    return [(p.rule, p.line, p.name) for p in found.places if p.kind == Kind.TODO]


def comments(text):
    """Return the comments, each as one line."""
    joined = re.sub(r"\n[ \t]*#   ", " ", rewrite(text, RULES).text)
    return [line.strip() for line in joined.splitlines() if "# TODO" in line]
