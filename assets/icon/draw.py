#!/usr/bin/env python3
"""The icon in pixels: icon.ico for Windows and icon.png, beside this script. The drawing is that of icon.svg and app/src/icon.rs.

Edges of the bars are put on whole pixels, where a small icon made from the vectors would be blurred.
"""

import struct
import zlib
from pathlib import Path

GROUND, LINE, SPAN = (0x1A, 0x57, 0xB0), (0x9F, 0xC1, 0xF2), (0xFF, 0xD4, 0x79)
# Left, top, right, bottom on a square of 64, and colour.
BARS = [
    (14, 16, 50, 22, LINE),
    (14, 29, 20, 35, LINE),
    (23, 26, 42, 38, SPAN),
    (45, 29, 50, 35, LINE),
    (14, 42, 38, 48, LINE),
]
# At 16 pixels there is no room for the margins of the others.
SMALLEST = [
    (2, 3, 14, 5, LINE),
    (2, 7, 4, 9, LINE),
    (5, 6, 11, 10, SPAN),
    (12, 7, 14, 9, LINE),
    (2, 11, 10, 13, LINE),
]
SIZES = (16, 20, 24, 32, 40, 48, 64, 256)


def draw(size):
    """Rows of (red, green, blue, alpha)."""
    bars = SMALLEST
    if size > 16:
        bars = [(*(round(edge * size / 64) for edge in bar[:4]), bar[4]) for bar in BARS]
    radius = 14 * size / 64

    def beyond(position):
        return max(radius - position - 0.5, position + 0.5 - size + radius, 0)

    def pixel(x, y):
        for left, top, right, bottom, color in bars:
            if left <= x < right and top <= y < bottom:
                return (*color, 255)
        distance = (beyond(x) ** 2 + beyond(y) ** 2) ** 0.5
        return (*GROUND, int(min(max(radius - distance + 0.5, 0), 1) * 255))

    return [[pixel(x, y) for x in range(size)] for y in range(size)]


def png(rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = len(rows)
    header = struct.pack(">2I5B", size, size, 8, 6, 0, 0, 0)
    data = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def bitmap(rows):
    """As icons have them: twice as high for a mask, which is empty where pixels have their own alpha; from the bottom up."""
    size = len(rows)
    header = struct.pack("<3I2H6I", 40, size, 2 * size, 1, 32, 0, 0, 0, 0, 0, 0)
    pixels = bytes(row[x][channel] for row in reversed(rows) for x in range(size) for channel in (2, 1, 0, 3))
    return header + pixels + bytes((size + 31) // 32 * 4 * size)


def ico(images):
    """PNG for the large one only: not everything that shows icons reads it for small ones."""
    entries, data, offset = b"", b"", 6 + 16 * len(images)
    for rows in images:
        size = len(rows)
        image = png(rows) if size > 64 else bitmap(rows)
        entries += struct.pack("<4B2H2I", size % 256, size % 256, 0, 0, 1, 32, len(image), offset + len(data))
        data += image
    return struct.pack("<3H", 0, 1, len(images)) + entries + data


here = Path(__file__).parent
(here / "icon.ico").write_bytes(ico([draw(size) for size in SIZES]))
(here / "icon.png").write_bytes(png(draw(256)))
