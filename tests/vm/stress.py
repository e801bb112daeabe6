#!/usr/bin/python3
"""Everything at once, for as long as wanted: fio and users that know their data, on two remap devices whose disks fail,
whose spares come and go, and which are suspended, reloaded, renamed and asked meanwhile.

    tests/vm/stress.py --kernel 6.12 --minutes 20 --seed 7
    tests/vm/stress.py --plan 20 --seed 7                  the first 20 actions of everybody

Without --seed one is drawn; the same seed gives the same actions, not the same moments. Exit status 0: no wrong data, no
error that the faults do not explain, nothing in the kernel's log, everything was done at least once. Needs the host
programs (make host) and the modules.
"""

import argparse
import random
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import run_group  # noqa: E402
from harness import image as images  # noqa: E402

SCRIPT = images.REPO / "tests/stress/stress.sh"
PROGRAM = images.REPO / "build/host/tests/stress/dmr_stress"
# To boot, to get everything done once on a slow machine, to come to an end, and to read everything once more.
BESIDES = 2400


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kernel", default="6.12", help="a series (6.1) or a release")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, help="drawn and printed unless given")
    parser.add_argument("--modules", help="where the project's .ko are (build/<release>)")
    parser.add_argument("--plan", type=int, metavar="COUNT", help="print the plan, do nothing")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 31)
    if not PROGRAM.exists():
        sys.exit(f"stress: {PROGRAM} is missing: make host")
    if arguments.plan:
        return subprocess.run([PROGRAM, "plan", str(seed), str(arguments.plan)], check=False).returncode
    try:
        release = images.Image(arguments.kernel).release
    except images.ImageError as error:
        sys.exit(f"stress: {error}")
    log = images.REPO / "build/vm" / release / f"stress-{seed}.log"
    seconds = int(arguments.minutes * 60)
    print(f"stress: seed {seed}, {arguments.minutes:g} minutes on {release}, log {log}", flush=True)
    words = ["--kernel", release, "--script", str(SCRIPT), "--timeout", str(seconds + BESIDES), "--log", str(log), "--stream"]
    if arguments.modules:
        words += ["--modules", arguments.modules]
    status = run_group.main(words + ["--", str(PROGRAM), str(seed), str(seconds)])
    print(f"{'FAIL' if status else 'PASS'} stress on {release}, seed {seed}, {arguments.minutes:g} minutes")
    return int(status != 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
