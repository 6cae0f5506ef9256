# SPDX-License-Identifier: GPL-2.0-or-later
"""The ELF kernel inside a bzImage: booting that saves the guest from unpacking it."""

import lzma
import struct
import subprocess
import zlib

SECTOR = 512
SIZE_FIELD = 4              # the unpacked size, which the build appends to the payload


def extract(image, target):
    """Write the vmlinux of a bzImage; say whether that worked."""
    payload = _payload(image.read_bytes())
    try:
        content = _unpack(payload)
    except (lzma.LZMAError, zlib.error, OSError, subprocess.CalledProcessError):
        return False
    if not content.startswith(b"\x7fELF"):
        return False
    target.write_bytes(content)
    return True


def _payload(data):
    """As the x86 boot protocol says: offsets are from the protected-mode code."""
    sectors = data[0x1f1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    begin = (sectors + 1) * SECTOR + offset
    return data[begin:begin + length]


def _unpack(payload):
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return subprocess.run(["zstd", "-dc"], input=payload[:-SIZE_FIELD],
                              stdout=subprocess.PIPE, check=True).stdout
    if payload.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31).decompress(payload)
    return b""
