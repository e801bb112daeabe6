"""What a machine's disks hold: where its root is, which sets there are, what /etc says of them."""

from dataclasses import dataclass, field

MIB = 1 << 20
ROOT_UUID = "5a5e0001-0000-4000-8000-000000000001"
DATA_UUID = "5a5e0002-0000-4000-8000-000000000002"
RAID_UUID = "5a5e0005-0000-4000-8000-000000000005"
LUKS_UUID = "5a5e0003-0000-4000-8000-000000000003"
ROOT_SIZE = 2048 * MIB


@dataclass
class Layout:
    """drives: sizes by name. tree: the drive that the system itself is the filesystem of; one that is not among the drives is there
    only while a second run of the script puts it where it belongs. make: the script that makes the sets and what lies on them."""

    drives: dict
    tree: str
    make: str
    root: str = f"UUID={ROOT_UUID}"
    fstab: list = field(default_factory=list)
    files: dict = field(default_factory=dict)
    # What the administrator has added to the line of a set in sets.conf.
    words: dict = field(default_factory=dict)
    # For the kernel, by the kind of initramfs.
    cmdline: dict = field(default_factory=dict)

    def etc(self):
        """{path: text} of what the administrator has written."""
        lines = [f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1", *self.fstab]
        return {"/etc/fstab": "".join(f"{line}\n" for line in lines), "/etc/hostname": "boot\n", **self.files}


LAYOUTS = {
    # The whole system on a set.
    "root": Layout({"main": ROOT_SIZE, "spare": 64 * MIB, "second": 64 * MIB}, tree="main", make="root",
                   words={"safe": "root=yes"}),
    # The system on a disk of its own; /data, by UUID, on a set, whose main has the same UUID.
    "data": Layout(
        {"sys": ROOT_SIZE, "main": 256 * MIB, "spare": 64 * MIB, "second": 64 * MIB}, tree="sys", make="data",
        fstab=[f"UUID={DATA_UUID} /data ext4 defaults,nofail,x-systemd.device-timeout=150 0 2"],
    ),
    # Two more sets: one that LVM is on, one that md is on.
    "stacks": Layout(
        {"sys": ROOT_SIZE, **{name: size * MIB for kind in ("", "v", "r") for name, size in ((f"{kind}main", 128), (f"{kind}spare", 64))}},
        tree="sys", make="stacks",
        fstab=[f"UUID={DATA_UUID} /data ext4 nofail,x-systemd.device-timeout=150 0 2",
               "/dev/vg/lv /volume ext4 nofail,x-systemd.device-timeout=150 0 2",
               f"UUID={RAID_UUID} /raid ext4 nofail,x-systemd.device-timeout=150 0 2"],
    ),
    # The system on a volume of LVM, on LUKS, on a set.
    "luks": Layout(
        {"main": ROOT_SIZE + 64 * MIB, "spare": 64 * MIB, "second": 64 * MIB}, tree="tree", make="luks", root="/dev/mapper/sysvg-root",
        words={"safe": "root=yes"},
        # By a key that lies in the initramfs: nobody is there to type one.
        files={"/etc/keys/root.key": "a key of the tests",
               "/etc/crypttab": f"crypt UUID={LUKS_UUID} /etc/keys/root.key luks,initramfs\n",
               "/etc/cryptsetup-initramfs/conf-hook": "KEYFILE_PATTERN=/etc/keys/*.key\nCRYPTSETUP=y\n",
               "/etc/dracut.conf.d/luks.conf": 'install_items+=" /etc/keys/root.key /etc/crypttab "\n'},
        cmdline={"dracut": f"rd.luks.uuid={LUKS_UUID} rd.luks.key=/etc/keys/root.key rd.lvm.vg=sysvg"},
    ),
}
