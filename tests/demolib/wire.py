# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for plaintext in a capture of the wire."""

import random
import subprocess
import tempfile

SAMPLES = 2000
LENGTH = 24                 # bytes of a sample
VARIETY = 12                # different bytes that a sample has at least


def samples(content):
    """Pieces of the content, from anywhere in it, that look like nothing else."""
    chooser = random.Random("samples")
    found = set()
    for _ in range(100 * SAMPLES):
        at = chooser.randrange(len(content) - LENGTH)
        piece = content[at:at + LENGTH]
        if b"\n" not in piece and b"\0" not in piece and len(set(piece)) >= VARIETY:
            found.add(piece)
            if len(found) == SAMPLES:
                break
    return sorted(found)


def occurrences(pieces, path):
    """How many of the pieces stand in the file, at any place."""
    with tempfile.NamedTemporaryFile() as patterns:
        patterns.write(b"\n".join(pieces) + b"\n")
        patterns.flush()
        done = subprocess.run(["grep", "-a", "-o", "-F", "-f", patterns.name, str(path)],
                              env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
                              stdout=subprocess.PIPE, check=False)
    if done.returncode > 1:
        raise RuntimeError("grep failed")
    return len(set(done.stdout.split(b"\n")) & set(pieces))


def search(plain, capture, least):
    """The line of the demo: what was looked for, where, and that it is not there. The
    same search has to find everything in the file itself."""
    content = plain.read_bytes()
    pieces = samples(content)
    known = occurrences(pieces, plain)
    size = capture.stat().st_size if capture.exists() else 0
    leaked = occurrences(pieces, capture) if size else 0
    text = (f"{size / 1e6:.1f} MB captured, {leaked} of {len(pieces)} samples of the file in it "
            f"(in the file: {known})")
    # A sample can hide another that overlaps it; nearly all are found in the file.
    return "wire", text, size > least and not leaked and known > len(pieces) * 9 // 10
