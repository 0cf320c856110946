# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a machine can check: who may include whom, sizes, heads of files, private words.

Run by ./test; alone: python3 tests/house.py (--fix-format lets clang-format write the sources). Prints one line per break of a rule, exits with 1 if there is any.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {".hpp", ".cpp", ".S", ".py", ".sh", ".cmake", ".lds"}
HARD_LINES = 800
FOLDER_FILES = 30
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)

# Who may know whom. A part is the longest prefix that fits; what it may include are parts, itself always included.
# start/ offers the boot options and the order of the parts to everyone but base/.
PORTABLE = (
    "abi",
    "hypervisor/base",
    "hypervisor/memory",
    "hypervisor/domain",
    "hypervisor/schedule",
    "hypervisor/start",
)
X86 = (*PORTABLE, "hypervisor/hypercall", "hypervisor/x86", "hypervisor/x86/machine")
MAY_KNOW = {
    "abi": (),
    "hypervisor/base": ("abi",),
    "hypervisor/memory": PORTABLE,
    "hypervisor/domain": PORTABLE,
    "hypervisor/schedule": PORTABLE,
    "hypervisor/hypercall": PORTABLE,
    "hypervisor/x86/machine": (*X86, "hypervisor/x86/pv", "hypervisor/x86/hvm"),  # hands exceptions of guests over
    "hypervisor/x86/pv": (*X86, "packing"),
    "hypervisor/x86/hvm": X86,
    "hypervisor/x86": X86,
    "hypervisor/start": X86,
    "packing": (),
    "toolstack": ("abi", "packing"),
}
# base/ and memory/ use the types of the processor's layout, which is a header of constants and nothing more.
CONSTANT_HEADERS = {"hypervisor/x86/layout.hpp", "hypervisor/x86/registers.hpp"}


def tracked():
    """Every file of the project that git knows or would add."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def part_of(name):
    """The part of the house that a path is in, or None."""
    fitting = [part for part in MAY_KNOW if name.startswith(part + "/")]
    return max(fitting, key=len) if fitting else None


def resolve(name, source):
    """An include's path in the project: from beside the file, the top, hypervisor/ or toolstack/."""
    house = source.relative_to(ROOT).parts[0]
    for folder in (source.parent, ROOT, ROOT / house):
        path = (folder / name).resolve()
        if path.is_file() and ROOT in path.parents:
            return str(path.relative_to(ROOT))
    return None


def check_includes(path, text):
    """Breaks of 'who may know whom'."""
    here = str(path.relative_to(ROOT))
    mine = part_of(here)
    if mine is None or path.suffix not in (".hpp", ".cpp", ".S"):
        return
    for name in INCLUDE.findall(text):
        target = resolve(name, path)
        if target is None:
            yield f'{here}: includes "{name}", which is not in the project'
            continue
        theirs = part_of(target)
        if theirs not in (mine, *MAY_KNOW[mine]) and target not in CONSTANT_HEADERS:
            yield f"{here}: {mine} may not know {theirs or 'that part'} (\"{name}\")"


def check_file(path, text):
    """Size, head, and places that only exist on one machine."""
    here = path.relative_to(ROOT)
    lines = text.splitlines()
    if len(lines) > HARD_LINES:
        yield f"{here}: {len(lines)} lines, the limit is {HARD_LINES}"
    if path.suffix in SOURCES or path.name == "CMakeLists.txt":
        if lines and "SPDX-License-Identifier: Apache-2.0" not in "\n".join(lines[:3]):
            yield f"{here}: no SPDX line in its head"
    if path.suffix in (".hpp", ".cpp") and "\t" in text:
        yield f"{here}: tabs"
    if re.search(r"(?<![\w.])/(work|root/work)/(wt|main|shared)\b", text) and path.name != "house.py":
        yield f"{here}: a path of somebody's machine"


def check_links():
    """Symbolic links that lead out of the project: in another clone they point nowhere."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    for name in names:
        if (ROOT / name).is_symlink() and not (ROOT / name).resolve().is_relative_to(ROOT):
            yield f"{name}: a link out of the project"


def check_folders(files):
    """Folders that have become two subsystems."""
    counts = {}
    for path in files:
        counts[path.parent] = counts.get(path.parent, 0) + 1
    for folder, count in sorted(counts.items()):
        if count > FOLDER_FILES:
            yield f"{folder.relative_to(ROOT)}: {count} files, the limit is {FOLDER_FILES}"


def unformatted():
    """Sources that clang-format would write differently."""
    names = [str(path) for path in tracked() if path.suffix in (".hpp", ".cpp")]
    said = subprocess.run(
        ["clang-format-19", "--dry-run", *names], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    return sorted({line.split(":")[0] for line in said.stderr.splitlines() if "-Wclang-format-violations" in line})


def fix_format():
    """Let clang-format write every source."""
    names = [str(path) for path in tracked() if path.suffix in (".hpp", ".cpp")]
    subprocess.run(["clang-format-19", "-i", *names], cwd=ROOT, check=True)
    return 0


def check():
    """All breaks of rules, and the number of files looked at."""
    files = tracked()
    breaks = [*check_folders(files), *check_links()]
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        breaks += [*check_file(path, text), *check_includes(path, text)]
    return breaks, len(files)


def main():
    """Print the breaks."""
    breaks, count = check()
    for writer in ("lab.compatibility", "lab.options"):
        page = subprocess.run(
            [sys.executable, "-m", writer, "--check"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        breaks += page.stderr.strip().splitlines()[-1:] if page.returncode else []
    breaks += [
        f"{Path(name).relative_to(ROOT)}: not as clang-format writes it (python3 tests/house.py --fix-format)"
        for name in unformatted()
    ]
    for line in breaks:
        print(line)
    print(f"{count} files, {len(breaks)} against the rules of the house")
    return 1 if breaks else 0


if __name__ == "__main__":
    sys.exit(fix_format() if sys.argv[1:] == ["--fix-format"] else main())
