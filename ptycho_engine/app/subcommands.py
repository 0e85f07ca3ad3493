"""The subcommands: the one table that the command, its manual and completion read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module


@dataclass(frozen=True)
class Root:
    """The configuration that a subcommand composes, and what is done with it.

    Attributes
    ----------
    config : str
        Name of its file in ``conf``.
    work : str
        The function of :mod:`ptycho_engine.app.work` that does it.
    places : tuple of str
        The keys that arguments without ``=`` are values of, in this order.
    flags : tuple of str
        Flags of its own, which are no settings.
    """

    config: str
    work: str
    places: tuple[str, ...] = ("scan.path",)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subcommand:
    """A job that the command does.

    Attributes
    ----------
    meaning : str
        One line for ``--help``.
    usage : tuple of (str, str)
        How it is called, with what comes of it.
    root : Root, optional
        Of a job that Hydra composes.
    variants : mapping of str to Root
        Other roots, chosen by the word after the subcommand.
    function : str
        ``"module:function"`` in this package, of a subcommand without a root; takes the arguments
        after the name, and returns the exit code. Its module is imported once it is chosen.
    """

    meaning: str
    usage: tuple[tuple[str, str], ...] = ()
    root: Root | None = None
    variants: Mapping[str, Root] = field(default_factory=dict)
    function: str = ""

    def chosen(self, arguments: list[str]) -> tuple[Root | None, list[str]]:
        """Return the root that arguments choose, and what is left of them."""
        if arguments and arguments[0] in self.variants:
            return self.variants[arguments[0]], arguments[1:]
        return self.root, arguments

    def run(self, name: str, arguments: list[str]) -> int:
        """Do it; return the exit code."""
        root, rest = self.chosen(arguments)
        if root is not None:
            helped = any(argument in ("-h", "--help") for argument in rest)
            if helped:  # which needs no Hydra
                return int(import_module(".manual", __package__).print_manual(rest, name, root))
            return int(import_module(".runs", __package__).compose_and_run(root, rest))
        module, _, function = self.function.partition(":")
        return int(getattr(import_module(f".{module}", __package__), function)(arguments))


EXTRACT, TRAIN = Root("config", "extract"), Root("train", "train")
JSON = ("--json",)

#: The subcommands, the default one first.
SUBCOMMANDS = {
    "extract": Subcommand(
        "cut patches; what is done without a subcommand",
        (
            ("ptycho-engine", "a synthetic scan -> patches.npz, patches.npz.png"),
            ("ptycho-engine FILE KEY=VALUE ...", "the patches of a scan"),
            ("ptycho-engine -m KEY=A,B ...", "a run for each combination"),
            ("ptycho-engine --help plugin=NAME", "the options of that plugin"),
        ),
        EXTRACT,
    ),
    "inspect": Subcommand(
        "what a file holds, in which frame, and whether its windows fit; --json",
        (
            ("ptycho-engine inspect FILE", "what is inside"),
            ("ptycho-engine inspect FOLDER", "a line for each scan of a folder"),
            ("ptycho-engine inspect FILE picture=FILE.png", "a picture too"),
        ),
        Root("inspect", "inspect", flags=JSON),
    ),
    "convert": Subcommand(
        "write a scan in another format, and say what that has no place for",
        (
            ("ptycho-engine convert IN OUT", "the suffix of OUT is the format"),
            ("ptycho-engine convert IN OUT scan.KEY=VALUE", "an option of the reader"),
            ("ptycho-engine convert IN OUT detector.size=128", "frames cropped about the beam"),
        ),
        Root("convert", "convert", places=("scan.path", "output.path")),
    ),
    "simulate": Subcommand(
        "a whole scan of which everything is known, in any format that can be written",
        (
            ("ptycho-engine simulate OUT", "a star under a Gaussian beam"),
            ("ptycho-engine simulate OUT object=cells probe=zone_plate", "others"),
        ),
        Root("simulate", "simulate", places=("output.path",)),
    ),
    "train": Subcommand(
        "groups of neighbouring patches with their patterns, for a network",
        (
            ("ptycho-engine train FILE gridsize=2 groups.count=5000", "-> train.zarr"),
            ("ptycho-engine train FILE output.path=train.npz", "as PtychoPINN has it"),
        ),
        TRAIN,
    ),
    "reassemble": Subcommand(
        "patches of a store, as a network predicts them, put together as an object",
        (
            ("ptycho-engine reassemble STORE", "-> object.h5, object.h5.png"),
            ("ptycho-engine reassemble STORE output.path=object.cxi", "as a scan of that format"),
            (
                "ptycho-engine reassemble STORE patches.positions_path=FILE",
                "positions of another file",
            ),
        ),
        Root("reassemble", "reassemble", places=("patches.path",)),
    ),
    "plan": Subcommand(
        "bytes, chunks, budget and output of a job, before it does anything; --json",
        (
            ("ptycho-engine plan FILE KEY=VALUE ...", "of the patches that would be cut"),
            ("ptycho-engine plan train FILE KEY=VALUE ...", "of training data"),
        ),
        Root("config", "plan", flags=JSON),
        {
            "extract": Root("config", "plan", flags=JSON),
            "train": Root("train", "plan_training", flags=JSON),
        },
    ),
    "plugins": Subcommand(
        "list plugins and formats; --check imports each", function="listing:main"
    ),
    "new-plugin": Subcommand(
        "write the distribution of a plugin that works, with tests, to begin with",
        (("ptycho-engine new-plugin NAME", "-> the folder NAME; --folder DIR elsewhere"),),
        function="plugin_project:main",
    ),
    "info": Subcommand(
        "versions, plugins, devices, limits: for a report of a bug", function="info:main"
    ),
}
DEFAULT = next(iter(SUBCOMMANDS))


def sort_subcommand(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the name of the subcommand that arguments begin with, and what follows it."""
    if arguments and arguments[0] in SUBCOMMANDS:
        return arguments[0], arguments[1:]
    return DEFAULT, arguments
