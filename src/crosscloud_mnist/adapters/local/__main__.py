"""Stop the endpoint of a folder: ``python -m crosscloud_mnist.adapters.local FOLDER``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from crosscloud_mnist.adapters.local.process import stop
from crosscloud_mnist.errors import CrosscloudError


def main() -> int:
    """Stop it and print whether there was one."""
    parser = argparse.ArgumentParser(prog="crosscloud_mnist.adapters.local", description=__doc__)
    parser.add_argument("folder", type=Path)
    try:
        stopped = stop(parser.parse_args().folder)
    except (CrosscloudError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201  a command line's own message
        return 1
    print("stopped" if stopped else "no endpoint was running")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
