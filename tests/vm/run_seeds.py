#!/usr/bin/python3
"""Runs the groups that draw at random many times in a row, each time with another seed.

    tests/vm/run_seeds.py --times 20                               all of them, on the kernel that tools/check runs each on
    tests/vm/run_seeds.py --times 5 --kernel 6.12 filesystems      this one on that one
    tests/vm/run_seeds.py --times 20 --only 'under load' drives    of its tests those whose name matches

One line a run, with its seed; no failure stops it. Exit status 1 if there was one: then the log is kept, in
build/vm/seeds, and the command said that draws the same again.
"""

import argparse
import re
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

sys.dont_write_bytecode = True
from run_all import HERE, run, stop_on_signals, verdict  # noqa: E402

LOGS = HERE.parent.parent / "build/vm/seeds"


def source(group):
    return (HERE / "groups" / f"{group}.sh").read_text()


def groups_that_draw():
    """All that draws, in guest/random.sh and remap.sh, has a name that begins so."""
    names = sorted(path.stem for path in (HERE / "groups").glob("*.sh"))
    return [name for name in names if re.search(r"\brandom_", source(name))]


def kernels_of(group):
    return re.findall(r"^# on: (\S+)", source(group), re.M) or ["6.1", "6.12"]


def run_seed(kernel, group, seed, options):
    """(passed, what to print)"""
    log = LOGS / f"{group}-{kernel}-{seed}.log"
    status, output = run(kernel, group, "--seed", str(seed), "--log", log, *options)
    if not status:
        log.unlink()
        return True, verdict(output)
    said = re.findall(r"^(?:FAILED .*|again: .*|vm: .*)", output, re.M)
    return False, "\n  ".join([f"FAIL {group} on {kernel}, seed {seed}", *said, f"log: {log}"])


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--times", type=int, default=20, help="how often each group")
    options.add_argument("--first", type=int, help="the first seed; the others follow it (drawn)")
    options.add_argument("--kernel", action="append", help="a series or release; may be repeated")
    options.add_argument("--only", default="", help="run only tests whose name matches this regular expression")
    options.add_argument("--jobs", type=int, default=2, help="machines at a time")
    options.add_argument("groups", nargs="*")
    chosen = options.parse_args()
    first = secrets.randbelow(1 << 31) if chosen.first is None else chosen.first
    stop_on_signals()
    LOGS.mkdir(parents=True, exist_ok=True)
    if chosen.times < 1:
        options.error("--times: at least once")
    good = 0
    with ThreadPoolExecutor(chosen.jobs) as pool:
        jobs = [pool.submit(run_seed, kernel, group, seed, ["--only", chosen.only])
                for seed in range(first, first + chosen.times)
                for group in chosen.groups or groups_that_draw() for kernel in chosen.kernel or kernels_of(group)]
        for job in as_completed(jobs):
            passed, text = job.result()
            good += passed
            print(text, flush=True)
    print(f"{good} of {len(jobs)} runs passed")
    return int(good < len(jobs))


if __name__ == "__main__":
    sys.exit(main())
