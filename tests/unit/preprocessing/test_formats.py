"""Image files are opened by an allow-list of formats, and rejected before they cost too much."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing import open_image, to_model_input
from crosscloud_mnist.preprocessing.formats import (
    MAX_DECODING_BYTES,
    MAX_FILE_BYTES,
    MIN_SIDE,
    check_cost,
    one_line,
)

FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"]


def drawing(side: int = 60) -> Image.Image:
    image = Image.new("L", (side, side), 250)
    image.paste(20, (side * 4 // 10, side // 6, side * 5 // 10, side * 5 // 6))
    return image


def encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def png_header(width: int, height: int) -> bytes:
    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size)


def tiled_tiff(side: int, tile_side: int) -> bytes:
    """A TIFF of one tile that holds nothing."""
    tags = {256: side, 257: side, 258: 8, 259: 8, 262: 1, 322: tile_side, 323: tile_side}
    tags |= {324: 8, 325: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_accepted_format_gives_the_digit(file_format):
    result = to_model_input(open_image(encode(drawing(), file_format))).astype(float)
    expected = to_model_input(drawing())
    assert np.corrcoef(result.ravel(), expected.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("file_format", ["ICO", "TGA", "PCX", "JPEG2000", "EPS", "PDF", "SGI"])
def test_another_format_is_rejected_with_those_that_are_accepted(file_format):
    content = encode(drawing(), file_format)
    with pytest.raises(ImageError, match=r"no accepted format \(PNG, JPEG, WebP, .*save it again"):
        open_image(content)


def test_a_camera_s_second_image_in_a_jpeg_does_not_count():
    other = Image.new("L", (60, 60), 0)
    content = encode(drawing(), "MPO", save_all=True, append_images=[other])
    image = open_image(content)
    assert image.format == "MPO"
    np.testing.assert_array_equal(
        to_model_input(image), to_model_input(open_image(encode(drawing(), "JPEG")))
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no accepted format"),
        (b"text", "no accepted format"),
        (encode(drawing(), "PNG")[:20], "cannot be opened"),
        (encode(drawing(), "WEBP")[:60], "cannot be opened"),
        (
            png_header(9_000, 9_000) + chunk(b"IDAT", b""),
            r"is 9000 x 9000 pixels; .* at most 52,428,800",
        ),
        (png_header(60_000, 60_000) + chunk(b"IDAT", b""), "far too many pixels"),
        (png_header(3, 3) + chunk(b"IDAT", b""), "is 3 x 3 pixels"),
        (bytes(MAX_FILE_BYTES), "no accepted format"),
        (bytes(MAX_FILE_BYTES + 1), "has more than 67,108,864 bytes"),
    ],
    ids=["empty", "text", "cut PNG", "cut WebP", "large", "very large", "small", "longest", "long"],
)
def test_a_file_that_is_no_image_or_too_large_is_rejected(content, message):
    with pytest.raises(ImageError, match=message) as caught:
        open_image(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file_format", "layer", "bytes_per_pixel"),
    [
        ("PNG", (), 4),
        ("WEBP", (), 16),
        ("AVIF", (), 20),
        ("PPM", (), 4),
        (None, (), 4),
        ("JPEG", [(1, 1, 1, 0)], 2),
        ("JPEG", [(1, 2, 2, 0), (2, 1, 1, 1), (3, 1, 1, 1)], 3),  # colour at half the resolution
        ("JPEG", [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)], 6),
    ],
)
def test_as_many_pixels_are_decoded_as_fit_into_the_memory(file_format, layer, bytes_per_pixel):
    def image(width: int) -> SimpleNamespace:
        return SimpleNamespace(size=(width, 1), format=file_format, layer=layer)

    most = MAX_DECODING_BYTES // bytes_per_pixel
    check_cost(image(most))
    with pytest.raises(ImageError, match=f"is {most + 1} x 1 pixels; .* at most {most:,} pixels"):
        check_cost(image(most + 1))
    check_cost(image(MIN_SIDE))
    with pytest.raises(ImageError, match="is 7 x 1 pixels; a longer side of 8 or more"):
        check_cost(image(MIN_SIDE - 1))


def test_the_tile_of_a_tiff_counts_where_it_is_larger_than_the_image():
    assert open_image(tiled_tiff(60, 64)).size == (60, 60)
    with pytest.raises(ImageError, match="is 60 x 60 pixels in tiles of 8192 x 8192"):
        open_image(tiled_tiff(60, 8192))


def test_an_encoding_that_python_code_decodes_is_rejected():
    """Run-length encoded BMP: Pillow decodes it byte by byte in Python."""
    header = struct.pack("<IiiHHIIiiII", 40, 60, 60, 1, 8, 1, 4, 0, 0, 256, 0)
    content = b"BM" + struct.pack("<IHHI", 1082, 0, 0, 1078) + header + bytes(1024) + b"\x00\x01"
    with pytest.raises(ImageError, match=r"rare encoding \(bmp_rle\)"):
        open_image(content)


def test_a_file_of_very_many_parts_is_rejected():
    content = png_header(60, 60) + chunk(b"abCd", b"") * 150_000
    with pytest.raises(ImageError, match="too many parts"):
        open_image(content)


def test_a_jpeg_of_very_many_scans_is_rejected():
    content = encode(drawing(), "JPEG", progressive=True)
    scan = content[content.rindex(b"\xff\xda") : -2]
    with pytest.raises(ImageError, match="more than 64 scans"):
        open_image(content[:-2] + scan * 64 + content[-2:])
    scans = content.count(b"\xff\xda")
    assert open_image(content[:-2] + scan * (64 - scans) + content[-2:]).size == drawing().size


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**20))),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(2**20))),
    ],
    ids=["zTXt", "iTXt"],
)
def test_a_png_of_many_compressed_texts_is_rejected(text):
    with pytest.raises(ImageError, match="more than 16 compressed texts"):
        open_image(png_header(60, 60) + text * 17 + chunk(b"IDAT", b""))
    assert open_image(png_header(60, 60) + text * 16 + chunk(b"IDAT", b"")).size == (60, 60)


def test_an_error_of_a_decoder_is_one_line_of_bounded_length():
    assert one_line(OSError("a\nb " + "c" * 300)) == "a b " + "c" * 196
    assert one_line(OSError()) == "OSError"


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_damaged_file_is_decoded_or_rejected_and_nothing_else(file_format):
    content = encode(drawing().convert("RGB"), file_format)
    random = np.random.default_rng(3)
    for _ in range(60):
        damaged = bytearray(content)
        for position in random.integers(0, len(damaged), 4):
            damaged[position] = random.integers(0, 256)
        damaged = damaged[: random.integers(len(damaged) // 2, len(damaged) + 1)]
        with contextlib.suppress(ImageError):
            assert to_model_input(open_image(bytes(damaged))).shape == (28, 28)
