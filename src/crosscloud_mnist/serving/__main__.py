"""Serve a bundle: ``python -m crosscloud_mnist.serving --settings FILE``.

FILE holds the ``ServingSettings`` as JSON; ``request.json`` beside it names the bundle; see
``handshake``. SIGTERM drains and ends the endpoint, SIGHUP reads ``request.json`` again.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import msgspec

from crosscloud_mnist.errors import CrosscloudError
from crosscloud_mnist.serving.handshake import EndpointFolder
from crosscloud_mnist.serving.settings import METRICS_FOLDER

# Of glibc, for the workers: freed large blocks return to the system, threads share their arenas.
_ALLOCATOR_VARIABLES = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(2**18),
    "MALLOC_TRIM_THRESHOLD_": str(2**20),
}


def main() -> int:
    """Verify the bundle in every worker, then serve it until SIGTERM."""
    parser = argparse.ArgumentParser(prog="crosscloud_mnist.serving", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the endpoint's settings.json")
    parser.add_argument("--port", type=int, help="in place of the one in the settings")
    arguments = parser.parse_args()
    # The workers are spawned and import this module: what only their parent needs is imported here.
    from crosscloud_mnist.serving.supervisor import Supervisor

    folder = EndpointFolder(arguments.settings.absolute().parent)
    with tempfile.TemporaryDirectory(prefix="mnist-metrics-") as metrics:
        os.environ[METRICS_FOLDER] = metrics
        os.environ.update(_ALLOCATOR_VARIABLES)
        try:
            settings = folder.read_settings()
            if arguments.port:
                settings = msgspec.structs.replace(settings, port=arguments.port)
            Supervisor(settings, folder).run()
        except CrosscloudError as error:
            print(f"Error: {error}", file=sys.stderr)  # noqa: T201  a command line's own message
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
