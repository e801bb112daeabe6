"""A system with dm-remap in it and the disks of a layout: made once, kept in the cache."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.image import REPO, VM_DIR, Image as VmImage, cache_dir, kernel_of, vmlinux_from
from harness.session import Session
from harness.spec import Drive, Spec
from run_group import explain

from .layouts import LAYOUTS, ROOT_SIZE, ROOT_UUID

BOOT_DIR = VM_DIR.parent / "boot"
IMAGE = BOOT_DIR / "image.sh"
SETS_CONF = "etc/dm-remap/sets.conf"


class ImageError(Exception):
    """What a machine boots from cannot be made."""


def ask(*words):
    """The output of image.sh; what it says of its work is seen as it comes."""
    done = subprocess.run([IMAGE, *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ImageError(f"{IMAGE.name} {' '.join(map(str, words))}: status {done.returncode}")
    return done.stdout


class Product:
    """The files of dm-remap as they go into a system, under a directory."""

    def __init__(self, system, release, directory):
        self.directory = directory
        self.install_tool(REPO / "build" / ("tool-trixie" if system == "trixie" else "tool"))
        self.install_modules(REPO / "build" / release, release)

    def install_tool(self, build):
        if not (build / "CMakeCache.txt").exists():
            how = "tools/lib/root.sh trixie tool" if build.name == "tool-trixie" else "make tool"
            raise ImageError(f"{build}: there is no tool: {how}")
        # With rules, units and all that goes into an initramfs.
        subprocess.run(["cmake", "--install", build, "--strip"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DESTDIR": str(self.directory)})

    def install_modules(self, build, release):
        modules = sorted(build.glob("*.ko"))
        if not modules:
            raise ImageError(f"{build}: there are no modules: make modules KVER={release}, or tools/lib/root.sh trixie modules {release}")
        # Not below /lib: that is a link in the system, and a folder would take its place.
        target = self.directory / "usr/lib/modules" / release / "updates/dm-remap"
        target.mkdir(parents=True)
        for module in modules:
            shutil.copy(module, target)

    def key(self):
        total = hashlib.sha256()
        for path in sorted(p for p in self.directory.rglob("*") if p.is_file()):
            total.update(f"{path.relative_to(self.directory)} {path.stat().st_mode}\n".encode() + path.read_bytes())
        return total.hexdigest()


class MakeSession(Session):
    """A machine of the VM tests, over drives that are kept."""

    def __init__(self, drives, **options):
        spec = Spec(timeout=900, smp=1, modules="required", drives=[Drive(name, path.stat().st_size, "scsi") for name, path in drives.items()])
        super().__init__(spec=spec, seed=1, **options)
        for name, path in drives.items():
            self.drives.disks[name].path.unlink()
            self.drives.disks[name].path = path


def make_sets(layout, directory, log, stage, sets=""):
    """Runs the layout's script, which leaves sets.conf in its /state the first time, and finds it there the second."""
    image = VmImage("6.12")
    os.environ.setdefault("DMREMAP", str(REPO / "build/tool/tools/dmremap/dmremap"))
    drives = {name: directory / f"{name}.img" for name in dict.fromkeys([*layout.drives, layout.tree])
              if stage == 2 or name in layout.drives}
    with open(log, "a", encoding="utf-8", errors="replace", buffering=1) as sink:
        session = MakeSession(drives, image=image, script=BOOT_DIR / "make" / f"{layout.make}.sh", args=[str(stage)],
                              modules=REPO / "build" / image.release, log=sink)
        try:
            (session.share / "state/sets.conf").write_text(sets)
            if not session.run():
                # It is thrown away with what was begun.
                lines = explain(Path(log).read_text(errors="replace").splitlines())
                raise ImageError("\n".join([f"the sets cannot be made: {session.problems}", *lines]))
            return (session.share / "state/sets.conf").read_text() if stage == 1 else ""
        finally:
            session.discard()


def makers(layout):
    """The scripts that make its sets."""
    return [BOOT_DIR / "make" / name for name in ("lib.sh", f"{layout.make}.sh")]


def sets_of(layout, parent):
    """The directory with the disks of a layout as its script leaves them, and sets.conf; for every system the same."""
    key = hashlib.sha256(repr((layout.drives, layout.make)).encode())
    written_by = [REPO / "tools/dmremap" / name for name in ("verbs/create.cc", "sets_config.cc", "machine/identity.cc")]
    for path in [*makers(layout), *sorted((REPO / "build" / kernel_of("6.12")[0]).glob("*.ko")), *written_by]:
        key.update(path.read_bytes())
    made = parent / f"sets_{layout.make}_{key.hexdigest()[:12]}"
    if not made.is_dir():
        print(f"boot: making the sets of layout {layout.make}", file=sys.stderr, flush=True)
        work = Path(tempfile.mkdtemp(prefix=".new.", dir=parent))
        try:
            for name, size in layout.drives.items():
                with open(work / f"{name}.img", "wb") as image:
                    image.truncate(size)
            (work / "sets.conf").write_text(make_sets(layout, work, work / "make.log", 1))
            work.rename(made)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    os.utime(made)
    return made


class BootImage:
    """What Session asks of an image, and the disks."""

    # Times are those of emulation, on a machine that has other things to do.
    slowness, roominess = 4, 1

    def __init__(self, system, initramfs, layout_name):
        self.layout = LAYOUTS[layout_name]
        self.system, self.initramfs = system, initramfs
        made_of = ask("debian", system, initramfs)
        self.release = ask("release", system).strip()
        parent = cache_dir() / "boot/images"
        parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".new.", dir=parent))
        try:
            files = work / "files"
            product = Product(system, self.release, files)
            sources = [IMAGE, *makers(self.layout), *sorted((BOOT_DIR / "system").rglob("*")), Path(__file__)]
            key = hashlib.sha256((made_of + product.key() + repr(self.layout)).encode())
            for path in sources:
                if path.is_file():
                    key.update(path.read_bytes())
            name = f"{system}_{initramfs}_{layout_name}"
            self.dir = parent / f"{name}_{key.hexdigest()[:12]}"
            if not self.dir.is_dir():
                for stale in [*parent.glob(f"{name}_*"), *parent.glob(f"sets_{self.layout.make}_*")]:
                    if stale.stat().st_mtime < time.time() - 3600:
                        shutil.rmtree(stale, ignore_errors=True)
                self.build(work, files)
                work.chmod(0o755)
                work.rename(self.dir)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        os.utime(self.dir)
        plain = self.dir / "vmlinux"
        self.kernel = plain if plain.exists() else self.dir / "vmlinuz"
        self.initrd = self.dir / "initrd"
        self.config = set()

    def build(self, work, files):
        print(f"boot: making {self.system} with {self.initramfs}, layout {self.layout.make}", file=sys.stderr, flush=True)
        made = sets_of(self.layout, work.parent)
        for name in self.layout.drives:
            subprocess.run(["cp", "--sparse=always", made / f"{name}.img", work], check=True)
        sets = (made / "sets.conf").read_text()
        shutil.copytree(BOOT_DIR / "system", files, dirs_exist_ok=True, symlinks=True)
        for path, text in {**self.layout.etc(), f"/{SETS_CONF}": self.with_words(sets)}.items():
            target = files / path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        # Systemd makes a mount point when it mounts, mount does not.
        for line in self.layout.fstab:
            (files / line.split()[1][1:]).mkdir(exist_ok=True)
        done = subprocess.run([IMAGE, "install", self.system, self.initramfs, files, work],
                              env={**os.environ, "UUID": ROOT_UUID, "SIZE": str(ROOT_SIZE)}, check=False)
        if done.returncode:
            raise ImageError("the system cannot be made")
        shutil.rmtree(files)
        if self.layout.tree in self.layout.drives:
            (work / "tree.img").rename(work / f"{self.layout.tree}.img")
        else:
            make_sets(self.layout, work, work / "make.log", 2, sets)
            (work / "tree.img").unlink()
        vmlinux = vmlinux_from(work / "vmlinuz")
        if vmlinux:
            (work / "vmlinux").write_bytes(vmlinux)

    def with_words(self, text):
        """sets.conf, with what the layout's administrator has added."""
        lines = []
        for line in text.splitlines():
            name = re.search(r"\bname=(\S+)", line)
            lines.append(" ".join([line, *filter(None, [self.layout.words.get(name[1]) if name else None])]))
        return "".join(f"{line}\n" for line in lines)
