"""Serve a bundle: ``python -m crosscloud_mnist.serving --bundle DIR --name N --version V``.

SIGTERM drains and ends it. SIGHUP swaps in what the file ``--next`` names; see ``supervisor``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from crosscloud_mnist.errors import CrosscloudError
from crosscloud_mnist.serving.settings import METRICS_FOLDER, Settings


def main() -> int:
    """Prove the bundle on its golden set in every worker, then serve it until SIGTERM."""
    arguments = _arguments()
    settings = Settings(
        bundle=arguments.bundle,
        name=arguments.name,
        version=arguments.version,
        host=arguments.host,
        port=arguments.port,
        workers=arguments.workers,
        inference_log=arguments.inference_log,
        sampling_fraction=arguments.sampling_fraction,
        log_requests=arguments.log_level == "info",
    )
    # The workers are spawned and import this module: what only their parent needs is imported here.
    from crosscloud_mnist.serving.supervisor import Supervisor, listen

    with tempfile.TemporaryDirectory(prefix="mnist-metrics-") as folder:
        os.environ[METRICS_FOLDER] = folder
        try:
            listener = listen(settings.host, settings.port)
            supervisor = Supervisor(settings, listener, ready=arguments.ready, next_=arguments.next)
            supervisor.run()
        except CrosscloudError as error:
            print(f"Error: {error}", file=sys.stderr)  # noqa: T201  a command line's own message
            return 1
        return 0 if supervisor.served else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crosscloud_mnist.serving", description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--inference-log", type=Path, help="folder of the inference log")
    parser.add_argument("--sampling-fraction", type=float, default=0.0, help="of the requests")
    parser.add_argument("--ready", type=Path, help="file to make once every worker answers")
    parser.add_argument("--next", type=Path, help="file that says what SIGHUP swaps in")
    parser.add_argument("--log-level", default="info", choices=["info", "warning"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
