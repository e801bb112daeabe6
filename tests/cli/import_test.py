# SPDX-License-Identifier: GPL-2.0-only
"""dmremap import, up to where a device is needed: what is taken from a list, and what is refused before anybody is asked for one."""
import os
import subprocess
import threading

from support import *

SELF_TEST = """SMART Self-test log structure revision number 1
Num  Test_Description    Status                  Remaining  LifeTime(hours)  LBA_of_first_error
# 1  Extended offline    Completed: read failure       90%      1234         1234567
"""


class Import(CliTest):
    def list_of(self, text, name="list"):
        path = self.dir / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.give()
        return path

    def refused(self, kind, text, *options):
        """What is said of this list, without its name."""
        path = self.list_of(text)
        error = self.run_json("import", "x", kind, path, *options, status=1)["error"]
        self.assertEqual(error["id"], "list", error)
        name, rest = error["text"].split(": ", 1)
        self.assertEqual(name, str(path))
        return rest

    def taken(self, kind, text, *options):
        """It is understood: then the device is looked for, which this user cannot do."""
        self.assertEqual(self.run_json("import", "x", kind, self.list_of(text), *options, status=1)["error"]["id"], "device-mapper")

    def test_wrong_use(self):
        path = self.list_of("1\n")
        for words in ([], ["x"], ["x", "badblocks"], ["x", "smartctl", path], ["x", "badblocks", path, path], ["x", "badblocks", path, "--wait"],
                      ["x", "badblocks", path, "--block-size", "0"], ["x", "badblocks", path, "--block-size", "1000"],
                      ["x", "badblocks", path, "--block-size", "-512"], ["x", "badblocks", path, "--block-size", "1k"],
                      ["x", "badblocks", path, "--block-size", "18446744073709551616"], ["x", "badblocks", path, "--block-size", "2147483648"],
                      ["x", "badblocks", path, "--bad-sectors"], ["x", "smart", path, "--bad-sectors"], ["x", "ddrescue", path, "--block-size", "512"]):
            self.run_tool("import", *words, status=2)
        # The other order, in which the words would be spoken.
        run = self.run_tool("import", "badblocks", path, "x", status=2)
        self.assertIn("the device comes first: 'dmremap import NAME badblocks FILE'", run.err)

    def test_lists_that_are_understood(self):
        self.taken("badblocks", "1\n2\r\n\n3")
        self.taken("badblocks", "")
        self.taken("badblocks", "7\n", "--block-size", "4096", "--disk", "-n")
        self.taken("ddrescue", "# c\n0x0 ? 1\n0x0 0x200 -\n0x200 0x200 +\n", "--bad-sectors")
        self.taken("smart", SELF_TEST)
        self.taken("smart", '{"ata_pending_defects_log": {"table": [{"lba": 5}]}}')

    def test_refusals_name_the_line(self):
        self.assertEqual(self.refused("badblocks", "1\n\nx\n"), "line 3: 'x' is no block number; badblocks writes one a line, in decimal")
        self.assertEqual(self.refused("ddrescue", "0 ? 1\n0 1 -\n9 1 -\n").split(": ")[0], "line 3")
        self.assertIn("was cut off", self.refused("ddrescue", ""))
        self.assertEqual(self.refused("smart", SELF_TEST.replace("1234567", "soon")), "line 3: 'soon' is no LBA of a drive's log")
        self.assertEqual(self.refused("smart", '{"a":\n'), "line 2: this is no JSON, or was cut off")
        self.assertEqual(self.refused("smart", '{"ata_pending_defects_log": {"table": [{"lba": -5}]}}').split(": ")[0], "$.ata_pending_defects_log.table[0].lba")

    def test_one_kind_for_another(self):
        lists = {"badblocks": "1\n2\n", "ddrescue": "0x0 ? 1\n0x0 0x200 -\n", "smart": SELF_TEST}
        for kind in lists:
            for other, text in lists.items():
                if other != kind:
                    self.refused(kind, text)

    def test_what_comes_from_anywhere(self):
        for text in (b"\0", b"1\n\0\n", b"\xff\xfe1\n", b"1\n" + b"9" * 1000, b"1 " * 100000, b" " * 1000000, b"\x1b[2J\n", bytes(range(1, 256))):
            for kind in ("badblocks", "ddrescue", "smart"):
                said = self.refused(kind, text)
                self.assertLess(len(said), 300)
                self.assertTrue(said.isprintable(), said)

    def test_no_file(self):
        folder = self.dir / "folder"
        folder.mkdir()
        hidden = self.list_of("1\n", "hidden")
        hidden.chmod(0)
        self.give()
        self.assertIn("this is a folder", self.run_json("import", "x", "badblocks", folder, status=1)["error"]["text"])
        self.assertEqual(self.run_json("import", "x", "badblocks", self.dir / "gone", status=3)["error"]["id"], "not-found")
        self.assertIn("Permission denied", self.run_json("import", "x", "badblocks", hidden, status=1)["error"]["text"])
        self.assertIn("/dev/zero: more than 256 MiB", self.run_json("import", "x", "badblocks", "/dev/zero", status=1)["error"]["text"])

    def stdin(self, data):
        done = subprocess.run(as_user() + [DMREMAP, "import", "x", "badblocks", "-"], input=data, capture_output=True, cwd=self.dir, timeout=120)
        return done.returncode, done.stderr.decode()

    def test_standard_input(self):
        self.assertEqual(self.stdin(b"1\n2x\n"), (1, "dmremap: standard input: line 2: '2x' is no block number; badblocks writes one a line, in decimal\n"))
        self.assertIn("device-mapper", self.stdin(b"1\n2\n")[1])

    def test_pipe(self):
        pipe = self.dir / "pipe"
        os.mkfifo(pipe)
        self.give()
        writer = threading.Thread(target=pipe.write_text, args=("1\nx\n",))
        writer.start()
        self.assertIn("line 2: 'x'", self.run_tool("import", "x", "badblocks", pipe, status=1).err)
        writer.join()

    def test_a_hundred_megabytes(self):
        # Each line a run of its own, and the last one wrong.
        path = self.dir / "long"
        lines = "".join(f"{2 * n + 1_000_000_000}\n" for n in range(100_000))
        with open(path, "w") as file:
            for _ in range(100):
                file.write(lines)
            file.write("end\n")
        self.give()
        self.assertIn("long: line 10000001: 'end'", self.run_json("import", "x", "badblocks", path, status=1)["error"]["text"])

    def test_kinds_are_completed(self):
        script = 'eval "$("$1" completion bash)"; COMP_WORDS=(dmremap import safe s); COMP_CWORD=3; _dmremap; echo "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", DMREMAP], capture_output=True, text=True, check=True, cwd=self.dir)
        self.assertEqual(done.stdout.split(), ["smart"])


if __name__ == "__main__":
    main()
