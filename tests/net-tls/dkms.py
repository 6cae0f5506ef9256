# SPDX-License-Identifier: GPL-2.0-or-later
"""Our modules from `dkms install` to `dkms remove`; runs in the guest, whose third disk is a
Debian with DKMS. Each case goes on from where the one before it ended."""

import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import ktls, runner, system, tcp                       # noqa: E402
from lib.cases import Registry, at_least, check, equal          # noqa: E402

registry = Registry()
PACKAGE = "/".join(sys.argv[1:3])
RELEASE = os.uname().release
DISK = "/dev/vdc"                       # after the guest's root and the kernel's modules
BUILT, HEADERS = pathlib.Path("/mnt/built"), pathlib.Path("/mnt/kdir")
TOP = pathlib.Path("/run/debian")
IN_INITRAMFS = TOP / "tmp/initramfs"
OURS = f"/lib/modules/{RELEASE}/updates/dkms"
STOCK = f"/lib/modules/{RELEASE}/kernel/net/tls/tls.ko"
ENFORCE = pathlib.Path("/sys/module/module/parameters/sig_enforce")
SECONDS = 600                           # for what starts hundreds of processes
LIST = "MODULES=list\n"                 # only modules that are asked for: bonding wants tls


def debian(*command, check=True):
    """Run a program of the Debian with DKMS."""
    return system.run("chroot", TOP, *command, seconds=SECONDS, check=check)


def dkms(*words):
    output = debian("dkms", *words)
    return output, [line for line in output.splitlines() if line.startswith("net/tls: ")]


def mount_over(lower, target, name):
    """The directory, with all changes in memory."""
    upper, work = (pathlib.Path(f"/run/{name}-{kind}") for kind in ("upper", "work"))
    for path in (upper, work, target):
        path.mkdir(parents=True, exist_ok=True)
    system.run("mount", "-t", "overlay", "overlay", target,
               "-o", f"lowerdir={lower},upperdir={upper},workdir={work}")


def bring_built():
    """What `dkms build` made, as if it had been made here."""
    for name, place in (("dkms", "var/lib/dkms"), ("src", "usr/src")):
        (TOP / place).mkdir(parents=True, exist_ok=True)
        system.run("cp", "-a", f"{BUILT / name}/.", TOP / place)


def setup():
    disk = pathlib.Path("/run/disk")
    disk.mkdir()
    system.run("mount", "-o", "ro", DISK, disk)
    mount_over(disk, TOP, "debian")
    mount_over("/lib/modules", TOP / "usr/lib/modules", "modules")
    for name in ("dev", "proc", "sys", "mnt/kdir"):
        (TOP / name).mkdir(parents=True, exist_ok=True)
        system.run("mount", "--rbind", f"/{name}", TOP / name)
    for name in ("boot", "tmp", "var/tmp", "var/lib/initramfs-tools"):
        (TOP / name).mkdir(parents=True, exist_ok=True)
    (TOP / f"usr/lib/modules/{RELEASE}/build").symlink_to(HEADERS)
    (TOP / f"boot/config-{RELEASE}").write_bytes((HEADERS / ".config").read_bytes())
    (TOP / "etc/initramfs-tools/conf.d/list").write_text(LIST)
    (TOP / "etc/initramfs-tools/modules").write_text("bonding\n")
    system.ip("link", "set", "lo", "up")
    bring_built()


def in_place(name):
    """The file that modprobe would load there."""
    return debian("modinfo", "-n", name).strip()


def is_loaded(path, top=TOP):
    """The tls.ko that is loaded is this file, by what the linker called it."""
    note = pathlib.Path("/sys/module/tls/notes/.note.gnu.build-id").read_bytes()
    name = note[-20:]
    check(name in (top / path.lstrip("/")).read_bytes(), f"{path} is not what is loaded")


def unload(*users):
    system.run("modprobe", "-r", *users, "tls")
    check(not pathlib.Path("/sys/module/tls").exists(), "tls is still loaded")


def in_use(context):
    """A kTLS connection that stays open until the case ends, and carries what is sent."""
    near, far = tcp.loopback()
    context.enter_context(tcp.closing(near, far))
    keys = ktls.Keys(ktls.GCM128_1_3)
    ktls.install(near, keys)
    ktls.install(far, keys, ktls.TLS_RX)
    near.sendall(b"carried")
    equal(far.recv(100), b"carried", "what arrived")


def one_line(lines, pattern):
    """Exactly one of the lines matches."""
    equal(len([line for line in lines if re.search(pattern, line)]), 1,
          f"lines with \"{pattern}\" among {lines}")


@registry.case("install", seconds=SECONDS)
def install(context):
    """dkms install puts our modules in front of the kernel's, and says that the kernel's own
    tls.ko is still in use, and by what."""
    equal(in_place("tls"), STOCK, "tls.ko before")
    check(system.stock_tls(), "the tls.ko that is loaded is none of the kernel's")
    in_use(context)
    output, lines = dkms("install", PACKAGE, "-k", RELEASE)
    context.note(output)
    for name in ("tls", "ktlsnic"):
        equal(in_place(name), f"{OURS}/{name}.ko", f"{name}.ko")
    one_line(lines, r"kernel's own, and in use \(refcnt [2-9]\d*, modules: ktlsnic\)")
    equal(len(lines), 1, f"lines: {lines}")
    is_loaded(STOCK, pathlib.Path("/"))


@registry.case("load", seconds=SECONDS)
def load(context):
    """Once the kernel's own is unloaded ours comes in its place, with the driver on top."""
    unload("ktlsnic")
    debian("modprobe", "ktlsnic")
    is_loaded(f"{OURS}/tls.ko")
    check(not system.stock_tls(), "tls.ko passes for one of the kernel's")
    at_least(len(list(pathlib.Path("/sys/bus/pci/drivers/ktlsnic").glob("0000:*"))), 2,
             "ports that the driver has")
    in_use(context)


def listed():
    """The modules named tls in the initramfs, as paths of the root."""
    names = debian("lsinitramfs", f"/boot/initrd.img-{RELEASE}").splitlines()
    return [f"/{name.removeprefix('usr/')}" for name in names if re.search(r"/tls\.ko", name)]


@registry.case("initramfs", seconds=SECONDS)
def initramfs(context):
    """An initramfs that has a reason to load tls (bonding is in it) loads ours."""
    unload("ktlsnic")
    debian("update-initramfs", "-c", "-k", RELEASE)
    equal(listed(), [f"{OURS}/tls.ko"], "tls.ko in the initramfs")
    debian("unmkinitramfs", f"/boot/initrd.img-{RELEASE}", f"/{IN_INITRAMFS.relative_to(TOP)}")
    for name in ("proc", "sys"):
        (IN_INITRAMFS / name).mkdir(exist_ok=True)
        system.run("mount", "--rbind", f"/{name}", IN_INITRAMFS / name)
    system.run("chroot", IN_INITRAMFS, "modprobe", "bonding")
    is_loaded(f"{OURS}/tls.ko")
    in_use(context)


@registry.case("remove", seconds=SECONDS)
def remove(context):
    """dkms remove puts the kernel's own back, and says where ours still is: loaded, and in the
    initramfs. Then it is in neither."""
    in_use(context)
    output, lines = dkms("remove", PACKAGE, "--all")
    context.note(output)
    one_line(lines, r"still ours, and in use \(refcnt \d+, modules: bonding\)")
    one_line(lines, f"initramfs of {re.escape(RELEASE)}.* update-initramfs -u -k")
    equal(len(lines), 2, f"lines: {lines}")
    equal(in_place("tls"), STOCK, "tls.ko")
    check(not (TOP / f"usr{OURS}").exists(), f"something is left in {OURS}")
    equal(debian("dkms", "status"), "", "dkms status")


@registry.case("stock-again", seconds=SECONDS)
def stock_again(context):
    """The kernel's own is loaded, by the root and from a new initramfs."""
    unload("bonding")
    debian("modprobe", "tls")
    is_loaded(STOCK)
    check(system.stock_tls(), "the tls.ko that is loaded is none of the kernel's")
    in_use(context)
    debian("update-initramfs", "-u", "-k", RELEASE)
    equal(listed(), [STOCK], "tls.ko in the initramfs")


@registry.case("signatures", seconds=SECONDS)
def signatures(context):
    """A kernel that insists on signatures refuses ours, as was said when it was installed, and
    takes its own. Cannot be undone: it comes last."""
    unload()
    bring_built()
    system.write(ENFORCE, "1")
    output, lines = dkms("install", PACKAGE, "-k", RELEASE)
    context.note(output)
    one_line(lines, r"refuses modules whose signer.* mokutil --import /var/lib/dkms/mok\.pub")
    equal(in_place("tls"), f"{OURS}/tls.ko", "tls.ko")
    refused = debian("modprobe", "tls", check=False)
    check("Key was rejected by service" in refused, f"modprobe says: {refused}")
    dkms("remove", PACKAGE, "--all")
    debian("modprobe", "tls")
    is_loaded(STOCK)


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, lambda: None) else 1)
