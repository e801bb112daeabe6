# SPDX-License-Identifier: GPL-2.0-only
"""doctor over prepared trees: each finding is there, and gone when what it says was done."""
import os
import re
import struct
import subprocess
import zlib

from support import *

SET = "11111111-1111-1111-1111-111111111111"
UUID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
RELEASE = "6.1.0-test-amd64"
MODULES = ("dm-remap", "dm-remap-metadata", "dm-remap-spare-pool", "dm-remap-reassembly", "dm-remap-stats")


def lvm_label():
    """The label of a physical volume, with its checksum."""
    body = (32).to_bytes(4, "little") + b"LVM2 001" + b"abcdefghijklmnopqrstuvwxyz012345"
    body = body.ljust(512 - 20, b"\0")
    crc = zlib.crc32(body, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
    return b"LABELONE" + (1).to_bytes(8, "little") + crc.to_bytes(4, "little") + body


def md_superblock():
    """Version 1.2, at 4 KiB: what names the array, where it lies, and the sum of its words with the carry added, which libblkid 2.41 checks."""
    block = bytearray(256)
    block[0:8] = (0xA92B4EFC).to_bytes(4, "little") + (1).to_bytes(4, "little")
    block[16:32] = bytes(range(16))
    block[144:152] = (8).to_bytes(8, "little")
    total = sum(struct.unpack("<64I", block))
    block[216:220] = ((total & 0xFFFFFFFF) + (total >> 32)).to_bytes(4, "little")
    return bytes(block)


class Doctor(CliTest):
    def setUp(self):
        super().setUp()
        self.root = self.dir / "root"
        self.main = self.dir / "main.img"
        with open(self.main, "wb") as file:
            file.truncate(8 << 20)
        self.put("etc/dm-remap/sets.conf", f"set {SET} name=safe main={self.main} spare={SET}@/dev/spare:0 main_id=35000c500a1b2c3d4\n")
        self.give()

    def put(self, path, text=""):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def ext4(self):
        subprocess.run(["/usr/sbin/mke2fs", "-q", "-t", "ext4", "-F", "-U", UUID, "-L", "home", self.main], check=True)

    def snapshot(self):
        return {path: (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None) for path in self.dir.rglob("*")}

    def test_what_is_no_file_is_not_waited_for(self):
        for path in ("etc/fstab", "etc/crypttab"):
            self.put(path)
            (self.root / path).unlink()
            os.mkfifo(self.root / path)
        self.give()
        document = self.doctor(status=0)
        self.assertIn("/etc/fstab: no regular file", " ".join(document["not_looked_at"]))

    def doctor(self, *words, status=None):
        before = self.snapshot()
        if status is None:
            status = 1
        document = self.run_json("doctor", "--root", self.root, *words, status=status)
        self.assertEqual(self.snapshot(), before)
        return document

    def only(self, finding):
        """It is the only one; its quoted words, which are what to write."""
        (found,) = self.doctor()["findings"]
        self.assertEqual(found["id"], finding, found)
        self.quoted = re.findall(r"'([^']*)'", found["action"])
        return found

    def well(self):
        self.assertEqual(self.doctor(status=0)["findings"], [])
        self.assertIn("nothing was found", self.run_tool("doctor", "--root", self.root, "--test").out)

    # --- how it answers

    def test_no_set(self):
        self.put("etc/dm-remap/sets.conf")
        document = self.doctor(status=0)
        self.assertEqual((document["sets"], document["findings"]), ([], []))
        self.assertIn("no set", self.run_tool("doctor", "--root", self.root).out)

    def test_which(self):
        self.assertEqual([s["name"] for s in self.doctor("safe", status=0)["sets"]], ["safe"])
        self.assertEqual([s["set"] for s in self.doctor(SET, status=0)["sets"]], [SET])
        self.assertEqual(self.doctor("other", status=3)["error"]["id"], "not-found")
        self.run_tool("doctor", "--root", self.root, "--test", "other", status=4)
        self.assertEqual(self.run_json("doctor", "--root", self.dir / "nowhere", status=3)["error"]["id"], "not-found")

    def test_without_a_folder_it_asks_the_kernel(self):
        self.assertEqual(self.run_json("doctor", status=1)["error"]["id"], "device-mapper")
        self.run_tool("doctor", "--test", status=4)

    def test_judged(self):
        self.ext4()
        self.run_tool("doctor", "--root", self.root, "--test")
        self.put("etc/fstab", f"UUID={UUID} /srv ext4 noauto 0 2\n")
        self.run_tool("doctor", "--root", self.root, "--test", status=1)
        self.put("etc/fstab", f"UUID={UUID} /srv ext4 defaults 0 2\n")
        self.run_tool("doctor", "--root", self.root, "--test", status=2)

    def test_main_is_not_there(self):
        self.main.unlink()
        self.assertIn(str(self.main), self.doctor(status=0)["not_looked_at"][0])
        self.run_tool("doctor", "--root", self.root, "--test", status=4)
        # By its name it is known all the same.
        self.put("etc/fstab", f"{self.main} /srv ext4 defaults 0 2\n")
        self.only("fstab")

    def test_a_line_that_is_not_understood(self):
        self.put("etc/dm-remap/sets.conf", "set what\n")
        self.assertEqual([w["id"] for w in self.doctor(status=0)["warnings"]], ["config"])

    def test_a_file_that_cannot_be_read(self):
        self.put("etc/crypttab", "x\n")
        os.chmod(self.root / "etc/crypttab", 0)
        run = self.run_tool("doctor", "--root", self.root, "--test", status=4)
        self.assertIn("not looked at: /etc/crypttab: Permission denied", run.out)

    def test_links_are_of_the_tree(self):
        self.ext4()
        self.put("etc/other/fstab", f"UUID={UUID} /srv ext4 defaults 0 2\n")
        (self.root / "etc/fstab").symlink_to("/etc/other/fstab")
        self.only("fstab")
        (self.root / "etc/fstab").unlink()
        (self.root / "etc/fstab").symlink_to("../../../../../../etc/hostname")
        self.well()

    # --- who uses main

    def test_fstab(self):
        self.ext4()
        for source in (f"UUID={UUID}", f'UUID="{UUID}"', "LABEL=home", f"/dev/disk/by-uuid/{UUID}", "/dev/disk/by-label/home", str(self.main)):
            self.put("etc/fstab", f"# a comment\nUUID=1234 /boot ext4 defaults 0 2\n{source} /srv/a\\040b ext4 defaults,discard 0 2\n")
            found = self.only("fstab")
            self.assertEqual((found["urgency"], found["where"], found["name"]), ("critical", "/etc/fstab", "safe"))
            self.assertEqual(self.quoted, ["/dev/mapper/safe /srv/a\\040b ext4 defaults,discard,noauto 0 2"])
            self.put("etc/fstab", self.quoted[0] + "\n")
            self.well()
        self.put("etc/fstab", f"UUID={UUID} /srv ext4 noauto 0 2\n")
        self.assertEqual(self.only("fstab")["urgency"], "attention")
        self.put("etc/fstab", f"UUID={UUID} / ext4 errors=remount-ro 0 1\n")
        self.only("fstab")
        self.assertEqual(self.quoted, ["/dev/mapper/safe / ext4 errors=remount-ro 0 1"])

    def test_rules_that_hide_main(self):
        self.ext4()
        rules = "usr/lib/udev/rules.d/59-dm-remap-main.rules"
        self.put(rules, "# rules")
        for source in (f"UUID={UUID}", "LABEL=home", f"/dev/disk/by-uuid/{UUID}"):
            self.put("etc/fstab", f"{source} /srv ext4 defaults 0 2\n")
            self.put("etc/crypttab", f"secret {source} none luks\n")
            self.well()
        self.put("etc/crypttab")
        self.put("etc/fstab", f"{self.main} /srv ext4 defaults 0 2\n")
        self.only("fstab")
        # Of what the system is on the set has to know.
        self.put("etc/fstab", f"UUID={UUID} / ext4 defaults 0 1\n")
        found = self.only("not-root")
        self.assertIn("root=yes at the end of line 1", found["action"])
        with open(self.root / "etc/dm-remap/sets.conf", "r+") as file:
            line = file.read()
            file.seek(0)
            file.write(line.rstrip() + " root=yes\n")
        self.well()
        # The kernel's words go to the initramfs: it has to be one that starts the set.
        self.put("etc/default/grub", f'GRUB_CMDLINE_LINUX="root=UUID={UUID}"\n')
        self.only("grub-root")
        self.put("usr/share/initramfs-tools/hooks/dm-remap", "#!/bin/sh\n")
        self.well()
        self.put("etc/default/grub")
        # Switched off by the administrator.
        self.put("etc/udev/rules.d/59-dm-remap-main.rules")
        self.only("fstab")

    def test_swap(self):
        subprocess.run(["/usr/sbin/mkswap", "-q", "-U", UUID, self.main], check=True)
        self.put("etc/fstab", f"UUID={UUID} none swap sw 0 0\n")
        self.assertIn("used as swap", self.only("fstab")["text"])

    def test_crypttab(self):
        self.ext4()
        self.put("etc/crypttab", f"# name source\nsecret UUID={UUID} none luks,discard\n")
        self.assertEqual(self.only("crypttab")["urgency"], "critical")
        self.assertEqual(self.quoted, ["secret /dev/mapper/safe none luks,discard,noauto"])
        self.put("etc/crypttab", self.quoted[0] + "\n")
        self.well()
        self.put("etc/crypttab", f"secret {self.main}\n")
        self.only("crypttab")
        self.assertEqual(self.quoted, ["secret /dev/mapper/safe none noauto"])

    def test_units(self):
        self.ext4()
        self.put("etc/systemd/system/srv.mount", f"[Mount]\nWhat=/dev/disk/by-uuid/{UUID}\nWhere=/srv\n")
        self.put("etc/systemd/system/other.service", f"What={UUID}\n")
        found = self.only("unit")
        self.assertEqual(found["where"], "/etc/systemd/system/srv.mount")
        self.assertIn("write What=/dev/mapper/safe;", found["action"])
        self.put("etc/systemd/system/srv.mount", "[Mount]\nWhat=/dev/mapper/safe\nWhere=/srv\n")
        self.well()

    def test_resume(self):
        self.ext4()
        self.put("etc/initramfs-tools/conf.d/resume", f"RESUME=UUID={UUID}\n")
        self.assertIn("write RESUME=none", self.only("resume")["action"])
        self.put("etc/initramfs-tools/conf.d/resume", "RESUME=none\n")
        self.well()

    def test_grub(self):
        self.ext4()
        self.put("etc/default/grub", f'#GRUB_CMDLINE_LINUX="root=UUID={UUID}"\nGRUB_CMDLINE_LINUX="quiet root=UUID={UUID} ro"\n')
        self.assertIn("root=/dev/mapper/safe", self.only("grub-root")["action"])
        self.put("etc/default/grub", f"GRUB_CMDLINE_LINUX='resume=UUID={UUID}'\n")
        self.only("grub-resume")
        self.put("etc/default/grub", "GRUB_CMDLINE_LINUX='root=/dev/mapper/safe'\n")
        self.well()
        entry = f"search --no-floppy --fs-uuid --set=root {UUID}\n\tlinux /boot/vmlinuz root=UUID={UUID} ro\n"
        self.put("boot/grub/grub.cfg", f"menuentry 'a' {{\n\t{entry}}}\nmenuentry 'b' {{\n\t{entry}}}\n")
        found = self.doctor()["findings"]
        self.assertEqual([(f["id"], f["where"]) for f in found], [("grub-root", "/boot/grub/grub.cfg"), ("grub-boot", "/boot/grub/grub.cfg")])
        self.put("boot/grub/grub.cfg", "search --fs-uuid --set=root 1234\nlinux /vmlinuz root=/dev/mapper/safe\n")
        self.well()

    def test_lvm(self):
        write(self.main, 512, lvm_label())
        self.well()  # nobody there who would look
        self.put("usr/sbin/lvm")
        self.assertEqual(self.only("lvm")["urgency"], "critical")
        (line, _) = self.quoted
        self.put("etc/lvm/lvm.conf", line + "\n")
        self.well()
        # What is written in lvmlocal.conf takes its place, and is kept in the advice.
        self.put("etc/lvm/lvmlocal.conf", 'devices {\n\tglobal_filter = [ "a|.*|" ]\n}\n')
        self.only("lvm")
        self.put("etc/lvm/lvmlocal.conf", self.quoted[0] + "\n")
        self.well()
        (self.root / "etc/lvm/lvmlocal.conf").unlink()
        for line, refused in (('global_filter = "r|.*|"', True), ('filter = [ "r(main)" ]', True), (f'filter = [ "a|{self.main}|", "r|.*|" ]', False),
                              ('filter = [ "r|^/dev/sd|" ]', False), ('filter = [ "a|nothing|", "r|.*|" ]', True)):
            self.put("etc/lvm/lvm.conf", f"devices {{\n\t# filter = [ \"r|.*|\" ]\n\t{line}\n}}\n")
            self.well() if refused else self.only("lvm")

    def test_lvm_devices_file(self):
        write(self.main, 512, lvm_label())
        self.put("usr/sbin/lvm")
        self.put("etc/lvm/lvm.conf", "devices { use_devicesfile = 1 }\n")
        self.only("lvm")  # without the file the filter decides
        self.put("etc/lvm/devices/system.devices", f"VERSION=1.1.2\nIDTYPE=devname IDNAME={self.main} DEVNAME={self.main} PVID=x\n")
        self.assertEqual(self.only("lvm")["where"], "/etc/lvm/devices/system.devices")
        self.assertEqual(self.quoted[:2], [f"lvmdevices --deldev {self.main}", "lvmdevices --adddev /dev/mapper/safe"])
        self.put("etc/lvm/devices/system.devices", "IDTYPE=devname IDNAME=/dev/mapper/safe DEVNAME=/dev/mapper/safe PVID=x\n")
        self.well()

    def test_md(self):
        write(self.main, 4096, md_superblock())
        self.well()
        self.put("usr/sbin/mdadm")
        self.only("md")
        self.put("etc/mdadm/mdadm.conf", "#DEVICE /dev/none\nHOMEHOST <system>\nMAILADDR root\n")
        self.only("md")
        self.put("etc/mdadm/mdadm.conf", self.quoted[0] + "\n")
        self.well()
        for lines, taken in (("DEVICE partitions\n", True), ("dev /dev/none\n  *main.img\n", True), ("DEVICE /dev/none # *\n", False),
                             ("DEVICE containers\nDEVICE /dev/mapper/*\n", False)):
            self.put("etc/mdadm/mdadm.conf", lines)
            self.only("md") if taken else self.well()

    def test_multipath(self):
        self.put("usr/sbin/multipath")
        self.put("etc/multipath/wwids", "# Multipath wwids\n/35000c500a1b2c3d4/\n")
        self.assertIn("multipath -w", self.only("multipath")["action"])
        self.put("etc/multipath/wwids", "/35000c500ffffffff/\n")
        self.well()

    # --- kernels

    def kernel(self, *modules):
        self.put(f"lib/modules/{RELEASE}/modules.order")
        self.put(f"lib/modules/{RELEASE}/modules.dep", "".join(f"updates/dm-remap/{m}.ko: kernel/drivers/md/dm-mod.ko\n" for m in modules))

    def test_modules(self):
        self.kernel(*MODULES)
        self.put("lib/modules/6.0-removed/modules.dep")
        self.well()
        self.kernel("dm-remap-stats", "dm-remap-metadata", "dm-remap-spare-pool", "dm-remap-reassembly")
        found = self.only("modules")
        self.assertIn(f"kernel {RELEASE} lacks dm-remap:", found["text"])
        self.assertEqual((found["name"], self.quoted), (None, [f"make modules KVER={RELEASE}", f"make install KVER={RELEASE}"]))
        self.put("usr/libexec/dm-remap/modules")
        self.only("modules")
        self.assertEqual(self.quoted, [f"apt install linux-headers-{RELEASE}", f"/usr/libexec/dm-remap/modules build {RELEASE}"])
        self.kernel()
        self.only("modules")
        self.put(f"lib/modules/{RELEASE}/modules.dep", "".join(f"extra/{m.replace('-', '_')}.ko.xz:\n" for m in MODULES))
        self.well()

    def initramfs(self, *files):
        top = self.dir / "initramfs"
        shutil.rmtree(top, ignore_errors=True)
        for file in files:
            (top / file).parent.mkdir(parents=True, exist_ok=True)
            (top / file).write_text("")
        image = self.root / f"boot/initrd.img-{RELEASE}"
        image.parent.mkdir(exist_ok=True)
        names = "".join(f"{path.relative_to(top)}\n" for path in sorted(top.rglob("*")))
        with open(image, "wb") as out:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=top, input=names.encode(), stdout=out, check=True)

    def test_initramfs(self):
        self.kernel(*MODULES)
        self.initramfs("init", f"lib/modules/{RELEASE}/kernel/drivers/md/dm-mod.ko")
        self.well()  # the system is elsewhere
        self.put("etc/fstab", "/dev/mapper/safe / ext4 defaults 0 1\n")
        self.assertEqual(self.only("initramfs")["where"], f"/boot/initrd.img-{RELEASE}")
        self.initramfs("init", f"lib/modules/{RELEASE}/updates/dm-remap/dm-remap.ko", f"lib/modules/{RELEASE}/updates/dm-remap/dm-remap-metadata.ko")
        self.well()
        (self.root / f"boot/initrd.img-{RELEASE}").unlink()
        self.assertIn("initrd.img", self.doctor(status=0)["not_looked_at"][0])


if __name__ == "__main__":
    main()
