"""Saves a bundle, and stops in the middle of the copy of its n-th file until it is killed.

python interrupted_writer.py FOLDER FILES
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import BinaryIO

from crosscloud_mnist.storage import sequential

folder, files = Path(sys.argv[1]), int(sys.argv[2])
copy, copied = sequential.copy, []


def copy_or_stop(source: BinaryIO, path: Path) -> None:
    if len(copied) < files:
        copied.append(path)
        copy(source, path)
        return
    source.seek(0)
    with path.open("wb", buffering=0) as file:
        file.write(source.read()[:10])
        sys.stdout.write("stopped\n")
        sys.stdout.flush()
        time.sleep(300)


if __name__ == "__main__":
    from volume_writers import bundle_dataset, contents

    sequential.copy = copy_or_stop
    bundle_dataset().save(contents())
