# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin: why the first tries of tests failed that were run twice, which else nobody would learn."""


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
