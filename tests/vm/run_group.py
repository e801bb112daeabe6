#!/usr/bin/python3
"""Runs a group of tests, or any script, in a virtual machine.

    tests/vm/run_group.py --kernel 6.12 --group harness
    tests/vm/run_group.py --kernel 6.1 --group filesystems --seed 4711
    tests/vm/run_group.py --kernel 6.1 --script tools/demo-guest.sh --stream -- arguments

Exit status 0: everything passed, and the kernel had nothing to complain of.
"""

import argparse
import fcntl
import os
import secrets
import shlex
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import image as images, spec as specs  # noqa: E402
from harness.qemu import QmpError  # noqa: E402
from harness.session import Session  # noqa: E402

TAIL = 50


def parse_arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kernel", help="a series (6.1) or a release (the oldest that this Debian has)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--group", help="a name in tests/vm/groups, or a path")
    what.add_argument("--script", help="any script; its exit status becomes ours")
    parser.add_argument("--modules", help="where the project's .ko are (build/<release>)")
    parser.add_argument("--drives", help="more drives, as in '# vm: drives='")
    parser.add_argument("--only", default="", help="run only tests whose name matches this regular expression")
    parser.add_argument("--seed", type=int, help="of all that the tests draw at random (drawn, and told)")
    parser.add_argument("--smp", type=int, help="processors, instead of the script's own number")
    parser.add_argument("--timeout", type=float, help="seconds, instead of the script's own")
    parser.add_argument("--stream", action="store_true", help="show the script's output as it comes")
    parser.add_argument("--log", help="the log (build/vm/<release>/<group>.log)")
    parser.add_argument("--keep", action="store_true", help="keep drives and state, say where")
    parser.add_argument("args", nargs="*", help="arguments of the script, after --")
    return parser.parse_args(words)


def script_of(arguments):
    if arguments.script:
        return Path(arguments.script).resolve()
    if "/" in arguments.group:
        return Path(arguments.group).resolve()
    return images.VM_DIR / "groups" / f"{arguments.group}.sh"


def take_slot():
    """Waits until fewer machines run than there are processors: more only make each other time out."""
    said = False
    count = int(os.environ.get("DM_REMAP_VM_SLOTS", 0)) or os.cpu_count()
    while True:
        for number in range(count):
            lock = open(f"/run/lock/dm-remap-vm.{number}", "w", encoding="ascii")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except BlockingIOError:
                lock.close()
        if not said:
            print(f"vm: {count} machines are running; waiting for one to end", file=sys.stderr)
            said = True
        time.sleep(0.2)


def stream(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def explain(lines):
    """The part of the log that shows what went wrong."""
    def cut(start, end):
        return lines[max(start, end - TAIL) : end]

    for number, line in enumerate(lines):
        if line.startswith("harness: kernel log:"):
            return lines[max(0, number - 10) : number + TAIL]
        if line.startswith("not ok"):
            starts = [at for at in range(number) if lines[at].startswith("# --- ")]
            return cut(starts[-1] if starts else 0, number + 1)
    return cut(0, len(lines))


def again(session):
    """The command that draws the same once more."""
    given = any(word == "--seed" or word.startswith("--seed=") for word in sys.argv)
    return shlex.join([str(Path(__file__).resolve()), *([] if given else ["--seed", str(session.seed)]), *sys.argv[1:]])


def report(arguments, session, name, seconds, log):
    """The verdict for people; returns the exit status."""
    passed = not session.problems
    if arguments.script:
        for problem in session.problems:
            if not problem.startswith("the script ended"):
                print(f"vm: {problem} (log: {log})", file=sys.stderr)
        return session.status if session.status else int(not passed)
    if passed and not session.results:
        session.problems.append("no test has run")
        passed = False
    good = sum(line.startswith("ok") for line in session.results)
    boots = ", ".join(f"{boot:.1f}" for boot in session.boot_times)
    if not passed:
        print(f"----- from {log}")
        print("\n".join(explain(log.read_text(errors="replace").splitlines())))
        print("-----")
        for problem in session.problems:
            print(f"FAILED {name}: {problem}")
        print(f"again: {again(session)}")
    print(f"{'PASS' if passed else 'FAIL'} {name} on {session.image.release}: {good} of {len(session.results)} tests, "
          f"seed {session.seed}, boot {boots} s, {seconds:.1f} s in all")
    return int(not passed)


def main(words=None):
    arguments = parse_arguments(words)
    # An exception unwinds through the clean-up; the default action would not.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    script = script_of(arguments)
    name = script.stem
    try:
        spec = specs.parse_script(script)
        spec.add_drives(arguments.drives or "")
        spec.timeout = arguments.timeout or spec.timeout
        spec.smp = arguments.smp or spec.smp
        image = images.Image(arguments.kernel or images.kernels_there()[0])
    except (OSError, specs.SpecError, images.ImageError) as error:
        sys.exit(f"vm: {error}")
    modules = Path(arguments.modules or images.REPO / "build" / image.release)
    log = Path(arguments.log or images.REPO / "build/vm" / image.release / f"{name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    seed = secrets.randbelow(1 << 31) if arguments.seed is None else arguments.seed
    slot = take_slot()
    started = time.monotonic()
    show = (lambda line: None) if arguments.stream or arguments.script else (lambda line: print(line, flush=True))
    with open(log, "w", encoding="utf-8", errors="replace", buffering=1) as sink:
        session = Session(image=image, spec=spec, script=script, args=arguments.args, log=sink,
                          only=arguments.only, seed=seed,
                          modules=modules if modules.is_dir() and spec.modules != "none" else None,
                          on_output=stream if arguments.stream else None, on_result=show)
        try:
            if spec.modules == "required" and not session.modules:
                sys.exit(f"vm: {name} needs the modules, and there are none in {modules}")
            session.run()
        except QmpError as error:
            session.problem(str(error))
        finally:
            session.close()
            if arguments.keep:
                print(f"kept: {session.directory}", file=sys.stderr)
            else:
                session.discard()
            slot.close()
    return report(arguments, session, name, time.monotonic() - started, log)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
