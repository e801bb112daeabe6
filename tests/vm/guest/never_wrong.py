#!/usr/bin/python3
"""Writes and reads a device that may fail any request, and holds it to its word: what a read returns was acknowledged, or may
have been written by a write that failed; and it stays.

    never_wrong.py DEVICE SEED REQUESTS STATE       random requests; what each sector may hold is kept in STATE, and the
                                                    next call goes on from there
    never_wrong.py DEVICE SEED 0 STATE              only reads all of it, and tells how many sectors could be read

Exit status 1 at the first wrong sector.
"""

import json
import mmap
import os
import random
import stat
import sys

SECTOR = 512
MOST = 128


class Device:
    """Requests past the cache, of whole sectors."""

    def __init__(self, path):
        # A file stands in for a device where this is tested itself; not all can be read past the cache.
        direct = os.O_DIRECT if stat.S_ISBLK(os.stat(path).st_mode) else 0
        self.fd = os.open(path, os.O_RDWR | direct)
        self.sectors = os.lseek(self.fd, 0, os.SEEK_END) // SECTOR
        self.buffer = mmap.mmap(-1, MOST * SECTOR)

    def read(self, start, count):
        """The sectors, or None."""
        view = memoryview(self.buffer)[: count * SECTOR]
        try:
            if os.preadv(self.fd, [view], start * SECTOR) != count * SECTOR:
                return None
        except OSError:
            return None
        return [bytes(view[at * SECTOR : (at + 1) * SECTOR]) for at in range(count)]

    def write(self, start, contents):
        data = b"".join(contents)
        self.buffer[: len(data)] = data
        try:
            return os.pwritev(self.fd, [memoryview(self.buffer)[: len(data)]], start * SECTOR) == len(data)
        except OSError:
            return False

    def flush(self):
        try:
            os.fsync(self.fd)
            return True
        except OSError:
            return False


def content(seed, sector, version):
    """Version 0 is what was there before: nothing is known of it but that it is none of these."""
    return (b"seed %d sector %d version %d\n" % (seed, sector, version)).ljust(SECTOR, b".")


class Oracle:
    """Of each sector: the versions that it may hold. A version is the number of the request that wrote it."""

    def __init__(self, seed, sectors, path):
        self.seed, self.path = seed, path
        self.last, self.may = 0, [[0] for _ in range(sectors)]
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                self.last, self.may = json.load(file)

    def save(self):
        with open(self.path, "w", encoding="ascii") as file:
            json.dump((self.last, self.may), file)

    def wrote(self, sector, version, good):
        self.may[sector] = [version] if good else self.may[sector] + [version]

    def saw(self, sector, data):
        """False if this cannot be."""
        may = self.may[sector]
        for version in may:
            if version and data == content(self.seed, sector, version):
                self.may[sector] = [version]
                return True
        return 0 in may and not data.startswith(b"seed ")


def check(oracle, start, data):
    for at, sector in enumerate(data, start):
        may = list(oracle.may[at])
        if not oracle.saw(at, sector):
            sys.exit(f"never_wrong: sector {at} may hold versions {may}, and holds {sector[:60]!r}")


def work(device, oracle, seed, requests):
    draw = random.Random(f"{seed} {oracle.last}")
    done = {"writes": 0, "failed writes": 0, "reads": 0, "failed reads": 0, "flushes": 0, "failed flushes": 0}
    for version in range(oracle.last + 1, oracle.last + requests + 1):
        count = draw.choice((1, 1, 8, 8, 8, 32, MOST))
        start = draw.randrange(device.sectors - count)
        what = draw.random()
        if what < 0.5:
            good = device.write(start, [content(seed, at, version) for at in range(start, start + count)])
            for at in range(start, start + count):
                oracle.wrote(at, version, good)
            kind = "writes"
        elif what < 0.95:
            data = device.read(start, count)
            good = data is not None
            if good:
                check(oracle, start, data)
            kind = "reads"
        else:
            good = device.flush()
            kind = "flushes"
        done[kind if good else f"failed {kind}"] += 1
    oracle.last += requests
    print("never_wrong: " + ", ".join(f"{number} {kind}" for kind, number in done.items()))


def read_all(device, oracle):
    right = 0
    for start in range(0, device.sectors, MOST):
        count = min(MOST, device.sectors - start)
        data = device.read(start, count)
        parts = [(start, data)] if data else [(at, device.read(at, 1)) for at in range(start, start + count)]
        for at, part in parts:
            if part:
                check(oracle, at, part)
                right += len(part)
    print(f"never_wrong: {right} of {device.sectors} sectors are right, {device.sectors - right} cannot be read")


def main():
    path, seed, requests, state = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    device = Device(path)
    oracle = Oracle(seed, device.sectors, state)
    if requests:
        work(device, oracle, seed, requests)
        oracle.save()
    else:
        read_all(device, oracle)


if __name__ == "__main__":
    main()
