#!/usr/bin/python3
"""Boots Debian systems that have dm-remap, as they boot on a machine, and tries a case in each.

    tests/boot/run.py --system bookworm --initramfs initramfs-tools --case root_on_remap
    tests/boot/run.py --matrix                      every case on every system with every initramfs, and a table of it
    tests/boot/run.py --matrix --system trixie      a part of it

Exit status 0: everything passed, and the kernel had nothing to complain of.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "vm"), str(HERE)]
from bootlib.images import BootImage, ImageError  # noqa: E402
from bootlib.session import BootSession  # noqa: E402
from bootlib.spec import parse_case  # noqa: E402
from harness.image import REPO, ImageError as VmImageError  # noqa: E402
from harness.qemu import QmpError  # noqa: E402
from harness.spec import SpecError  # noqa: E402
from run_group import explain, take_slot  # noqa: E402

SYSTEMS = ("bookworm", "bookworm-6.12", "trixie")
INITRAMFS = ("initramfs-tools", "dracut")


def parse_arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--system", action="append", choices=SYSTEMS, help="bookworm unless given")
    parser.add_argument("--initramfs", action="append", choices=INITRAMFS, help="initramfs-tools unless given")
    parser.add_argument("--case", action="append", help="a name in tests/boot/cases")
    parser.add_argument("--matrix", action="store_true", help="all of what is not given")
    parser.add_argument("--only", default="", help="run only tests whose name matches this regular expression")
    parser.add_argument("--boots", type=int, default=3, help="how often the cases boot that repeat it (3)")
    parser.add_argument("--keep", action="store_true", help="keep drives and state, say where")
    arguments = parser.parse_args(words)
    cases = sorted(path.stem for path in (HERE / "cases").glob("*.sh"))
    if not arguments.matrix and not arguments.case:
        parser.error(f"which case? There are: {' '.join(cases)}")
    unknown = [name for name in arguments.case or () if name not in cases]
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are: {' '.join(cases)}")
    arguments.case = arguments.case or cases
    arguments.system = arguments.system or list(SYSTEMS if arguments.matrix else SYSTEMS[:1])
    arguments.initramfs = arguments.initramfs or list(INITRAMFS if arguments.matrix else INITRAMFS[:1])
    return arguments


def run(arguments, system, initramfs, case):
    """'pass', or what went wrong in a word; the rest is printed."""
    script = HERE / "cases" / f"{case}.sh"
    log = REPO / "build/boot" / f"{system}-{initramfs}" / f"{case}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    spec = parse_case(script)
    image = BootImage(system, initramfs, spec.layout)
    slot = take_slot()
    started = time.monotonic()
    with open(log, "w", encoding="utf-8", errors="replace", buffering=1) as sink:
        session = BootSession(image=image, spec=spec, script=script, only=arguments.only, boots=arguments.boots, log=sink,
                              on_result=lambda line: print(line, flush=True))
        try:
            session.run()
        except QmpError as error:
            session.problem(str(error))
        finally:
            session.close()
            slot.close()
            if arguments.keep:
                print(f"kept: {session.directory}", file=sys.stderr)
            else:
                session.discard()
    if not session.problems and not session.results:
        session.problems.append("no test has run")
    passed = not session.problems
    if not passed:
        print(f"----- from {log}")
        print("\n".join(explain(log.read_text(errors="replace").splitlines())))
        print("-----")
        for problem in session.problems:
            print(f"FAILED {case}: {problem}")
        print(f"again: {Path(__file__).resolve()} --system {system} --initramfs {initramfs} --case {case}")
    boots = ", ".join(f"{boot:.0f}" for boot in session.boot_times)
    print(f"{'PASS' if passed else 'FAIL'} {case} on {system} with {initramfs}: {len(session.results)} tests, boot {boots or 'none'} s, "
          f"{time.monotonic() - started:.0f} s in all", flush=True)
    return "pass" if passed else "FAIL"


def table(verdicts, columns):
    """A row for each case, a column for each system and initramfs."""
    cases = list(dict.fromkeys(case for case, _ in verdicts))
    print("\n| case | " + " | ".join(f"{system}, {initramfs}" for system, initramfs in columns) + " |")
    print("|---|" + "---|" * len(columns))
    for case in cases:
        print(f"| {case} | " + " | ".join(verdicts.get((case, column), "") for column in columns) + " |")


def main(words=None):
    arguments = parse_arguments(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    columns = [(system, initramfs) for system in arguments.system for initramfs in arguments.initramfs]
    verdicts = {}
    for column in columns:
        for case in arguments.case:
            try:
                verdicts[case, column] = run(arguments, *column, case)
            except (OSError, SpecError, ImageError, VmImageError) as error:
                print(f"boot: {case} on {' with '.join(column)}: {error}", file=sys.stderr, flush=True)
                verdicts[case, column] = "not run"
    if len(verdicts) > 1:
        table(verdicts, columns)
    return int(any(verdict != "pass" for verdict in verdicts.values()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
