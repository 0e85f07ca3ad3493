"""Long scripts take time as they are long: what a name is bound to is found out once."""

from ptycho_engine.migrations.codemod import accesses, config_objects
from ptycho_engine.migrations.codemod.source import Source


def looked_at(monkeypatch, text):
    """How many bindings are looked at for all accesses and fields of a text."""
    count = 0

    def counting(find):
        def wrapped(source, bound):
            nonlocal count
            count += len(bound)
            return find(source, bound)

        return wrapped

    monkeypatch.setattr(accesses, "_binds_cfg", counting(accesses._binds_cfg))
    source = Source(text)
    accesses.accesses(source)
    list(config_objects.fields(source))
    return count


def test_bindings_of_a_name_are_looked_at_once(monkeypatch):
    text = "from ptycho import params as p\n" + "x = f(x)\ny = x[0]\ny.z = 3\n" * 100
    assert looked_at(monkeypatch, text) <= 300
