# SPDX-License-Identifier: GPL-2.0-only
"""The examples of docs/fleet.md, taken out of it and run over documents of the tool's kind."""
import configparser
import json
import os
import re
import shlex
import subprocess

import yaml

from support import *

SET = "11111111-1111-1111-1111-111111111111"


def device(name, state, *status, remapped=0, health=100):
    """As status tells of one."""
    return {"name": name, "set": SET, "state": state, "configured": True, "running": True, "suspended": False,
            "status": [dict(zip(("id", "urgency", "text", "action"), one)) for one in status], "mode": "ok", "health": health, "generation": 1,
            "main": {"path": "/dev/sda", "number": "8:0", "sectors": 100, "block_bytes": 512, "physical_block_bytes": 4096},
            "map": {"extents": 0, "max_extents": 10, "remapped_sectors": remapped, "pending_sectors": 0, "lost_sectors": 0},
            "pool": {"total_sectors": 10, "used_sectors": 0, "bad_sectors": 0, "free_sectors": 10}, "spares": [], "removing": None, "job": None, "scrub": None, "guard": None}


PENDING = ("pending", "attention", "8 sectors cannot be read", "restore the files")
REMAPPED = ("remapped", "note", "73 sectors are served by spares", "plan to replace it")
OFFLINE = ("not-running", "critical", "it does not run", "'dmremap open bad'")


class Fleet(CliTest):
    def setUp(self):
        super().setUp()
        self.text = (SOURCE / "docs/fleet.md").read_text()
        self.blocks = {}
        for kind, body in re.findall(r"^```(\w*)\n(.*?)^```$", self.text, re.M | re.S):
            name = re.search(r"^# (\S+)$", body, re.M).group(1)
            self.blocks[name] = (kind, body)

    def block(self, name, kind):
        self.assertEqual(self.blocks[name][0], kind)
        return self.blocks[name][1]

    def status_document(self, *devices, error=None):
        document = {"output_version": {"command": "status", "major": 1, "minor": 0}, "devices": list(devices), "warnings": [], "error": error}
        self.validate(document, "status")
        return json.dumps(document)

    def run_script(self, name, folder=None):
        script = self.dir / "script"
        script.write_text(self.block(name, "sh"))
        path = f"{self.dir}/bin:{os.environ['PATH']}"
        return subprocess.run([*as_user(), "sh", script], cwd=folder or self.dir, env=dict(os.environ, PATH=path), capture_output=True, text=True,
                              check=False)

    def watch(self, document, status):
        """The cron job, where dmremap says this."""
        folder = self.dir / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "document").write_text(document)
        tool = folder / "dmremap"
        tool.write_text(f"#!/bin/sh\n[ \"$*\" = 'status --test --json' ] || exit 2\necho noise >&2\ncat {folder}/document\nexit {status}\n")
        tool.chmod(0o755)
        self.give()
        done = self.run_script("/usr/local/sbin/dmremap-watch")
        self.assertEqual((done.returncode, done.stderr), (status, ""))
        return done.stdout

    def test_watch_says_nothing_if_all_is_well(self):
        self.assertEqual(self.watch(self.status_document(), 0), "")
        self.assertEqual(self.watch(self.status_document(device("safe", "ONLINE", REMAPPED)), 0), "")

    def test_watch_says_what_is_to_be_done(self):
        out = self.watch(self.status_document(device("safe", "DEGRADED", PENDING, REMAPPED), device("bad", "OFFLINE", OFFLINE)), 2)
        self.assertEqual(out, "safe: attention: 8 sectors cannot be read\n    restore the files\nbad: critical: it does not run\n    'dmremap open bad'\n")

    def test_watch_with_the_tool_itself(self):
        folder = self.dir / "bin"
        folder.mkdir()
        (folder / "dmremap").symlink_to(DMREMAP)
        done = self.run_script("/usr/local/sbin/dmremap-watch")
        self.assertEqual(done.returncode, 4, done)
        self.assertTrue(done.stdout.startswith("cannot tell how the sets are: what runs is not known"), done.stdout)

    def test_watch_without_a_tool_that_answers(self):
        self.assertEqual(self.watch("", 127), "cannot tell how the sets are: ")

    def test_table(self):
        folder = self.dir / "fleet/status"
        folder.mkdir(parents=True)
        (folder / "one.json").write_text(self.status_document(device("safe", "DEGRADED", PENDING, remapped=8, health=70)))
        (folder / "two.json").write_text(self.run_tool("status", "--json", status=1).out)
        (folder / "three.json").write_text(self.status_document())
        self.give()
        done = self.run_script("fleet-table", self.dir / "fleet")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "one\tsafe\tDEGRADED\t70\t8\t8 sectors cannot be read")
        self.assertTrue(lines[1].startswith("two\t-\tCANNOT TELL\t-\t-\twhat runs is not known"), lines)
        self.assertEqual(len(lines), 2)

    def test_findings(self):
        folder = self.dir / "fleet/doctor"
        root = self.dir / "root"
        folder.mkdir(parents=True)
        (root / "etc/dm-remap").mkdir(parents=True)
        (root / "etc/dm-remap/sets.conf").write_text(f"set {SET} name=safe main=/dev/gone spare={SET}@/dev/spare:0\n")
        (root / "etc/fstab").write_text("/dev/gone /srv ext4 noauto 0 0\n")
        self.give()
        document = json.dumps(self.run_json("doctor", "--root", root, status=1))
        for host in ("one", "two"):
            (folder / f"{host}.json").write_text(document)
        (folder / "three.json").write_text(self.run_tool("doctor", "--json", status=1).out)
        self.give()
        done = self.run_script("fleet-findings", self.dir / "fleet")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "fstab\tattention\tone\t/etc/fstab\nfstab\tattention\ttwo\t/etc/fstab\n")

    def test_cron_lines(self):
        for line in self.blocks["/etc/cron.d/dmremap"][1].splitlines():
            if not line.startswith("#") and "=" not in line.split()[0]:
                self.assertRegex(line, r"^(\d+|\*) (\d+|\*) \* \* \* root \S")

    def test_units(self):
        for name in self.blocks:
            if not name.startswith("/etc/systemd"):
                continue
            unit = configparser.ConfigParser(interpolation=None)
            unit.read_string(self.block(name, "ini"))
            self.assertLessEqual(set(unit.sections()), {"Unit", "Service", "Timer", "Install"})
            self.check_words(unit.get("Service", "ExecStart", fallback=""))

    def check_words(self, command):
        """A verb and options that there are."""
        words = shlex.split(command)
        if not words or not words[0].endswith("dmremap"):
            return
        known = self.run_tool(words[1], "--help").out
        for word in words[2:]:
            if word.startswith("--"):
                self.assertIn(word, known, command)

    def test_words_of_the_table(self):
        commands = re.findall(r"^\| [^|]* \| `(dmremap [^`]*)`", self.text, re.M)
        self.assertEqual(len(commands), 5)
        for command in commands:
            self.check_words(command)

    def test_playbook(self):
        (play,) = yaml.safe_load(self.block("dmremap.yml", "yaml"))
        tasks = play["tasks"] + yaml.safe_load(self.block("dmremap-before-reboot.yml", "yaml"))
        commands = [task["ansible.builtin.command"] for task in tasks if "ansible.builtin.command" in task]
        self.assertEqual(len(commands), 6)
        for command in commands:
            words = command["argv"] if isinstance(command, dict) else command.split()
            self.check_words(shlex.join(str(word) for word in words))
        for task in tasks:
            for key in task:
                self.assertIn(key, ("name", "register", "changed_when", "failed_when", "check_mode", "when", "loop", "loop_control", "vars",
                                    "ansible.builtin.command", "ansible.builtin.debug", "ansible.builtin.assert"))


if __name__ == "__main__":
    main()
