# SPDX-License-Identifier: GPL-2.0-only
"""dump, restore, dump: the same. And documents that no dump has written."""
import copy
import json
import os
import signal
import subprocess
import time

from support import *


class RoundTrip(CliTest):
    def restore(self, document, *spares, words=("--yes",), status=0):
        path = self.dir / "dump.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        self.give()
        return self.run_json("restore", path, "--spare", *spares, *words, status=status)

    def spares_for(self, document, prefix="new"):
        return [self.blank(f"{prefix}{m['number']}.img", m["sectors"] * SECTOR) for m in document["set"]["members"] if m["state"] == "active"]

    def test_every_story(self):
        for name in ("empty", "log", "wrapped", "three", "bad_spare", "big_blocks", "missing", "stale", "torn"):
            images = [i for i in self.copy(name) if Run(["examine", i]).status == 0]
            first = self.run_json("dump", *images)
            spares = self.spares_for(first, name)
            done = self.restore(first, *spares)
            self.assertTrue(done["written"])
            self.assertEqual(self.dump(*spares), self.dump(*images), name)
            self.assertTrue(self.run_json("check", *spares)["loads"])

    def test_lost_blocks(self):
        """They lived on a spare that was forgotten; the set knows that there are such."""
        image = self.copy("forgotten")[0]
        document = self.run_json("dump", image)
        self.assertEqual(document["set"]["features"], ["lost"])
        self.assertEqual(document["totals"]["lost_blocks"], sum(e["blocks"] for e in document["extents"] if e["kind"] == "lost"))
        self.assertEqual({e["kind"] for e in document["extents"]}, {"lost", "mapped"})
        spares = self.spares_for(document)
        self.restore(document, *spares)
        self.assertEqual(self.dump(*spares), self.dump(image))
        repaired = self.blank("repaired.img", 1024 * SECTOR)
        self.run_tool("repair", image, "--to", repaired, "--yes")
        places = [[(e["kind"], e["sector"], e["sectors"]) for e in self.run_json("map", i)["extents"]] for i in (image, repaired)]
        self.assertEqual(*places)
        self.assertIn("lost, with a spare that was given up", self.run_tool("export-table", image).err)
        # One that does not know of them takes them for nothing that can be.
        document["set"]["features"] = []
        self.assertEqual(self.restore(document, self.blank("other.img", 1024 * SECTOR), status=1)["error"]["id"], "document")
        document["set"]["features"] = ["lost", "later"]
        self.assertIn("$.set.features[1]", self.restore(document, self.blank("more.img", 1024 * SECTOR), status=1)["error"]["text"])

    def test_guarded_blocks(self):
        """The marks, and the UUID by which main's guard blocks are known, go with the map."""
        image = self.copy("guarded")[0]
        document = self.run_json("dump", image)
        self.assertEqual(document["set"]["features"], ["guard"])
        self.assertEqual([(e["main_block"], e["blocks"]) for e in document["extents"] if "guarded" in e], [(0, 8)])
        spares = self.spares_for(document)
        self.restore(document, *spares)
        self.assertEqual(self.dump(*spares), self.dump(image))
        repaired = self.blank("repaired.img", 1024 * SECTOR)
        self.run_tool("repair", image, "--to", repaired, "--yes")
        again = self.run_json("dump", repaired)
        self.assertEqual([(e["main_block"], e["blocks"]) for e in again["extents"] if "guarded" in e], [(0, 8)])
        self.assertEqual(again["set"]["main"]["uuid"], document["set"]["main"]["uuid"])
        del document["set"]["main"]["uuid"]
        self.assertIn("uuid is missing", self.restore(document, self.blank("other.img", 1024 * SECTOR), status=1)["error"]["text"])

    def large(self, extents, spares=2):
        folder = self.dir / f"large{extents}"
        subprocess.run([CLI_LARGE, folder, str(extents), str(spares)], check=True)
        self.give()
        return sorted(folder.glob("*.img"))

    def test_sizes(self):
        for extents in (0, 1, 163, 164, 165, 10000, 1000000):
            images = self.large(extents)
            first = self.dir / f"{extents}.json"
            self.run_tool("dump", *images, "-o", first)
            document = json.loads(first.read_text())
            self.validate(document, "dump") if extents < 20000 else None
            self.assertEqual(len(document["extents"]), extents)
            spares = self.spares_for(document, f"copy{extents}-")
            self.run_tool("restore", first, "--spare", *spares, "--yes")
            second = self.dir / f"{extents}-again.json"
            self.run_tool("dump", *spares, "-o", second)
            again = json.loads(second.read_text())
            for key in ("set", "generation", "totals", "extents", "bad"):
                self.assertEqual(again[key], document[key])
            for image in images + spares:
                image.unlink()

    def test_range_within_a_device(self):
        (image,) = self.copy("log")
        document = self.run_json("dump", image)
        large = self.blank("large.img", 8 << 20)
        self.restore(document, f"{large}@2048")
        self.assertEqual(self.dump(large), self.dump(image))
        self.assertEqual(self.run_json("examine", large)["devices"][0]["start"], 2048)

    def test_data_that_is_there(self):
        """The metadata area alone was lost: restored, the set serves what it served."""
        (image,) = self.copy("wrapped")
        pristine = image.read_bytes()
        document = self.run_json("dump", image)
        start = document["set"]["members"][0]["data_start"] * SECTOR
        write(image, 0, bytes(start))
        self.restore(document, image, words=("--keep-data",))
        self.assertEqual(image.read_bytes()[start:], pristine[start:])
        self.assertEqual(self.run_json("dump", image)["extents"], document["extents"])

    def test_which_main(self):
        (image,) = self.copy("log")
        document = self.run_json("dump", image)
        for known in ({"identity": "partuuid:1", "disk": "wwid:2", "main_id": "three"}, {"identity": None, "disk": None, "main_id": None}):
            document["set"]["main"].update(known)
            spares = self.spares_for(document)
            self.restore(document, *spares)
            self.assertEqual(self.run_json("dump", *spares)["set"]["main"], document["set"]["main"])
            listed = self.run_json("list", *spares)["sets"][0]
            self.assertEqual([listed[key] for key in ("main_identity", "main_disk", "main_id")], list(known.values()))
            self.assertIn("partuuid:1 on disk wwid:2, main_id three" if known["disk"] else "no identity known",
                          self.run_tool("examine", *spares).out)

    def test_asks(self):
        (image,) = self.copy("log")
        document = self.run_json("dump", image)
        spares = self.spares_for(document)
        refused = self.restore(document, *spares, words=(), status=5)
        self.assertIn("2 sectors of main", refused["error"]["text"])
        self.assertIn("--yes", refused["error"]["text"])
        self.assertEqual(spares[0].read_bytes(), bytes(1024 * SECTOR))

    def test_dry_run(self):
        """It does not ask, and says what it would ask."""
        (image,) = self.copy("log")
        document = self.run_json("dump", image)
        spares = self.spares_for(document)
        for words in (("--dry-run",), ("--yes", "-n")):
            done = self.restore(document, *spares, words=words)
            self.assertFalse(done["written"])
            self.assertEqual([w["id"] for w in done["warnings"]], ["would-ask"] if "--yes" not in words else [])
        self.assertEqual(spares[0].read_bytes(), bytes(1024 * SECTOR))

    def test_each_spare_has_a_place_of_its_own(self):
        document = self.run_json("dump", *self.copy("three"))
        spares = self.spares_for(document)
        again = self.dir / "again.img"
        os.link(spares[0], again)
        large = self.blank("large.img", 4096 * SECTOR)
        for targets in ((spares[0], spares[1], again), (f"{large}@0", f"{large}@2000", f"{large}@1000")):
            self.assertEqual(self.restore(document, *targets, status=5)["error"]["id"], "same-device")
        for path in (*spares, large):
            self.assertFalse(any(path.read_bytes()), path)
        self.restore(document, f"{large}@0", f"{large}@1024", f"{large}@2048")

    def test_without_an_open_stdout(self):
        """What is said must not land in the spare, which would get the number of the file that is closed."""
        (image,) = self.copy("log")
        path = self.dir / "one.json"
        self.run_tool("dump", image, "-o", path)
        for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
            spare = self.blank(f"new{len(closed)}{closed[0]}.img", 1024 * SECTOR)
            done = subprocess.run(as_user() + ["sh", "-c", f'"$0" restore "$1" --spare "$2" --yes -v {closed}', DMREMAP, path, spare],
                                  stdin=subprocess.DEVNULL, capture_output=True)
            self.assertEqual(done.returncode, 0, closed)
            self.assertEqual(self.dump(spare), self.dump(image), closed)

    def test_where_a_dump_goes(self):
        """Nothing that is read, and no device, is replaced by it."""
        (image,) = self.copy("log")
        before = image.read_bytes()
        link, other = self.dir / "link", self.dir / "hard.img"
        link.symlink_to(image)
        os.link(image, other)
        for name in (image, link, other):
            self.assertEqual(self.run_json("dump", image, "-o", name, status=5)["error"]["id"], "same-device")
            self.run_tool("dump", image, "-o", name, "-n", status=5)
        self.assertEqual(image.read_bytes(), before)
        self.run_tool("dump", image, "-o", self.dir, status=1)
        target = self.dir / "there.json"
        named = self.dir / "named"
        named.symlink_to(target)
        self.run_tool("dump", image, "-o", named)
        self.assertTrue(named.is_symlink())
        document = json.loads(target.read_text())
        self.assertEqual(json.loads(self.run_tool("dump", image, "-o", "-").out), document)
        self.run_tool("dump", image, "-o", "/dev/null")
        self.assertTrue(os.path.exists("/dev/null") and not os.path.isfile("/dev/null"))
        pipe = self.dir / "pipe"
        os.mkfifo(pipe)
        self.give()
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
            self.run_tool("dump", image, "-o", pipe)
            self.assertEqual(json.loads(reader.stdout.read()), document)
        self.assertTrue(pipe.is_fifo())

    def test_blank_spares_alone(self):
        (image,) = self.copy("log")
        (other,) = self.copy("wrapped")
        document = self.run_json("dump", image)
        for words in (("--yes",), ("--yes", "--keep-data")):
            self.assertEqual(self.restore(document, other, words=words, status=5)["error"]["id"], "not-blank")
        self.assertEqual(self.restore(document, self.blank("small.img", 512 * SECTOR), status=1)["error"]["id"], "too-small")
        self.restore(document, other, image, status=2)

    def test_interrupted(self):
        """Killed at any moment, it leaves nothing that starts, or all of it; and it can be done again."""
        images = self.large(20000, 2)
        first = self.dir / "first.json"
        self.run_tool("dump", *images, "-o", first)
        document = json.loads(first.read_text())
        expected = {k: document[k] for k in ("set", "generation", "totals", "extents", "bad")}
        finished = 0
        for attempt in range(12):
            spares = self.spares_for(document, f"kill{attempt}-")
            process = subprocess.Popen(as_user() + [DMREMAP, "restore", first, "--spare", *spares, "--yes"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # Not for so long, but until it has written so much.
            wanted = attempt * 600 * 1024
            while process.poll() is None and sum(os.stat(s).st_blocks for s in spares) * SECTOR < wanted:
                pass
            process.send_signal(signal.SIGKILL if attempt % 2 else signal.SIGINT)
            process.wait()
            run = Run(["check", "--json", *spares])
            if run.status == 0:
                finished += 1
            else:
                self.assertNotIn(run.status, (2,), run)
                self.assertEqual(Run(["restore", first, "--spare", *spares, "--yes"]).status, 0)
            again = self.run_json("dump", *spares)
            self.assertEqual({k: again[k] for k in expected}, expected)
        self.assertLess(finished, 12)


class Documents(CliTest):
    def setUp(self):
        super().setUp()
        self.image = self.copy("three")[0]
        images = sorted((self.dir / "three").glob("spare*.img"))
        self.document = self.run_json("dump", *images)

    def refused(self, change, where):
        document = copy.deepcopy(self.document)
        change(document)
        self.refused_text(json.dumps(document), where)

    def refused_text(self, text, where):
        path = self.dir / "dump.json"
        path.write_text(text)
        spares = [self.blank(f"new{i}.img", 1024 * SECTOR) for i in range(3)]
        failed = self.run_json("restore", path, "--spare", *spares, "--yes", status=1)
        self.assertEqual(failed["error"]["id"], "document")
        self.assertTrue(failed["error"]["text"].startswith(where + ": "), (where, failed["error"]["text"]))
        for spare in spares:
            self.assertEqual(spare.read_bytes(), bytes(1024 * SECTOR))

    def test_contradictions(self):
        def put(*path_and_value):
            *path, value = path_and_value

            def change(document):
                at = document
                for step in path[:-1]:
                    at = at[step]
                at[path[-1]] = value
            return change

        def drop(*path):
            def change(document):
                at = document
                for step in path[:-1]:
                    at = at[step]
                del at[path[-1]]
            return change

        extents = self.document["extents"]
        cases = [
            (put("output_version", "command", "map"), "$.output_version.command"),
            (put("output_version", "major", 2), "$.output_version.major"),
            (put("error", {"id": "x", "text": "y"}), "$.error"),
            (drop("error"), "$.error"),
            (drop("set"), "$.extents[0]"),
            (drop("generation"), "$.generation"),
            (put("generation", 1), "$.generation"),
            (put("generation", -5), "$.generation"),
            (put("generation", "5"), "$.generation"),
            (put("generation", 1 << 63), "$.generation"),
            (put("totals", "extents", 3), "$.totals.extents"),
            (put("totals", "bad_runs", 1), "$.totals.bad_runs"),
            (put("set", "uuid", "no"), "$.set.uuid"),
            (drop("set", "branch"), "$.set"),
            (put("set", "name", "x" * 128), "$.set.name"),
            (put("set", "ancestors", ["00000000-0000-0000-0000-000000000000"] * 33), "$.set.ancestors[32]"),
            (put("set", "copy_units", 17), "$.set"),
            (put("set", "max_extents", 0), "$.set"),
            (put("set", "max_extents", 1 << 25), "$.set.max_extents"),
            (put("set", "checkpoint_units", 1), "$.set"),
            (put("set", "main", "block_bytes", 1024), "$.set"),
            (put("set", "main", "sectors", 0), "$.set"),
            (put("set", "main", "disk", "x" * 96), "$.set.main.disk"),
            (put("set", "main", "main_id", 7), "$.set.main.main_id"),
            (put("set", "members", 1, "number", 0), "$.set.members[1].number"),
            (put("set", "members", 1, "number", 16), "$.set.members[1].number"),
            (put("set", "members", 1, "uuid", self.document["set"]["members"][0]["uuid"]), "$.set.members[1].uuid"),
            (put("set", "members", 2, "state", "absent"), "$.set.members[2].state"),
            (put("set", "members", 2, "unit_bytes", 512), "$.set"),
            (put("set", "members", 0, "data_start", 1), "$.set"),
            (drop("set", "members", 0, "state"), "$.set.members[0]"),
            (put("set", "members", []), "$.set.members"),
            (put("extents", 1, "main_block", extents[0]["main_block"]), "$.extents[1]"),
            (put("extents", 1, "main_block", 2048), "$.extents[1]"),
            (put("extents", 1, "spare_block", extents[0]["spare_block"]), "$.extents[1]"),
            (put("extents", 1, "spare_block", 1), "$.extents[1]"),
            (put("extents", 1, "spare", 3), "$.extents[1]"),
            (put("extents", 1, "spare", 16), "$.extents[1].spare"),
            (put("extents", 1, "blocks", 0), "$.extents[1]"),
            (put("extents", 1, "blocks", 1 << 32), "$.extents[1].blocks"),
            (put("extents", 1, "blocks", 1.5), "$.extents[1].blocks"),
            (put("extents", 1, "kind", "lostish"), "$.extents[1].kind"),
            (drop("extents", 1, "spare"), "$.extents[1]"),
            (put("extents", 1, 5), "$.extents[1]"),
            (put("bad", [{"spare": 0, "spare_block": extents[0]["spare_block"]}]), "$.bad[0]"),
        ]
        for change, where in cases:
            with self.subTest(where):
                self.refused(change, where)

    def test_no_documents(self):
        whole = json.dumps(self.document)
        for text, where in (("", "$"), ("[]", "$"), ("5", "$"), ("{}", "$.output_version.command"), (whole[:-2], "$"),
                            (whole[:len(whole) // 2], "$"), (whole + "x", "$"), ('{"a":' * 20, "$.a"),
                            (whole.replace('"generation"', '"generation": 4, "generation"', 1), "$.generation"),
                            ('{"name": "' + "x, " * 3000 + '"}', "$")):
            path = self.dir / "dump.json"
            path.write_text(text)
            spares = [self.blank(f"none{i}.img", 1024 * SECTOR) for i in range(3)]
            failed = self.run_json("restore", path, "--spare", *spares, "--yes", status=1)
            self.assertEqual(failed["error"]["id"], "document")
            self.assertTrue(failed["error"]["text"].startswith(where), failed["error"]["text"])

    def test_what_cannot_be_read(self):
        failed = self.run_json("restore", self.dir, "--spare", self.blank("x.img", 1024 * SECTOR), "--yes", status=1)
        self.assertEqual(failed["error"]["id"], "system")
        self.assertIn("Is a directory", failed["error"]["text"])

    def test_nothing_in_it_reaches_the_terminal(self):
        path = self.dir / "dump.json"
        path.write_text('{"\\u001b[31mX\\u009b": 1, "\\u001b[31mX\\u009b": 2}')
        run = self.run_tool("restore", path, "--spare", self.blank("x.img", 1024 * SECTOR), "--yes", status=1)
        self.assertNotIn("\x1b", run.err)
        self.assertNotIn("\x9b", run.err)
        self.assertIn("?[31mX?", run.err)

    def test_later_keys(self):
        """Keys are only ever added: those of a later dmremap are let be."""
        document = copy.deepcopy(self.document)
        document["more"] = {"deep": [1, {"x": None}]}
        document["set"]["more"] = [1, 2]
        document["set"]["members"][0]["more"] = True
        document["extents"][0]["more"] = "x"
        path = self.dir / "dump.json"
        path.write_text(json.dumps(document))
        self.run_json("restore", path, "--spare", *[self.blank(f"new{i}.img", 1024 * SECTOR) for i in range(3)], "--yes")


if __name__ == "__main__":
    main()
