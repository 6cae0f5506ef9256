# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run ran on, for those who keep its results: the file that --facts names."""

import json
import os
import pathlib

from . import accel, debug_kernel, spawn


def write(path, options, parts, acceleration):
    """A JSON object; every value is a text or true."""
    told = spawn.output([parts.qemu.program, "--version"]) or ""
    facts = {
        "kernel": parts.kernel.release,
        "tls": options.tls,
        "backend": options.backend,
        "qemu": told.splitlines()[0].removeprefix("QEMU emulator version ") if told else "",
        "accelerator": accel.name(acceleration),
        "guest": parts.root.parent.name,
        "nic": options.nic,
        "cpus": str(options.cpus),
    }
    if options.kernel == debug_kernel.NAME:
        facts["debug"] = True
    if options.iommu:
        facts["iommu"] = True
    partial = pathlib.Path(f"{path}.partial")
    partial.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)
