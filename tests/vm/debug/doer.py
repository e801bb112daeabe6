#!/usr/bin/python3
"""Does to devices what it is told, order by order, all in this process: on a kernel that checks each access, to start a process
takes longer than what it is to do, and failures are ordered for a task.

    doer.py <ORDERS >ANSWERS

An order is a line. Its answer is a line too: an error number, 0 if all went well, and what there is to say.

    fail N [workers]            from now on the N-th allocation that the filter lets through fails: in this task, or in each
                                of the kernel's workers
    watch [workers]             those who would fail are traced instead
    unfail                      neither; says how many have failed since `fail`
    create NAME | load NAME TABLE | clear NAME | resume NAME | suspend NAME | message NAME WORDS | status NAME
    start NAME TABLE            create, load and resume
    gone NAME                   remove, if it is there
    settled NAME WORD           waits until the status does not have the word
    write DEVICE START COUNT SEED [sync]            sectors as guest/devices.sh has them: pattern_write
    check DEVICE START COUNT SEED | unreadable DEVICE START COUNT
    zero DEVICE | read FILE...
"""

import errno
import fcntl
import mmap
import os
import struct
import sys
import time
from pathlib import Path

HEADER = struct.Struct("=3IIIIiIIIQ128s129s7x")
TARGET = struct.Struct("=QQiI16s")
CREATE, REMOVE, SUSPEND, LOAD, CLEAR, STATUS, MESSAGE = 3, 4, 6, 9, 10, 12, 14
SUSPENDED = 1 << 1
BLKZEROOUT = 0x127F
SECTOR = 512
MOST = 128
ROOM = 16384
FAILURES = [Path("/sys/kernel/debug", name, "times") for name in ("failslab", "fail_page_alloc")]
TRACED = Path("/sys/kernel/tracing/set_event_pid")
MAPPER = Path("/dev/mapper")
WAIT = 600


class Wrong(Exception):
    """What was to be so is not."""


# device-mapper

control = os.open(MAPPER / "control", os.O_RDWR)


def dm(command, name, flags=0, data=b"", targets=0):
    """(header, what comes after it)"""
    size = HEADER.size + ROOM
    buffer = bytearray(HEADER.pack(4, 0, 0, size, HEADER.size, targets, 0, flags, 0, 0, 0, name.encode(), b"") + data)
    buffer.extend(b"\0" * (size - len(buffer)))
    fcntl.ioctl(control, 3 << 30 | HEADER.size << 16 | 0xFD << 8 | command, buffer, True)
    return HEADER.unpack_from(buffer), bytes(buffer[HEADER.size :])


def do_create(name):
    number = dm(CREATE, name)[0][10]
    if not (MAPPER / name).exists():
        # As the kernel packs a device number for user space.
        os.mknod(MAPPER / name, 0o600 | 0o060000, os.makedev(number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00))


def do_load(name, table):
    start, length, kind, words = table.split(None, 3)
    words = words.encode() + b"\0"
    words += b"\0" * (-len(words) % 8)
    dm(LOAD, name, 0, TARGET.pack(int(start), int(length), 0, TARGET.size + len(words), kind.encode()) + words, 1)


def do_clear(name):
    dm(CLEAR, name)


def do_resume(name):
    dm(SUSPEND, name)


def do_suspend(name):
    dm(SUSPEND, name, SUSPENDED)


def do_message(name, words):
    return dm(MESSAGE, name, 0, struct.pack("=Q", 0) + words.encode() + b"\0")[1].split(b"\0")[0].decode()


def do_status(name):
    data = dm(STATUS, name)[1]
    start, length, _, _, kind = TARGET.unpack_from(data)
    text = data[TARGET.size :].split(b"\0")[0].decode()
    return f"{start} {length} {kind.rstrip(bytes(1)).decode()} {text}"


def do_start(name, table):
    do_create(name)
    do_load(name, table)
    do_resume(name)


def do_remove(name):
    dm(REMOVE, name)
    (MAPPER / name).unlink()


def do_gone(name):
    limit = time.monotonic() + WAIT
    while True:
        try:
            return do_remove(name)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return None
            # Somebody has it open still.
            if error.errno != errno.EBUSY or time.monotonic() > limit:
                raise
            time.sleep(0.01)


def do_settled(name, word):
    limit = time.monotonic() + WAIT
    while word in do_status(name):
        if time.monotonic() > limit:
            raise Wrong(f"'{word}' stays in the status")
        time.sleep(0.01)


# Data, past the cache


def pattern(seed, start, count):
    return b"".join(f"pattern {seed} sector {at}".encode().ljust(SECTOR - 1) + b"\n" for at in range(start, start + count))


class Opened:
    """A device for one access, as removal waits for those who have it open."""

    buffer = mmap.mmap(-1, MOST * SECTOR)

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.fd = os.open(self.path, os.O_RDWR | os.O_DIRECT)
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def read(self, start, count):
        view = memoryview(self.buffer)[: count * SECTOR]
        if os.preadv(self.fd, [view], start * SECTOR) != len(view):
            raise OSError(errno.EIO, "short read")
        return bytes(view)

    def write(self, start, data):
        self.buffer[: len(data)] = data
        if os.pwritev(self.fd, [memoryview(self.buffer)[: len(data)]], start * SECTOR) != len(data):
            raise OSError(errno.EIO, "short write")


def do_write(path, start, count, seed, sync=""):
    with Opened(path) as device:
        device.write(int(start), pattern(seed, int(start), int(count)))
        if sync:
            os.fsync(device.fd)


def do_check(path, start, count, seed):
    with Opened(path) as device:
        data = device.read(int(start), int(count))
    wanted = pattern(seed, int(start), int(count))
    for at in range(0, len(data), SECTOR):
        if data[at : at + SECTOR] != wanted[at : at + SECTOR]:
            raise Wrong(f"sector {int(start) + at // SECTOR} is not '{seed}' but {data[at : at + 60]!r}")


def do_unreadable(path, start, count):
    with Opened(path) as device:
        try:
            device.read(int(start), int(count))
        except OSError:
            return
    raise Wrong(f"sectors {start}:{count} can be read")


def do_zero(path):
    with Opened(path) as device:
        size = os.lseek(device.fd, 0, os.SEEK_END)
        fcntl.ioctl(device.fd, BLKZEROOUT, struct.pack("=QQ", 0, size))


def do_read(*paths):
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(65536):
                pass


# Failures

failing, before = [], 0


def workers():
    """Threads that run work items. There is always an idle one, so that the first item of an operation meets one of these."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "comm").read_bytes().startswith(b"kworker/"):
                yield path.name
        except OSError:
            pass  # it has ended


def failed():
    """They count downwards."""
    return -sum(int(path.read_text()) for path in FAILURES)


def do_fail(number, who=""):
    global failing, before
    before = failed()
    failing = list(workers()) if who else ["self"]
    order_failures(number)


def order_failures(number):
    for task in failing:
        try:
            Path("/proc", task, "fail-nth").write_text(number)
        except OSError:
            if task == "self":
                raise


def do_watch(who=""):
    TRACED.write_text(" ".join(workers() if who else [str(os.getpid())]))


def do_unfail():
    order_failures("0")
    failing.clear()
    TRACED.write_text("\n")
    return str(failed() - before)


# verb: how many words it has; the last one is the rest of the line.
VERBS = {"fail": 2, "watch": 1, "unfail": 0, "create": 1, "load": 2, "clear": 1, "resume": 1, "suspend": 1, "message": 2,
         "status": 1, "start": 2, "remove": 1, "gone": 1, "settled": 2, "write": 5, "check": 4, "unreadable": 3, "zero": 1,
         "read": 99}


def main():
    for line in sys.stdin:
        verb, *rest = line.rstrip("\n").split(None, 1)
        words = rest[0].split(None, VERBS[verb] - 1) if rest else []
        try:
            answer = globals()[f"do_{verb}"](*words) or ""
            number = 0
        except OSError as error:
            number, answer = error.errno, f"{verb}: {error}"
        except Wrong as error:
            number, answer = 255, str(error)
        print(number, " ".join(answer.split("\n")), flush=True)


if __name__ == "__main__":
    main()
