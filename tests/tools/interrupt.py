#!/usr/bin/env python3
"""interrupt.py TERN: Ctrl-C and a request to end: a line that says so, nothing half done left behind or called a result."""
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

from support import expect, expect_line, finish

tern = sys.argv[1]
folder = tempfile.TemporaryDirectory()
work = pathlib.Path(folder.name)
HUGE = 64 << 30  # bytes without blocks on the disk: nobody reads them to the end here


def sparse(name, head):
    path = work / name
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32))
        file.truncate(HUGE + file.tell())
    return path


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def interrupted(number, ready, *args):
    """What is left of the program after a signal that came once |ready| held."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TERN_")}
    child = subprocess.Popen([tern, *map(str, args)], env={**env, "TERN_CACHE": "off"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 20
    while not ready(child) and child.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    child.send_signal(number)
    try:
        out, errors = child.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        out, errors = child.communicate()
    return subprocess.CompletedProcess(args, child.returncode, out, errors)


# half of a file has no hash
plain = sparse("plain.gguf", b"")


def reads(child):
    try:
        return os.path.samefile(f"/proc/{child.pid}/fd/{max(map(int, os.listdir(f'/proc/{child.pid}/fd')))}", plain)
    except (OSError, ValueError):
        return False


expect_line("verify", interrupted(signal.SIGINT, reads, "verify", plain), 1, ["interrupted"])

# half of a conversion has no file
shape = (1 << 17, HUGE >> 19)
model = sparse("model.gguf", struct.pack("<4sIQQ", b"GGUF", 3, 1, 0) + text("blk.0.ffn_up.weight") + struct.pack("<IQQIQ", 2, *shape, 0, 0))
for number in (signal.SIGINT, signal.SIGTERM):
    done = interrupted(number, lambda child: len(os.listdir(work)) > 2, "convert", model, work / "out.gguf", "--absmean")
    expect_line(f"convert, {number.name}", done, 1, ["cancel"])
    expect(sorted(os.listdir(work)) == ["model.gguf", "plain.gguf"], f"{number.name}: files left: {os.listdir(work)}")
finish(3)
