"""What a rehearsal is strict about: each is on by default, and a command-line option ends it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class RehearsalOptions:
    """The switches of a rehearsal.

    Attributes:
        strict_storage: The storage behaves as a Unity Catalog volume.
        transports: Each direction uploads model files in another of the ways that Unity Catalog
            has.
        federated_identity: The jobs sign in with federated tokens that expire during the run.
        share: A model is also promoted from a shared catalog.
        staging: A model is also released in staging, approved, and released in production.
        cluster: Training runs on a standalone Spark cluster, on a session that exists; otherwise
            in one process.
    """

    strict_storage: bool = True
    transports: bool = True
    federated_identity: bool = True
    share: bool = True
    staging: bool = True
    cluster: bool = True


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--no-<switch>`` for every switch."""
    for field in fields(RehearsalOptions):
        parser.add_argument(
            f"--no-{field.name.replace('_', '-')}", dest=field.name, action="store_false"
        )


def read_options(arguments: argparse.Namespace) -> RehearsalOptions:
    """Return the switches of a command line."""
    return RehearsalOptions(
        **{field.name: getattr(arguments, field.name) for field in fields(RehearsalOptions)}
    )
