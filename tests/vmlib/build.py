# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/prepare: get and build parts without booting anything; say where they are."""

import functools

from . import guest, keep, modules, options, prepare, qemu, shares, ui, upstream

DESCRIPTION = """Get and build what tests/vm needs, without booting anything, and print
where each part is: one line "NAME PATH" a part.  What is downloaded, and what is built of
it, is kept in ~/.cache/ktlsnic (or $XDG_CACHE_HOME/ktlsnic) by version; which versions there
are is looked up once a day."""


def _kernel(arguments):
    return prepare.kernel_of(arguments.kernel)


def _install(arguments):
    kernel = _kernel(arguments)
    modules.install(kernel, modules.build(kernel, arguments.backend))
    return kernel.release


PARTS = {
    "qemu": lambda arguments: qemu.prepare().program,
    "guest": lambda arguments: guest.get(),
    "upstream": lambda arguments: upstream.TREE.get(),
    "virtiofsd": lambda arguments: shares.fetched(),
    "kernel": lambda arguments: _kernel(arguments).image,
    "kdir": lambda arguments: _kernel(arguments).kdir,
    "modules": lambda arguments: modules.build(_kernel(arguments), arguments.backend),
    "modules_install": _install,
}
ALL = ("qemu", "guest", "virtiofsd", "kernel", "kdir", "modules")


def program():
    """Returns the exit status."""
    return ui.program("prepare", _prepare)


def _prepare():
    arguments = _parse()
    if arguments.list or arguments.prune:
        (keep.prune if arguments.prune else keep.show)()
        return 0
    found = prepare.together(*(functools.partial(PARTS[name], arguments)
                               for name in arguments.part))
    for name, path in zip(arguments.part, found):
        print(f"{name} {path}")
    return 0


def _parse():
    parser = options.Parser(prog="tests/prepare", description=DESCRIPTION)
    parser.add_argument("--kernel", metavar="VERSION|PATH", default=options.default_kernel(),
                        help="a Debian kernel, \"latest\" for its newest, or a built kernel tree "
                             "(default $KDIR or 6.12)")
    options.add_backend(parser)
    parser.add_argument("--list", action="store_true",
                        help="show what is in the cache instead: each entry's size, age and "
                             "version, and what was resolved to which version, and when")
    parser.add_argument("--prune", action="store_true",
                        help="remove from the cache what no request means any more, and each "
                             "request that was not made for a month; say what that freed")
    parser.add_argument("part", nargs="*", default=ALL, metavar="PART",
                        help=f"any of {' '.join(PARTS)} (default: all but modules_install "
                             "and upstream)")
    arguments = parser.parse_args()
    for name in arguments.part:
        if name not in PARTS:
            parser.error(f"no part \"{name}\"; there are {' '.join(PARTS)}")
    return arguments
