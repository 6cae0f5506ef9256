# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own kernels: image and headers unpacked into the cache, ready to use."""

import functools
import pathlib
import re

from . import bzimage, cache, host, kernel, modtree, packages, ui

DEFAULT = "6.12"
CLOUD = "cloud-amd64"
RECIPE = 3                  # counts the changes in how an entry is made
VERSION = r"\d+(\.\d+)*([.+~-][\w.+~-]*)?"


def get(version, flavour=CLOUD):
    """A Kernel of this version (6.12, or more digits), from the host's own release first."""
    if not re.fullmatch(VERSION, version):
        raise ui.Failure(f"kernel: \"{version}\" is neither a version nor a kernel tree")
    directory = cache.entry(f"linux-{version}-{flavour}", (host.releases(), RECIPE),
                            lambda target: _fetch(version, flavour, target))
    image, = (directory / "boot").glob("vmlinuz-*")
    release = image.name.removeprefix("vmlinuz-")
    vmlinux = directory / "vmlinux"
    return kernel.Kernel(release, vmlinux if vmlinux.exists() else image, directory / "usr/src" / f"linux-headers-{release}",
                         directory / "modules.img", sorted((directory / "early").glob("*.ko")))


def _fetch(version, flavour, target):
    host.require_packages()
    for name in host.releases():
        release = packages.Release(name)
        candidates = functools.partial(_candidates, release, version, flavour)
        if candidates():
            packages.first_that_downloads(release, candidates,
                                          lambda one: _download(release, f"{one}-{flavour}",
                                                                target / "deb"))
            return _make_usable(target)
    raise ui.Failure(f"kernel: Debian ({', '.join(host.releases())}) has no {flavour} kernel "
                     f"{version}; give another version, or the path of a kernel tree")


def _candidates(release, version, flavour):
    """Full versions that have both image and headers, newest first."""
    tail = rf"({re.escape(version)}([.+~][\w.+~]*)?(-\d+)?)-{flavour}"
    found = [{re.fullmatch(f"linux-{kind}-{tail}", name)[1]
              for name in release.names(f"linux-{kind}-{tail}")}
             for kind in ("image", "headers")]
    return packages.sort_versions(found[0] & found[1])


def _download(release, version, directory):
    cache.remove_tree(directory)
    headers = f"linux-headers-{version}"
    parts = [name for name in release.depends(headers)
             if re.match("linux-(headers|kbuild)-", name)]
    with ui.step("kernel", f"fetching Linux {version} of {release.name}"):
        release.download_exactly([f"linux-image-{version}", headers, *parts], directory)


def _make_usable(target):
    with ui.step("kernel", "unpacking"):
        packages.unpack(target / "deb", target)
        cache.remove_tree(target / "deb")
        image, = (target / "boot").glob("vmlinuz-*")
        release = image.name.removeprefix("vmlinuz-")
        config = target / "boot" / f"config-{release}"
        kernel.check_config(f"Debian's {release}", config.read_text())
        if "CONFIG_PVH=y" in config.read_text():
            bzimage.extract(image, target / "vmlinux")
        _relocate_headers(target / "usr/src" / f"linux-headers-{release}")
        # Debian 13 keeps modules below /usr.
        merged = target / "usr/lib/modules"
        if merged.is_dir():
            (target / "lib").mkdir(exist_ok=True)
            merged.rename(target / "lib/modules")
        modtree.make_image(target, release)


def _relocate_headers(kdir):
    """Make the headers work from where they are, with the host's compiler.

    The Makefile includes another by its absolute path, the compiler may be one
    that the host lacks, and BTF for modules would need pahole and serve nobody.
    """
    makefile = kdir / "Makefile"
    makefile.write_text(makefile.read_text().replace(
        "include /usr/src/", "include $(dir $(lastword $(MAKEFILE_LIST)))../"))
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
