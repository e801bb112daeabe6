#!/usr/bin/python3
"""Runs groups on kernels, two machines at a time.

    tests/vm/run_all.py                          every group on each kernel of this Debian
    tests/vm/run_all.py --kernel 6.12 modules    one of each
    tests/vm/run_all.py --smp 2                  all with two processors, which is slower, and finds more races
"""

import argparse
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

sys.dont_write_bytecode = True
from harness.image import kernels_there  # noqa: E402

HERE = Path(__file__).resolve().parent
running = set()


def run(kernel, group, *options):
    """(exit status, output) of run_group.py."""
    process = subprocess.Popen([HERE / "run_group.py", "--kernel", kernel, "--group", group, *options],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    running.add(process)
    output = process.communicate()[0]
    running.discard(process)
    return process.returncode, output


def stop(number, _):
    # Each harness takes its own machine along.
    for process in list(running):
        process.terminate()
    os._exit(128 + number)


def stop_on_signals():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)


def verdict(output):
    """The last line: of what passes that is all there is to say."""
    return output.strip().rpartition("\n")[2]


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--kernel", action="append", help="a series or release; may be repeated (all that this Debian has)")
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--smp", type=int, default=0, help="processors of each machine (what the group says)")
    options.add_argument("groups", nargs="*")
    chosen = options.parse_args()
    groups = chosen.groups or sorted(path.stem for path in (HERE / "groups").glob("*.sh"))
    stop_on_signals()
    failed = []
    with ThreadPoolExecutor(chosen.jobs) as pool:
        jobs = {pool.submit(run, kernel, group, "--smp", str(chosen.smp)): f"{group} on {kernel}"
                for kernel in chosen.kernel or kernels_there() for group in groups}
        for job in as_completed(jobs):
            status, output = job.result()
            print(output if status else verdict(output), flush=True)
            if status:
                failed.append(jobs[job])
    print(f"{len(jobs) - len(failed)} of {len(jobs)} groups passed" + "".join(f"\n  FAILED: {name}" for name in failed))
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
