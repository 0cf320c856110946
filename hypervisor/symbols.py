#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes assembly for the image's second link: the symbol table that backtraces use.

symbols.py table IMAGE OUTPUT    function names and offsets of a linked image
symbols.py empty OUTPUT          an empty table, for the first link
"""
import re
import subprocess
import sys

HEAD = """// Made by symbols.py: do not edit.
    .section .symbols, "a"
    .balign 4
    .globl px_symbol_count, px_symbol_offsets, px_symbol_names
"""


def short(name: str) -> str:
    """A C++ name without its arguments' types, which cost more than they tell."""
    name = re.sub(r"\(anonymous namespace\)::", "", name)
    depth, out = 0, []
    for i, c in enumerate(name):
        if c == "(" and name[i : i + 2] == "()":
            break
        if c == "(":
            break
        depth += (c == "<") - (c == ">")
        if depth == 0 and c != ">":
            out.append(c)
    text = "".join(out).replace("px::", "").split(" ")[-1]
    return text or name[:40]


def write_table(symbols, out):
    with open(out, "w", encoding="utf-8") as f:
        f.write(HEAD)
        f.write(f"px_symbol_count: .long {len(symbols)}\npx_symbol_offsets:\n")
        for address, _ in symbols:
            f.write(f"    .long {address}\n")
        f.write("px_symbol_names:\n")
        for _, name in symbols:
            f.write('    .asciz "%s"\n' % name.replace("\\", "\\\\").replace('"', '\\"'))
        f.write("    .byte 0\n")


def nm(*arguments):
    return subprocess.run(["llvm-nm-19", *arguments], check=True, capture_output=True, text=True).stdout.splitlines()


def table(image, out):
    start, end, found = 0, 0, {}
    for line in nm("-C", "--numeric-sort", image):
        address, kind, name = line.split(" ", 2)
        if name == "px_image_start":
            start = int(address, 16)
        elif name == "px_text_end":
            end = int(address, 16)
        elif kind in "tTwW":
            found.setdefault(int(address, 16), short(name))
    write_table([(a - start, n) for a, n in sorted(found.items()) if start <= a < end], out)


def main(arguments):
    if arguments[:1] == ["table"] and len(arguments) == 3:
        table(*arguments[1:])
    elif arguments[:1] == ["empty"] and len(arguments) == 2:
        write_table([], arguments[1])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
