#!/usr/bin/python3
"""Does the harness see a failure when there is one? Boots machines that fail on purpose.

    tests/vm/selftest.py [--kernel 6.1] [name...]
"""

import argparse
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from harness import drives, image, spec, splat  # noqa: E402

# script: (exit status, what the output must say)
VERDICTS = {
    "passes": (0, r"ok 1 - one\nok 2 - two # SKIP not today\nok 3 - three\nPASS passes .*: 3 of 3 tests, seed \d+"),
    "fails": (1, r"expected: 1(?s:.*)FAILED fails: not ok 2 - a bad test\nagain: .* --seed (\d+) .*\n"
                 r"FAIL fails .*: 1 of 2 tests, seed \1"),
    "status": (1, r"FAILED status: the script ended with status 3"),
    "hangs": (1, r"FAILED hangs: timeout: not (finished|booted) after"),
    "warns": (1, r"FAILED warns: kernel log: 'WARNING:' in: .*dm-remap\.c:1"),
    "crashes": (1, r"FAILED crashes: kernel log: 'Kernel panic'"),
    "powers_off": (1, r"FAILED powers_off: the machine went down before the script had ended"),
    "empty": (1, r"FAILED empty: no test has run"),
    "allows": (0, r"PASS allows"),
}


def command(kernel, name, *more):
    return [HERE / "run_group.py", "--kernel", kernel, "--group", HERE / "selftest" / f"{name}.sh", *more]


def machine(kernel, name):
    """None, or how the harness was wrong."""
    status, words = VERDICTS[name]
    run = subprocess.run(command(kernel, name), capture_output=True, text=True, check=False)
    if run.returncode != status:
        return f"exit status {run.returncode}, not {status}\n{run.stdout}{run.stderr}"
    if not re.search(words, run.stdout):
        return f"does not say /{words}/\n{run.stdout}{run.stderr}"
    return None


def script(kernel):
    run = subprocess.run([HERE / "run_group.py", "--kernel", kernel, "--script", HERE / "selftest/script.sh",
                          "--stream", "--", "one", "two words"], capture_output=True, text=True, check=False)
    if (run.returncode, run.stdout) != (7, "streamed: one two words\nno newline at the end"):
        return f"status {run.returncode}, output {run.stdout!r}\n{run.stderr}"
    return None


def qemu_of(harness):
    """The process id of its QEMU, once it has one."""
    while harness.poll() is None:
        for child in Path(f"/proc/{harness.pid}/task/{harness.pid}/children").read_text().split():
            try:
                if "qemu" in Path(f"/proc/{child}/comm").read_text():
                    return int(child)
            except OSError:
                pass  # one of the short-lived helpers
        time.sleep(0.05)
    return None


def killed(kernel):
    """No QEMU may outlive its harness, however that dies."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with tempfile.TemporaryDirectory() as directory:
            run = subprocess.Popen(command(kernel, "hangs", "--log", Path(directory) / "log"),
                                   stdout=subprocess.DEVNULL, env=dict(os.environ, TMPDIR=directory))
            qemu = qemu_of(run)
            if not qemu:
                return "ended by itself"
            handle = os.pidfd_open(qemu)
            run.send_signal(number)
            run.wait()
            # Readable once the process is dead.
            dead = select.select([handle], [], [], 20)[0]
            os.close(handle)
            if not dead:
                return f"QEMU outlives {number.name}"
            if number == signal.SIGTERM and list(Path(directory).glob("dm-remap-vm.*")):
                return "leaves its files behind"
    return None


def parsers(_):
    """What needs no machine."""
    for line in ("WARNING: CPU: 1 PID: 2 at x", "BUG: KFENCE: use-after-free read in f", "BUG kmalloc-64: Redzone",
                 "INFO: task dd:5 blocked for more than 60 seconds.", "WARNING: possible circular locking dependency",
                 "unreferenced object 0xffff", "refcount_t: underflow", "Kernel panic - not syncing",
                 "BUG: KASAN: slab-use-after-free in f+0x1/0x2", "UBSAN: array-index-out-of-bounds in a.c:1:2",
                 "WARNING: suspicious RCU usage", "kmemleak: Kernel memory leak detector disabled",
                 "turning off the locking correctness validator."):
        if not splat.find(f"[    1.0] {line}"):
            return f"not seen: {line}"
    for line in ("kfence: initialized - using 2097152 bytes", "device-mapper: remap: debug on", "Debugging information",
                 "sd 0:0:0:0: [sda] Attached SCSI disk"):
        if splat.find(f"[    1.0] {line}"):
            return f"no splat: {line}"
    race = ["=" * 66, "BUG: KCSAN: data-race in {} / sched_tick", "", "read to 0xffff of 8 bytes by task 1 on cpu 0:",
            " {}+0x1/0x2", "Reported by Kernel Concurrency Sanitizer on:", "=" * 66, "nothing"]
    for name, words in (("f", []), ("f [dm_remap]", [race[1].format("f [dm_remap]")])):
        watch = splat.Watch()
        if [found for found in (watch.feed(line.format(name)) for line in race) if found] != words:
            return f"a race in {name}"
    for text in ("main", "main:1M", "main:1M:floppy", "main:0:scsi", "main:1x:scsi", "main:1M:scsi:2kn",
                 "Main:1M:scsi", "main:1M:ahci:4kn", "main:9s:scsi:4kn"):
        try:
            spec.parse_drive(text)
        except spec.SpecError:
            continue
        return f"accepted: {text}"
    if spec.parse_drive("a:100001s:scsi-blkdebug:512e:nowce").size != 100001 * 512:
        return "sizes in sectors"
    if (drives.parse_range("7", 8), drives.parse_range("*", 8)) != ((7, 1), (None, None)):
        return "ranges"
    return None


def draws(_):
    """guest/random.sh needs no machine either."""
    def draw(seed, test, words):
        run = subprocess.run(["bash", "-euc", '. "$0"; random_ranges 20 3 100 1000 $1; random_number 1000000 $1 again',
                              HERE / "guest/random.sh", words], capture_output=True, text=True, check=True,
                             env=dict(os.environ, SEED=str(seed), TEST_NAME=test))
        return run.stdout.split()

    one = draw(1, "a test", "step 1")
    starts = [int(text.removesuffix(":3")) for text in one[:20]]
    if not all(100 + 45 * i <= start <= 100 + 45 * (i + 1) - 3 for i, start in enumerate(starts)):
        return f"not one range in each part: {one}"
    if draw(1, "a test", "step 1") != one:
        return "the same draw gives something else"
    if len({" ".join(draw(*other)) for other in ((1, "a test", "step 1"), (2, "a test", "step 1"), (1, "b test", "step 1"),
                                                 (1, "a test", "step 2"))}) != 4:
        return "another seed, test or word gives the same"
    return None


def patience(_):
    """What is slower gets more time, in the harness and in the machine."""
    slowness = image.demands({"CONFIG_KASAN", "CONFIG_SMP"})[0]
    if slowness <= 1 or image.demands({"CONFIG_SMP"}) != (1, 1):
        return f"slowness {slowness}"
    run = subprocess.run(["bash", "-euc", '. "$VM_LIB"; patience; echo $PATIENCE; patience 5; echo $PATIENCE'], text=True,
                         capture_output=True, check=True, env=dict(os.environ, VM_LIB=HERE / "guest/lib.sh", SLOWNESS="6"))
    if run.stdout != "720\n30\n":
        return run.stdout
    return None


def leaks(_):
    """guest/kmemleak.pl: what is ours is told with its symbols, also when the module has gone."""
    def leak(*places):
        return "unreferenced object 0xffff888012345678 (size 64):\n" + "".join(f"    {place}\n" for place in places)

    ours = leak("kmalloc_trace+0x1/0x2", "dmr_parse+0x1/0x2 [dm_remap]")
    gone, named = leak("0xffffffffa0001010"), leak("dmr_ctr+0x10 [dm_remap]")
    unknown = leak("0xffffffffa0301010")
    report = leak("kmalloc_trace+0x1/0x2", "ext4_mount+0x1/0x2") + ours + gone + unknown
    with tempfile.NamedTemporaryFile("w") as symbols:
        symbols.write("ffffffffa0001000 t dmr_ctr\t[dm_remap]\nffffffffa0002000 t dmr_dtr\t[dm_remap]\n")
        symbols.flush()
        run = subprocess.run(["perl", HERE / "guest/kmemleak.pl", symbols.name], input=report, capture_output=True,
                             text=True, check=True)
    if run.stdout != ours + named + unknown + "kmemleak: 1 objects of others, which nobody looks at here\n":
        return run.stdout
    return None


def never_wrong(_):
    """guest/never_wrong.py, with a file for the device: a sector that was never written so, or is of before, is seen."""
    def run(requests):
        return subprocess.run([HERE / "guest/never_wrong.py", device, "7", str(requests), state], capture_output=True,
                              text=True, check=False)

    with tempfile.TemporaryDirectory() as directory:
        device, state = Path(directory) / "device", Path(directory) / "state"
        device.write_bytes(b"?" * (1 << 18))
        first = run(40)
        old = device.read_bytes()
        second = run(400)
        new = device.read_bytes()
        whole = run(0)
        at = next(at for at in range(0, len(new), 512) if old[at : at + 4] == b"seed" and old[at : at + 512] != new[at : at + 512])
        device.write_bytes(new[:at] + old[at : at + 512] + new[at + 512 :])
        wrong = run(0)
    if first.returncode or second.returncode or whole.returncode or " 0 cannot be read" not in whole.stdout:
        return f"finds fault with what is right: {first} {second} {whole}"
    if wrong.returncode != 1 or f"sector {at // 512} may hold" not in wrong.stderr:
        return f"does not see the old sector {at // 512}: {wrong}"
    return None


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--kernel", help="a series or release (the oldest that this Debian has)")
    options.add_argument("names", nargs="*")
    chosen = options.parse_args()
    checks = {"parsers": parsers, "draws": draws, "patience": patience, "leaks": leaks, "never_wrong": never_wrong,
              "script": script, "killed": killed}
    checks.update({name: lambda kernel, name=name: machine(kernel, name) for name in VERDICTS})
    kernel = chosen.kernel or image.kernels_there()[0]
    names = chosen.names or list(checks)
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda name: checks[name](kernel), names)
        for number, (name, wrong) in enumerate(zip(names, results), 1):
            print(f"{'not ok' if wrong else 'ok'} {number} - harness selftest: {name}", flush=True)
            if wrong:
                failed += 1
                print("\n".join(f"# {line}" for line in wrong.splitlines()))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
