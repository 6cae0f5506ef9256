# SPDX-License-Identifier: GPL-2.0-or-later
"""A tiny initramfs, written directly: init, a few modules, what this run needs."""

from . import compiled, paths


class Archive:
    """A cpio archive in the format that the kernel unpacks."""

    def __init__(self):
        self.parts = []
        self.number = 0

    def _member(self, name, mode, content=b""):
        self.number += 1
        fields = (self.number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        self.parts.append(_padded(header + name.encode() + b"\0"))
        self.parts.append(_padded(content))

    def directory(self, name):
        self._member(name, 0o040755)

    def file(self, name, content, mode=0o644):
        self._member(name, 0o100000 | mode, content)

    def content(self):
        self._member("TRAILER!!!", 0)
        return b"".join(self.parts)


def _padded(data):
    return data + b"\0" * (-len(data) % 4)


def strings(items):
    """As init reads them: each ends in a NUL."""
    return b"".join(item.encode(errors="surrogateescape") + b"\0" for item in items)


def build(kernel, files):
    """The initramfs: init, the kernel's early modules, and files for /vm."""
    init = compiled.program("init", paths.GUEST_FILES.glob("*.[ch]"))
    archive = Archive()
    for name in ("early", "vm", "dev", "root"):
        archive.directory(name)
    archive.file("init", init.read_bytes(), 0o755)
    for module in kernel.early:
        archive.file(f"early/{module.name}", module.read_bytes())
    for name, content in files.items():
        archive.file(f"vm/{name}", content)
    return archive.content()
