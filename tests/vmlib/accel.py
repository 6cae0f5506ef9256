# SPDX-License-Identifier: GPL-2.0-or-later
"""Which accelerator to use.  /dev/kvm may exist, open, and still not run a guest."""

import os
import subprocess

from . import cache, packages, paths, ui

TRIAL_SECONDS = 10
RETRY_SECONDS = 3600        # after a trial that the time was too short for
WORKS, FAILS, LATE = "works", "fails", "late"
KVM = "kvm"
TCG = "tcg,thread=multi"
# With -icount: time goes by instructions, and all CPUs share a thread.
COUNTED = "tcg,thread=single"
COUNTED_KHZ = 1_000_000     # of the guest's time stamp counter then, whatever the host's is
# Under TCG a "rep movsb" or "rep stosb" is a loop of single bytes: with ERMS, FSRM and FSRS the
# guest's kernel would copy and clear with nothing else.
CPUS = {KVM: "max", **dict.fromkeys((TCG, COUNTED), "max,-erms,-fsrm,-fsrs")}


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
    """The outcome of the trial, kept until the host boots again; that there was none in
    time, as on a busy host, only for a while."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as handle:
        verdict = paths.cache() / "kvm" / cache.digest(handle.read(), str(kernel.image))
    known = verdict.read_text() if verdict.exists() else LATE
    if known == LATE and packages.seconds_since(verdict) > RETRY_SECONDS:
        known = _trial(qemu, kernel)
        verdict.parent.mkdir(parents=True, exist_ok=True)
        verdict.write_text(known)
        if known == LATE:
            ui.say("kvm", f"no guest was up within {TRIAL_SECONDS} s: TCG for the time being")
    return known == WORKS


def _trial(qemu, kernel):
    """Boot the kernel with no root: it must get as far as finding that out."""
    command = [qemu.program, "-L", qemu.firmware, "-nodefaults", "-no-user-config",
               "-display", "none", "-no-reboot", "-machine", "q35", "-accel", KVM,
               "-cpu", CPUS[KVM], "-m", "512", "-kernel", kernel.image, "-serial", "stdio",
               "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=TRIAL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return LATE
    return WORKS if b"Kernel panic" in done.stdout else FAILS
