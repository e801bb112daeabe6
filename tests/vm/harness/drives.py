"""Disks that fail on demand: a file or an NBD export, a blkdebug node over it, the device of the guest on top."""

import json
import os
import re
import zlib

ERRNO = {"medium": 61, "io": 5, "nospace": 28}
# Which requests each kind of badness fails. A sector's rule never meets a flush: that has no sector.
KINDS = {
    "read": ("read",),
    "write": ("write", "write-zeroes"),
    "rw": ("read", "write", "write-zeroes"),
    "discard": ("discard",),
    "flush": ("flush",),
    "all": ("read", "write", "write-zeroes", "discard", "flush"),
}
MAX_RULES = 50000


class DriveError(Exception):
    """The guest asked for something that cannot be."""


def parse_range(text, sectors):
    """'100' or '100:8' or '*': (start, length), or (None, None) for the whole drive."""
    if text == "*":
        return None, None
    match = re.fullmatch(r"(\d+)(?::(\d+))?", text)
    if not match:
        raise DriveError(f"'{text}' is no range; say START, START:LENGTH (512-byte sectors) or '*'")
    start, length = int(match[1]), int(match[2] or 1)
    if length < 1 or start + length > sectors:
        raise DriveError(f"range {text} is not on a drive of {sectors} sectors")
    return start, length


class Disk:
    """A drive of the group, alive across phases."""

    def __init__(self, spec, directory):
        self.spec = spec
        self.path = directory / f"{spec.name}.img"
        if not spec.socket:
            with open(self.path, "wb") as image:
                image.truncate(spec.size)
        self.sectors = spec.size // 512
        self.rules = {}  # (sector or None, iotype) -> (errno, times)
        self.plugged = True
        self.generation = 0

    def node_name(self):
        return f"{self.spec.name}-bad{self.generation}"

    def bad_node(self):
        rules = []
        for (sector, iotype), (errno, times) in self.rules.items():
            rule = {"event": "none", "iotype": iotype, "errno": errno}
            if sector is not None:
                rule["sector"] = sector
            # A rule that fires once is used up; several of them fail several times.
            rules += [dict(rule, once=True)] * times if times else [rule]
        node = {"driver": "blkdebug", "node-name": self.node_name(),
                "image": f"{self.spec.name}-file", "discard": "unmap", "read-only": self.spec.read_only}
        return dict(node, **{"inject-error": rules}) if rules else node

    def device(self, number):
        spec = self.spec
        device = {"id": spec.name, "drive": self.node_name(), "serial": spec.name,
                  "logical_block_size": spec.logical, "physical_block_size": spec.physical}
        if spec.bus == "virtio":
            device["driver"] = "virtio-blk-pci"
        elif spec.bus == "nvme":
            device["driver"] = "nvme"
        elif spec.bus == "scsi":
            device.update({"driver": "scsi-hd", "bus": "scsi0.0", "scsi-id": number, "channel": 0})
        elif spec.bus == "ahci":
            device.update({"driver": "ide-hd", "bus": f"ahci0.{number}"})
        if spec.bus in ("scsi", "ahci"):
            device["wwn"] = 0x5000_0000_0000_0000 | zlib.crc32(spec.name.encode())
        if spec.bus != "nvme":
            # Otherwise the machine pauses at the first error.
            device.update({"werror": "report", "rerror": "report"})
        device["write-cache"] = "on" if spec.write_cache else "off"
        return device

    def nodes(self):
        """For the command line: without rules, which may be too many for it."""
        file = {"driver": "file", "node-name": f"{self.spec.name}-file", "filename": str(self.path),
                "discard": "unmap", "read-only": self.spec.read_only,
                # Files outlive a killed QEMU in the page cache: syncing the host's disk buys nothing.
                "cache": {"no-flush": True}}
        if self.spec.socket:
            file = {"driver": "nbd", "node-name": f"{self.spec.name}-file", "export": self.spec.name,
                    "server": {"type": "unix", "path": self.spec.socket}}
        bad = {key: value for key, value in self.bad_node().items() if key != "inject-error"}
        return [file, bad]


class Drives:
    """All of a group's disks, and what the guest may ask of them."""

    def __init__(self, specs, directory):
        self.disks = {spec.name: Disk(spec, directory) for spec in specs}
        self.qemu = None

    @property
    def buses(self):
        return {disk.spec.bus for disk in self.disks.values()}

    def _numbered(self):
        count = {}
        for disk in self.disks.values():
            number = count[disk.spec.bus] = count.get(disk.spec.bus, -1) + 1
            yield disk, number

    def arguments(self):
        argv = []
        if "scsi" in self.buses:
            argv += ["-device", "virtio-scsi-pci,id=scsi0"]
        if "ahci" in self.buses:
            argv += ["-device", "ahci,id=ahci0"]
        for disk, number in self._numbered():
            disk.generation = 0
            for node in disk.nodes():
                argv += ["-blockdev", json.dumps(node)]
            if disk.plugged:
                argv += ["-device", json.dumps(disk.device(number))]
        return argv

    def attach(self, qemu):
        self.qemu = qemu
        for disk in self.disks.values():
            if disk.rules:
                self._apply(disk)

    def _disk(self, name):
        if name not in self.disks:
            raise DriveError(f"no drive '{name}'; there are: {' '.join(self.disks) or 'none'}")
        return self.disks[name]

    def _apply(self, disk):
        """Puts a new node with the present rules in the place of the old one.

        Not by blockdev-reopen: that flushes first, and so could never lift a rule that fails flushes.
        """
        old = disk.node_name()
        disk.generation += 1
        self.qemu.command("blockdev-add", disk.bad_node())
        if disk.plugged:
            self.qemu.command("qom-set", {"path": f"/machine/peripheral/{disk.spec.name}", "property": "drive",
                                          "value": disk.node_name()})
        self.qemu.command("blockdev-del", {"node-name": old})

    def bad(self, name, *words):
        disk, kind, errno, times, ranges = self._disk(name), "rw", 61, 0, []
        for word in words:
            key, _, value = word.partition("=")
            if word in KINDS:
                kind = word
            elif key == "errno" and value.isdigit():
                errno = int(value)
            elif key == "times" and value.isdigit():
                times = int(value)
            elif word in ERRNO:
                errno = ERRNO[word]
            else:
                ranges.append(parse_range(word, disk.sectors))
        if not ranges:
            if kind != "flush":
                raise DriveError("bad: which sectors?")
            ranges = [(None, None)]
        before = dict(disk.rules)
        for start, length in ranges:
            for iotype in KINDS[kind]:
                if iotype == "flush" or start is None:
                    disk.rules[(None, iotype)] = (errno, times)
                    continue
                for sector in range(start, start + length):
                    disk.rules[(sector, iotype)] = (errno, times)
                    if len(disk.rules) > MAX_RULES:
                        disk.rules = before
                        raise DriveError(f"bad: more than {MAX_RULES} rules; say '*' for the whole drive")
        self._apply(disk)

    def heal(self, name, *ranges):
        disk = self._disk(name)
        if not ranges:
            disk.rules.clear()
        for text in ranges:
            if text == "flush":
                disk.rules.pop((None, "flush"), None)
                continue
            start, length = parse_range(text, disk.sectors)
            for sector, iotype in list(disk.rules):
                inside = sector is not None and start is not None and start <= sector < start + length
                if inside or (start is None and sector is None):
                    del disk.rules[(sector, iotype)]
        self._apply(disk)

    def slow(self, name, iops):
        self._disk(name)
        limit = 0 if iops == "off" else int(iops)
        self.qemu.command("block_set_io_throttle", {
            "id": name, "bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": limit, "iops_rd": 0, "iops_wr": 0})

    def rot(self, name, where):
        """Turns bits over behind the machine's back, as a disk does that lies."""
        disk = self._disk(name)
        start, length = parse_range(where, disk.sectors)
        if start is None:
            raise DriveError("rot: say which sectors")
        with open(disk.path, "r+b", buffering=0) as image:
            for sector in range(start, start + length):
                data = os.pread(image.fileno(), 512, sector * 512)
                os.pwrite(image.fileno(), bytes(byte ^ 0x5A for byte in data), sector * 512)

    def unplug(self, name):
        disk = self._disk(name)
        if not disk.plugged:
            raise DriveError(f"{name} is unplugged already")
        if disk.spec.bus == "ahci":
            raise DriveError("QEMU's AHCI ports cannot be unplugged; use scsi")
        self.qemu.command("device_del", {"id": name})
        disk.plugged = False

    def plug(self, name):
        disk = self._disk(name)
        if disk.plugged:
            raise DriveError(f"{name} is plugged in already")
        for other, number in self._numbered():
            if other is disk:
                self.qemu.command("device_add", disk.device(number))
        disk.plugged = True
