"""Opening an image file: the accepted formats, and the memory and work that decoding may take."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from crosscloud_mnist.errors import ImageError

MAX_FILE_BYTES = 64 * 2**20
MAX_DECODING_BYTES = 200 * 2**20  # at the decoder's peak, beside the file's own bytes
MIN_SIDE = 8  # pixels, of the longer side
_MAX_READS = 200_000  # of the file, by Pillow's parsers: a crafted one has millions of empty parts
_MAX_SCANS = 64  # of a JPEG: each is a pass over all its coefficients; cameras write ten at most
_MAX_TEXTS = 16  # compressed, of a PNG: each may grow to a megabyte

# Bytes a pixel at the decoder's peak, at most: tests/integration/preprocessing measures them.
# Left out are formats whose files announce another size than they decode to (ICO), start another
# program (EPS) or are decoded by Python code.
_BYTES_PER_PIXEL = {
    "PNG": 4,
    "JPEG": 6,  # the coefficients of all components; see _bytes_per_pixel
    "WEBP": 16,  # two canvases, a copy and the image
    "GIF": 4,
    "BMP": 4,
    "TIFF": 12,  # a strip or tile may be as large as the image, and is turned upright in a copy
    "PPM": 4,
    "AVIF": 20,  # planes of up to 16 bits, two copies and the image
}
_NAMES = "PNG, JPEG, WebP, GIF, BMP, TIFF, PPM, AVIF"
_NATIVE_CODECS = {"raw", "zip", "jpeg", "gif", "libtiff"}
_TILE_WIDTH, _TILE_LENGTH = 322, 323  # tags of a TIFF
_SAVE_AGAIN = "save it again as PNG or JPEG"


def open_image(content: bytes) -> Image.Image:
    """Open an image file; its pixels are not decoded yet.

    Args:
        content: The file, in one of the accepted formats. Of several frames the first counts.

    Raises:
        ImageError: It is damaged or in another format, or decoding would take more than
            ``MAX_DECODING_BYTES``.
    """
    if len(content) > MAX_FILE_BYTES:
        raise ImageError(
            f"has more than {MAX_FILE_BYTES:,} bytes, expected at most that; send it smaller"
        )
    _check_parts(content)
    try:
        image = Image.open(_BoundedFile(content), formats=tuple(_BYTES_PER_PIXEL))
        check_cost(image)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(
            f"cannot be opened: it is damaged or in no accepted format ({_NAMES}); {_SAVE_AGAIN}"
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageError("has far too many pixels; send it at another size") from error
    except Exception as error:  # a crafted file fails in the parser in any way
        raise ImageError(f"cannot be opened ({one_line(error)}); {_SAVE_AGAIN}") from error
    return image


def check_cost(image: Image.Image) -> None:
    """Check, before the pixels are decoded, that decoding takes a bounded amount of memory.

    Raises:
        ImageError: The image is too small or too large, or has a rare encoding.
    """
    width, height = image.size
    max_pixels = int(MAX_DECODING_BYTES / _bytes_per_pixel(image))
    tile_width, tile_height = _tile_size(image)
    pixels = max(width * height, tile_width * tile_height)
    if max(width, height) < MIN_SIDE or pixels > max_pixels:
        tiles = f" in tiles of {tile_width} x {tile_height}" if pixels > width * height else ""
        raise ImageError(
            f"is {width} x {height} pixels{tiles}; a longer side of {MIN_SIDE} or more and at most "
            f"{max_pixels:,} pixels are expected; send it at another size"
        )
    rare = {tile.codec_name for tile in getattr(image, "tile", ())} - _NATIVE_CODECS
    if rare:
        raise ImageError(f"has a rare encoding ({', '.join(sorted(rare))}); {_SAVE_AGAIN}")


def one_line(error: Exception) -> str:
    """Return a decoder's error as one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _check_parts(content: bytes) -> None:
    """Check the number of parts that cost much more than their bytes."""
    if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > _MAX_SCANS:
        raise ImageError(f"has more than {_MAX_SCANS} scans; {_SAVE_AGAIN}")
    texts = content.count(b"zTXt") + content.count(b"iTXt")
    if content.startswith(b"\x89PNG") and texts > _MAX_TEXTS:
        raise ImageError(f"has more than {_MAX_TEXTS} compressed texts; {_SAVE_AGAIN}")


class _BoundedFile(io.BytesIO):
    """A file that may be read a bounded number of times."""

    _reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self._reads += 1
        if self._reads > _MAX_READS:
            raise OSError("it has too many parts")
        return super().read(size)


def _bytes_per_pixel(image: Image.Image) -> float:
    """Return the bytes a pixel that decoding takes at its peak."""
    components = getattr(image, "layer", ())
    if components:  # a JPEG: of a progressive one libjpeg holds all coefficients, two bytes each
        samples = [int(horizontal * vertical) for _, horizontal, vertical, _ in components]
        return 2 * sum(samples) / max(samples)
    return _BYTES_PER_PIXEL.get(image.format or "", 4)


def _tile_size(image: Image.Image) -> tuple[int, int]:
    """Return the width and height of a TIFF's tiles, which may be larger than the image."""
    tags = getattr(image, "tag_v2", {})
    return int(tags.get(_TILE_WIDTH, 0)), int(tags.get(_TILE_LENGTH, 0))
