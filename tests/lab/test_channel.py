# SPDX-License-Identifier: Apache-2.0
"""The agent and its channel, over a pseudo-terminal in place of a serial line: exact output, exact status."""

import os
import pty
import socket
import subprocess
import threading
import tty

import pytest

from lab import images
from lab.channel import Channel, CommandTimeout


@pytest.fixture
def channel(tmp_path):
    """A channel to an agent on this host."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "agent"))
    server.listen(1)

    def pump(read, write):
        try:
            while data := read():
                write(data)
        except OSError:
            pass

    result = Channel(tmp_path / "agent")
    link, _ = server.accept()
    threading.Thread(target=pump, args=(lambda: os.read(master, 4096), link.sendall), daemon=True).start()
    threading.Thread(
        target=pump, args=(lambda: link.recv(4096), lambda data: os.write(master, data)), daemon=True
    ).start()
    agent = subprocess.Popen([images._agent(), os.ttyname(slave)])  # pylint: disable=protected-access
    assert result.ready.wait(10)
    yield result
    agent.kill()
    agent.wait()
    result.close()
    os.close(slave)
    server.close()


def test_streams_and_status(channel):
    assert channel.run("echo out; echo err >&2; exit 7", 10) == (7, "out\n", "err\n")


def test_output_is_exact(channel):
    """Every byte value, no end of line added or lost, more than any buffer on the way."""
    data = bytes(range(256)) * 1000
    assert b"".join(v for k, v in channel.stream("cat", 60, data) if k == "out") == data


def test_no_command_is_an_answer(channel):
    assert channel.run("", 10) == (0, "", "")


def test_killed_by_a_signal(channel):
    assert channel.run("kill -9 $$", 10).status == 137


def test_timeout_kills(channel):
    with pytest.raises(CommandTimeout):
        channel.run("sleep 100", 0.5)
    assert channel.run("true", 10).status == 0


def test_daemon_left_behind_does_not_hold_the_line(channel):
    assert channel.run("sleep 5 & echo done", 4).output == "done\n"


def test_two_at_once(channel):
    results = {}
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: channel.run(f"sleep 0.2; echo {n}", 10).output}))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: f"{n}\n" for n in range(4)}
