#!/usr/bin/python3
"""Runs the tests that draw at random many times in a row, each time with another seed.

    tests/vm/run_seeds.py --times 20                               of all groups, on the kernel that tools/check runs each on
    tests/vm/run_seeds.py --times 5 --kernel 6.12 filesystems      this one on that one
    tests/vm/run_seeds.py --times 20 --only 'unplugged' drives     of its tests those whose name matches
    tests/vm/run_seeds.py --list                                   which tests draw

The other tests of a group, which do each time what they did before, are left out, unless --only names them. One line a run,
with its seed; no failure stops it. Exit status 1 if there was one: then the log is kept, in build/vm/seeds, and the command
said that draws the same again.
"""

import argparse
import re
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

sys.dont_write_bytecode = True
from run_all import HERE, kernels_there, run, stop_on_signals, verdict  # noqa: E402

LOGS = HERE.parent.parent / "build/vm/seeds"


def source(group):
    return (HERE / "groups" / f"{group}.sh").read_text()


def functions(script):
    """name -> text, of each function of a script: a line that begins with its name, to a line that begins with its bracket."""
    found, name = {}, None
    for line in script.splitlines():
        begins = re.match(r"(\w+)\(\) [{(](.*)", line)
        if begins:
            name = begins[1]
            found[name] = begins[2]
        elif name:
            found[name] += "\n" + line
        if re.match(r"[})]", line) or (begins and re.search(r"[})]\s*(#.*)?$", begins[2])):
            name = None
    return found


def tests_that_draw(group):
    """The names of the tests of a group that draw: all that does, in guest/random.sh and remap.sh, has a name that begins so, and
    what calls it draws as well. In a group of several phases the later tests look at what the earlier ones have left."""
    text = source(group)
    known = {name: body for path in sorted((HERE / "guest").glob("*.sh")) for name, body in functions(path.read_text()).items()}
    known |= functions(text)
    draws = {name for name in known if name.startswith("random_")}
    while True:
        words = re.compile(rf"\b({'|'.join(draws)})\b")
        more = {name for name, body in known.items() if name not in draws and words.search(body)}
        if not more:
            break
        draws |= more
    tests = re.findall(r"^\s*test_case '([^']*)' (.*)", text, re.M)
    chosen = [name for name, call in tests if draws & set(call.split())]
    return [name for name, _ in tests] if chosen and "$PHASE" in text else chosen


def only(group):
    """These tests as the regular expression that bash takes."""
    return "^(" + "|".join(re.sub(r"[][\\.^$*+?(){}|]", r"\\\g<0>", name) for name in tests_that_draw(group)) + ")$"


def groups_that_draw():
    return [group for group in sorted(path.stem for path in (HERE / "groups").glob("*.sh")) if tests_that_draw(group)]


def kernels_of(group):
    there = kernels_there()
    return [series for series in re.findall(r"^# on: (\S+)", source(group), re.M) if series in there] or there


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
    options.add_argument("--only", help="run tests whose name matches this regular expression (those that draw)")
    options.add_argument("--list", action="store_true", help="the tests that draw; run nothing")
    options.add_argument("--jobs", type=int, default=2, help="machines at a time")
    options.add_argument("groups", nargs="*")
    chosen = options.parse_args()
    if chosen.list:
        for group in chosen.groups or groups_that_draw():
            print(f"{group}:", *tests_that_draw(group), sep="\n  ")
        return 0
    first = secrets.randbelow(1 << 31) if chosen.first is None else chosen.first
    stop_on_signals()
    LOGS.mkdir(parents=True, exist_ok=True)
    if chosen.times < 1:
        options.error("--times: at least once")
    good = 0
    with ThreadPoolExecutor(chosen.jobs) as pool:
        jobs = [pool.submit(run_seed, kernel, group, seed, ["--only", chosen.only or only(group)])
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
