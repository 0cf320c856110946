# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a machine can check: who may include whom, sizes, names of files, format, lint.

Run by ./test; alone: python3 tests/house.py (--fix-format lets clang-format and black write the sources). Prints one line per break of a rule, exits with 1 if there is any.
"""

import ast
import fnmatch
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import lint

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {".hpp", ".cpp", ".S", ".py", ".sh", ".cmake", ".lds"}
FILE_LINES = 500
FUNCTION_LINES = 60
FOLDER_FILES = 30
# What may be over a limit, with the reason. The list can only shrink: an entry that nothing needs is an error.
LONG_FILES = {}
LONG_FUNCTIONS = {
    "hypervisor/x86/pv/entry_hypercall.cpp:px_syscall64": "one hypercall's way, as one piece of assembly",
    "lab/run.py:parser": "a list of options, one after the other",
    "tests/unit/abi/layout_domctl.cpp:AbiLayout.Domctl": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/layout_guest_calls.cpp:AbiLayout.GuestCalls": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/layout_guest_state.cpp:AbiLayout.GuestState": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/layout_hvm.cpp:AbiLayout.Hvm": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/layout_sysctl_platform.cpp:AbiLayout.SysctlPlatform": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/numbers_devices.cpp:AbiNumbers.Devices": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/numbers_domctl.cpp:AbiNumbers.Domctl": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/numbers_guest_calls.cpp:AbiNumbers.GuestCalls": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/numbers_guest_state.cpp:AbiNumbers.GuestState": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/numbers_hvm.cpp:AbiNumbers.Hvm": "a table of assertions, compared with Xen's headers",
    "tests/unit/abi/numbers_sysctl_platform.cpp:AbiNumbers.SysctlPlatform": "a table of assertions, compared with Xen's headers",
}
# Names of files that comments and documents may use although the project has no such file.
FOREIGN_FILES = {"again.sh"}  # written beside a failure (lab/failures.py)
FILE_NAME = re.compile(r"(?<![\w./*<>{$-])[\w*][\w./*-]*\.(?:hpp|cpp|S|py|sh|md|lds|cmake|inc)(?![\w/({-]|\.\w)")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)

# A cast to what a domain or vCPU of one kind is, and the headers that may have one.
KIND_CAST = re.compile(r"static_cast<(?:const )?(?:\w+::)*(?:X86|Pv|Hvm)(?:Domain|Vcpu)\s*(?:const )?[&*]")
KIND_HEADER = re.compile(r"/(?:x86|pv|hvm)_(?:domain|vcpu)\.hpp$")

# The floors of the house, from the ground up: an include only goes down, never up or to a neighbour on the same floor. A
# part that has others in its folder (x86) is the files beside those. abi/ and packing/ include nothing but themselves.
# What is not on a house's list is none of its business.
GROUND = ("abi", "packing")
FLOORS = {
    "hypervisor": (
        ("abi",),
        ("hypervisor/base",),
        ("hypervisor/boot", "hypervisor/machine"),
        ("hypervisor/memory",),
        ("hypervisor/schedule",),
        ("hypervisor/domain",),
        ("hypervisor/hypercall", "packing"),  # up to here portable
        ("hypervisor/x86/arch",),
        ("hypervisor/x86",),
        ("hypervisor/x86/machine",),  # knows no guest
        ("hypervisor/x86/guest",),  # knows no kind of guest
        ("hypervisor/x86/pv", "hypervisor/x86/hvm"),
        ("hypervisor/x86/hypercall",),
        ("hypervisor/start",),  # the roof: nobody knows it
    ),
    "toolstack": (
        ("abi", "packing"),
        ("toolstack/base",),
        ("toolstack/boot", "toolstack/config", "toolstack/xen"),
        ("toolstack/core", "toolstack/daemon", "toolstack/host", "toolstack/image", "toolstack/store"),
        ("toolstack/domain",),
        ("toolstack/xl", "toolstack/xenstored", "toolstack/xenconsoled", "toolstack/xenstore"),
    ),
}
PARTS = {part for floors in FLOORS.values() for floor in floors for part in floor}


def tracked():
    """Every file of the project that git knows or would add."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def part_of(name):
    """The part of the house that a path is in, or None."""
    folder = str(Path(name).parent)
    fitting = [part for part in PARTS if f"{folder}/".startswith(f"{part}/")]
    part = max(fitting, key=len, default=None)
    has_parts = any(other.startswith(f"{part}/") for other in PARTS)
    return None if has_parts and folder != part else part


def floor_of(part, house):
    """The number of a part's floor in a house, or None."""
    return next((number for number, parts in enumerate(FLOORS[house]) if part in parts), None)


def resolve(name, source):
    """An include's path in the project: from beside the file, the top, hypervisor/ or toolstack/."""
    house = source.relative_to(ROOT).parts[0]
    for folder in (source.parent, ROOT, ROOT / house):
        path = (folder / name).resolve()
        if path.is_file() and ROOT in path.parents:
            return str(path.relative_to(ROOT))
    return None


def climb(mine, theirs):
    """What is wrong with an include of one part by another, in words, or None."""
    if mine == theirs:
        return None
    house = mine.split("/")[0]
    floor, target = (floor_of(part, house) if house in FLOORS else None for part in (mine, theirs))
    if floor is None or target is None:
        return f"{mine} may not know {theirs or 'that part'}"
    if target == floor:
        return f"{mine} may not know {theirs}, its neighbour on floor {floor}"
    return f"{mine}, on floor {floor}, may not know {theirs}, on floor {target}" if target > floor else None


def check_includes(path, text):
    """Includes that do not go down, or lead out of the project; and sources that stand on no floor."""
    here = str(path.relative_to(ROOT))
    if path.suffix not in (".hpp", ".cpp", ".S") or here.split("/")[0] not in (*FLOORS, *GROUND):
        return
    mine = part_of(here)
    if mine is None:
        yield f"{here}: its folder is on no floor of the house (FLOORS in tests/house.py)"
        return
    for name in INCLUDE.findall(text):
        target = resolve(name, path)
        if target is None:
            yield f'{here}: includes "{name}", which is not in the project'
        elif wrong := climb(mine, part_of(target)):
            yield f'{here}: includes "{name}": {wrong}'


def check_casts(path, text):
    """Casts to what only one kind of guest has: a domain or vCPU may be of any kind, so that one place for each looks."""
    here = str(path.relative_to(ROOT))
    if here.startswith("hypervisor/") and not KIND_HEADER.search(here):
        for cast in KIND_CAST.findall(text):
            yield f"{here}: {cast}: only as_pv() and its like know whether a domain is of a kind"


def check_file(path, text):
    """Size, head, and places that only exist on one machine."""
    here = path.relative_to(ROOT)
    lines = text.splitlines()
    if len(lines) > FILE_LINES and path.suffix != ".json" and str(here) not in LONG_FILES:
        yield f"{here}: {len(lines)} lines, the limit is {FILE_LINES}"
    if path.suffix in SOURCES or path.name == "CMakeLists.txt":
        if lines and "SPDX-License-Identifier: Apache-2.0" not in "\n".join(lines[:3]):
            yield f"{here}: no SPDX line in its head"
    if path.suffix in (".hpp", ".cpp") and "\t" in text:
        yield f"{here}: tabs"
    if re.search(r"(?<![\w.])/(work|root/work)/(wt|main|shared)\b", text) and path.name != "house.py":
        yield f"{here}: a path of somebody's machine"


def cpp_functions(text):
    """(name, lines) of C++ functions: in what clang-format wrote, a body ends with a brace alone in its line, and begins at
    the last line before it that is indented alike. Types and initialisers end with a semicolon, namespaces with a comment.
    """
    lines, last, found = text.splitlines(), {}, []
    for number, line in enumerate(lines):
        word = line.lstrip()
        indent = len(line) - len(word)
        if word == "}" and indent in last:
            found.append((last[indent], number))
        elif word and not word.startswith(("#", "//")):
            last[indent] = number
    end = len(lines)
    for start, stop in sorted(found, key=lambda span: (span[0], -span[1])):
        if start > end or end == len(lines):  # not inside the one before
            head = re.sub(r"\[\[.*?\]\]", "", lines[start]).strip()
            test = re.match(r"[A-Z_]+\((.*)\) {$", head)  # TEST(Suite, name) is Suite.name
            name = re.match(r"(?:.*?\s)?[*&]*([~\w:]+)(?:<[^(]*>)?\(", head)
            yield (test.group(1).replace(", ", ".") if test else name.group(1) if name else head, stop - start + 1)
            end = stop


def python_functions(text):
    """(name, lines) of Python functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def functions(path, text):
    """(name, lines) of the functions of a source."""
    if path.suffix in (".hpp", ".cpp"):
        return cpp_functions(text)
    return python_functions(text) if path.suffix == ".py" else ()


def check_functions(path, text):
    """Functions that are over the limit."""
    here = path.relative_to(ROOT)
    for name, lines in functions(path, text):
        if lines > FUNCTION_LINES and f"{here}:{name}" not in LONG_FUNCTIONS:
            yield f"{here}: {name} has {lines} lines, the limit is {FUNCTION_LINES}"


def prose(path, text):
    """What a file says in words: documents whole, comments of sources, Python's strings of documentation too."""
    if path.suffix == ".md":
        return text
    if path.suffix in (".hpp", ".cpp", ".S", ".inc", ".lds"):
        return "\n".join(re.findall(r"(?:^|\s)//(.*)", text))
    if path.suffix == ".py":
        nodes = [
            node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        ]
        documented = [ast.get_docstring(node) or "" for node in nodes]
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return "\n".join([*documented, *(token.string for token in tokens if token.type == tokenize.COMMENT)])
    if path.suffix in (".cmake", ".sh") or path.name == "CMakeLists.txt":
        return "\n".join(re.findall(r"(?:^|\s)#(.*)", text))
    return ""


def check_names(path, text, names):
    """Files that a comment or a document names and that are nowhere: by the end of their path, with * for anything."""
    for said in sorted(set(FILE_NAME.findall(prose(path, text)))):
        if said in FOREIGN_FILES or said.startswith("build/"):
            continue
        wanted = said.removeprefix("./")
        if not any(fnmatch.fnmatchcase("/" + name, "*/" + wanted) for name in names):
            yield f"{path.relative_to(ROOT)}: names {said}, which is not in the project"


def check_exceptions(files):
    """Entries of the lists of exceptions that nothing needs any more."""
    texts = {str(path.relative_to(ROOT)): path for path in files}
    for name in LONG_FILES:
        if name not in texts or len(texts[name].read_text(encoding="utf-8").splitlines()) <= FILE_LINES:
            yield f"tests/house.py: {name} needs no exception in LONG_FILES"
    for entry in LONG_FUNCTIONS:
        name, function = entry.split(":", 1)
        path = texts.get(name)
        found = dict(sorted(functions(path, path.read_text(encoding="utf-8")), key=lambda one: one[1])) if path else {}
        if found.get(function, 0) <= FUNCTION_LINES:
            yield f"tests/house.py: {entry} needs no exception in LONG_FUNCTIONS"


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


def sources(*suffixes):
    """The project's files of these kinds."""
    return [str(path) for path in tracked() if path.suffix in suffixes]


def check():
    """All breaks of rules, and the number of files looked at."""
    files = tracked()
    names = [str(path.relative_to(ROOT)) for path in files]
    breaks = [*check_folders(files), *check_links(), *check_exceptions(files)]
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        breaks += [*check_file(path, text), *check_functions(path, text)]
        breaks += [*check_includes(path, text), *check_names(path, text, names), *check_casts(path, text)]
    return breaks, len(files)


def main():
    """Print the breaks."""
    breaks, count = check()
    for writer in ("lab.compatibility", "lab.options"):
        page = subprocess.run(
            [sys.executable, "-m", writer, "--check"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        breaks += page.stderr.strip().splitlines()[-1:] if page.returncode else []
    breaks += lint.cpp_unformatted(sources(".hpp", ".cpp"))
    breaks += [*lint.python_unformatted(sources(".py")), *lint.lint(sources(".py"))]
    for line in breaks:
        print(line)
    print(f"{count} files, {len(breaks)} against the rules of the house")
    return 1 if breaks else 0


if __name__ == "__main__":
    fix = sys.argv[1:] == ["--fix-format"]
    sys.exit(lint.fix_format(sources(".hpp", ".cpp"), sources(".py")) if fix else main())
