"""Distributions of others, as pip would leave them: a folder of metadata beside modules."""


def install(site, name, *, points="", metadata=None, **modules):
    """Write the metadata of a distribution, and its modules.

    Parameters
    ----------
    site : Path
        The folder of both, to be put on the path.
    name : str
        Of the distribution; its version is 1.0.
    points : str or bytes
        Its entry points.
    metadata : bytes, optional
        In place of what names it; empty for none at all.
    **modules : str
        Code of its modules, by name.
    """
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    if metadata is None:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
    if metadata:
        (folder / "METADATA").write_bytes(metadata)
    if isinstance(points, str):
        points = points.encode()
    (folder / "entry_points.txt").write_bytes(points)
    for module, code in modules.items():
        (site / f"{module}.py").write_text(code)


def plugin(name, module):
    """Write the entry point of a plugin."""
    return f"[ptycho_engine.plugins]\n{name} = {module}\n"
