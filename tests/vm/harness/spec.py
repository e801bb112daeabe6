"""What a group asks for: the `# vm:` lines at the head of its script."""

import re
from dataclasses import dataclass, field
from pathlib import Path

BUSES = ("virtio", "scsi", "nvme", "ahci")
UNITS = {"": 1, "s": 512, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class SpecError(Exception):
    """The script asks for something that does not exist."""


def parse_size(text):
    match = re.fullmatch(r"(\d+)([sKMGT]?)", text)
    if not match:
        raise SpecError(f"'{text}' is no size (examples: 64M, 2G, 100001s for sectors)")
    return int(match[1]) * UNITS[match[2]]


@dataclass
class Drive:
    name: str
    size: int
    bus: str
    logical: int = 512
    physical: int = 512
    write_cache: bool = True
    read_only: bool = False
    socket: str = ""  # of an NBD server that has an export of this name, instead of a file


def parse_drive(text):
    """name:size:bus[-blkdebug][:option...]; every drive can be made to fail, the suffix only says that it will be."""
    parts = text.split(":")
    if len(parts) < 3 or not re.fullmatch(r"[a-z][a-z0-9_]{0,15}", parts[0]):
        raise SpecError(f"drive '{text}' is not name:size:bus[:option...]")
    bus = parts[2].removesuffix("-blkdebug")
    if bus not in BUSES:
        raise SpecError(f"drive '{parts[0]}': bus '{parts[2]}' is none of {', '.join(BUSES)}")
    drive = Drive(parts[0], parse_size(parts[1]), bus)
    for option in parts[3:]:
        if option == "512":
            drive.logical, drive.physical = 512, 512
        elif option == "512e":
            drive.logical, drive.physical = 512, 4096
        elif option == "4kn":
            drive.logical, drive.physical = 4096, 4096
        elif option in ("wce", "nowce"):
            drive.write_cache = option == "wce"
        elif option == "ro":
            drive.read_only = True
        else:
            raise SpecError(f"drive '{drive.name}': unknown option '{option}'")
    if bus == "ahci" and drive.logical != 512:
        raise SpecError(f"drive '{drive.name}': QEMU's AHCI disks have 512-byte sectors only")
    if drive.size == 0 or drive.size % drive.logical:
        raise SpecError(f"drive '{drive.name}': {drive.size} bytes is not a whole number of sectors")
    return drive


@dataclass
class Spec:
    drives: list = field(default_factory=list)
    memory: int = 1 << 30
    smp: int = 2
    timeout: float = 600
    modules: str = "wanted"
    panic_on_warn: bool = True
    icount: bool = False
    cmdline: list = field(default_factory=list)
    allow: list = field(default_factory=list)

    def add_drives(self, text):
        for part in filter(None, text.split(",")):
            drive = parse_drive(part)
            if any(drive.name == other.name for other in self.drives):
                raise SpecError(f"two drives are named '{drive.name}'")
            self.drives.append(drive)

    def set(self, key, value):
        if key == "drives":
            self.add_drives(value)
        elif key == "memory":
            self.memory = parse_size(value)
        elif key == "smp":
            self.smp = int(value)
        elif key == "timeout":
            self.timeout = float(value)
        elif key == "modules" and value in ("required", "wanted", "none"):
            self.modules = value
        elif key == "panic_on_warn":
            self.panic_on_warn = value != "0"
        elif key == "icount":
            self.icount = value != "0"
        else:
            raise SpecError(f"unknown need '{key}={value}'")


def parse_script(path):
    """Reads the comment lines before the first command."""
    spec = Spec()
    for line in Path(path).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            break
        match = re.match(r"#\s*vm(-allow|-cmdline)?:\s*(.*)", line)
        if not match:
            continue
        try:
            if match[1] == "-allow":
                spec.allow.append(re.compile(match[2].strip()))
            elif match[1] == "-cmdline":
                spec.cmdline += match[2].split()
            else:
                for word in match[2].split():
                    key, equals, value = word.partition("=")
                    if not equals:
                        raise SpecError(f"'{word}' is not key=value")
                    spec.set(key, value)
        except (SpecError, ValueError, re.error) as error:
            raise SpecError(f"{path}: {line.strip()!r}: {error}") from error
    return spec
