"""A run: boots the phases of one script, does what the guest asks of the host, judges how it went."""

import os
import re
import selectors
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from . import splat
from .drives import DriveError, Drives
from .image import REPO, VM_DIR
from .qemu import Qemu, QmpError

# A second or ten on a machine of one's own, a minute on one that is compiling.
BOOT_TIMEOUT = 240
UNPLUG_TIMEOUT = 60
MAX_SLIPS = 2
EMULATOR_SLIPS = ("int3: 0000 [#", "Possible timer handling issue on cpu=")
# Kernel taint bits that nothing here may set: M machine check, B bad page, D oops, W warning, L soft lockup.
BAD_TAINT = {4: "machine check", 5: "bad page", 7: "oops", 9: "warning", 14: "soft lockup"}


def remove_stale_directories(parent):
    """Those of harnesses that were killed."""
    for path in Path(parent).glob("dm-remap-vm.*"):
        pid = path.name.split(".")[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(path, ignore_errors=True)


class Lines:
    """Bytes in, whole lines out."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line.decode(errors="replace").rstrip("\r") for line in lines]


class Session:
    def __init__(self, *, image, spec, script, seed, args=(), modules=None, only="", log, on_output=None, on_result=None):
        self.image, self.spec, self.script = image, spec, Path(script)
        self.log = log
        self.seed = seed  # of all that the script draws: guest/random.sh
        self.only = only
        self.on_output = on_output or (lambda data: None)
        self.on_result = on_result or (lambda line: None)
        self.results, self.problems, self.boot_times = [], [], []
        self.status = None
        self.phase = 1
        self.next_phase = False
        self.qemu = None
        self.waiting_unplug = {}
        parent = os.environ.get("TMPDIR", "/tmp")
        remove_stale_directories(parent)
        self.directory = Path(tempfile.mkdtemp(prefix=f"dm-remap-vm.{os.getpid()}.", dir=parent))
        try:
            self._stage(args, modules)
            self.drives = Drives(spec.drives, self.directory)
        except Exception:
            self.close()
            raise

    def _stage(self, args, modules):
        """Copies: whoever edits or builds in the tree meanwhile changes nothing in this run."""
        self.share = self.directory / "share"
        (self.share / "state").mkdir(parents=True)
        shutil.copytree(VM_DIR / "guest", self.share / "guest")
        shutil.copytree(VM_DIR / "groups", self.share / "groups")
        shutil.copy(self.script, self.share / "script.sh")
        (self.share / "args").write_text("".join(f"{arg}\n" for arg in args))
        self.modules = self.image.stage_modules(self.share / "modules", modules)
        if self.image.machine.root:
            return  # the tool is for this host
        tool = Path(os.environ.get("DMREMAP", REPO / "build/host/tools/dmremap/dmremap"))
        if tool.exists():
            # Without what a debugger wants: the guest reads it over 9p.
            subprocess.run(["strip", "-o", self.share / "dmremap", tool], check=True)
        drive = REPO / "build/host/tests/vm/failing_drive.so"
        if drive.exists():
            shutil.copy(drive, self.share)

    def close(self):
        if self.qemu:
            self.qemu.close()
            self.qemu = None

    def discard(self):
        self.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def problem(self, text):
        if text not in self.problems:
            self.problems.append(text)
            self._write(f"harness: {text}")

    def _write(self, line):
        self.log.write(line + "\n")

    # The run

    def run(self):
        self.deadline = time.monotonic() + self.spec.timeout * self.image.slowness
        slips = 0
        while True:
            self.next_phase = False
            self._boot()
            try:
                self._serve()
            finally:
                self.close()
            if self._emulator_slipped() and slips < MAX_SLIPS:
                slips += 1
                self._write("harness: that was the emulator; once more")
                self.problems.clear()
                continue
            if self.problems or not self.next_phase:
                break
            self.phase += 1
        if self.status is None and not self.problems:
            self.problem("the machine went down before the script had ended")
        return not self.problems

    def _emulator_slipped(self):
        """Before the script begins, nothing of ours runs. With two processors emulated side by side one may run into a
        breakpoint, by which the booting kernel patches its code, that is gone already; or its timer stays silent."""
        return self.problems and not self.ready and self.slip_met

    def _cmdline(self):
        modern = tuple(int(part) for part in re.findall(r"\d+", self.image.release)[:2]) >= (6, 2)
        words = [
            f"console={self.image.machine.console}", "quiet", "loglevel=5", "panic=-1", "oops=panic", "hung_task_panic=1",
            f"sysctl.kernel.hung_task_timeout_secs={60 * self.image.slowness}", "softlockup_panic=1",
            # As much as these two take.
            f"watchdog_thresh={min(60, 30 * self.image.slowness)}",
            f"rcupdate.rcu_cpu_stall_timeout={min(300, 60 * self.image.slowness)}",
            "random.trust_cpu=on", "log_buf_len=4M", *self.image.machine.words,
        ]
        if self.image.slowness > 1:
            # Asking ACPI for the interrupt of each device runs into ACPI's time limit; all devices have message interrupts.
            words.append("pci=noacpi")
        # Where instructions are counted, they are to be those of a kernel as people run it.
        if "CONFIG_KASAN" not in self.image.config and not self.spec.icount:
            # ACPI's own caches stay out of it: checking them takes 2 s for every PCI device.
            words += ["kfence.sample_interval=10", f"{'slab_debug' if modern else 'slub_debug'}=FZPU;-,Acpi-*"]
        # A race anywhere in the kernel would be a panic too.
        if self.spec.panic_on_warn and "CONFIG_KCSAN" not in self.image.config:
            words.append("panic_on_warn=1")
        return " ".join(words + self.spec.cmdline)

    def _boot(self):
        self.started = time.monotonic()
        self.ready = self.slip_met = False
        initrd = self.directory / "initrd"
        settings = {
            "RELEASE": self.image.release, "REPO": REPO, "PHASE": self.phase, "SCRIPT": "/run/vm/script.sh",
            "TERM": os.environ.get("TERM", "dumb"), "TIMEOUT": int(self.spec.timeout), "SLOWNESS": self.image.slowness,
            "SEED": self.seed, "ONLY": self.only, "VM_TEST_NUMBER": len(self.results), "COLUMNS": os.environ.get("COLUMNS", "100"),
        }
        self.image.write_initrd(initrd, self.drives.buses)
        (self.share / "run.conf").write_text("".join(f"{key}={shlex.quote(str(value))}\n" for key, value in settings.items()))
        self._write(f"harness: phase {self.phase}, {self.image.release}, seed {self.seed}")
        self.qemu = Qemu(kernel=self.image.kernel, initrd=initrd, cmdline=self._cmdline(),
                         memory=self.spec.memory * self.image.roominess, smp=self.spec.smp, share=self.share,
                         devices=self.drives.arguments(), machine=self.image.machine, icount=self.spec.icount,
                         root=self.image.root, directories=self.image.directories)
        self.drives.attach(self.qemu)
        self.qemu.command("cont")

    def _serve(self):
        """Until this boot of the machine has ended."""
        self.lines = {name: Lines() for name in self.qemu.channel}
        self.splats = splat.Watch(self.spec.allow)
        self.running = True
        selector = selectors.DefaultSelector()
        for name, channel in self.qemu.channel.items():
            selector.register(channel, selectors.EVENT_READ, name)
        while self.running and selector.get_map():
            now = time.monotonic()
            limit = self.deadline
            if not self.ready:
                limit = min(limit, self.started + BOOT_TIMEOUT * self.image.slowness)
            if now >= limit:
                self.problem(f"timeout: not {'finished' if self.ready else 'booted'} "
                             f"after {now - self.started:.0f} s")
                break
            for key, _ in selector.select(min(limit - now, 1)):
                if not self._receive(key.data):
                    selector.unregister(key.fileobj)
            self._handle_events()
            self._give_up_unplugs()
            if self._emulator_slipped():
                break
        selector.close()
        self._drain()
        self.log.flush()

    def _receive(self, name):
        if name == "qmp":
            try:
                return self.qemu.read_events()
            except ConnectionError:
                return False
        channel = self.qemu.channel[name]
        try:
            data = os.read(channel.fileno(), 1 << 16)
        except OSError:
            return False
        if not data:
            # QEMU has closed its end: it is gone, whatever the reason.
            self.running = False
            return False
        if name == "out":
            self.on_output(data)
        for line in self.lines[name].feed(data):
            if name == "ctl":
                self._request(line)
            else:
                self._write(f"qemu: {line}" if name == "qemu" else line)
            if name == "serial":
                self.slip_met |= any(sign in line for sign in EMULATOR_SLIPS)
                found = self.splats.feed(line)
                if found:
                    self.problem(f"kernel log: '{found}' in: {line.strip()}")
        return True

    def _drain(self):
        """What was on its way when the machine ended."""
        for name in ("qemu", "serial", "out"):
            os.set_blocking(self.qemu.channel[name].fileno(), False)
            while self._receive(name):
                pass
            if self.lines[name].rest:
                self._write(self.lines[name].rest.decode(errors="replace"))

    # The guest's requests: "<number> <verb> <argument>...", answered by "<number> ok|error <text>"

    def _request(self, line):
        number, _, rest = line.partition(" ")
        verb, *words = rest.split()
        handler = getattr(self, "do_" + verb.replace("-", "_"), None)
        if verb not in ("ready", "result", "exit"):
            self._write(f"host: {rest}")
        try:
            if not handler:
                raise DriveError(f"the host knows no '{verb}'")
            text = handler(number, *words)
        except (DriveError, QmpError, ValueError, TypeError) as error:
            self._write(f"host: error: {error}")
            self._reply(number, "error", str(error))
            return
        if text is not NotImplemented:
            self._reply(number, "ok", text or "")

    def _reply(self, number, verdict, text):
        try:
            self.qemu.channel["ctl"].sendall(f"{number} {verdict} {text}\n".encode())
        except OSError:
            self.running = False

    def do_ready(self, _):
        self.ready = True
        self.boot_times.append(time.monotonic() - self.started)
        self._write(f"harness: ready after {self.boot_times[-1]:.1f} s")

    def do_result(self, _, *words):
        line = " ".join(words)
        self.results.append(line)
        self.on_result(line)
        if line.startswith("not ok"):
            self.problem(line)

    def do_exit(self, _, status, taint):
        self.status = int(status)
        self.running = False
        if self.status:
            self.problem(f"the script ended with status {status}")
        if self.spec.panic_on_warn:
            for bit, meaning in BAD_TAINT.items():
                if int(taint) >> bit & 1:
                    self.problem(f"the kernel is tainted: {meaning}")

    def do_next_phase(self, _):
        self.next_phase = True

    def do_power_cut(self, _):
        self.next_phase = True
        self.qemu.kill()
        self.running = False
        return NotImplemented

    def do_bad(self, _, name, *words):
        self.drives.bad(name, *words)

    def do_heal(self, _, name, *ranges):
        self.drives.heal(name, *ranges)

    def do_slow(self, _, name, iops):
        self.drives.slow(name, iops)

    def do_rot(self, _, name, where):
        self.drives.rot(name, where)

    def do_plug(self, _, name):
        self.drives.plug(name)

    def do_unplug(self, number, name):
        """Answered when the device is gone, which for PCI devices is up to the guest."""
        self.waiting_unplug[name] = (number, time.monotonic() + UNPLUG_TIMEOUT * self.image.slowness)
        try:
            self.drives.unplug(name)
        except Exception:
            del self.waiting_unplug[name]
            raise
        return NotImplemented

    def _handle_events(self):
        while self.qemu.events:
            event = self.qemu.events.pop(0)
            if event["event"] == "DEVICE_DELETED":
                waiting = self.waiting_unplug.pop(event["data"].get("device"), None)
                if waiting:
                    self._reply(waiting[0], "ok", "")
            elif event["event"] in ("SHUTDOWN", "RESET") and not self.next_phase:
                self._write(f"harness: {event['event'].lower()}: {event['data'].get('reason', '')}")

    def _give_up_unplugs(self):
        for name, (number, deadline) in list(self.waiting_unplug.items()):
            if time.monotonic() > deadline:
                del self.waiting_unplug[name]
                self._reply(number, "error", f"the guest does not let go of {name}")
