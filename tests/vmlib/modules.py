# SPDX-License-Identifier: GPL-2.0-or-later
"""Our kernel modules, built against a kernel, outside the source tree."""

import contextlib
import os
import re
import shutil

from . import cache, host, kernel_tree, paths, spawn, toolroot, ui

TOP_SOURCES = ("Kbuild", "dkms.conf")
SOURCES = ("drivers", "net")
SUFFIXES = (".c", ".h", ".sh")
NAMES = ("Kbuild", "Makefile", "Kconfig", "dkms.conf")
# Shows that the driver's TLS half stands alone; of no use to a user.
STUB = "ktlsnic_tls_stub_module"
# What is below the driver's TLS half: the card as it is, or as a NIC with a firmware mailbox.
BACKENDS = RING, MAILBOX = "ring", "mailbox"
# In a build's directory: what was warned of since it was last built from nothing.
WARNINGS = "warnings"
WARNED = re.compile(r"\bwarning:", re.IGNORECASE)      # the compiler, modpost, objtool, make
# In a build's directory: what net/tls/Makefile says of the kernel.
SAID = "said"


def build(kernel, backend=RING):
    """Bring build/modules/RELEASE up to date, or build/modules-mailbox/RELEASE; return that
    directory."""
    with _locked(kernel, backend) as directory:
        _bring_up_to_date(kernel, directory, backend)
        return directory


@contextlib.contextmanager
def _locked(kernel, backend):
    """The directory of the kernel's modules, nobody else's while we use it."""
    directory = paths.BUILD / _parent(backend) / kernel.release
    with cache.lock(directory.with_name(directory.name + ".lock")):
        yield directory


def _parent(backend):
    """The directory in build/ in which each kernel has one."""
    return "modules" if backend == RING else f"modules-{backend}"


def _bring_up_to_date(kernel, directory, backend):
    sources = sources_of_tree()
    wanted = cache.digest(identity(kernel), *(item for name, content in sources.items()
                                               for item in (name, content)))
    stamp = directory / "stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    host.require_packages()
    stamp.unlink(missing_ok=True)
    if (directory / WARNINGS).exists():
        cache.remove_tree(directory)    # only what is compiled again warns again
    _mirror(directory, sources)
    _make(kernel, directory, backend)
    stamp.write_text(wanted)


def sources_of_tree():
    """The files that modules are built from: path below the top, content."""
    files = [paths.TOP / name for name in TOP_SOURCES]
    for part in SOURCES:
        files += sorted((paths.TOP / part).rglob("*"))
    return {str(path.relative_to(paths.TOP)): path.read_bytes() for path in files
            if (path.suffix in SUFFIXES or path.name in NAMES) and not _is_product(path)}


def _is_product(path):
    """Made by a build in the tree: kbuild leaves a .cmd file beside what it makes."""
    return path.name.endswith(".mod.c") or (path.parent / f".{path.name}.cmd").exists()


def identity(kernel):
    """What changes when the kernel that is built against changes."""
    watched = ("Module.symvers", "include/generated/autoconf.h", "include/config/auto.conf")
    found = [str(kernel.kdir)]
    for name in watched:
        path = kernel.kdir / name
        if path.exists():
            found.append(f"{name} {path.stat().st_mtime_ns}")
    return found


def _mirror(directory, sources):
    """Links to all sources: kbuild writes beside them, and that must not be the tree."""
    for name in sources:
        link = directory / name
        target = paths.TOP / name
        if not (link.is_symlink() and os.readlink(link) == str(target)):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    for path in directory.rglob("*"):
        if path.is_symlink() and str(path.relative_to(directory)) not in sources:
            path.unlink()


def _make(kernel, directory, backend):
    log = paths.BUILD / "log" / f"{_parent(backend)}-{kernel.release}.log"
    log.unlink(missing_ok=True)
    with ui.step(_parent(backend), f"building for {kernel.release}"):
        try:
            _make_in(kernel, directory, log, "CONFIG_KTLSNIC_TLS_STUB=m",
                     f"KTLSNIC_BACKEND={backend}")
        finally:
            text = log.read_text(errors="replace")
            found = warnings(text)
            if found:
                (directory / WARNINGS).write_text("\n".join(found))
        (directory / SAID).write_text("".join(f"{line}\n" for line in said(text)))
    for line in said(text):
        ui.say("modules", line)


def _make_in(kernel, directory, log, *settings):
    """make the modules of a directory."""
    command = ["make", f"-j{os.cpu_count()}", "-C", str(kernel.kdir), f"M={directory}", *settings,
               "modules"]
    if kernel.tools:
        command = toolroot.inside(kernel.tools, command)
    spawn.logged(command, log, "modules", "building", env=kernel_tree.clean_environment())


def for_a_test(kernel, source):
    """The directory with the modules that a test has in the directory source, built for the
    kernel."""
    directory = paths.BUILD / "modules-tests" / kernel.release / source.name
    log = paths.BUILD / "log" / f"modules-{source.name}-{kernel.release}.log"
    with cache.lock(directory.with_name(directory.name + ".lock")):
        directory.mkdir(parents=True, exist_ok=True)
        for path in source.iterdir():
            shutil.copy2(path, directory)       # keeps the time: make finds what is new
        _make_in(kernel, directory, log)
    return directory


def warnings(log):
    """The lines of a build's log that warn of something."""
    return [line for line in log.splitlines() if WARNED.search(line)]


def said(log):
    """The lines of a build's log that tell what the kernel does not get of net/tls."""
    return [line for line in log.splitlines() if line.startswith("net/tls: ")]


def require_no_warnings(kernel, backend=RING):
    """Fail if the modules as they are built for the kernel came with a warning."""
    with _locked(kernel, backend) as directory:
        _bring_up_to_date(kernel, directory, backend)
        noted = directory / WARNINGS
        if noted.exists():
            raise ui.Failure(f"modules: building for {kernel.release} warned of:\n"
                             + "\n".join("    " + line
                                         for line in noted.read_text().splitlines()[:10]))


def files_for_guest(kernel, backend=RING):
    """Our driver as the guest's setup wants it: the module, and what it depends on."""
    with _locked(kernel, backend) as directory:
        _bring_up_to_date(kernel, directory, backend)
        module = directory / "drivers/net/ethernet/ktlsnic/ktlsnic.ko"
        if not module.exists():
            raise ui.Failure("modules: the build made no ktlsnic.ko")
        return _for_guest("ktlsnic", module)


def _for_guest(name, module):
    depends = spawn.output(["/sbin/modinfo", "-F", "depends", str(module)]) or ""
    return {f"{name}.ko": module.read_bytes(),
            f"{name}.depends": depends.strip().replace(",", " ").encode()}


def tls_for_guest(kernel, backend=RING):
    """Our tls.ko as the guest's setup wants it, likewise."""
    with _locked(kernel, backend) as directory:
        _bring_up_to_date(kernel, directory, backend)
        module = directory / "net/tls/tls.ko"
        if not module.exists():
            raise ui.Failure(f"--tls ours: {kernel.release}: "
                             + (directory / SAID).read_text().strip())
        return _for_guest("tls", module)


def install(kernel, directory):
    """make modules_install; INSTALL_MOD_PATH is the user's to set."""
    log = paths.BUILD / "log" / f"modules-install-{kernel.release}.log"
    order = directory / "modules.order"
    order.write_text("".join(line for line in order.read_text().splitlines(keepends=True)
                             if STUB not in line))
    with ui.step("modules", f"installing for {kernel.release}"):
        spawn.logged(["make", "-C", str(kernel.kdir), f"M={directory}", "modules_install"], log,
                     "modules", "installing", env=kernel_tree.clean_environment())
        # kbuild leaves that out where there is no System.map, as in Debian's headers.
        spawn.logged(["/sbin/depmod", "-b", os.environ.get("INSTALL_MOD_PATH") or "/",
                      kernel.release], log, "modules", "depmod")
    if not os.environ.get("INSTALL_MOD_PATH"):
        script = paths.TOP / "net/tls/after-install.sh"
        lines = spawn.output(["sh", script, "installed", kernel.release, directory / SAID]) or ""
        for line in lines.splitlines():
            ui.say("modules", line)
