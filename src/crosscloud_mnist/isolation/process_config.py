"""What an adapter's own process is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ProcessConfig:
    """How to build an adapter in a process of its own.

    An adapter that holds a workspace's credentials declares a static method
    ``process_config(options, credentials)``, which returns one. The catalog then builds that
    adapter in another process (``isolated_process``), never in the one that runs the pipeline.

    Attributes:
        options: Keyword arguments of the adapter's constructor.
        variables: Environment variables of the process, the credentials among them.
    """

    options: Mapping[str, object]
    variables: Mapping[str, str] = field(repr=False)
