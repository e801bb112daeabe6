# SPDX-License-Identifier: GPL-2.0-only
"""A guarded main, without its spares or with them: it is said whose it is, and what to use."""
import subprocess

from support import *


class Guard(CliTest):
    def main_of(self, name):
        self.spares = self.copy(name)
        self.set = self.run_json("examine", *self.spares)["devices"][0]["set"]["uuid"]
        return self.dir / name / "main.img"

    def assert_told(self, text):
        self.assertIn(f"it is main of set {self.set}, of the device 'fuzz', and guarded", text)
        self.assertIn(f"'dmremap open {self.set}' starts, and not this disk", text)

    def test_in_the_place_of_a_spare(self):
        main = self.main_of("guarded")
        for verb in ("check", "dump", "map"):
            error = self.run_json(verb, main, status=3)["error"]
            self.assertEqual(error["id"], "no-set")
            self.assert_told(error["text"])
        (device,) = self.run_json("examine", main, status=3)["devices"]
        self.assertEqual(device["verdict"], "foreign")
        self.assert_told(device["text"])

    def test_besides_its_spares(self):
        main = self.main_of("guarded")
        run = self.run_tool("check", *self.spares, main)
        self.assert_told(run.err)

    def test_doctor_is_asked_what_it_is(self):
        main = self.main_of("guarded")
        root = self.dir / "root"
        root.mkdir()
        self.give()
        self.assert_told(self.run_tool("doctor", "--root", root, main, status=3).err)
        self.assertIn("sets.conf does not have it", self.run_tool("doctor", "--root", root, self.spares[0], status=3).err)
        self.run_tool("doctor", "--root", root, "/nowhere", status=3)

    def test_one_sector_of_the_guard_is_enough(self):
        main = self.main_of("guarded")
        for sector in (0, 1, 2, 3, 4, 6, 7):
            write(main, sector * SECTOR + 20, b"x")
        self.assert_told(self.run_json("check", main, status=3)["error"]["text"])
        write(main, 5 * SECTOR + 20, b"x")
        self.assertNotIn("main of set", self.run_json("check", main, status=3)["error"]["text"])

    def test_a_part_of_it(self):
        """As a partition that was made anew: the guard says where it belongs."""
        main = self.main_of("guarded")
        part = self.blank("part.img", 1 << 20)
        write(part, 0, read(main, 4 * SECTOR, 4 * SECTOR))
        self.assertIn("it is a part of main, or a copy of it at another place, of set " + self.set, self.run_json("check", part, status=3)["error"]["text"])

    def test_another_main(self):
        self.assertNotIn("main of set", self.run_json("check", self.main_of("forgotten"), status=3)["error"]["text"])

    def test_words_are_completed(self):
        for words, count, expected in (("guard o", 2, ["on", "off"]), ("guard on a", 3, ["away"])):
            os.environ["DM_REMAP_CONFIG"] = str(self.dir / "sets.conf")
            (self.dir / "sets.conf").write_text("set 11111111-1111-1111-1111-111111111111 name=away main=/dev/away\n")
            script = f'eval "$("$1" completion bash)"; COMP_WORDS=(dmremap {words}); COMP_CWORD={count}; _dmremap; echo "${{COMPREPLY[@]}}"'
            done = subprocess.run(["bash", "-c", script, "bash", DMREMAP], capture_output=True, text=True, check=True, cwd=self.dir)
            self.assertEqual(done.stdout.split(), expected)


if __name__ == "__main__":
    main()
