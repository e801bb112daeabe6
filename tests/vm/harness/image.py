"""What a VM boots from, made once per kernel and kept: vmlinux, initramfs, a tree of modules."""

import fcntl
import hashlib
import lzma
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from .machine import machine_for

VM_DIR = Path(__file__).resolve().parent.parent
REPO = VM_DIR.parent.parent

BASE_MODULES = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay", "configfs"]
BUS_MODULES = {
    "virtio": ["virtio_blk"],
    "scsi": ["virtio_scsi", "sd_mod"],
    "nvme": ["nvme"],
    "ahci": ["ahci", "sd_mod"],
}
# All that a test of a block device may want to load; the rest of the kernel's
# modules would only make depmod slow.
TREE = (
    "kernel/arch/", "kernel/block/", "kernel/crypto/", "kernel/fs/", "kernel/lib/", "kernel/mm/",
    "kernel/kernel/", "kernel/drivers/md/", "kernel/drivers/block/", "kernel/drivers/scsi/",
    "kernel/drivers/nvme/", "kernel/drivers/ata/", "kernel/drivers/virtio/", "kernel/drivers/nvdimm/",
    "kernel/drivers/dax/", "kernel/drivers/target/", "kernel/net/9p/",
)

# How many times the time and the memory that groups ask for a kernel takes that checks its every access. The only place
# that says so: groups are written for stock kernels.
INSTRUMENTED = {"CONFIG_KASAN": (6, 2), "CONFIG_KCSAN": (6, 2)}


def demands(config):
    """(slowness, roominess) of a kernel with these options."""
    return max([INSTRUMENTED[name] for name in INSTRUMENTED if name in config], default=(1, 1))


class ImageError(Exception):
    """No such kernel, or a tool for unpacking it is missing."""


def cache_dir():
    root = Path(os.environ.get("DM_REMAP_CACHE", "/var/cache/dm-remap"))
    return root if os.access(root, os.W_OK) else REPO / "build" / "cache"


KERNELS = REPO / "tools/lib/kernels.sh"


def kernels_there():
    """The series that tools/setup has fetched for this Debian, the oldest first."""
    lines = subprocess.run([KERNELS, "list"], capture_output=True, text=True, check=True).stdout.splitlines()
    if not lines:
        raise ImageError("there is no kernel; run tools/setup vm")
    return [line.split()[0] for line in lines]


def kernel_of(name):
    """(release, directory) of a kernel given as series or release."""
    found = subprocess.run([KERNELS, "modules", name], capture_output=True, text=True)
    if found.returncode:
        raise ImageError(found.stderr.strip())
    modules = Path(found.stdout.strip())
    if not modules.is_dir():
        raise ImageError(f"{modules} does not exist; run tools/setup vm")
    return modules.name, modules.parent.parent.parent


def vmlinux_from(bzimage):
    """A compressed kernel unpacks itself at an emulator's speed; QEMU boots the plain one by its PVH entry."""
    data = bzimage.read_bytes()
    if data[0x202:0x206] != b"HdrS":
        return None  # that of another architecture, which is plain already
    setup_sectors = data[0x1F1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    payload = data[(setup_sectors + 1) * 512 + offset :][:length]
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x28\xb5\x2f\xfd") and shutil.which("zstd"):
        # The last four bytes are the length, which is the boot loader's, not zstd's.
        return subprocess.run(["zstd", "-dcq"], input=payload[:-4], stdout=subprocess.PIPE, check=True).stdout
    return None


class ModuleIndex:
    """modules.dep, asked by name."""

    def __init__(self, directory):
        self.directory = directory
        self.path_of, self.needs = {}, {}
        for line in (directory / "modules.dep").read_text().splitlines():
            path, _, needs = line.partition(":")
            self.path_of[self.name(path)] = path
            self.needs[self.name(path)] = [self.name(need) for need in needs.split()]
        self.builtin = {self.name(line) for line in (directory / "modules.builtin").read_text().splitlines()}

    @staticmethod
    def name(path):
        return os.path.basename(path).split(".ko")[0].replace("-", "_")

    def closure(self, names):
        """The modules to load for these, in an order that insmod accepts."""
        order = []

        def visit(name):
            name = name.replace("-", "_")
            if name in order or name in self.builtin:
                return
            if name not in self.needs:
                raise ImageError(f"{self.directory} has no module {name}")
            for need in reversed(self.needs[name]):
                visit(need)
            order.append(name)

        for name in names:
            visit(name)
        return order

    def read(self, name):
        path = self.directory / self.path_of[name]
        if path.suffix == ".xz":
            return lzma.decompress(path.read_bytes())
        if path.suffix == ".zst":
            return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
        return path.read_bytes()


def cpio(files):
    """A newc archive of {name: (mode, bytes)}; uncompressed, for the guest's sake."""
    out = bytearray()

    def entry(number, name, mode, data):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out.extend(b"070701" + b"".join(b"%08X" % value for value in fields) + name.encode() + b"\0")
        out.extend(b"\0" * (-len(out) % 4) + data)
        out.extend(b"\0" * (-len(out) % 4))

    for number, (name, (mode, data)) in enumerate(files.items(), 1):
        entry(number, name, mode, data)
    entry(0, "TRAILER!!!", 0, b"")
    return bytes(out)


class Image:
    """Everything of one kernel that does not depend on the run."""

    def __init__(self, kernel):
        self.release, self.kernel_dir = kernel_of(kernel)
        self.index = ModuleIndex(self.kernel_dir / "lib/modules" / self.release)
        config = (self.kernel_dir / "boot" / f"config-{self.release}").read_text()
        self.config = set(re.findall(r"^(CONFIG_\w+)=[ym]$", config, re.M))
        self.slowness, self.roominess = demands(self.config)
        self.init = (VM_DIR / "guest/init").read_bytes()
        self.machine = machine_for(self.config)
        self.root = self.machine.root_in(cache_dir())
        self.busybox = self.root / "bin/busybox"
        if not self.busybox.exists():
            raise ImageError(f"{self.busybox} is missing; run {self.machine.root_maker}")
        key = hashlib.sha256()
        bzimage = self.kernel_dir / "boot" / f"vmlinuz-{self.release}"
        for path in (bzimage, self.index.directory / "modules.dep", self.busybox, Path(__file__)):
            key.update(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
        key.update(self.init)
        self.dir = cache_dir() / "vm" / f"{self.release}-{key.hexdigest()[:12]}"
        if not self.dir.is_dir():
            self.build(bzimage)
        os.utime(self.dir)
        # Of the host's directories what the guest must see besides its root, if that is not the host's.
        self.directories = [REPO, self.dir] if self.machine.root else []
        plain = self.dir / "vmlinux"
        self.kernel = plain if plain.exists() else bzimage

    def build(self, bzimage):
        self.dir.parent.mkdir(parents=True, exist_ok=True)
        with open(self.dir.parent / ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.dir.is_dir():
                return
            for stale in self.dir.parent.glob(f"{self.release}-*"):
                # Another run may still boot from it; what nobody has used for a day may go.
                if stale.stat().st_mtime < time.time() - 86400:
                    shutil.rmtree(stale, ignore_errors=True)
            work = Path(tempfile.mkdtemp(prefix=".new.", dir=self.dir.parent))
            try:
                vmlinux = vmlinux_from(bzimage)
                if vmlinux:
                    (work / "vmlinux").write_bytes(vmlinux)
                (work / "initramfs").write_bytes(self.initramfs())
                self.module_tree(work / "kernel")
                work.chmod(0o755)
                work.rename(self.dir)
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def initramfs(self):
        directory = (0o040755, b"")
        files = {name: directory for name in ("bin", "dev", "proc", "sys", "mnt", "mods")}
        files["bin/busybox"] = (0o100755, self.busybox.read_bytes())
        files["init"] = (0o100755, self.init)
        every = BASE_MODULES + [name for names in BUS_MODULES.values() for name in names]
        for name in self.index.closure(every):
            files[f"mods/{name}.ko"] = (0o100644, self.index.read(name))
        return cpio(files)

    def module_tree(self, target):
        """Unpacked copies: the guest would spend seconds on xz."""
        wanted = [name for name, path in self.index.path_of.items() if path.startswith(TREE)]
        for name in self.index.closure(wanted):
            path = target.parent / self.index.path_of[name].split(".ko")[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            Path(f"{path}.ko").write_bytes(self.index.read(name))

    def write_initrd(self, target, buses):
        """The kernel unpacks archives one after the other: what this machine loads follows the common part."""
        modules = self.index.closure(BASE_MODULES + [name for bus in sorted(buses) for name in BUS_MODULES[bus]])
        directories = " ".join(str(path) for path in self.directories)
        conf = f"RELEASE='{self.release}'\nMODULES='{' '.join(modules)}'\nDIRECTORIES='{directories}'\n".encode()
        target.write_bytes((self.dir / "initramfs").read_bytes() + cpio({"run.conf": (0o100644, conf)}))

    def stage_modules(self, target, built):
        """lib/modules/<release> for the guest: the kernel's and, in extra/, the project's."""
        root = target / "lib/modules" / self.release
        (root / "extra").mkdir(parents=True)
        (root / "kernel").symlink_to(self.dir / "kernel")
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            if (self.index.directory / name).exists():
                shutil.copy(self.index.directory / name, root)
        modules = sorted(Path(built).glob("dm-remap*.ko")) if built else []
        for module in modules:
            shutil.copy(module, root / "extra")
        subprocess.run(["/sbin/depmod", "-b", target, self.release], check=True, stderr=subprocess.DEVNULL)
        return [module.name for module in modules]
