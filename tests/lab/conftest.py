# SPDX-License-Identifier: Apache-2.0
"""The lab's own tests: no machine is started in these but bare Linux."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]
