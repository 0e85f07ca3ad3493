"""Configuration files of users as Hydra reads them, bounded as any other file of settings is."""

from __future__ import annotations

import os
from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource as HydraFiles
from hydra._internal.sources_registry import SourcesRegistry
from hydra.errors import ConfigCompositionException
from hydra.plugins.config_source import ConfigResult

from ..errors import InputFileError, one_line
from ..io.documents import check_yaml, read_text


class FileConfigSource(HydraFiles):
    """Hydra's own files; what would expand without end is refused before it does.

    Under the name of Hydra's own class, since its registry knows a source by that.
    """

    def load_config(self, config_path: str) -> ConfigResult:
        """Read a file.

        Raises
        ------
        ConfigCompositionException
            If it is no YAML, or not within the bounds of :mod:`ptycho_engine.io.documents`.
        """
        name = self._normalize_file_name(config_path)
        path = Path(os.path.realpath(os.path.join(self.path, name)))
        if not path.exists():
            return super().load_config(config_path)
        try:
            check_yaml(read_text(path, "YAML"))
            return super().load_config(config_path)
        except InputFileError as error:
            raise ConfigCompositionException(str(error)) from error
        except Exception as error:  # libraries raise anything of a number or a tag
            raise ConfigCompositionException(
                f"{path}: cannot be read as a configuration: {one_line(error)}. Expected YAML of "
                "'key: value' lines."
            ) from error


def register_config_files() -> None:
    """Let Hydra read configuration files with :class:`FileConfigSource`."""
    SourcesRegistry.instance().types[FileConfigSource.scheme()] = FileConfigSource
