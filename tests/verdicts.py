# SPDX-License-Identifier: Apache-2.0
"""What a slow checker has found clean: kept in .cache/clean/ by a hash of all that its verdict depends on, so that it is asked
again only about what has changed. Of what is not clean nothing is kept: it is told at each run."""

import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from lab.host import CACHE  # pylint: disable=wrong-import-position

MOST = 5000  # of one checker


def named(*inputs):
    """A name for a verdict: the hash of strings and bytes that it depends on."""
    digest = hashlib.sha256()
    for item in inputs:
        data = item if isinstance(item, bytes) else str(item).encode()
        digest.update(b"%d\0" % len(data) + data)
    return digest.hexdigest()[:32]


def recall(checker, name):
    """What was kept with a verdict, a text; None when there is none."""
    path = CACHE / "clean" / checker / name
    with suppress(OSError):
        text = path.read_text(encoding="utf-8")
        os.utime(path)  # those used longest ago go first
        return text
    return None


def keep(checker, name, text=""):
    """Keep the verdict 'clean'. Two processes may write the same one at once: a file is always whole."""
    folder = CACHE / "clean" / checker
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.{os.getpid()}"
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(folder / name)
    kept = list(folder.iterdir())
    if len(kept) > MOST:
        for _, old in sorted((path.stat().st_mtime, path) for path in kept if path.exists())[: MOST // 2]:
            old.unlink(missing_ok=True)
