# SPDX-License-Identifier: GPL-2.0-only
"""The verbs about what runs, where nothing can: an ordinary user may not ask device-mapper. And what sets.conf says."""
import json
import os
import subprocess

from support import *

VERBS = ("open", "close", "add-spare", "remove-spare", "forget-spare")


class Machine(CliTest):
    def configure(self, *lines):
        (self.dir / "sets.conf").write_text("".join(f"{line}\n" for line in lines))
        self.give()

    def set_of(self, image):
        return self.run_json("examine", image)["devices"][0]["set"]["uuid"]

    def test_wrong_use(self):
        for words in (["open"], ["close"], ["create", "x"], ["create", "x", "--main", "y"], ["add-spare", "x"], ["remove-spare", "x"],
                      ["forget-spare", "x"], ["files"], ["replace", "x"], ["replace", "x", "y", "--standstill", "soon"],
                      ["remove-spare", "x", "0", "--wait", "--cancel"], ["assemble", "--wait", "soon"], ["open", "x", "--new-main"],
                      ["remap", "x"], ["remap", "x", "1", "2", "3"], ["remap", "x", "one"], ["remap", "x", "1", "-1"], ["remap", "x", "-1"], ["remap", "x", "0x10"],
                      ["remap", "x", "18446744073709551615"], ["remap", "x", "1", "18446744073709551616"], ["remap", "x", "--all"],
                      ["unremap", "x"], ["unremap", "x", "--disk"], ["unremap", "x", "5", "--all"], ["unremap", "x", "--all", "--disk"], ["unremap", "x", "5", "6", "--all"],
                      ["retry"], ["retry", "x", "5"], ["stop-job"], ["stop-job", "x", "--wait"],
                      ["scrub"], ["scrub", "x", "--all"], ["scrub", "x", "--stop", "--pause"], ["scrub", "x", "--stop", "--wait"], ["scrub", "x", "--pause", "--rate", "5"],
                      ["guard"], ["guard", "on"], ["guard", "x", "on"], ["guard", "wherever", "x"],
                      ["scrub", "x", "--rate", "4294967296"], ["scrub", "x", "--rate", "10M"]):
            self.run_tool(*words, status=2)

    def test_device_mapper_cannot_be_asked(self):
        for words in (["open", "x"], ["close", "x"], ["assemble", "x"], ["add-spare", "x", "y"], ["remove-spare", "x", "0"], ["forget-spare", "x", "0"],
                      ["files", "x"], ["replace", "x", "y"], ["replace", "x", "y", "--swap", "--yes"], ["remap", "x", "5"], ["remap", "x", "5", "8", "--disk", "--wait"],
                      ["unremap", "x", "--all"], ["unremap", "x", "5", "8", "--wait"], ["retry", "x", "--wait"], ["stop-job", "x"], ["guard", "on", "x"], ["guard", "off", "x"], ["guard", "status", "x"], ["scrub", "x"], ["scrub", "--all"], ["status"], ["doctor"], ["selftest"], ["create", "x", "--main", "y", "--spare", "z"]):
            self.assertEqual(self.run_json(*words, status=1)["error"]["id"], "device-mapper", words)

    def test_what_selftest_would_try(self):
        document = self.run_json("selftest", "-n", "--directory", self.dir)
        self.assertEqual({p["outcome"] for p in document["promises"]}, {"not_tried"})
        self.assertEqual((document["kept"], document["left_behind"], document["directory"]), (False, [], str(self.dir)))
        self.assertEqual(self.run_tool("selftest", "-n").out.count("not tried  "), len(document["promises"]))

    def test_cannot_tell(self):
        run = self.run_tool("status", "--test", "--json", status=4)
        self.validate(json.loads(run.out), "status")

    def test_files_are_no_devices(self):
        spare = self.blank("spare.img", 1 << 20)
        main = self.blank("main.img", 1 << 20)
        failed = self.run_json("create", "x", "--main", main, "--spare", spare, "-n", status=1)
        self.assertEqual(failed["error"]["id"], "not-a-device")
        self.assertIn(f"losetup --find --show", failed["error"]["text"])

    def test_list_knows_the_file(self):
        (image,) = self.copy("log")
        uuid = self.set_of(image)
        self.configure(f"set {uuid} name=safe main=/dev/gone spare=00000000-0000-0000-0000-000000000001@{image}:0 degraded=dropped",
                       "set 11111111-1111-1111-1111-111111111111 name=away main=/dev/away")
        listed = {s["uuid"]: s for s in self.run_json("list")["sets"]}
        self.assertEqual([listed[uuid][k] for k in ("name", "running", "configured", "spares", "spares_seen", "main")],
                         ["safe", None, True, 1, 1, "/dev/gone"])
        away = listed["11111111-1111-1111-1111-111111111111"]
        self.assertEqual([away[k] for k in ("name", "configured", "spares_seen", "main_sectors", "members")], ["away", True, 0, None, []])
        self.assertIn("safe: does not run, 1 of 1 spares seen\n", self.run_tool("list").out)

    def test_lines_that_are_not_understood(self):
        self.configure("set what")
        document = self.run_json("list")
        self.assertEqual([w["id"] for w in document["warnings"]], ["config"])
        self.assertIn("sets.conf:1: set: 'what' is not a UUID", document["warnings"][0]["text"])

    def test_names_are_completed(self):
        self.configure("set 11111111-1111-1111-1111-111111111111 name=away main=/dev/away")
        script = 'eval "$("$1" completion bash)"; COMP_WORDS=(dmremap open a); COMP_CWORD=2; _dmremap; echo "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", DMREMAP], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.split(), ["away"])


if __name__ == "__main__":
    main()
