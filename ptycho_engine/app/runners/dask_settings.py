"""What can be set of a cluster."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ConfigurationError
from ...memory import parse_bytes
from ...workers import core_count

#: Cores of a worker of our own, unless they are set: threads share an object, processes do not.
CORES = 4


@dataclass(frozen=True)
class DaskSettings:
    """Which cluster, and how it works.

    Attributes
    ----------
    scheduler : str, optional
        Address of the scheduler of a cluster to join, ``tcp://host:8786``; by default one is made
        on this machine, for as long as the job runs.
    workers : int, optional
        Processes of the cluster that is made; by default one for four cores.
    threads : int, optional
        Threads of a task; by default a worker's share of the cores in a cluster that is made, and
        one in a cluster that is joined, whose workers do a task with each of their threads.
    retries : int
        How often a task that failed is tried again.
    portion : int or str
        Bytes of output that a task makes, or a text such as ``"64MiB"``: at least a file of the
        store.
    """

    scheduler: str | None = None
    workers: int | None = None
    threads: int | None = None
    retries: int = 3
    portion: int | str = "64MiB"

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("threads", 1), ("retries", 0)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or value < least):
                raise ConfigurationError(
                    f"runner.{name}: received {value}. Expected {least} or more."
                )
        if self.scheduler is not None and self.workers is not None:
            raise ConfigurationError(
                f"runner.workers: received {self.workers} beside "
                f"runner.scheduler={self.scheduler}. Expected one of them: a cluster that is "
                "joined has its workers. Leave one out."
            )
        if self.scheduler is not None and "://" not in self.scheduler:
            raise ConfigurationError(
                f"runner.scheduler: received {self.scheduler!r}. Expected an address such as "
                "tcp://host:8786, as dask scheduler prints it."
            )
        parse_bytes(self.portion)

    @property
    def worker_count(self) -> int:
        """Processes of a cluster that is made."""
        return self.workers or max(1, core_count() // CORES)

    def task_threads(self, joined: bool) -> int:
        """Threads of a task, in a cluster that is joined or made."""
        if self.threads is not None:
            return self.threads
        return 1 if joined else max(1, core_count() // self.worker_count)
