# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as JUnit XML, which every CI system shows."""

import re
import xml.etree.ElementTree as xml

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


def _clean(text):
    return _UNPRINTABLE.sub("?", text)


def _case(parent, group, result):
    case = xml.SubElement(parent, "testcase", name=_clean(result.name), classname=group,
                          time=f"{result.seconds:.3f}")
    if result.verdict == "failed":
        failure = xml.SubElement(case, "failure", message=_clean(result.reason))
        failure.text = _clean("\n".join(result.notes))
    elif result.verdict == "skipped":
        xml.SubElement(case, "skipped", message=_clean(result.reason))


def write(path, groups):
    """groups: name -> list of results."""
    root = xml.Element("testsuites")
    for name, results in groups.items():
        suite = xml.SubElement(
            root, "testsuite", name=name, tests=str(len(results)),
            failures=str(sum(r.verdict == "failed" for r in results)),
            skipped=str(sum(r.verdict == "skipped" for r in results)), errors="0",
            time=f"{sum(r.seconds for r in results):.3f}")
        for result in results:
            _case(suite, name, result)
    xml.indent(root)
    temporary = path.with_suffix(".tmp")
    xml.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)
    temporary.replace(path)
