"""Small image files that are expensive or dangerous to decode."""

from __future__ import annotations

import struct
import zlib


def build() -> dict[str, bytes]:
    """Return the files by what they are."""
    return {
        "a 16-bit PNG of 7071 x 7071": _png(7071, 7071, bits=16),
        "a PNG of 60000 x 60000": _png(60000, 60000, bits=1, rows=100),
        "an ICO of 64 x 64 that holds 13000 x 13000": _ico(_png(13000, 13000, bits=8)),
        "an EPS, which a program would render": b"%!PS-Adobe-3.0 EPSF-3.0\n"
        b"%%BoundingBox: 0 0 9999 9999\n%%EndComments\n{} loop\n%%EOF\n",
        "a GIF of 65535 x 65535": b"GIF89a\xff\xff\xff\xff\x80\x00\x00" + b"\x00" * 6 + b",",
        "a BMP of 40000 x 40000": _bmp(40000, 40000),
        "a truncated PNG": _png(100, 100, bits=8)[:60],
        "a PNG with a long text": _png(28, 28, bits=8, text=b"x" * 50_000_000),
        "no image": b"no image at all",
        "an empty file": b"",
    }


def _png(
    width: int, height: int, *, bits: int, rows: int | None = None, text: bytes = b""
) -> bytes:
    """Return a grayscale PNG of zeros."""
    row = b"\0" + b"\0" * ((width * bits + 7) // 8)
    compressor = zlib.compressobj(9)
    data = b"".join(compressor.compress(row) for _ in range(height if rows is None else rows))
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header)]
    if text:
        chunks.append(_chunk(b"zTXt", b"comment\0\0" + zlib.compress(text, 9)))
    chunks += [_chunk(b"IDAT", data + compressor.flush()), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _ico(png: bytes) -> bytes:
    """Return an icon whose directory says 64 x 64."""
    entry = struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(png), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + png


def _bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(info), 0, 0, 54) + info
