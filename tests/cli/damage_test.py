# SPDX-License-Identifier: GPL-2.0-only
"""Both copies of every unit are destroyed, one after the other: check names it, and repair brings back what can be known."""
import json
import os
import subprocess

from support import *


def wipe(image, layout, unit, copies=(0, 1)):
    for copy in copies:
        write(image, layout.place(unit, copy), b"\x5a" * UNIT)


class Check(CliTest):
    def damage_of(self, *images, status=1):
        return self.run_json("check", *images, status=status)

    def test_whole_sets(self):
        for name in ("empty", "log", "wrapped", "three", "bad_spare", "big_blocks", "read_only", "half_a_checkpoint", "removed"):
            images = [i for i in self.copy(name) if Run(["examine", i]).status == 0]
            document = self.damage_of(*images, status=0)
            self.assertTrue(document["loads"] and document["complete"], name)
            self.run_tool("check", "--test", *images)

    def test_each_unit_in_one_copy(self):
        """Nothing is lost, and it is named by device and sector."""
        (image,) = self.copy("wrapped")
        layout = Layout(image)
        pristine = image.read_bytes()
        for unit in (layout.superblock(), layout.head(0), layout.head(1), layout.body(0), layout.body(1), layout.log(0), layout.log(1)):
            for copy in (0, 1):
                wipe(image, layout, unit, (copy,))
                document = self.damage_of(image)
                self.assertTrue(document["loads"])
                self.assertEqual([(d["path"], d["sector"], d["copy"], d["weight"], d["state"]) for d in document["damage"]],
                                 [(str(image), layout.place(unit, copy) // SECTOR, "ab"[copy], "redundant", "overwritten with something else")])
                self.run_tool("check", "--test", image, status=1)
                image.write_bytes(pristine)

    def test_kinds_of_damage(self):
        (image,) = self.copy("wrapped")
        layout = Layout(image)
        pristine = image.read_bytes()
        place = layout.place(layout.log(1), 0)
        unit = read(image, place, UNIT)
        rotten = unit[:100] + bytes([unit[100] ^ 1]) + unit[101:]
        torn = unit[:SECTOR] + bytes(SECTOR - 8) + (1 << 40).to_bytes(8, "little") + unit[2 * SECTOR:]
        elsewhere = read(image, layout.place(layout.log(0), 0), UNIT)
        stranger = read(self.sets / "log/spare0.img", place, UNIT)
        for data, state in ((bytes(UNIT), "zeroed"), (rotten, "rotten"), (torn, "torn"), (elsewhere, "meant for another place"),
                            (stranger, "of another set or spare")):
            write(image, place, data)
            self.assertEqual([d["state"] for d in self.damage_of(image)["damage"]], [state])
            image.write_bytes(pristine)

    def test_both_superblocks(self):
        (image,) = self.copy("log")
        wipe(image, Layout(image), 0)
        self.assertEqual(self.damage_of(image, status=1)["error"]["id"], "no-superblock")
        self.run_tool("check", "--test", image, status=2)

    def test_both_superblocks_of_one_of_three(self):
        """The others know where its units lie."""
        images = self.copy("three")
        layout = Layout(images[1])
        wipe(images[1], layout, 0)
        document = self.damage_of(*images)
        self.assertEqual([(d["path"], d["weight"]) for d in document["damage"]], [(str(images[1]), "lost")] * 2)
        self.assertTrue(document["loads"])

    def test_branches(self):
        images = self.copy("diverged")
        document = self.damage_of(*images)
        self.assertIn("separate ways", document["error"]["text"])
        for image in images:
            self.assertFalse(self.damage_of(image, status=0)["complete"])

    def test_stale(self):
        images = self.copy("stale")
        document = self.damage_of(*images, status=0)
        self.assertEqual([w["id"] for w in document["warnings"]], ["stale"])
        self.assertFalse(document["complete"])
        self.run_tool("check", "--test", *images, status=1)

    def test_torn_tail(self):
        (image,) = self.copy("torn")
        self.assertEqual([d["weight"] for d in self.damage_of(image, status=0)["damage"]], ["note"])

    def test_map_that_contradicts_itself(self):
        """A whole log block that says the same spare block twice: only the product's own load knows."""
        (image,) = self.copy("log")
        self.assertEqual(self.run_json("check", image)["problems"], [])

    def test_one_that_was_being_added(self):
        """The machine went down before any of the others counted it in: the set is whole without it."""
        images = self.copy("joining")
        document = self.damage_of(*images, status=0)
        self.assertTrue(document["loads"] and document["complete"])
        self.assertEqual([w["id"] for w in document["warnings"]], ["no-member"])
        self.assertIn("was being added", document["warnings"][0]["text"])
        self.assertEqual(self.run_json("dump", *images)["extents"], self.run_json("dump", images[0])["extents"])

    def test_truncated(self):
        (image,) = self.copy("log")
        with open(image, "r+b") as file:
            file.truncate(100 * 1024)
        for verb in ("check", "map", "dump", "export-table"):
            run = self.run_tool(verb, image, status=1)
            self.assertIn(str(image), run.err)
            self.assertIn("1024 sectors", run.err)
        self.assertEqual([w["id"] for w in self.run_json("examine", image)["warnings"]], ["too-short"])


class Repair(CliTest):
    def repair(self, images, *words, to=None, status=0):
        target = to or self.blank("new.img", 1024 * SECTOR)
        before = [i.read_bytes() for i in images]
        document = self.run_json("repair", *images, "--to", target, *words, status=status)
        self.assertEqual([i.read_bytes() for i in images], before)
        return document, target

    def served(self, *images):
        """Extents of the map, with the data that is there; a spare that is not named has none."""
        document = self.run_json("map", *images)
        table = {i: path for i, path in enumerate(images)}
        out = {}
        segments = self.run_json("export-table", *images)["segments"]
        for segment in segments:
            if segment["device"] in (None, "/dev/MAIN"):
                continue
            data = read(segment["device"], segment["device_sector"] * SECTOR, segment["sectors"] * SECTOR)
            for i in range(segment["sectors"]):
                out[segment["start"] + i] = data[i * SECTOR:(i + 1) * SECTOR]
        return out, [(e["sector"], e["sectors"]) for e in document["extents"] if e["kind"] == "pending"]

    def test_whole_set(self):
        for name in ("log", "wrapped", "three", "bad_spare", "big_blocks"):
            images = self.copy(name)
            document, new = self.repair(images, to=self.blank(f"{name}.img", 1024 * SECTOR))
            self.assertTrue(document["loads"])
            self.assertEqual((document["unknown"], document["lost_commits"], document["left_sectors"]), ([], [], 0))
            self.assertEqual(self.served(new), self.served(*images), name)
            self.run_json("check", new)
            # The old spares are not taken for the new ones.
            self.assertIn("removed", self.run_json("check", new, *images, status=1)["error"]["text"])

    def test_newest_checkpoint_lost(self):
        """The older one and the log behind it lead to the same state."""
        (image,) = self.copy("wrapped")
        expected = self.served(image)
        layout = Layout(image)
        newest = max((0, 1), key=lambda slot: generation_of(read(image, layout.place(layout.head(slot), 0), UNIT)))
        pristine = image.read_bytes()
        for unit in (layout.body(newest), layout.head(newest)):
            wipe(image, layout, unit)
            document, new = self.repair([image], "--yes", to=self.blank(f"new{unit}.img", 1024 * SECTOR))
            self.assertEqual((document["unknown"], document["lost_commits"]), ([], []))
            self.assertEqual(self.served(new), expected)
            image.write_bytes(pristine)

    def test_both_checkpoints_lost(self):
        """The log says what came since, and for the rest nobody knows: all of main but what the log speaks of."""
        (image,) = self.copy("wrapped")
        expected, _ = self.served(image)
        layout = Layout(image)
        for slot in (0, 1):
            wipe(image, layout, layout.body(slot))
        self.assertFalse(self.run_json("check", image, status=1)["loads"])
        document = self.run_json("repair", image, "--to", self.blank("asks.img", 1024 * SECTOR), status=5)
        self.assertIn("--yes", document["error"]["text"])
        document, new = self.repair([image], "--yes")
        known, _ = self.served(new)
        unknown = {s for hole in document["unknown"] for s in range(hole["sector"], hole["sector"] + hole["sectors"])}
        # What is served is right; what is not served any more is admitted to be unknown.
        self.assertTrue(known)
        for sector, data in known.items():
            self.assertEqual(data, expected[sector])
        self.assertLessEqual(set(expected) - set(known), unknown)
        self.assertFalse(set(known) & unknown)
        self.run_json("check", new)

    def test_commit_lost(self):
        (image,) = self.copy("log")
        expected, _ = self.served(image)
        layout = Layout(image)
        pristine = image.read_bytes()
        for block in (0, 1):
            wipe(image, layout, layout.log(1, block))
            if Run(["check", image]).status:
                document, new = self.repair([image], "--yes", to=self.blank(f"new{block}.img", 1024 * SECTOR))
                self.assertTrue(document["lost_commits"] or document["loads"])
                for sector, data in self.served(new)[0].items():
                    self.assertEqual(data, expected[sector])
            image.write_bytes(pristine)

    def test_one_unit_of_many(self):
        """A set of some units a checkpoint: the hole is as wide as the unit that is lost, and filled by the older checkpoint."""
        folder = self.dir / "large"
        subprocess.run([CLI_LARGE, folder, "2000", "1"], check=True)
        self.give()
        image = folder / "spare0.img"
        layout = Layout(image)
        extents = self.run_json("map", image)["extents"]
        slots = sorted((0, 1), key=lambda slot: generation_of(read(image, layout.place(layout.head(slot), 0), UNIT)))
        wipe(image, layout, layout.body(slots[1], 5))
        self.assertTrue(self.run_json("check", image, status=1)["loads"])
        wipe(image, layout, layout.body(slots[0], 7))
        self.assertFalse(self.run_json("check", image, status=1)["loads"])
        document, new = self.repair([image], to=self.blank("new5.img", 40000 * SECTOR))
        self.assertEqual(document["unknown"], [])
        again = self.run_json("map", new)["extents"]
        self.assertEqual([(e["sector"], e["sectors"], e["kind"]) for e in again], [(e["sector"], e["sectors"], e["kind"]) for e in extents])
        # Now the same unit of both: what it said is unknown, and nothing else.
        wipe(image, layout, layout.body(slots[0], 5))
        document, new = self.repair([image], "--yes", to=self.blank("new6.img", 40000 * SECTOR))
        lost = extents[5 * 164:6 * 164]
        end_before = extents[5 * 164 - 1]
        self.assertEqual(document["unknown"], [{"sector": end_before["sector"] + end_before["sectors"],
                                                "sectors": extents[6 * 164]["sector"] - end_before["sector"] - end_before["sectors"]}])
        kept = [(e["sector"], e["sectors"]) for e in self.run_json("map", new)["extents"]]
        self.assertEqual(kept, [(e["sector"], e["sectors"]) for e in extents if e not in lost])

    def test_missing_spare(self):
        """Its blocks stay where they are: the repaired set has it as dropped, and reads of them fail."""
        images = self.copy("three")
        document, new = self.repair(images[1:], status=5)
        self.assertIn("Spare 0", document["error"]["text"])
        self.assertIn("old data is read in its place", document["error"]["text"])
        self.assertEqual(new.read_bytes(), bytes(1024 * SECTOR))
        document, new = self.repair(images[1:], "--yes")
        self.assertEqual(document["left_sectors"], 7)
        states = {m["number"]: m["state"] for m in self.run_json("examine", new)["devices"][0]["set"]["members"]}
        self.assertEqual(states, {0: "dropped", 3: "active"})
        self.assertIn("which is not there", self.run_tool("map", new).out)

    def test_dry_run(self):
        (image,) = self.copy("log")
        new = self.blank("new.img", 1024 * SECTOR)
        document = self.run_json("repair", image, "--to", new, "-n")
        self.assertFalse(document["written"])
        self.assertEqual(new.read_bytes(), bytes(1024 * SECTOR))

    def test_refusals(self):
        (image,) = self.copy("log")
        other = self.copy("wrapped")[0]
        self.assertEqual(self.run_json("repair", image, "--to", image, status=5)["error"]["id"], "same-device")
        new, again = self.blank("new.img", 1024 * SECTOR), self.dir / "again.img"
        os.link(new, again)
        self.assertEqual(self.run_json("repair", image, "--to", new, "--to", again, status=5)["error"]["id"], "same-device")
        self.assertEqual(new.read_bytes(), bytes(1024 * SECTOR))
        self.assertEqual(self.run_json("repair", image, "--to", other, status=5)["error"]["id"], "not-blank")
        self.assertEqual(self.run_json("repair", image, "--to", self.blank("tiny.img", 128 * SECTOR), status=1)["error"]["id"], "too-small")


if __name__ == "__main__":
    main()
