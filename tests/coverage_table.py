#!/usr/bin/env python3
"""What gcov counted in src/metadata and src/spare_pool, by file: see coverage.sh."""
import collections
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

ROLES = ("src/metadata", "src/spare_pool")


def read(root, build):
    """{file: {line: {"count": n, "branches": [n, ...]}}}. Of a header's lines, and of templates, the copies of all
    objects are one: a branch is taken if it is in one of them."""
    files = collections.defaultdict(dict)
    counted = sorted(build.glob("CMakeFiles/dmr_*.dir/src/**/*.gcda"))
    if not counted:
        sys.exit(f"coverage_table.py: nothing was counted in {build}: run tests/coverage.sh")
    with tempfile.TemporaryDirectory() as scratch:
        for data in counted:
            subprocess.run(["gcov", "--json-format", "--branch-probabilities", str(data)], cwd=scratch, check=True,
                           stdout=subprocess.DEVNULL)
            for answer in pathlib.Path(scratch).glob("*.gcov.json.gz"):
                take_in(json.loads(gzip.decompress(answer.read_bytes())), root, files)
                answer.unlink()
    return files


def take_in(answer, root, files):
    for entry in answer["files"]:
        path = pathlib.Path(answer["current_working_directory"], entry["file"]).resolve()
        if not path.is_relative_to(root) or str(path.relative_to(root).parent) not in ROLES:
            continue
        lines = files[str(path.relative_to(root))]
        # A template's line comes once for each instance.
        for line in entry["lines"]:
            known = lines.setdefault(line["line_number"], {"count": 0, "branches": []})
            known["count"] += line["count"]
            branches = [b["count"] for b in line["branches"] if not b["throw"]]
            known["branches"] += [0] * (len(branches) - len(known["branches"]))
            for i, count in enumerate(branches):
                known["branches"][i] += count


def share(part, whole):
    return f"{part:5} of {whole:5} {100 * part / whole if whole else 100:6.1f} %"


def main():
    arguments = sys.argv[1:]
    uncovered = "--uncovered" in arguments
    root, build = (pathlib.Path(a).resolve() for a in arguments if a != "--uncovered")
    files = read(root, build)
    print(f"{'':34} {'lines':^23}   {'branches':^23}")
    for role in ROLES:
        total = [0, 0, 0, 0]
        for name in sorted(name for name in files if name.startswith(role + "/")):
            source = (root / name).read_text().splitlines()
            lines = files[name].values()
            branches = [count for line in lines for count in line["branches"]]
            numbers = [sum(line["count"] > 0 for line in lines), len(lines), sum(c > 0 for c in branches), len(branches)]
            total = [a + b for a, b in zip(total, numbers)]
            print(f"{name:34} {share(*numbers[:2])}   {share(*numbers[2:])}")
            if uncovered:
                for number, line in sorted(files[name].items()):
                    missed = [str(i) for i, count in enumerate(line["branches"]) if not count]
                    if missed or not line["count"]:
                        what = f"branch {', '.join(missed)} of {len(line['branches'])}" if missed else "line"
                        print(f"    {number}: {what}: {source[number - 1].strip()}")
        print(f"{role + ', total':34} {share(*total[:2])}   {share(*total[2:])}\n")


main()
