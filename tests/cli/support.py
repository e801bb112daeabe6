# SPDX-License-Identifier: GPL-2.0-only
"""Running the tool as an ordinary user, and where units lie: by docs/on-disk-format.md, in code of its own."""
import atexit
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import unittest

import jsonschema

CLI_SETS = os.environ["CLI_SETS"]
CLI_LARGE = os.environ["CLI_LARGE"]
SOURCE = pathlib.Path(os.environ["DMR_SOURCE"])
SECTOR = 512
UNIT = 4096


def as_user():
    """Words before a command, so that root is nobody."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []


def within_reach(tool):
    """Where nobody gets to it: the tree may lie in root's own home."""
    if os.geteuid():
        return tool
    folder = tempfile.mkdtemp(prefix="dmremap-cli-tool-")
    atexit.register(shutil.rmtree, folder)
    os.chmod(folder, 0o755)
    return shutil.copy(tool, folder)


DMREMAP = within_reach(os.environ["DMREMAP"])


class Run:
    def __init__(self, words, **options):
        self.words = [str(w) for w in words]
        done = subprocess.run(as_user() + [DMREMAP, *self.words], capture_output=True, timeout=120, stdin=subprocess.DEVNULL, **options)
        self.status = done.returncode
        self.out = done.stdout.decode("utf-8", "strict")
        self.err = done.stderr.decode("utf-8", "replace")

    def __repr__(self):
        return f"dmremap {' '.join(self.words)}: exit {self.status}\n{self.out[:4000]}\n{self.err[:4000]}"


class Layout:
    """Of one member, as examine tells it."""

    def __init__(self, image):
        run = Run(["examine", "--json", image])
        device = json.loads(run.out)["devices"][0]
        self.set = device["set"]
        own = next(m for m in self.set["members"] if m["number"] == device["number"])
        self.unit_bytes = own["unit_bytes"]
        pad = -device["start"] % (self.unit_bytes // SECTOR)
        self.unit0 = (device["start"] + pad) * SECTOR
        self.copy_units = self.set["copy_units"]
        self.checkpoint_units = self.set["checkpoint_units"]
        self.log_half_units = self.set["log_half_units"]

    def place(self, unit, copy):
        """In bytes, of a unit by its number within a copy."""
        return self.unit0 + (unit + copy * self.copy_units) * self.unit_bytes

    def superblock(self):
        return 0

    def head(self, slot):
        return 1 + slot * self.checkpoint_units

    def body(self, slot, unit=0):
        return self.head(slot) + 1 + unit

    def log(self, half, block=0):
        return 1 + 2 * self.checkpoint_units + half * self.log_half_units + block


def read(path, at, n):
    with open(path, "rb") as file:
        file.seek(at)
        return file.read(n)


def write(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def generation_of(unit):
    return int.from_bytes(unit[56:64], "little")


class CliTest(unittest.TestCase):
    """Each test has a folder of its own with the sets in it."""

    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="dmremap-cli-"))
        cls.addClassCleanup(shutil.rmtree, cls.top)
        cls.sets = cls.top / "sets"
        subprocess.run([CLI_SETS, cls.sets], check=True)
        os.chmod(cls.top, 0o755)
        with open(SOURCE / "docs/dmremap.schema.json") as file:
            cls.schema = json.load(file)

    def setUp(self):
        self.dir = self.top / self.id().split(".")[-1]
        self.dir.mkdir()
        # Not the machine's own sets.
        os.environ["DM_REMAP_CONFIG"] = str(self.dir / "sets.conf")

    def copy(self, name):
        """The set of this name, as files of the user's own; its spares."""
        shutil.copytree(self.sets / name, self.dir / name)
        self.give()
        return sorted((self.dir / name).glob("spare*.img"))

    def give(self):
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            for path in [self.dir, *self.dir.rglob("*")]:
                os.chown(path, user.pw_uid, user.pw_gid)

    def blank(self, name, size):
        path = self.dir / name
        with open(path, "wb") as file:
            file.truncate(size)
        self.give()
        return path

    def run_tool(self, *words, status=0):
        run = Run(words, cwd=self.dir)
        self.assertEqual(run.status, status, run)
        return run

    def run_json(self, verb, *words, status=0):
        """One document, which the schema describes."""
        run = self.run_tool(verb, "--json", *words, status=status)
        document = json.loads(run.out)
        self.validate(document, verb)
        return document

    def validate(self, document, verb):
        kind = verb if document["error"] is None else "failed"
        jsonschema.validate(document, {**self.schema, "$ref": f"#/$defs/{kind}"})
        self.assertEqual(document["output_version"]["command"], verb)

    def dump(self, *images):
        """What must be the same after a round trip."""
        document = self.run_json("dump", *images)
        return {key: document[key] for key in ("set", "generation", "totals", "extents", "bad")}


def main():
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)
