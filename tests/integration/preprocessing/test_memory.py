"""The memory that decoding takes at its peak, of the largest accepted image of each format."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest
from PIL import Image

from crosscloud_mnist.preprocessing.formats import MAX_DECODING_BYTES

pytestmark = pytest.mark.process

_WORKING_BYTES = 40 * 2**20  # bands, reduced images and the arrays of the working size
_PROGRAM = """
import sys
import numpy as np
from PIL import Image
from crosscloud_mnist.preprocessing import open_image, to_model_input

small = Image.new("L", (60, 60), 250)
small.paste(20, (24, 10, 30, 50))
to_model_input(small)
content = open(sys.argv[1], "rb").read()
print("ready", flush=True)
sys.stdin.readline()
print(to_model_input(open_image(content)).max(), flush=True)
sys.stdin.readline()
"""


def drawing(side, mode):
    pixels = np.full((side, side), 250, np.uint8)
    pixels[side // 4 : side * 3 // 4, side * 9 // 20 : side * 11 // 20] = 20
    return Image.fromarray(pixels).convert(mode)


def sixteen_bits(side):
    return Image.fromarray(np.asarray(drawing(side, "L")).astype(np.uint16) * 257)


CASES = {
    "the 97 KB file that took 1.3 GB": (lambda: sixteen_bits(7071), "PNG", {}),
    "PNG": (lambda: drawing(7200, "RGBA"), "PNG", {"compress_level": 1}),
    "JPEG": (
        lambda: drawing(5900, "RGB"),
        "JPEG",
        {"progressive": True, "subsampling": 0},
    ),
    "WebP": (lambda: drawing(3600, "RGB"), "WEBP", {"lossless": True, "method": 0}),
    "GIF": (lambda: drawing(7200, "P"), "GIF", {}),
    "TIFF": (
        lambda: drawing(4170, "RGBA").transpose(Image.Transpose.ROTATE_90),  # its tag turns it
        "TIFF",
        {"compression": "tiff_deflate", "tiffinfo": {274: 6}},
    ),
    "AVIF": (lambda: drawing(3200, "RGB"), "AVIF", {"subsampling": "4:4:4", "speed": 10}),
}


@pytest.mark.parametrize("case", CASES)
def test_decoding_the_largest_image_takes_a_bounded_amount_of_memory(case, tmp_path):
    render, file_format, options = CASES[case]
    stream = io.BytesIO()
    render().save(stream, file_format, **options)
    path = tmp_path / "image"
    path.write_bytes(stream.getvalue())
    assert peak_growth(path) < MAX_DECODING_BYTES + _WORKING_BYTES


def peak_growth(path):
    """Return how much the resident memory of a process grows while it reads the image, bytes."""
    child = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout.readline() == "ready\n"
        process = psutil.Process(child.pid)
        start = peak = process.memory_info().rss
        lines = []
        reader = threading.Thread(target=lambda: lines.append(child.stdout.readline()))
        child.stdin.write("\n")
        child.stdin.flush()
        reader.start()
        while reader.is_alive():
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.001)
        child.stdin.close()
    assert lines == ["255\n"]
    return peak - start
