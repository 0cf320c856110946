# SPDX-License-Identifier: Apache-2.0
"""xl's table of options and the code behind it agree: none is promised and not looked at, none is looked at and not in the
table, from which --help, the man page and the shell's completion are made."""

import re
from pathlib import Path

XL = Path(__file__).resolve().parents[2] / "toolstack" / "xl"

# Taken for scripts' sake, without effect here; the table's text says so.
IDLE = {("create", "d"), ("config-update", "d")}


def table():
    """{command: (function, letters)} from table.cpp."""
    text = re.sub(r'"\s*\n\s*"', "", (XL / "table.cpp").read_text())
    single = dict(re.findall(r"constexpr Option (\w+) = \{'(.+?)'", text))
    arrays = {}
    for name, body in re.findall(r"constexpr Option (\w+)\[\] = \{(.*?)\};", text, re.S):
        arrays[name] = set(re.findall(r"\{'(\\?.)'", body)) | {
            single[word] for word in re.findall(r"\b\w+\b", body) if word in single
        }
    commands = {}
    for name, function, rest in re.findall(
        r'\{"([\w-]+)",\s*(run_\w+),\s*Effect::(.*?)\}(?=,\n)', text[text.index("table[]") :], re.S
    ):
        used = [array for array in arrays if re.search(rf"\b{array}\b", rest)]
        assert len(used) <= 1
        commands[name] = (function, arrays[used[0]] if used else set())
    return commands


def looked_at():
    """{function: letters that its file asks for}, and all of these letters by file."""
    functions, files = {}, {}
    for path in XL.rglob("*.cpp"):
        text = path.read_text()
        files[path.name] = set(re.findall(r"(?:has|values?)\('(\\?.)'\)|number\((?:words, )?'(.)'", text))
        files[path.name] = {first or second for first, second in files[path.name]}
        for function in re.findall(r"^Result<int> (run_\w+)\(", text, re.M):
            functions[function] = path.name
    return functions, files


def test_options_and_code_agree():
    commands, (functions, files) = table(), looked_at()
    assert len(commands) > 40
    promised = {
        (name, letter)
        for name, (function, letters) in commands.items()
        for letter in letters
        if letter not in files[functions[function]]
    }
    assert promised == IDLE
    for file, letters in files.items():
        if file in ("options.cpp", "main.cpp"):  # of every command
            continue
        known = set().union(*(of for function, of in commands.values() if functions[function] == file), set())
        assert letters <= known, f"{file} looks at {letters - known}, which no command of its has"
