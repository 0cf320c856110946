# SPDX-License-Identifier: Apache-2.0
"""A command ends whole: with its first process goes everything that was started under it, however that process ends.

The work is done in a child with a process group of its own, which is told by the kernel when the first process dies. Signals
that ask for the end make a KeyboardInterrupt of themselves there and in each pytest (plugin(): fixtures are torn down, folders
removed); what is left after a while is killed, and so is what is left when the work has ended by itself."""

import os
import signal
import sys
import threading
import traceback

from lab.host import die_with_parent

LIMIT = 10  # seconds to tear down what is being torn down
ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _on_asking(handler):
    """Handle those that are not ignored from the start (nohup, a shell's background)."""
    for asking in ASKING:
        if signal.getsignal(asking) is not signal.SIG_IGN:
            signal.signal(asking, handler)


def _kill_group(*_):
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _end(number, _):
    """In the child: it has a while for its end, and what is said meanwhile is of no use."""
    for asking in ASKING:
        signal.signal(asking, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, _kill_group)
    signal.alarm(LIMIT)
    sys.stdout.flush()
    print(f"\nended by {signal.Signals(number).name}", file=sys.stderr, flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    raise KeyboardInterrupt


def _work(function, first):
    """The child's life. It never returns."""
    os.setpgid(0, 0)
    _on_asking(_end)
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    status = 1
    try:
        die_with_parent(signal.SIGTERM)
        if os.getppid() != first:  # it was quicker
            os.kill(os.getpid(), signal.SIGTERM)
        status = function() or 0
    except KeyboardInterrupt:
        # Everybody in the group is asked, now that nothing begins in the place of what ends (lab/suite.py: workers).
        os.killpg(os.getpgrp(), signal.SIGTERM)
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.main_thread():
                thread.join()
        _kill_group()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # pylint: disable=broad-except  # nobody above would tell it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # pylint: disable=protected-access  # what the first process has to clean up is its own


def whole(function):
    """Run function() and return its status, or 128 and the number of the signal that ended it."""
    sys.stdout.flush()
    sys.stderr.flush()
    first = os.getpid()
    child = os.fork()
    if child == 0:
        _work(function, first)
    told = []

    def pass_on(number, _):
        told.append(number)
        os.kill(child, number)

    def pause(*_):
        os.killpg(child, signal.SIGSTOP)
        os.kill(first, signal.SIGSTOP)
        os.killpg(child, signal.SIGCONT)

    _on_asking(pass_on)
    signal.signal(signal.SIGTSTP, pause)
    _, status = os.waitpid(child, 0)
    try:
        os.killpg(child, signal.SIGKILL)  # whoever is left
    except ProcessLookupError:
        pass
    code = os.waitstatus_to_exitcode(status)
    return 128 + told[0] if told else code if code >= 0 else 128 - code


def pytest_configure():
    """As a plugin of pytest's: to be asked to end is as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
