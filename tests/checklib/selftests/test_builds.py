# SPDX-License-Identifier: GPL-2.0-or-later
"""What is fetched and built: kernels, modules, tool roots."""

from vmlib import debian_unpack, debug_kernel, modules, toolroot


def test_warnings_of_a_build():
    warned = ["a.c:3:1: warning: unused variable 'x' [-Wunused-variable]",
              "WARNING: modpost: missing MODULE_DESCRIPTION() in a.o",
              "a.o: warning: objtool: f+0x1: unreachable instruction",
              "make[1]: warning: jobserver unavailable: using -j1"]
    quiet = ["  CC [M]  drivers/warning.o", "Skipping BTF generation for a.ko"]
    assert modules.warnings("\n".join(warned + quiet)) == warned


def test_compilers_of_the_headers():
    old = ["linux-headers-6.1.0-56-common", "linux-kbuild-6.1", "linux-compiler-gcc-12-x86"]
    new = ["linux-base", "linux-base-7.3.4+deb13-cloud-amd64", "linux-kbuild-7.3.4+deb13",
           "linux-image-6.12.9+deb13-cloud-amd64-unsigned", "gcc-14-for-host"]
    assert debian_unpack.compilers(old) == old[2:]
    assert debian_unpack.compilers(new) == new[4:]


def test_a_root_is_closed_after_all_mounts():
    command = [str(word) for word in toolroot.inside("/root-of-13", ["make", "x"])]
    assert command[-2:] == ["make", "x"]
    assert command.index("--remount-ro") > max(place for place, word in enumerate(command)
                                               if word in ("--bind", "--ro-bind"))


def test_options_that_kconfig_dropped():
    wanted = "# a\nCONFIG_A=y\nCONFIG_B=m\nCONFIG_C=\"x\"\n"
    final = "CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n"
    assert debug_kernel.dropped(wanted, final) == ["CONFIG_B", "CONFIG_C"]
