# SPDX-License-Identifier: GPL-2.0-or-later
"""An entry of the cache for one of Debian's kernels: image and headers of its packages,
made usable from where they are unpacked."""

import pathlib
import re

from . import bzimage, cache, host, kernel_tree, modtree, packages, ui

TOOLS = "tools"             # the file that names what a kernel of another release is built with


def make(release, name, version, target):
    """Fill an entry.  Newer releases spread an image over several packages."""
    image, headers = (f"linux-{kind}-{name}" for kind in ("image", "headers"))
    needs = release.depends(headers)
    parts = {part for part in (*needs, *release.depends(image))
             if re.match("linux-(headers|kbuild|base|binary|modules)-", part)}
    with ui.step("kernel", f"fetching Linux {name} {version} of {release.name}"):
        release.download_exactly([f"{image}={version}", f"{headers}={version}", *sorted(parts)],
                                 target / "deb")
    if release.name != host.releases()[0]:
        kbuild = [one for part in parts if part.startswith("linux-kbuild-")
                  for one in release.depends(part)]
        (target / TOOLS).write_text("\n".join([release.name, *compilers(needs), *kbuild]))
    _make_usable(target)


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
        kernel_tree.check_config(f"Debian's {release}", config.read_text())
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
