#!/usr/bin/env python3
"""Gate on built modules: what the compiler and the linker let pass but a kernel does not stand.

usage: check_modules.py [--modules a,b,...] [--config FILE] DIR

DIR holds the .ko files, and beside their objects the .su files that -fstack-usage left.
Each failure is a line "FAIL <rule> <module>: <detail>"; the exit status is 1 if there is any.
"""
import argparse
import collections
import fnmatch
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True

import healthy_path

HERE = pathlib.Path(__file__).resolve().parent
MODULES = ["dm-remap", "dm-remap-metadata", "dm-remap-spare-pool", "dm-remap-reassembly", "dm-remap-stats"]
CORE = "dm-remap"
# A module name and a symbol share 64 bytes in the version table and its tools.
MAX_EXPORT = 55
MAX_FRAME = 1024
# Nobody runs .init_array (CONFIG_CONSTRUCTORS is off) or ever looks at .fini_array.
CONSTRUCTOR_SECTIONS = re.compile(r"\.(init_array|fini_array|preinit_array|ctors|dtors)\b")
UNWIND_SECTIONS = re.compile(r"\.(eh_frame|gcc_except_table)\b")
SECTION = re.compile(r"\s*\[\s*\d+\] (?P<name>\S+)\s+\S+ +[0-9a-f]+ [0-9a-f]+ (?P<size>[0-9a-f]+) [0-9a-f]+ +(?P<flags>[A-Za-z]*) +\d")
# x86's code model is "kernel": sign-extended 32 bits, no zero-extended addresses. No architecture has a GOT.
BAD_RELOCS = {"absolute-reloc": re.compile(r"\bR_X86_64_(32|16|8)\b"),
              "got-reloc": re.compile(r"\bR_(X86_64|AARCH64)_\w*GOT\w*")}
# What an instrumented kernel's flags must have left in each object made of C++.
SANITIZERS = {"CONFIG_KASAN": "__asan_", "CONFIG_KCSAN": "__tsan_"}
# Vector registers, and x87, whose mnemonics are all that begin with f ("fs" is a prefix).
FPU = re.compile(r"%[xyz]mm\d|%mm\d|%st\b|%k[0-7]\b|\tf(?!s\b)[a-z0-9]+\b")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def rule_lines(name):
    for line in (HERE / name).read_text().splitlines():
        line = line.split("#", 1)[0].strip()
        if line:
            yield line


def load_allowed():
    """[section] headings name modules (globs); below each, symbol globs."""
    allowed, section = {}, None
    for line in rule_lines("allowed_symbols.txt"):
        if line.startswith("["):
            section = allowed.setdefault(line.strip("[]"), [])
        else:
            section.extend(line.split())
    return allowed


def load_forbidden():
    for line in rule_lines("forbidden_symbols.txt"):
        rule, module, kind, pattern = line.split(None, 3)
        yield rule, module, kind, re.compile(pattern)


def load_config(explicit, directory):
    identity = directory / ".identity"
    candidates = [explicit] if explicit else []
    if identity.exists():
        kdir = pathlib.Path(identity.read_text().split()[0])
        candidates += [kdir / "include/config/auto.conf", kdir / ".config"]
    for path in candidates:
        if path and pathlib.Path(path).exists():
            return set(re.findall(r"^(CONFIG_\w+)=[ym]", pathlib.Path(path).read_text(), re.M))
    return set()


class Module:
    def __init__(self, directory, name):
        self.name = name
        self.directory = directory
        self.ko = directory / f"{name}.ko"
        self.defined, self.undefined = set(), set()
        for line in run("nm", "-P", str(self.ko)):
            symbol, kind = line.split()[:2]
            (self.undefined if kind in "Uwv" else self.defined).add(symbol)

    def exports(self):
        prefix = "__ksymtab_"
        return {s[len(prefix):] for s in self.defined if s.startswith(prefix)}

    def objects(self):
        """The .mod file of kbuild lists what a module is linked from."""
        listed = (self.directory / f"{self.name}.mod").read_text().split()
        return [self.directory / o if not o.startswith("/") else pathlib.Path(o) for o in listed if o.endswith(".o")]


def check_symbols(module, allowed, forbidden, core_exports):
    caught = set()
    for rule, glob, kind, pattern in forbidden:
        if not fnmatch.fnmatchcase(module.name, glob):
            continue
        symbols = {"defined": module.defined, "undefined": module.undefined}[kind]
        for symbol in sorted(s for s in symbols if pattern.search(s)):
            caught.add(symbol)
            yield rule, f"{kind} symbol {symbol}"
    globs = [g for section, gs in allowed.items() if fnmatch.fnmatchcase(module.name, section) for g in gs]
    for symbol in sorted(module.undefined - caught):
        if module.name != CORE and symbol in core_exports:
            continue
        if not any(fnmatch.fnmatchcase(symbol, g) for g in globs):
            yield "undefined-symbol", f"{symbol} is not in allowed_symbols.txt"
    for symbol in sorted(module.exports()):
        if len(symbol) > MAX_EXPORT:
            yield "export-name", f"{symbol} has {len(symbol)} characters, more than {MAX_EXPORT}"


def check_sections(module, config):
    # The sanitizers' own constructors are run: these options select CONFIG_CONSTRUCTORS.
    sanitized = config & {"CONFIG_KASAN", "CONFIG_KCSAN", "CONFIG_GCOV_KERNEL"}
    names, loaded = set(), collections.Counter()
    for line in run("readelf", "-SW", str(module.ko)):
        match = SECTION.match(line)
        if match:
            names.add(match["name"])
            # What the kernel gives a file in /sys/module/*/sections, and refuses the module if that is there already.
            loaded[match["name"]] += "A" in match["flags"] and int(match["size"], 16) > 0
    for name in sorted(name for name in loaded if loaded[name] > 1):
        yield "section-twice", f"{loaded[name]} sections {name}: insmod would say \"File exists\""
    for name in sorted(names):
        if name.startswith(".rela"):
            continue
        if CONSTRUCTOR_SECTIONS.match(name) and not sanitized:
            yield "static-constructor", f"section {name}"
        if UNWIND_SECTIONS.match(name):
            yield "exception-tables", f"section {name}"


def check_relocations(module):
    section, seen = "", set()
    for line in run("readelf", "-rW", str(module.ko)):
        heading = re.match(r"Relocation section '\.rela(\S+)'", line)
        if heading:
            section = heading.group(1)
        # The checksum of an exported symbol is a number, which some kernels take as an absolute symbol's value.
        elif not section.startswith((".debug", ".BTF", "__kcrctab")):
            for rule, pattern in BAD_RELOCS.items():
                found = pattern.search(line)
                if found and (rule, section) not in seen:
                    seen.add((rule, section))
                    yield rule, f"{found.group(0)} in {section}: {line.split()[-3]}"


def check_instrumented(module, config):
    for option, prefix in SANITIZERS.items():
        for obj in module.objects() if option in config else ():
            if obj.with_suffix(".cc").exists() and not any(prefix in line for line in run("nm", "-u", str(obj))):
                yield "not-instrumented", f"{obj} has none of the calls ({prefix}) that {option} asks for"
    if "CONFIG_UBSAN_BOUNDS" in config and not any("__ubsan_" in s for s in module.undefined):
        yield "not-instrumented", "no object has the calls (__ubsan_) that CONFIG_UBSAN_BOUNDS asks for"


def check_fpu(module):
    # Elsewhere the kernel's flags (-mgeneral-regs-only) let the compiler refuse it, and this objdump reads x86 alone.
    if not any("X86-64" in line for line in run("readelf", "-h", str(module.ko))):
        return
    function = "?"
    for line in run("objdump", "-d", "--no-show-raw-insn", str(module.ko)):
        if line.endswith(">:"):
            function = line.split("<", 1)[1][:-2]
        elif FPU.search(line):
            yield "fpu", f"{function}: {' '.join(line.split()[1:])}"
            return


def check_healthy_path(module, config):
    # Where each access is watched, watching writes too.
    if module.name != CORE or config & {"CONFIG_KASAN", "CONFIG_KCSAN", "CONFIG_KMSAN", "CONFIG_GCOV_KERNEL"}:
        return
    # Only x86's instructions are known here.
    if any("X86-64" in line for line in run("readelf", "-h", str(module.ko))):
        functions = healthy_path.disassembled(run("objdump", "-dr", "--no-show-raw-insn", str(module.ko)))
        for detail in healthy_path.check(functions, module.defined):
            yield "healthy-path", detail


def check_frames(module):
    objects = module.objects()
    if not objects:
        yield "frame-size", f"{module.name}.mod lists no objects"
    for obj in objects:
        usage = obj.with_suffix(".su")
        if not usage.exists():
            yield "frame-size", f"{usage} is missing"
            continue
        for line in usage.read_text().splitlines():
            place, size, kind = line.split("\t")
            if int(size) > MAX_FRAME:
                yield "frame-size", f"{place} uses {size} bytes of stack, more than {MAX_FRAME}"
            if kind == "dynamic":
                yield "frame-size", f"{place} has a frame without a bound"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--modules", default=",".join(MODULES))
    parser.add_argument("--config", help="kernel configuration, for modules built elsewhere")
    parser.add_argument("directory", type=pathlib.Path)
    args = parser.parse_args()

    directory = args.directory.resolve()
    config = load_config(args.config, directory)
    allowed, forbidden = load_allowed(), list(load_forbidden())
    core_exports = Module(directory, CORE).exports() if (directory / f"{CORE}.ko").exists() else set()

    failed = False
    for name in args.modules.split(","):
        if not (directory / f"{name}.ko").exists():
            problems = [("missing-module", f"no {directory}/{name}.ko")]
        else:
            module = Module(directory, name)
            problems = [*check_symbols(module, allowed, forbidden, core_exports), *check_sections(module, config),
                        *check_relocations(module), *check_instrumented(module, config), *check_fpu(module),
                        *check_healthy_path(module, config)]
            # Sanitizers enlarge every frame.
            if not config & {"CONFIG_KASAN", "CONFIG_KMSAN"}:
                problems += check_frames(module)
        for rule, detail in problems:
            print(f"FAIL {rule} {name}: {detail}")
            failed = True
        if not problems:
            print(f"ok   {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
