# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as JUnit XML, which every CI system shows."""

import re
import xml.etree.ElementTree as xml

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


def _clean(text):
    return _UNPRINTABLE.sub("?", text)


def _properties(parent, pairs):
    if not pairs:
        return
    properties = xml.SubElement(parent, "properties")
    for name, value in pairs.items():
        xml.SubElement(properties, "property", name=name, value=_clean(str(value)))


def _case(parent, group, result):
    case = xml.SubElement(parent, "testcase", name=_clean(result.name), classname=group,
                          time=f"{result.seconds:.3f}")
    if result.verdict == "failed":
        failure = xml.SubElement(case, "failure", message=_clean(result.reason))
        failure.text = _clean("\n".join(result.notes))
    elif result.verdict == "skipped":
        xml.SubElement(case, "skipped", message=_clean(result.reason))


def _suite(root, group):
    counted = [result.verdict for result in group.results]
    suite = xml.SubElement(
        root, "testsuite", name=group.name, tests=str(len(counted)),
        failures=str(counted.count("failed")), skipped=str(counted.count("skipped")),
        errors="0", time=f"{group.seconds:.3f}")
    if group.begin:                     # else the run was ended before it
        suite.set("timestamp", group.begin.isoformat(timespec="seconds"))
    _properties(suite, group.facts)
    for result in group.results:
        _case(suite, group.name, result)
    if group.logs:
        # The form that CI systems know to attach files by.
        xml.SubElement(suite, "system-out").text = "\n".join(
            f"[[ATTACHMENT|{path}]]" for path in group.logs)


def write(path, groups, properties):
    """groups: in the order in which they are shown; properties: of the whole run."""
    root = xml.Element("testsuites")
    _properties(root, properties)
    for group in groups:
        _suite(root, group)
    xml.indent(root)
    temporary = path.with_suffix(".tmp")
    xml.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)
    temporary.replace(path)
