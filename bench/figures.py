# SPDX-License-Identifier: Apache-2.0
"""Numbers as the report writes them."""


def number(value):
    """A count as people read it."""
    if value is None:
        return "-"
    if value >= 1e9:
        return f"{value / 1e9:,.2f}G"
    if value >= 1e6:
        return f"{value / 1e6:,.2f}M"
    if value >= 1e5:
        return f"{value / 1e3:,.0f}k"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def ratio(ours, theirs):
    """Ours to theirs."""
    return f"{ours / theirs:.2f}" if ours is not None and theirs else "-"
