# SPDX-License-Identifier: GPL-2.0-only
"""What each verb says of sets that the engine has left, and how it ends."""
import json
import os
import subprocess

from support import *


class Frame(CliTest):
    def test_wrong_use(self):
        for words in ([], ["fetch"], ["--fetch"], ["examine"], ["check", "--fetch", "x"], ["map", "--csv", "--draw", "x"],
                      ["completion", "csh"], ["restore", "x"], ["examine", "nowhere@12+"], ["examine", "nowhere@x"]):
            run = self.run_tool(*words, status=2)
            self.assertEqual(run.out, "")
            self.assertTrue(run.err.startswith("dmremap: "), run)

    def test_unknown_words_are_named(self):
        self.assertIn("unknown verb 'fetch'", self.run_tool("fetch", status=2).err)
        self.assertIn("unknown option '--fetch'", self.run_tool("--fetch", status=2).err)

    def test_numbers_are_numbers(self):
        for words in (["assemble", "--wait", "-1"], ["assemble", "--wait", "99999999999999999999"], ["assemble", "--wait", "3000000"],
                      ["assemble", "--wait", "1e3"], ["replace", "x", "/dev/x", "--retries", "-1"], ["replace", "x", "/dev/x", "--standstill", "-1"],
                      ["create", "x", "--main", "a", "--spare", "b", "--max-extents", "-1"], ["open", "x", "--read-retries", "0x10"]):
            self.assertIn(f"'{words[-1]}' is no number from 0 to", self.run_tool(*words, status=2).err)

    def test_wrong_use_in_json(self):
        run = self.run_tool("check", "--json", status=2)
        self.validate(json.loads(run.out), "check")
        self.assertEqual(json.loads(run.out)["error"]["id"], "usage")

    def test_help(self):
        self.assertIn("examine", self.run_tool("--help").out)
        self.assertIn("--dry-run", self.run_tool("check", "--help").out)

    def test_nothing_there(self):
        for verb in ("examine", "check", "map", "dump", "export-table"):
            document = self.run_json(verb, "nowhere", status=3)
            self.assertEqual(document["error"]["id"], "not-found")
            self.assertIn("nowhere", document["error"]["text"])

    def test_not_ours(self):
        blank = self.blank("blank.img", 1 << 20)
        other = self.blank("other.img", 1 << 20)
        write(other, 1024 + 56, b"\x53\xef")
        for verb in ("check", "map", "dump", "export-table"):
            self.assertEqual(self.run_json(verb, blank, status=3)["error"]["id"], "no-set")
            self.assertIn("0 bytes", self.run_json(verb, self.blank("empty.img", 0), status=3)["error"]["text"])
            self.assertIn("ext", self.run_json(verb, other, status=3)["error"]["text"])

    def test_a_folder_is_no_device(self):
        self.assertIn("/", self.run_json("check", "/", status=1)["error"]["text"])

    def test_completions(self):
        for shell in ("bash", "zsh", "fish"):
            out = self.run_tool("completion", shell).out
            for word in ("examine", "export-table", "dry-run", "keep-data"):
                self.assertIn(word, out)
        script = 'eval "$("$1" completion bash)"; COMP_WORDS=(dmremap ex); COMP_CWORD=1; _dmremap; echo "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", DMREMAP], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.split(), ["examine", "export-table"])

    def test_names_with_spaces_and_links(self):
        (image,) = self.copy("log")
        odd = self.dir / "a spare @ home.img"
        odd.symlink_to(image)
        self.assertEqual(self.run_json("examine", odd)["devices"][0]["path"], str(odd))
        self.assertIn("linear " + str(odd).replace(" ", "\\ "), self.run_tool("export-table", odd).out)

    def test_names_that_are_no_utf8(self):
        (image,) = self.copy("log")
        odd = os.fsencode(self.dir) + b"/\xff.img"
        os.link(image, odd)
        done = subprocess.run([*as_user(), DMREMAP, "examine", "--json", odd], capture_output=True, check=True)
        self.assertEqual(json.loads(done.stdout.decode())["devices"][0]["path"], f"{self.dir}/\ufffd.img")


class Examine(CliTest):
    def test_in_full(self):
        (image,) = self.copy("log")
        run = self.run_tool("examine", image)
        for word in ("fuzz", "superblock A: sector 0: good", "superblock B: sector 128: good", "2048 sectors"):
            self.assertIn(word, run.out)
        device = self.run_json("examine", image)["devices"][0]
        self.assertEqual((device["verdict"], device["start"], device["sectors"]), ("member", 0, 1024))
        self.assertEqual([s["state"] for s in device["superblocks"]], ["good", "good"])

    def test_one_copy_lost(self):
        (image,) = self.copy("log")
        for copy, other in ((0, "a"), (1, "b")):
            layout = Layout(self.sets / "log/spare0.img")
            whole = read(image, layout.place(0, copy), UNIT)
            write(image, layout.place(0, copy), bytes(UNIT))
            found = self.run_json("examine", image)["devices"][0]
            self.assertEqual({s["copy"]: s["state"] for s in found["superblocks"]}[other], "zeroed")
            write(image, layout.place(0, copy), whole)

    def test_export(self):
        (image,) = self.copy("log")
        keys = dict(line.split("=", 1) for line in self.run_tool("examine", "--export", image).out.splitlines())
        self.assertEqual(keys["DM_REMAP_VERDICT"], "member")
        self.assertEqual(keys["DM_REMAP_NUMBER"], "0")
        self.assertEqual(keys["DM_REMAP_MAIN_SECTORS"], "2048")
        for key in ("IDENTITY", "DISK", "ID"):
            self.assertIn(f"DM_REMAP_MAIN_{key}", keys)

    def test_others(self):
        blank = self.blank("blank.img", 1 << 20)
        self.assertEqual(self.run_json("examine", blank, status=3)["devices"][0]["verdict"], "blank")
        self.assertIn("DM_REMAP_VERDICT=blank", self.run_tool("examine", "--export", blank, status=3).out)

    def test_where_a_range_begins(self):
        """Nobody says where: inside of a larger device, and where less than a unit lies before unit 0."""
        (image,) = self.copy("log")
        for start in (8, 2048, 2056):
            large = self.blank(f"at{start}.img", 4 << 20)
            write(large, start * SECTOR, image.read_bytes())
            device = self.run_json("examine", large)["devices"][0]
            self.assertEqual((device["verdict"], device["start"], device["sectors"]), ("member", start, 1024))
            self.run_json("check", f"{large}@{start}")
            self.run_json("check", f"{large}@{start}+1024")
            self.run_json("check", large)

    def test_reads_only(self):
        (image,) = self.copy("log")
        image.chmod(0o444)
        before = image.read_bytes()
        for verb in ("examine", "check", "map", "dump", "export-table", "list"):
            self.run_tool(verb, image)
        self.assertEqual(image.read_bytes(), before)


class List(CliTest):
    def test_sets(self):
        images = self.copy("three") + self.copy("log")
        sets = self.run_json("list", *images)["sets"]
        self.assertEqual(sorted((s["spares"], s["spares_seen"]) for s in sets), [(1, 1), (3, 3)])
        alone = self.run_json("list", images[0])["sets"][0]
        self.assertEqual((alone["spares"], alone["spares_seen"]), (3, 1))
        self.assertIn("1 of 3 spares seen", self.run_tool("list", images[0]).out)

    def test_states(self):
        def states(name):
            return {m["number"]: m["state"] for s in self.run_json("list", *self.copy(name))["sets"] for m in s["members"]}
        self.assertEqual(states("stale"), {0: "active", 1: "dropped"})
        self.assertTrue(self.run_json("list", *self.copy("diverged"))["sets"][0]["separate_ways"])

    def test_none(self):
        self.run_json("list", self.blank("blank.img", 1 << 20), status=3)

    def test_scan(self):
        self.run_json("list")


class Map(CliTest):
    def test_forms(self):
        (image,) = self.copy("log")
        document = self.run_json("map", image)
        kinds = [(e["sector"], e["sectors"], e["kind"]) for e in document["extents"]]
        self.assertEqual(kinds, [(8, 1, "mapped"), (11, 1, "mapped"), (14, 8, "pending")])
        lines = self.run_tool("map", "--csv", image).out.splitlines()
        self.assertEqual(lines[0], "sector,sectors,kind,spare,device,spare_sector")
        self.assertEqual([line.split(",")[:3] for line in lines[1:]], [[str(a), str(b), c] for a, b, c in kinds])
        self.assertIn("3 extents, 2 sectors remapped, 8 pending", self.run_tool("map", image).out)

    def test_picture(self):
        (image,) = self.copy("log")
        picture = self.run_tool("map", "--draw", image).out.splitlines()
        self.assertEqual(picture[0][:24 // 2], "....##.!!!!."[:12])
        self.assertNotIn("\033", "".join(picture))

    def test_spare_not_named(self):
        images = self.copy("three")
        run = self.run_tool("map", *images[1:])
        self.assertIn("is not there", run.out)
        self.assertIn("spare 0 of the set is not named here", run.err)
        # What is on it cannot be read.
        whole, part = (self.run_tool("map", "--draw", *names).out.splitlines()[0] for names in (images, images[1:]))
        self.assertIn("##", whole)
        self.assertEqual(part, whole.replace("#", "!"))


class Export(CliTest):
    def content(self, image, main, table):
        """What the table serves; None for an error."""
        out = []
        at = 0
        for line in table.splitlines():
            start, sectors, target, *rest = line.split()
            self.assertEqual(int(start), at)
            at += int(sectors)
            if target == "error":
                out += [None] * int(sectors)
                continue
            path, first = rest
            data = read(path, int(first) * SECTOR, int(sectors) * SECTOR)
            out += [data[i:i + SECTOR] for i in range(0, len(data), SECTOR)]
        return out

    def test_serves_the_same(self):
        for name in ("log", "three", "bad_spare", "wrapped", "big_blocks"):
            images = self.copy(name)
            main = self.dir / name / "main.img"
            served = self.content(images[0], main, self.run_tool("export-table", *images, "--main", main).out)
            self.assertEqual(len(served), 2048)
            extents = self.run_json("map", *images)["extents"]
            expected = [read(main, i * SECTOR, SECTOR) for i in range(2048)]
            for extent in extents:
                for i in range(extent["sector"], extent["sector"] + extent["sectors"]):
                    # What the story wrote.
                    expected[i] = None if extent["kind"] == "pending" else b"\xa5" * SECTOR
            self.assertEqual(served, expected)

    def test_says_what_is_not_in_it(self):
        (image,) = self.copy("log")
        run = self.run_tool("export-table", image)
        for word in ("8 sectors are pending", "/dev/MAIN", "loop device", "read-only"):
            self.assertIn(word, run.err)
        table = self.run_json("export-table", image)
        self.assertEqual({w["id"] for w in table["warnings"]}, {"pending", "no-main", "image", "read-only"})

    def test_wrong_main(self):
        (image,) = self.copy("log")
        small = self.blank("small.img", 1 << 19)
        self.assertEqual(self.run_json("export-table", image, "--main", small, status=1)["error"]["id"], "wrong-main")


if __name__ == "__main__":
    main()
