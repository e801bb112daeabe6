# SPDX-License-Identifier: GPL-2.0-only
"""What the rules ask of a device, in a tree that looks like sysfs; holding main, and letting go of it."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from support import *

SET = "11111111-1111-1111-1111-111111111111"
NAA = bytes.fromhex("5000c500a1b2c3d4")
WWID = "wwid:" + NAA.hex()


class Boot(CliTest):
    """Disks are files in /dev/shm: a '!' in the name of a device is a '/' in /dev."""

    def setUp(self):
        super().setUp()
        self.shm = pathlib.Path(tempfile.mkdtemp(prefix="dmremap-boot-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.shm)
        self.shm.chmod(0o777)
        self.sys, self.run_dir = self.dir / "sys", self.dir / "run"
        for path in (self.sys / "dev/block", self.sys / "block", self.run_dir):
            path.mkdir(parents=True)
        os.environ["DM_REMAP_SYS"], os.environ["DM_REMAP_RUN"] = str(self.sys), str(self.run_dir)
        self.give()

    def disk(self, file, number, naa=None, sectors=16384):
        """A disk that is this file; its folder."""
        path = self.shm / file
        if not path.exists():
            path.touch()
            os.truncate(path, sectors * SECTOR)
        path.chmod(0o666)
        folder = self.sys / "block" / str(path)[len("/dev/"):].replace("/", "!")
        (folder / "holders").mkdir(parents=True)
        (folder / "dev").write_text(f"{number}\n")
        (folder / "size").write_text(f"{sectors}\n")
        (folder / "uevent").write_text("")
        if naa:
            (folder / "device").mkdir()
            (folder / "device/vpd_pg83").write_bytes(b"\0\x83\0\x0c\x01\x03\0\x08" + naa)
        (self.sys / "dev/block" / number).symlink_to(f"../../block/{folder.name}")
        self.give()
        return folder

    def partition(self, disk, n, number, start):
        folder = disk / f"{disk.name}{n}"
        (folder / "holders").mkdir(parents=True)
        for name, value in (("dev", number), ("size", 2048), ("start", start), ("partition", n), ("uevent", "")):
            (folder / name).write_text(f"{value}\n" if value != "" else "")
        (self.sys / "dev/block" / number).symlink_to(f"../../block/{disk.name}/{folder.name}")
        self.give()
        return folder

    def mapped(self, number, uuid, below=None):
        folder = self.sys / "block" / f"dm-{number.split(':')[1]}"
        (folder / "dm").mkdir(parents=True)
        (folder / "holders").mkdir()
        (folder / "dm/uuid").write_text(f"{uuid}\n")
        (folder / "dev").write_text(f"{number}\n")
        (folder / "size").write_text("16384\n")
        (self.sys / "dev/block" / number).symlink_to(f"../../block/{folder.name}")
        if below:
            (below / "holders" / folder.name).symlink_to(folder)
        self.give()

    def configure(self, keys):
        (self.dir / "sets.conf").write_text(f"set {SET} name=safe {keys}\n")
        self.give()

    def ask(self, verb, *words):
        return dict(line.split("=", 1) for line in self.run_tool(verb, *words).out.splitlines())

    # --- main

    def test_main_is_known_without_being_read(self):
        disk = self.disk("main", "250:0", NAA)
        self.partition(disk, 1, "250:1", 2048)
        self.disk("other", "250:16", NAA[:-1] + b"\xff")
        pathlib.Path(self.shm / "main").unlink()  # nobody can read it
        self.configure(f"main=/dev/disk/by-id/gone identity={WWID}")
        known = {"DM_REMAP_MAIN": SET, "DM_REMAP_MAIN_NAME": "safe", "DM_REMAP_MAIN_USE": "idle", "DM_REMAP_MAIN_AUTO": "1"}
        self.assertEqual(self.ask("udev-main", "250:0"), known)
        self.assertEqual(self.ask("udev-main", "250:1"), known)
        self.assertEqual(self.ask("udev-main", "250:16"), {})
        self.assertEqual(self.run_json("udev-main", "250:0")["DM_REMAP_MAIN"], SET)

    def test_a_partition_is_main(self):
        disk = self.disk("main", "250:0", NAA)
        self.partition(disk, 1, "250:1", 2048)
        self.partition(disk, 2, "250:2", 4096)
        self.configure(f"main=/dev/x identity=partuuid:abc first=4096 disk={WWID}")
        self.assertEqual(self.ask("udev-main", "250:2")["DM_REMAP_MAIN"], SET)
        for number in ("250:0", "250:1"):
            self.assertEqual(self.ask("udev-main", number), {}, number)

    def test_by_path_before_there_is_a_link(self):
        disk = self.disk("main", "250:0")
        self.partition(disk, 1, "250:1", 2048)
        self.configure("main=/dev/disk/by-path/pci-1-part1")
        os.environ["ID_PATH"] = "pci-1"
        self.addCleanup(os.environ.pop, "ID_PATH")
        self.assertEqual(self.ask("udev-main", "250:1")["DM_REMAP_MAIN"], SET)
        self.assertEqual(self.ask("udev-main", "250:0"), {})

    def test_who_uses_it(self):
        disk = self.disk("main", "250:0", NAA)
        part = self.partition(disk, 1, "250:1", 2048)
        self.configure(f"main=/dev/x identity={WWID} auto=no")
        self.assertNotIn("DM_REMAP_MAIN_AUTO", self.ask("udev-main", "250:0"))
        self.configure(f"main=/dev/x identity={WWID}")
        self.mapped("252:0", f"REMAP-{SET}", disk)
        known = self.ask("udev-main", "250:0")
        self.assertEqual(known["DM_REMAP_MAIN_USE"], "set")
        self.assertNotIn("DM_REMAP_MAIN_AUTO", known)
        self.mapped("252:1", "LVM-abc", part)
        self.assertEqual(self.ask("udev-main", "250:0")["DM_REMAP_MAIN_USE"], "other")
        self.assertEqual(self.ask("udev-main", "250:1")["DM_REMAP_MAIN_USE"], "other")

    def test_udev_gets_nothing_wrong(self):
        self.disk("main", "250:0", NAA)
        for verb in ("udev-main", "udev-spare", "udev-device"):
            for number in ("250:0", "250:77", "nothing", "8"):
                self.assertEqual(self.ask(verb, number), {}, (verb, number))
        self.configure("what")
        self.assertEqual(self.ask("udev-main", "250:0"), {})
        (self.dir / "sets.conf").unlink()
        (self.dir / "sets.conf").mkdir()
        self.assertEqual(self.ask("udev-main", "250:0"), {})
        (self.run_dir / f"set-{SET}").write_bytes(b"\0\xff=\nNAME\nIDENTITY=" + b"x" * 5000)
        self.give()
        self.assertEqual(self.ask("udev-main", "250:0"), {})

    def test_hidden_verbs(self):
        for words in (["--help"], ["completion", "bash"], ["completion", "zsh"], ["completion", "fish"]):
            out = self.run_tool(*words).out
            self.assertNotIn("udev-", out)
            self.assertIn("release-main", out)

    # --- spares

    def spare(self, number="250:32"):
        (image,) = self.copy("log")
        document = self.run_json("examine", image)["devices"][0]
        shutil.copy(image, self.shm / "spare")
        return document["set"], self.disk("spare", number, sectors=image.stat().st_size // SECTOR)

    def test_a_spare_makes_main_known(self):
        found, _ = self.spare()
        uuid, identity = found["uuid"], found["main"]["identity"]
        known = self.ask("udev-spare", "250:32")
        self.assertEqual((known["DM_REMAP_SET"], known["DM_REMAP_MEMBER"]), (uuid, found["members"][0]["uuid"]))
        self.assertNotIn("DM_REMAP_WANTS", known)  # nobody wants it started
        note = (self.run_dir / f"set-{uuid}").read_text()
        self.assertIn(f"IDENTITY={identity or ''}\n", note)

    def test_what_a_spare_has_said_is_enough(self):
        main = self.disk("main", "250:0", NAA)
        self.partition(main, 1, "250:1", 2048)
        (self.run_dir / f"set-{SET}").write_text(f"NAME=safe\nIDENTITY={WWID}\nDISK={WWID}\nMAIN_ID=\n")
        known = {"DM_REMAP_MAIN": SET, "DM_REMAP_MAIN_NAME": "safe", "DM_REMAP_MAIN_USE": "idle"}
        self.assertEqual(self.ask("udev-main", "250:0"), known)
        self.assertEqual(self.ask("udev-main", "250:1"), known)

    def test_its_set_is_wanted(self):
        found, _ = self.spare()
        line = f"set {found['uuid']} name=safe main=/dev/x identity={WWID}"
        wants = f"dm-remap-assemble@{found['uuid']}.service"
        for keys, wanted in (("", wants), (" auto=no", None), (" root=yes", wants)):
            (self.dir / "sets.conf").write_text(line + keys + "\n")
            self.give()
            self.assertEqual(self.ask("udev-spare", "250:32").get("DM_REMAP_WANTS"), wanted, keys)
        self.mapped("252:0", f"REMAP-{found['uuid']}")
        self.assertNotIn("DM_REMAP_WANTS", self.ask("udev-spare", "250:32"))

    def test_a_spare_inside_a_larger_device(self):
        found, _ = self.spare()
        image = (self.shm / "spare").read_bytes()
        start = 2048
        (self.shm / "large").write_bytes(bytes(start * SECTOR) + image)
        self.disk("large", "250:48", sectors=start + len(image) // SECTOR)
        member = found["members"][0]["uuid"]
        (self.dir / "sets.conf").write_text(f"set {found['uuid']} name=safe main=/dev/x spare={member}@/dev/disk/by-id/large:{start}\n")
        self.give()
        self.assertEqual(self.ask("udev-spare", "250:48"), {})
        self.assertEqual(self.ask("udev-spare", "250:48", "disk/by-path/y", "disk/by-id/large"),
                         {"DM_REMAP_WANTS": f"dm-remap-assemble@{found['uuid']}.service"})

    def test_main_that_udev_names_late(self):
        disk = self.disk("main", "250:0")
        self.configure("main=/dev/disk/by-id/usb-x")
        self.assertEqual(self.ask("udev-main", "250:0"), {})
        self.assertEqual(self.ask("udev-spare", "250:0", "disk/by-id/usb-x"), {"DM_REMAP_ASKED_AGAIN": "1"})
        self.assertEqual((disk / "uevent").read_text(), "change")

    # --- the mapped device

    def test_links_of_the_mapped_device(self):
        self.configure("main=/dev/x identity=partuuid:abc first=1")
        self.mapped("252:0", f"REMAP-{SET}")
        self.mapped("252:1", "LVM-x")
        self.assertEqual(self.ask("udev-device", "252:0"), {"DM_REMAP_DEVICE": SET, "DM_REMAP_PARTUUID": "abc"})
        self.assertEqual(self.ask("udev-device", "252:1"), {})

    def test_events_of_the_mapped_device_are_noted(self):
        self.mapped("252:0", f"REMAP-{SET}")
        note = self.run_dir / f"event-{SET}"
        self.ask("udev-device", "252:0")
        self.assertFalse(note.exists())
        before = int(time.time())
        self.addCleanup(os.environ.pop, "DM_REMAP_EVENT")
        for event in ("first_remap", "pending"):
            os.environ["DM_REMAP_EVENT"] = event
            self.ask("udev-device", "252:0")
            when, name = note.read_text().split()
            self.assertEqual(name, event)
            self.assertTrue(before <= int(when) <= time.time())

    # --- hold, and let go

    def held(self):
        disk = self.disk("main", "250:0", NAA)
        self.configure(f"main=/dev/x identity={WWID}")
        holder = subprocess.Popen(as_user() + [DMREMAP, "hold", "safe"], stdout=subprocess.PIPE, text=True, cwd=self.dir)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        self.assertIn(f"{self.shm}/main is main, and is kept from being used", holder.stdout.readline())
        return disk, holder

    def test_released(self):
        disk, holder = self.held()
        failed = self.run_json("release-main", "safe", status=5)
        self.assertEqual(failed["error"]["id"], "needs-yes")
        self.assertIn("older than the set", self.run_tool("release-main", "safe", status=5).err)
        self.assertIsNone(holder.poll())
        self.assertEqual(self.run_json("release-main", "safe", "--yes"), {
            **self.run_json("release-main", "safe", "--yes"), "main": f"{self.shm}/main", "released": True, "set": SET})
        self.assertEqual(holder.wait(60), 0)
        self.assertEqual((disk / "uevent").read_text(), "change")
        self.assertEqual(self.ask("udev-main", "250:0"), {})
        self.run_tool("hold", "safe")  # ends at once
        self.run_tool("release-main", "--undo", SET)
        self.assertEqual(self.ask("udev-main", "250:0")["DM_REMAP_MAIN"], SET)

    def test_not_released(self):
        self.disk("main", "250:0", NAA)
        self.assertEqual(self.run_json("release-main", "safe", "--yes", status=3)["error"]["id"], "not-found")
        self.configure(f"main=/dev/x identity={WWID}")
        self.mapped("252:0", f"REMAP-{SET}")
        self.assertEqual(self.run_json("release-main", "safe", "--yes", status=4)["error"]["id"], "busy")
        self.assertEqual(os.listdir(self.run_dir), [])

    def test_held_until_the_set_runs(self):
        disk, holder = self.held()
        self.mapped("252:0", f"REMAP-{SET}", disk)
        # Another takes over, and sees it.
        self.run_tool("hold", "safe")
        holder.kill()

    def test_another_takes_over(self):
        _, holder = self.held()
        second = subprocess.Popen(as_user() + [DMREMAP, "hold", SET], stdout=subprocess.PIPE, text=True, cwd=self.dir)
        self.addCleanup(second.stdout.close)
        self.addCleanup(second.wait)
        self.addCleanup(second.kill)
        self.assertIn("is kept", second.stdout.readline())
        self.assertEqual(holder.wait(60), 0)
        self.assertIsNone(second.poll())

    def test_in_the_background(self):
        self.disk("main", "250:0", NAA)
        self.configure(f"main=/dev/x identity={WWID}")
        self.run_tool("hold", "--background", "safe")
        self.assertTrue((self.run_dir / f"hold-{SET}").is_socket())
        self.run_tool("release-main", "safe", "--yes")

    def test_who_is_not_known(self):
        self.run_tool("hold", "safe", status=3)
        self.run_tool("release-main", "safe", status=3)
        self.run_tool("assemble", "--root", status=2)
        self.run_tool("assemble", "--automatic", "--wait", "3", status=2)
        self.run_tool("assemble", "--automatic", "--scan", status=2)


if __name__ == "__main__":
    main()
