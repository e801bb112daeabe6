"""A case: boots a system over its disks, as often as the case wants, and judges how it went."""

import re
import shlex
import shutil
import subprocess
import time

from harness.drives import Disk, DriveError, Drives
from harness.image import VM_DIR
from harness.qemu import Qemu
from harness.session import Session
from harness.spec import Drive

from .images import BOOT_DIR

# dracut's shell is sulogin's: what is typed before it asks is thrown away.
ASKS_FOR_ENTER = re.compile("Press Enter for maintenance")


class BootDisk(Disk):
    """A disk of the layout: what is written goes to a file of this run."""

    def __init__(self, spec, directory, base):
        super().__init__(spec, directory)
        self.path.unlink()
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", self.path], check=True)

    def nodes(self):
        file, bad = super().nodes()
        protocol = dict(file, **{"node-name": f"{self.spec.name}-protocol"})
        image = {"driver": "qcow2", "node-name": file["node-name"], "file": protocol["node-name"], "discard": "unmap",
                 "cache": {"no-flush": True}}
        return [protocol, image, bad]


class BootDrives(Drives):
    def __init__(self, specs, directory, images):
        super().__init__([], directory)
        self.disks = {spec.name: BootDisk(spec, directory, images / f"{spec.name}.img") for spec in specs}

    def reorder(self, names):
        """Which is found first, and so is sda."""
        rest = [name for name in self.disks if name not in names]
        self.disks = {name: self._disk(name) for name in [*names, *rest]}

    def rot(self, name, where):
        raise DriveError("rot: the disks of a layout cannot rot")


class BootSession(Session):
    def __init__(self, *, image, spec, script, log, boots, **options):
        self.boots = boots  # of cases that repeat one: how many
        self.running = False
        # Until super() is done with what it takes for the drives.
        super().__init__(image=image, spec=spec, script=script, seed=1, log=log, **options)
        try:
            drives = [Drive(name, size, "scsi") for name, size in image.layout.drives.items()]
            self.drives = BootDrives(drives, self.directory, image.dir)
            for name in spec.absent:
                self.drives._disk(name).plugged = False
            for words in spec.bad:
                self.bad_at_first(*words)
        except Exception:
            self.close()
            raise

    def _stage(self, args, modules):
        self.share = self.directory / "share"
        (self.share / "state").mkdir(parents=True)
        shutil.copytree(VM_DIR / "guest", self.share / "guest")
        for path in (BOOT_DIR / "guest").iterdir():
            shutil.copy(path, self.share)
        shutil.copy(self.script, self.share / "script.sh")

    def bad_at_first(self, name, *words):
        """Rules that hold from the first boot on; 'journal' is where the filesystem on the drive has its journal."""
        disk = self.drives._disk(name)
        disk_words = []
        for word in words:
            disk_words += journal_ranges(self.image.dir / f"{name}.img") if word == "journal" else [word]
        self.drives.qemu = NoQemu()
        disk.plugged, plugged = False, disk.plugged
        self.drives.bad(name, *disk_words)
        disk.plugged = plugged

    def _cmdline(self):
        root = self.spec.root or self.image.layout.root
        return " ".join([
            f"root={root}", "ro", "console=ttyS0,115200", "loglevel=7", "oops=panic", "hung_task_panic=1",
            # Not as panic=: to an initramfs that would mean that nobody may have a shell.
            "sysctl.kernel.panic=-1", "sysctl.kernel.panic_on_warn=1", "sysctl.kernel.hung_task_timeout_secs=240",
            "softlockup_panic=1", "watchdog_thresh=60", "rcupdate.rcu_cpu_stall_timeout=240", "tsc=nowatchdog",
            "random.trust_cpu=on", "no_timer_check", "log_buf_len=4M", "systemd.show_status=true", "systemd.log_color=no",
            "systemd.log_target=journal-or-kmsg", "printk.devkmsg=on",
            *self.image.layout.cmdline.get(self.image.initramfs, "").split(), *self.spec.cmdline,
        ])

    def _boot(self):
        self.started = time.monotonic()
        self.ready = self.slip_met = False
        self.shown, self.plug_at = set(), []
        self.missing, self.to_type, self.expected = list(self.spec.stops), list(self.spec.typed), None
        if self.spec.stops and self.image.initramfs == "dracut":
            self.missing.append(ASKS_FOR_ENTER)
        for late in self.spec.late:
            self.drives._disk(late.drive).plugged = False
        if self.spec.orders:
            self.drives.reorder(self.spec.orders[(self.phase - 1) % len(self.spec.orders)])
        settings = {"PHASE": self.phase, "SCRIPT": "/run/vm/script.sh", "SLOWNESS": self.image.slowness, "SEED": self.seed, "ONLY": self.only,
                    "VM_TEST_NUMBER": len(self.results), "RELEASE": self.image.release, "SYSTEM": self.image.system,
                    "INITRAMFS": self.image.initramfs, "BOOTS": self.boots}
        (self.share / "run.conf").write_text("".join(f"{key}={shlex.quote(str(value))}\n" for key, value in settings.items()))
        self._write(f"harness: boot {self.phase} of {self.image.dir.name}: {self._cmdline()}")
        self.qemu = Qemu(kernel=self.image.kernel, initrd=self.image.initrd, cmdline=self._cmdline(), memory=self.spec.memory,
                         smp=self.spec.smp, share=self.share, devices=self.drives.arguments())
        self.drives.attach(self.qemu)
        self.qemu.command("cont")

    # The console

    def _write(self, line):
        super()._write(line)
        if line.startswith(("harness:", "host:", "qemu:")) or not self.running:
            return
        self._plug_later(line)
        for pattern in self.spec.never:
            if pattern.search(line):
                self.problem(f"the console shows: {line.strip()}")
        if self.phase <= len(self.spec.cuts) and self.spec.cuts[self.phase - 1].search(line):
            super()._write("harness: the power goes")
            self.do_power_cut(None)
        if self.spec.stops and self.phase == 1:
            self._look_for_stop(line)

    def _plug_later(self, line):
        for late in self.spec.late:
            if late.drive not in self.shown and late.after.search(line):
                self.shown.add(late.drive)
                self.plug_at.append((time.monotonic() + late.seconds, late.drive))

    def _give_up_unplugs(self):
        """Called every second at least."""
        super()._give_up_unplugs()
        for at, name in list(self.plug_at):
            if time.monotonic() >= at:
                self.plug_at.remove((at, name))
                self._host("plug", name)

    def _host(self, verb, *words):
        super()._write(f"host: {verb} {' '.join(words)}")
        getattr(self, f"do_{verb}")(None, *words)

    # A boot that is to stop with a reason

    def _look_for_stop(self, line):
        self.missing = [pattern for pattern in self.missing if not pattern.search(line)]
        if ASKS_FOR_ENTER.search(line):
            self._type("")
        if self.missing:
            return
        if self.expected is None:
            self.on_result("ok - it stops, and says why")
            self.results.append("ok")
            self.expected = ("", None)
            self._type_next()
            return
        command, shows = self.expected
        # The console shows what is typed, too.
        if shows and shows.search(line) and not (command and command in line):
            self.on_result(f"ok - {command}")
            self.results.append("ok")
            self._type_next()

    def _type_next(self):
        """Lines that say nothing of what they show are not waited for."""
        while self.to_type:
            command, shows = self.to_type.pop(0)
            if command.startswith("host "):
                self._host(*command.split()[1:])
            else:
                self._type(command)
            if shows.pattern:
                self.expected = (command, shows)
                return
        self.expected = ("", None)
        if not self.spec.goes_on:
            self.status = 0
            self.running = False

    def _type(self, line):
        self.qemu.channel["serial"].sendall(line.encode() + b"\n")

    def do_ready(self, number):
        if self.phase == 1 and self.spec.stops and (self.missing or self.to_type):
            self.problem("it booted, and should not have")
            self.running = False
        return super().do_ready(number)


class NoQemu:
    """Before there is one."""

    def command(self, name, arguments=None):
        pass


def journal_ranges(image):
    """Where an ext4 filesystem's journal is, from its first block on: what every mount writes."""
    said = subprocess.run(["debugfs", "-R", "blocks <8>", image], capture_output=True, text=True, check=True).stdout
    blocks = [int(word) for word in said.split()[:16]]
    return [f"{block * 8}:8" for block in blocks]
