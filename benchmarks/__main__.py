"""``python -m benchmarks``."""

import sys


def run() -> int:
    """Measure carried kernels without importing what such a machine lacks, or run the command."""
    arguments = sys.argv[1:]
    if "--measure-plugin" in arguments:
        from .device.plugin_kernels import main as measure_plugin

        return measure_plugin(arguments)
    if any(argument.partition("=")[0] == "--measure" for argument in arguments):
        from .device.measurement import main as measure

        return measure(arguments)
    from .cli import main

    return main(arguments)


if __name__ == "__main__":
    sys.exit(run())
