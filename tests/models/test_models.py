# SPDX-License-Identifier: Apache-2.0
"""What CPUs agree on without a lock, as models that spin checks exhaustively: as the code is they hold, and with each mistake
that a model names put into it they do not."""

import functools
import os
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build/models"
# spin's own default is GCC. -DSAFETY: the models ask what must never be, not what must be at last.
PREPROCESSOR = "clang-19 -E -x c"
COMPILER = ["clang-19", "-O1", "-w", "-DSAFETY"]
MOST_STEPS = 100_000


def mistakes(model):
    """The numbers of a model's mistakes, as its head lists them."""
    return [int(number) for number in re.findall(r"^   mistake (\d+): ", (HERE / f"{model}.pml").read_text(), re.M)]


MODELS = sorted(path.stem for path in HERE.glob("*.pml"))
CASES = [(model, number) for model in MODELS for number in mistakes(model)]


@functools.cache
def checker(model):
    """The program that searches all states of a model."""
    folder = BUILD / model
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["spin", f"-P{PREPROCESSOR} -I{HERE}", "-a", HERE / f"{model}.pml"], cwd=folder, check=True)
    subprocess.run([*COMPILER, "-o", "pan", "pan.c"], cwd=folder, check=True)
    return folder / "pan"


def search(model, mistake):
    """What a search of all states says."""
    program = checker(model)
    result = subprocess.run(
        [program, f"-m{MOST_STEPS}", "-w22", "-n"],
        cwd=program.parent,
        env={**os.environ, "MISTAKE": str(mistake)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return result.stdout


@pytest.mark.parametrize("model", MODELS)
def test_holds(model):
    text = search(model, 0)
    assert re.search(r"errors: 0\b", text), text
    # All states were seen: no bound of the search was met.
    assert "max search depth too small" not in text and "Search not completed" not in text, text


@pytest.mark.parametrize("model, mistake", CASES)
def test_catches(model, mistake):
    """A model that no mistake breaks says nothing."""
    text = search(model, mistake)
    assert "assertion violated" in text, text


def test_each_model_has_mistakes():
    assert MODELS and all(mistakes(model) == list(range(1, len(mistakes(model)) + 1)) != [] for model in MODELS)
