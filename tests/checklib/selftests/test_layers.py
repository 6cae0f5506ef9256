# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of the driver, of the model and of net/tls include and call lower layers only:
each has a README that lists them, lowest first."""

import re

from checklib import layers
from vmlib import paths

NET_TLS = paths.TOP / "net/tls"
DRIVER = paths.TOP / "drivers/net/ethernet/ktlsnic"
MODEL = paths.TOP / "hw-model"


def _is_source(path):
    return (path.suffix in (".c", ".h") and not path.name.endswith((".mod.c", "_conftest.h"))
            and path.parent.name != "conftest")


def _files(directory):
    files = {str(path.relative_to(directory)): path.read_text(encoding="utf-8")
             for path in sorted(directory.rglob("*")) if _is_source(path)}
    assert files
    return files


def _driver(files):
    """What is wrong with the driver, were its files these."""
    return layers.complaints((DRIVER / "README.md").read_text(encoding="utf-8"), files,
                             lambda path, included: included == "ktlsnic_conftest.h",
                             others=("conftest/",))


def test_the_driver():
    wrong = _driver(_files(DRIVER))
    assert not wrong, "\n".join(wrong)


def _tls_half(files):
    """What the TLS half includes that is not its own, were the driver's files these."""
    return [f"{path} includes {included}" for path, content in files.items()
            if path.startswith("ktlsnic_tls") and not path.startswith("ktlsnic_tls_hw")
            for included in layers.INCLUDE.findall(content)
            if not included.startswith("ktlsnic_tls") and included != "ktlsnic_compat.h"]


def test_the_tls_half_knows_the_hardware_by_one_header():
    files = _files(DRIVER)
    wrong = _tls_half(files)
    assert not wrong, "\n".join(wrong)
    files["ktlsnic_tls_rx.c"] += '#include "ktlsnic_ring.h"\n'
    assert _tls_half(files) == ["ktlsnic_tls_rx.c includes ktlsnic_ring.h"]


def _second_backend(files):
    """What the driver's second hardware half uses of the first, were the driver's files these."""
    second = {path for path in files if path.startswith("ktlsnic_mbox")}
    assert second
    # the first half's functions are the second's, too
    cut = layers.Source(files["ktlsnic_tls_stub.c"]).defines
    first = {name: path for path, content in files.items()
             if path.startswith("ktlsnic_tls") and path.endswith(".c")
             for name in layers.Source(content).defines - cut}
    wrong = []
    for path in sorted(second):
        source = layers.Source(files[path])
        wrong += [f"{path} includes {included}" for included in source.includes
                  if included.startswith("ktlsnic_tls") and included != "ktlsnic_tls_hw.h"]
        wrong += [f"{path} uses {name} of {first[name]}"
                  for name in sorted(source.names & first.keys())]
    return wrong


def test_the_second_backend_stands_alone():
    """It has all functions of the cut, and uses nothing of the first, nor of the TLS half."""
    files = _files(DRIVER)
    wrong = _second_backend(files)
    assert not wrong, "\n".join(wrong)
    cut = layers.Source(files["ktlsnic_tls_stub.c"]).defines
    assert cut and cut <= layers.Source(files["ktlsnic_mbox.c"]).defines
    files["ktlsnic_mbox.c"] += '#include "ktlsnic_tls_priv.h"\nvoid *f = ktlsnic_tls_tx_put;\n'
    assert _second_backend(files) == ["ktlsnic_mbox.c includes ktlsnic_tls_priv.h",
                                      "ktlsnic_mbox.c uses ktlsnic_tls_tx_put of ktlsnic_tls_tx.c"]


FUNCTION = re.compile(r"^(?![#/ \t*}])(?:[^\n;={}]|\n(?=[ \t\w]))*?\b(\w+)\([^;{}]*\)\n\{\n.*?^\}\n",
                      re.M | re.S)
PORT_ROW = re.compile(r"^\| [^|`]+ \| ([^|]+) \| ([^|]+) \| (\d+) \|$", re.M)


def test_what_a_port_took_is_as_the_readme_says():
    """Each function of the second hardware half is in the table once, and lines are counted."""
    lines = {match[1]: match[0].count("\n") for name in ("ktlsnic_mbox.c", "ktlsnic_mbox_fw.c")
             for match in FUNCTION.finditer((DRIVER / name).read_text(encoding="utf-8"))}
    listed, wrong = [], []
    for cut, own, count in PORT_ROW.findall((DRIVER / "README.md").read_text(encoding="utf-8")):
        row = [f"ktlsnic_tls_hw_{name}" for name in re.findall(r"`(\w+)`", cut)]
        row += [name if name.startswith("ktlsnic_") else f"ktlsnic_mbox_{name}"
                for name in re.findall(r"`(\w+)`", own)]
        listed += row
        found = sum(lines.get(name, 0) for name in row)
        if found != int(count):
            wrong.append(f"{row[0]} ...: {found} lines, not {count}")
    assert sorted(listed) == sorted(lines), set(listed) ^ set(lines)
    assert not wrong, "\n".join(wrong)


def test_the_model():
    """The wire format is the driver's, and qemu/ includes what QEMU has."""
    wrong = layers.complaints((MODEL / "README.md").read_text(encoding="utf-8"), _files(MODEL),
                              lambda path, included: (included == "ktlsnic_hw.h" or
                                                      path.startswith("qemu/")))
    assert not wrong, "\n".join(wrong)


def test_net_tls():
    wrong = layers.complaints((NET_TLS / "README.md").read_text(encoding="utf-8"),
                              _files(NET_TLS),
                              lambda path, included: included == "ktls_conftest.h",
                              others=("conftest/", "check-exports.sh"))
    assert not wrong, "\n".join(wrong)


def test_a_call_upwards_in_the_driver_is_found():
    files = _files(DRIVER)
    files["ktlsnic_ring.c"] += "\nstatic void f(void *nic)\n{\n\tktlsnic_down(nic);\n}\n"
    wrong = _driver(files)
    assert wrong[0] == ("ktlsnic_ring.c uses ktlsnic_down of ktlsnic_reset.c, "
                        "which is in a higher row"), wrong
    assert len(wrong) == 2 and wrong[1].startswith("a circle: "), wrong


README = """## Files, lowest layer first

| File | What |
|---|---|
| `d/`, `low` | a |
| `high`, `beside.c` | b |

## Other things

| `high.c` | is no row |
"""
LOW = {"low.c": '#include "low.h"\nint low;\n', "low.h": "void f(void);\n", "d/e.c": ""}
HIGH = {"high.c": '#include "low.h"\nvoid f(void)\n{\n}\n', "beside.c": "void g(int x)\n{\n}\n"}


def _wrong(changed, readme=README):
    return layers.complaints(readme, {**LOW, **HIGH, **changed})


def test_what_is_not_in_order_is_found():
    assert _wrong({}) == []
    for text, what in (
            ('#include "../high.c"', "includes ../high.c, which is not there"),
            ('#include "high.c"', "includes high.c, which is in a higher row"),
            ("int h(void)\n{\n\treturn f();\n}", "uses f of high.c, which is in a higher row"),
            ("#define H f()", "uses f of high.c, which is in a higher row"),
            ("const struct ops o = { .g = f };", "uses f of high.c, which is in a higher row"),
            ("EXPORT_SYMBOL(f);", "uses f of high.c, which is in a higher row")):
        assert _wrong({"d/e.c": text}) == [f"d/e.c {what}"], text
    assert _wrong({"new.c": ""}) == ["new.c is in no row"]
    assert "`high` is in a row, but there is no such file" in layers.complaints(README, LOW)


def test_what_is_in_order_is_not():
    for text in ("void f(void);", "static void f(void)\n{\n}\nstatic void h(void)\n{\n\tf();\n}",
                 "struct f { int f; };", "/* f() */ // f()\n",
                 'const char *h(struct f *a)\n{\n\treturn a->f + a.f ? "f()" : 0;\n}'):
        assert _wrong({"d/e.c": text}) == [], text
    assert _wrong({"high.c": HIGH["high.c"] + "int h(void)\n{\n\treturn low + g(1);\n}"}) == []


def test_a_circle_in_a_row_is_found():
    both = {"high.c": "void f(void)\n{\n\tg(1);\n}\n", "beside.c": "void g(int x)\n{\n\tf();\n}\n"}
    assert _wrong(both) == ["a circle: beside.c, high.c"]


def test_what_is_known_may_be_and_must_be():
    readme = README + "| `d/e.c` -> `high.c` | for now |\n"
    assert _wrong({"d/e.c": "int h(void)\n{\n\treturn f();\n}"}, readme) == []
    assert _wrong({}, readme) == [
        "`d/e.c` -> `high.c` is listed as known, but is not so: for now"]
    assert _wrong({"d/e.c": "int h(void)\n{\n\treturn f();\n}"},
                  README + "| `d/e.c` -> `high.c` | |\n"), "without a reason"
