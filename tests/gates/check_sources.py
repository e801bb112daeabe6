#!/usr/bin/env python3
"""Gate on the sources of the modules, for rules that leave no trace in an object.

usage: check_sources.py [TOP]

Each failure is a line "FAIL <rule> <file>:<line>: <text>"; the exit status is 1 if there is any.
"""
import pathlib
import re
import sys

CXX_FOLDERS = ["src/core", "src/metadata", "src/spare_pool", "src/reassembly", "src/stats"]
# g++ takes itself for hosted and lets every header in. These work without a runtime; what in them throws or
# allocates is caught by check_modules. Not <limits>, <algorithm> and <iterator>: g++ 10 meets functions of floating point in
# them or in what they include, which it does not compile with the kernel's flags.
STANDARD_HEADERS = set("""
    array bit cerrno compare concepts cstddef cstdint cstring initializer_list new optional span tuple type_traits
    utility
""".split())
# A volatile asm statement is no volatile object.
FORBIDDEN = {
    "volatile": re.compile(r"(?<!asm )(?<!__asm__ )\bvolatile\b"),
    "seq-cst": re.compile(r"__ATOMIC_SEQ_CST|memory_order_seq_cst|__sync_\w+"),
}
# The rooms of core, each of which knows only those behind it; C lives in the first alone.
ROOMS = ["target", "engine", "recovery", "map", "index"]
# Beside what the build makes and the probes share, a quoted name is that of a file of ours, from src/ or include/ on: the
# rules for rooms and circles know no other.
NOT_FROM_SRC = {"dmr_compat_generated.h", "probe.h"}
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def strip_comments(text):
    """Blanks out comments and string literals, keeping lines; include lines keep their names."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)

    def blank(match):
        found = match.group(0)
        line_start = text.rfind("\n", 0, match.start()) + 1
        if found[0] == '"' and text[line_start:match.start()].lstrip().startswith("#"):
            return found
        return re.sub(r"[^\n]", " ", found)

    return token.sub(blank, text)


def check_cxx(path):
    for number, line in enumerate(strip_comments(path.read_text()).splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            bracket, name = include.groups()
            if name.startswith(("linux/", "asm/", "asm-generic/", "uapi/", "shim/")):
                yield "kernel-header", number, line
            elif bracket == "<" and "/" not in name and name not in STANDARD_HEADERS:
                yield "standard-header", number, line
        for rule, pattern in FORBIDDEN.items():
            if pattern.search(line):
                yield rule, number, line


def includes(path):
    for number, line in enumerate(strip_comments(path.read_text()).splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            yield number, line, include.group(2)


def check_rooms(core):
    for path in sorted(p for p in core.rglob("*") if p.is_file()):
        room = path.relative_to(core).parts[0]
        if room not in ROOMS:
            yield "room", path, 1, f"not in a room of core ({', '.join(ROOMS)})"
            continue
        if path.suffix in (".c", ".h") and room != ROOMS[0]:
            yield "room", path, 1, f"C lives in core/{ROOMS[0]}"
        for number, line, name in includes(path):
            folder, *rest = name.split("/")
            if folder == "core" and rest[0] not in ROOMS[ROOMS.index(room):]:
                yield "room", path, number, line
            # The roles are known by their contracts in include/dm_remap alone, the kernel's side by C.
            elif folder not in ("core", "..") and (core.parent / folder).is_dir() and (room, folder) != (ROOMS[0], "shim"):
                yield "room", path, number, line


def check_names(top):
    roots = [top / "src", top / "include"]
    for path in sorted(p for p in roots[0].rglob("*") if p.suffix in (".c", ".h", ".cc", ".hh")):
        for number, line in enumerate(strip_comments(path.read_text()).splitlines(), 1):
            include = INCLUDE.match(line)
            if include and include.group(1) == '"' and include.group(2) not in NOT_FROM_SRC and (
                    ".." in include.group(2).split("/") or not any((root / include.group(2)).is_file() for root in roots)):
                yield "include-name", path, number, line


def check_circles(top):
    """A source and its header are one thing; none may include, through others, what includes it."""
    uses = {}
    src = top / "src"
    for path in sorted(p for p in src.rglob("*") if p.suffix in (".c", ".h", ".cc", ".hh")):
        name = path.relative_to(src).with_suffix("")
        for _, _, include in includes(path):
            if (src / include).is_file():
                uses.setdefault(str(name), set()).add(str(pathlib.Path(include).with_suffix("")))

    def walk(at, path):
        if at in path:
            return path[path.index(at):]
        return next((found for to in sorted(uses.get(at, set()) - {at}) if (found := walk(to, path + [at]))), None)

    circle = next((found for name in sorted(uses) if (found := walk(name, []))), None)
    if circle:
        yield "circle", next(src.glob(circle[0] + ".*")), 1, " -> ".join(circle + circle[:1])


def main():
    here = pathlib.Path(__file__).resolve().parent
    top = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent.parent
    failed = False

    def report(rule, path, number, text):
        nonlocal failed
        failed = True
        print(f"FAIL {rule} {path.relative_to(top)}:{number}: {text.strip()}")

    cxx = [p for f in CXX_FOLDERS for p in sorted((top / f).rglob("*")) if p.suffix in (".cc", ".hh")]
    cxx += sorted((top / "include").rglob("*.hh"))
    for path in cxx:
        for rule, number, line in check_cxx(path):
            report(rule, path, number, line)
    for path in sorted((top / "src/shim").rglob("*")):
        if path.suffix in (".cc", ".hh"):
            report("cxx-in-shim", path, 1, "the shim is C")
    for rule, path, number, text in [*check_rooms(top / "src/core"), *check_names(top),
                                     *check_circles(top)]:
        report(rule, path, number, text)
    if not cxx:
        print(f"FAIL no-sources {top}: no C++ found")
        failed = True
    if not failed:
        print(f"ok   {len(cxx)} C++ files")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
