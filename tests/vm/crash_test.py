#!/usr/bin/python3
"""Crashes of real kernels: records what a workload on a remap device over failing disks writes, composes thousands of
states that a power cut may have left, and checks them, here and in the machine.

    tests/vm/crash_test.py --kernel 6.12 --fs ext4 --states 3000 --seed 1
    tests/vm/crash_test.py --kernel 6.12 --fs xfs --states 3000 --mounts 40
    tests/vm/crash_test.py --kernel 6.12 --fs ext4 --mutant no_flush_before_record    must fail
    tests/vm/crash_test.py --journal build/crash/…/journal --fs ext4 --seed 2         another look at an old recording

Exit status 0: every state was good; 1: not every one, or the workload met an error; 2: the test could not be done.
Needs the host programs (make host) and, unless --mutant builds them, the modules.
"""

import argparse
import contextlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import image as images, spec as specs  # noqa: E402
from harness.qemu import QmpError, die_with_parent  # noqa: E402
from harness.session import Session  # noqa: E402
from run_group import take_slot  # noqa: E402

CRASH_DIR = images.REPO / "tests/crash"
HOST_BUILD = images.REPO / "build/host/tests/crash"
PROGRAMS = ("dmr_crash_check", "dmr_crash_workload", "dmr_crash_verify", "dmr_journal_plugin.so")


class CrashTestError(Exception):
    """The test could not be done, which says nothing of the modules."""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kernel", default="6.12", help="a series (6.1) or a release")
    parser.add_argument("--fs", default="ext4", choices=("ext4", "xfs"))
    parser.add_argument("--states", type=int, default=1000, help="checked here")
    parser.add_argument("--mounts", type=int, default=20, help="checked by a kernel in the machine")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=40, help="how long the workload runs")
    parser.add_argument("--threads", type=int, default=3)
    parser.add_argument("--spares", type=int, default=1)
    parser.add_argument("--main", default="64M", help="size")
    parser.add_argument("--spare", default="8M", help="size of each")
    parser.add_argument("--modules", help="where the project's .ko are (build/<release>)")
    parser.add_argument("--mutant", metavar="NAME",
                        help="build the modules with the deliberate mistake tests/mutants/NAME.patch and use those")
    parser.add_argument("--journal", help="take this recording instead of making one")
    return parser.parse_args()


class Finding(Exception):
    """Something went wrong before any crash: the filesystem met an error, or the kernel complained."""


class DiskServer:
    """nbdkit with our plugin."""

    def __init__(self, directory, arguments):
        self.socket = directory / "disks.sock"
        self.log = open(directory / "nbdkit.log", "ab")
        self.process = subprocess.Popen(
            ["nbdkit", "-f", "-U", self.socket, HOST_BUILD / "dmr_journal_plugin.so", *arguments],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=die_with_parent)
        deadline = time.monotonic() + 30
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise CrashTestError("nbdkit does not start: " + (directory / "nbdkit.log").read_text().strip())
            time.sleep(0.02)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class CrashTest:
    def __init__(self, arguments):
        self.arguments = arguments
        self.image = images.Image(arguments.kernel)
        name = f"{arguments.fs}-{arguments.seed}" + (f"-{arguments.mutant}" if arguments.mutant else "")
        self.directory = images.REPO / "build/crash" / self.image.release / name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.journal = Path(arguments.journal or self.directory / "journal")
        missing = [program for program in PROGRAMS if not (HOST_BUILD / program).exists()]
        if missing:
            raise CrashTestError(f"{', '.join(missing)} missing in {HOST_BUILD}: tools/setup vm, then make host")
        self.modules = Path(arguments.modules or images.REPO / "build" / self.image.release)
        if arguments.mutant:
            self.modules = images.REPO / "build" / f"{self.image.release}-{arguments.mutant}"

    def build_mutant(self):
        built = subprocess.run(["make", "-C", images.REPO, "--no-print-directory", "modules", f"KVER={self.image.release}",
                                f"MUTANT={self.arguments.mutant}"], capture_output=True, text=True)
        if built.returncode:
            raise CrashTestError("the modules do not build:\n" + built.stdout[-2000:] + built.stderr[-2000:])

    def drives(self):
        a = self.arguments
        drives = [f"main:{a.main}:scsi", *(f"spare{i}:{a.spare}:scsi" for i in range(a.spares)), "mark:1M:virtio:nowce"]
        return ",".join(drives)

    def machine(self, script, words, timeout):
        """One boot over the disks of a server; the script's output."""
        spec = specs.parse_script(script)
        spec.add_drives(self.drives())
        spec.timeout = timeout
        for drive in spec.drives:
            drive.socket = str(self.server.socket)
        output = bytearray()
        log_path = self.directory / f"{script.stem}.log"
        slot = take_slot()
        with open(log_path, "w", encoding="utf-8", errors="replace", buffering=1) as log:
            session = Session(image=self.image, spec=spec, script=script, seed=self.arguments.seed,
                              args=[str(word) for word in words], log=log, modules=self.modules, on_output=output.extend)
            try:
                if not session.modules:
                    raise CrashTestError(f"there are no modules in {self.modules}")
                session.run()
            except QmpError as error:
                session.problem(str(error))
            finally:
                session.discard()
                slot.close()
        said = output.decode(errors="replace")
        problems = [problem for problem in session.problems if not problem.startswith("the script ended")]
        if problems:
            kind = Finding if any(problem.startswith("kernel log:") for problem in problems) else CrashTestError
            raise kind(f"{script.name}: {'; '.join(problems)} (log: {log_path})\n{said[-2000:]}")
        return session.status, said

    @contextlib.contextmanager
    def serve(self, arguments):
        with tempfile.TemporaryDirectory(prefix="dmr-crash.") as directory:
            self.server = DiskServer(Path(directory), arguments)
            try:
                yield
            finally:
                self.server.close()

    def record(self):
        a = self.arguments
        disks = [f"disk={':'.join(drive.split(':')[:2])}" for drive in self.drives().split(",")]
        with self.serve([f"journal={self.journal}", *disks]):
            status, said = self.machine(CRASH_DIR / "record.sh", [
                a.fs, a.seconds, a.seed, a.threads, a.spares, HOST_BUILD / "dmr_crash_workload"], 300 + 4 * a.seconds)
        if status:
            raise Finding(f"the workload met an error (log: {self.directory}/record.log)\n{said[-2000:]}")
        print(said.strip().splitlines()[-1], flush=True)

    def check(self):
        a = self.arguments
        return subprocess.run([HOST_BUILD / "dmr_crash_check", "--journal", self.journal, "--fs", a.fs, "--states", str(a.states),
                               "--seed", str(a.seed), "--plan", self.directory, "--plan-states", str(a.mounts)],
                              capture_output=True, text=True)

    def mount(self):
        a = self.arguments
        with self.serve([f"journal={self.journal}", "replay=1"]):
            return self.machine(CRASH_DIR / "replay.sh", [
                a.fs, a.spares, self.directory, HOST_BUILD / "dmr_crash_verify"], 300 + 60 * a.mounts)

    def run(self):
        a = self.arguments
        if a.mutant:
            self.build_mutant()
        if not a.journal:
            self.record()
        checked = self.check()
        print(checked.stdout, end="", flush=True)
        if checked.returncode > 1:
            raise CrashTestError(checked.stderr.strip())
        bad = int(re.search(r" bad=(\d+)", checked.stdout)[1])
        mounted = mounted_bad = 0
        if a.mounts:
            _, said = self.mount()
            print(said, end="", flush=True)
            found = re.search(r"mounted=(\d+) bad=(\d+)", said)
            if not found:
                raise CrashTestError(f"the machine gave no verdict (log: {self.directory}/replay.log)")
            mounted, mounted_bad = int(found[1]), int(found[2])
        verdict = "FAIL" if bad or mounted_bad else "PASS"
        print(f"{verdict} crash test, {a.fs} on {self.image.release}, seed {a.seed}: {a.states} states checked, {bad} bad; "
              f"{mounted} mounted, {mounted_bad} bad")
        if verdict == "FAIL":
            print("again, without recording: " +
                  shlex.join(sys.argv + ([] if a.journal else ["--journal", str(self.journal)])))
        return verdict == "FAIL"


def main():
    try:
        return int(CrashTest(parse_arguments()).run())
    except Finding as finding:
        print(f"FAIL crash test: {finding}")
        return 1
    except (CrashTestError, images.ImageError, specs.SpecError, OSError) as error:
        print(f"crash test: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
