# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own kernels: image and headers unpacked into the cache, ready to use."""

import functools
import pathlib
import re

from . import bzimage, cache, host, kernel, modtree, packages, toolroot, ui

DEFAULT = "6.12"
LATEST = "latest"           # the newest kernel of the newest release, or of its backports
NEWEST_RELEASE = "trixie"
CLOUD = "cloud-amd64"
RECIPE = 4                  # counts the changes in how an entry is made
VERSION = r"\d+(\.\d+)*([.+~-][\w.+~-]*)?"
SUBVERSION = r"([.+~][\w.+~]*)?(-\d+)?"    # what may follow the version that was asked for
TOOLS = "tools"             # the file that names what a kernel of another release is built with


def is_version(name):
    """Could this be one that Debian has?"""
    return name == LATEST or bool(re.fullmatch(VERSION, name))


def exact(version, flavour=CLOUD):
    """What "latest" is at the moment; any other version as it is."""
    if version != LATEST:
        return version
    host.require_packages()
    release = packages.Release(NEWEST_RELEASE)
    release.look_anew()
    newest = _candidates(release, r"\d+\.\d+", flavour)[:1]
    if not newest:
        raise ui.Failure(f"kernel: Debian {release.name} has no {flavour} kernel")
    return newest[0]


def get(version, flavour=CLOUD):
    """A Kernel of this version (6.12, or more digits), from the host's own release first."""
    if not is_version(version):
        raise ui.Failure(f"kernel: \"{version}\" is neither a version, nor \"{LATEST}\", nor a "
                         "kernel tree")
    directory = cache.entry(f"linux-{version}-{flavour}", (host.releases(), RECIPE),
                            lambda target: _fetch(version, flavour, target))
    image, = (directory / "boot").glob("vmlinuz-*")
    release = image.name.removeprefix("vmlinuz-")
    vmlinux = directory / "vmlinux"
    return kernel.Kernel(release, vmlinux if vmlinux.exists() else image,
                         directory / "usr/src" / f"linux-headers-{release}",
                         directory / "modules.img", sorted((directory / "early").glob("*.ko")),
                         _tools(directory / TOOLS))


def _tools(listed):
    """The root to build modules in, or None if the host will do."""
    if not listed.exists():
        return None
    release, *wanted = listed.read_text().split()
    return toolroot.get(release, wanted)


def _fetch(version, flavour, target):
    host.require_packages()
    for name in host.releases():
        release = packages.Release(name)
        candidates = functools.partial(_candidates, release, re.escape(version), flavour)
        if candidates():
            packages.first_that_downloads(release, candidates,
                                          lambda one: _download(release, f"{one}-{flavour}",
                                                                target))
            return _make_usable(target)
    raise ui.Failure(f"kernel: Debian ({', '.join(host.releases())}) has no {flavour} kernel "
                     f"{version}; give another version, or the path of a kernel tree")


def _candidates(release, version, flavour):
    """Full versions that have both image and headers, newest first."""
    tail = rf"({version}{SUBVERSION})-{flavour}"
    found = [{re.fullmatch(f"linux-{kind}-{tail}", name)[1]
              for name in release.names(f"linux-{kind}-{tail}")}
             for kind in ("image", "headers")]
    return packages.sort_versions(found[0] & found[1])


def _download(release, version, target):
    """Newer releases spread an image over several packages."""
    cache.remove_tree(target / "deb")
    image, headers = (f"linux-{kind}-{version}" for kind in ("image", "headers"))
    needs = release.depends(headers)
    parts = {name for name in (*needs, *release.depends(image))
             if re.match("linux-(headers|kbuild|base|binary|modules)-", name)}
    with ui.step("kernel", f"fetching Linux {version} of {release.name}"):
        release.download_exactly([image, headers, *sorted(parts)], target / "deb")
    if release.name != host.releases()[0]:
        kbuild = [name for part in parts if part.startswith("linux-kbuild-")
                  for name in release.depends(part)]
        (target / TOOLS).write_text("\n".join([release.name, *compilers(needs), *kbuild]))


def compilers(names):
    """What the headers depend on besides the kernel's own packages."""
    return [name for name in names
            if not re.match("linux-(base|headers|image|kbuild)(-|$)", name)]


def _make_usable(target):
    with ui.step("kernel", "unpacking"):
        packages.unpack(target / "deb", target)
        cache.remove_tree(target / "deb")
        _settle(target)
        image, = (target / "boot").glob("vmlinuz-*")
        release = image.name.removeprefix("vmlinuz-")
        config = target / "boot" / f"config-{release}"
        kernel.check_config(f"Debian's {release}", config.read_text())
        if "CONFIG_PVH=y" in config.read_text():
            bzimage.extract(image, target / "vmlinux")
        _relocate_headers(target / "usr/src" / f"linux-headers-{release}")
        modtree.make_image(target, release)


def _settle(target):
    """Put everything where Debian 12 has it: 13 keeps modules below /usr, and its
    latest kernels have image and configuration among them."""
    merged = target / "usr/lib/modules"
    if merged.is_dir():
        (target / "lib").mkdir(exist_ok=True)
        merged.rename(target / "lib/modules")
    (target / "boot").mkdir(exist_ok=True)
    for name in ("vmlinuz", "config"):
        for path in (target / "lib/modules").glob(f"*/{name}"):
            path.rename(target / "boot" / f"{name}-{path.parent.name}")


def _relocate_headers(kdir):
    """Make the headers work from where they are, with the host's compiler.

    The Makefile has absolute paths, the compiler may be one that the host lacks,
    and BTF for modules would need pahole and serve nobody.
    """
    makefile = kdir / "Makefile"
    makefile.write_text("usr-src := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))..)\n"
                        + makefile.read_text().replace("/usr/src/", "$(usr-src)/"))
    variables = kdir / ".kernelvariables"
    text = variables.read_text()
    compiler = re.search(r"\$\(CROSS_COMPILE\)(gcc-\d+)$", text, re.MULTILINE)
    if compiler:
        name = f"$(CROSS_COMPILE){compiler[1]}"
        text += f"CC := $(if $(shell command -v {name}),{name},$(CROSS_COMPILE)gcc)\n"
        variables.write_text(text)
    auto = kdir / "include/config/auto.conf"
    auto.write_text(re.sub(r"^CONFIG_DEBUG_INFO_BTF_MODULES=.*\n", "", auto.read_text(),
                           flags=re.MULTILINE))
    for link in pathlib.Path(kdir).iterdir():
        if link.is_symlink() and not link.exists():
            raise ui.Failure(f"kernel: the headers' {link.name} leads nowhere")
