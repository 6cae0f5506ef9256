# SPDX-License-Identifier: GPL-2.0-or-later
"""Which accelerator to use.  /dev/kvm may exist, open, and still not run a guest."""

import os
import subprocess

from . import cache, paths, ui

TRIAL_SECONDS = 10
KVM = "kvm"
TCG = "tcg,thread=multi"
# Under TCG a "rep movsb" is a loop of single bytes: with ERMS and FSRM the guest's kernel
# would copy with nothing else.
CPUS = {KVM: "max", TCG: "max,-erms,-fsrm"}


def choose(wanted, qemu, kernel):
    """The value for QEMU's -accel."""
    if wanted == "tcg":
        return TCG
    works = os.access("/dev/kvm", os.R_OK | os.W_OK) and _tried(qemu, kernel)
    if works:
        return KVM
    if wanted == "kvm":
        raise ui.Failure("--accel kvm: /dev/kvm cannot run a guest here; use --accel tcg")
    return TCG


def name(acceleration):
    """The accelerator without its properties."""
    return acceleration.partition(",")[0]


def _tried(qemu, kernel):
    """The outcome of the trial.  What it was is kept until the host boots again; that
    there was none in time, on a busy host, is not."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as handle:
        key = cache.digest(handle.read(), str(kernel.image))
    verdict = paths.cache() / "kvm" / key
    if not verdict.exists():
        works = _trial(qemu, kernel)
        if works is None:
            ui.say("kvm", f"no guest was up within {TRIAL_SECONDS} s; without it for now")
            return False
        verdict.parent.mkdir(parents=True, exist_ok=True)
        verdict.write_text("works" if works else "fails")
    return verdict.read_text() == "works"


def _trial(qemu, kernel):
    """Boot the kernel with no root: it must get as far as finding that out.  True if it
    does, False if QEMU or the guest ends before, None if the time is over."""
    command = [qemu.program, "-L", qemu.firmware, "-nodefaults", "-no-user-config",
               "-display", "none", "-no-reboot", "-machine", "q35", "-accel", KVM,
               "-cpu", CPUS[KVM], "-m", "512", "-kernel", kernel.image, "-serial", "stdio",
               "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=TRIAL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    return b"Kernel panic" in done.stdout
