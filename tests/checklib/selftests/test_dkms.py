# SPDX-License-Identifier: GPL-2.0-or-later
"""For which kernels the modules are built, with and without DKMS, and what is said of it."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from vmlib import dkms, kernel_tree, modules, paths

FITS = {"CONFIG_MODULES": "y", "CONFIG_TLS": "m", "CONFIG_TLS_DEVICE": "y"}
BUILT_IN = {**FITS, "CONFIG_TLS": "y"}
TOE = {**FITS, "CONFIG_TLS_TOE": "y"}
NO_TLS = {"CONFIG_MODULES": "y"}
NO_DEVICE = {"CONFIG_MODULES": "y", "CONFIG_TLS": "m"}
# Release, configuration, whether there is to be a tls.ko, what is said of it.
KERNELS = (
    ("6.12.9+deb13-amd64", FITS, True, ()),
    ("7.0-rc1", FITS, True, ()),
    ("6.12.9", BUILT_IN, False, ("(CONFIG_TLS=y)",)),
    ("6.12.9", TOE, False, ("CONFIG_TLS_TOE",)),
    ("6.12.9", NO_TLS, False, ("CONFIG_TLS=m", "without CONFIG_TLS_DEVICE")),
    ("6.12.9", NO_DEVICE, True, ("without CONFIG_TLS_DEVICE",)),
    ("6.1.0-56-cloud-amd64", FITS, False, ("6.12 and newer",)),
    ("6.9-rc1", FITS, False, ("6.12 and newer",)),
    ("6.11.10", FITS, False, ("6.12 and newer",)),
)
# In the place of kbuild: what it gives net/tls/Makefile, and what it gets.
KBUILD = f"""
src := {paths.TOP}/net/tls
obj := /nowhere
CC := $(if $(filter 6.1.% 6.9% 6.11.%,$(RELEASE)),false,true)
include $(src)/Makefile
.PHONY: FORCE show
.DEFAULT_GOAL := show
show: ; @echo 'built: $(obj-m)'
"""


def _make(makefile, *variables):
    """The lines that make prints."""
    done = subprocess.run(["make", "-f", "-", *variables], input=makefile, text=True, check=True,
                          stdout=subprocess.PIPE, env=kernel_tree.clean_environment())
    return done.stdout.splitlines()


def _kbuild(release, config):
    """What kbuild prints, and whether it makes a tls.ko."""
    *said, built = _make(KBUILD, f"RELEASE={release}", *(f"{a}={b}" for a, b in config.items()))
    assert said == modules.said("\n".join(said)), said
    return said, "tls.o" in built.split()


def _dkms(release, config):
    """The names of the modules that DKMS is to find, and whether it is to build at all.
    config: None if the kernel's headers are gone."""
    with tempfile.TemporaryDirectory() as directory:
        if config is not None:
            auto = Path(directory) / "include/config/auto.conf"
            auto.parent.mkdir(parents=True)
            auto.write_text("".join(f"{name}={value}\n" for name, value in config.items()))
        script = (f"kernelver={release} kernel_source_dir={directory} arch=x86_64\n"
                  f". {paths.TOP}/dkms.conf\n"
                  'echo "${BUILT_MODULE_NAME[@]}"\n'
                  '[[ $kernelver =~ $BUILD_EXCLUSIVE_KERNEL ]] && echo builds')
        done = subprocess.run(["bash", "-euc", script], stdout=subprocess.PIPE, text=True,
                              check=False, env={**os.environ, "dkms_tree": "/d"})
    names, *builds = done.stdout.splitlines()
    return names.split(), builds == ["builds"]


def test_a_line_for_each_kernel_that_does_not_fit():
    for release, config, built, expected in KERNELS:
        said, is_built = _kbuild(release, config)
        assert is_built == built, (release, config)
        assert len(said) == len(expected), said
        for line, part in zip(said, expected):
            assert part in line, (line, part)


def test_cleaning_says_nothing():
    assert _kbuild("6.12.9", {})[0] == []


def test_dkms_expects_what_is_built():
    for release, config, built, _ in KERNELS:
        assert _dkms(release, config) == (["ktlsnic"] + ["tls"] * built, True), (release, config)
    assert _dkms("6.12.9", None)[0] == ["ktlsnic", "tls"]       # so that it can be removed


def test_dkms_leaves_older_kernels_alone():
    for release, builds in (("5.15.0-1-amd64", False), ("6.0.1", False), ("6.1.0-56", True),
                            ("6.10.3", True), ("7.3.4+deb13", True), ("10.0", True)):
        assert _dkms(release, FITS)[1] == builds, release


def test_one_version():
    """What is in dkms.conf becomes that of tls.ko: dkms compares it with the kernel's."""
    name, version = dkms.module()
    assert name == "ktlsnic" and "dkms.conf" in modules.sources_of_tree()
    shown = _make(f"src := {paths.TOP}\ninclude $(src)/Kbuild\n"
                  "show: ; @echo $(KTLSNIC_VERSION)\n")
    assert shown == [version], shown


def _after(event, *log, release=os.uname().release, taint="", refcnt=0, holders=(),
           enforced="N", lockdown="[none] integrity confidentiality"):
    """What after-install.sh says with this sysfs; taint: None if no tls.ko is loaded."""
    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory)
        files = {"module/module/parameters/sig_enforce": enforced,
                 "kernel/security/lockdown": lockdown, "log": "\n".join(log)}
        if taint is not None:
            files |= {"module/tls/taint": taint, "module/tls/refcnt": str(refcnt)}
            files |= {f"module/tls/holders/{name}": "" for name in holders}
            (top / "module/tls/holders").mkdir(parents=True)
        for name, text in files.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(f"{text}\n")
        command = [paths.TOP / "net/tls/after-install.sh", event, release, top / "log"]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "SYSFS": directory, "BOOT": directory}
                              ).stdout.splitlines()


def _is_one(lines, pattern):
    """There is one line, in which all of the pattern is found."""
    assert len(lines) == 1 and re.search(pattern, lines[0]), lines


def test_after_an_install_with_nothing_in_the_way():
    assert not _after("installed", taint=None)
    assert not _after("installed", taint="OE")
    assert not _after("installed", release="1.2.3", refcnt=1)
    assert not _after("removed", taint=None)
    assert not _after("removed", enforced="Y")


def test_after_an_install_with_the_kernels_own_in_use():
    _is_one(_after("installed"), "kernel's own: modprobe -r tls")
    _is_one(_after("installed", refcnt=3, holders=("bonding", "ktlsnic")),
            r"kernel's own, and in use \(refcnt 3, modules: bonding ktlsnic\).* reboot")
    _is_one(_after("installed", refcnt=1), r"in use \(refcnt 1, modules: none\)")
    _is_one(_after("removed", taint="OE", refcnt=1), "still ours, and in use")


def test_after_an_install_with_signatures_enforced():
    pattern = "signer .*Key was rejected by service.* mokutil --import"
    _is_one(_after("installed", taint=None, enforced="Y"), pattern)
    for level in ("none [integrity] confidentiality", "none integrity [confidentiality]"):
        _is_one(_after("installed", taint=None, lockdown=level), pattern)


def test_after_an_install_of_what_was_not_built():
    line = "net/tls: tls.ko is not built: it is for Linux 6.12 and newer"
    assert _after("installed", "  CC [M] a.o", line, "  LD [M] b.ko", refcnt=1) == [line]
