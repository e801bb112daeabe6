"""What a case asks for: the `# boot:` lines at the head of its script."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from harness.spec import SpecError

from .layouts import LAYOUTS


@dataclass
class Late:
    """A drive that is plugged in some seconds after a line on the console."""

    drive: str
    seconds: float
    after: re.Pattern


@dataclass
class CaseSpec:
    layout: str = ""
    root: str = ""  # the word after root=; the layout's unless given
    cmdline: list = field(default_factory=list)
    orders: list = field(default_factory=list)  # of drives, one for each boot, in turn
    absent: list = field(default_factory=list)
    late: list = field(default_factory=list)
    stops: list = field(default_factory=list)  # what the console must show in the first boot, instead of a system
    typed: list = field(default_factory=list)  # (command, what it must show): in the shell after that
    goes_on: bool = False  # after that, the system boots and runs the script
    cuts: list = field(default_factory=list)  # in which line on the console the power goes: of the first boot, the second, ...
    never: list = field(default_factory=list)  # what the console must not show
    bad: list = field(default_factory=list)  # words for Drives.bad, before the first boot
    # Session's own.
    drives: list = field(default_factory=list)
    memory: int = 1 << 30
    smp: int = 1
    timeout: float = 600
    allow: list = field(default_factory=list)
    panic_on_warn: bool = True

    def set(self, key, value):
        if key == "layout":
            if value not in LAYOUTS:
                raise SpecError(f"no layout '{value}'; there are {', '.join(LAYOUTS)}")
            self.layout = value
        elif key == "root":
            self.root = value
        elif key == "order":
            self.orders = [order.split(",") for order in value.split(";")]
        elif key == "absent":
            self.absent = value.split(",")
        elif key == "timeout":
            self.timeout = float(value)
        elif key == "goes_on":
            self.goes_on = value != "0"
        elif key == "smp":
            self.smp = int(value)
        else:
            raise SpecError(f"unknown need '{key}={value}'")

    def add(self, kind, text):
        if kind == "":
            for word in text.split():
                key, equals, value = word.partition("=")
                if not equals:
                    raise SpecError(f"'{word}' is not key=value")
                self.set(key, value)
        elif kind == "cmdline":
            self.cmdline += text.split()
        elif kind == "allow":
            self.allow.append(re.compile(text))
        elif kind == "stops":
            self.stops.append(re.compile(text))
        elif kind == "never":
            self.never.append(re.compile(text))
        elif kind == "cut":
            self.cuts.append(re.compile(text))
        elif kind == "type":
            command, _, shows = text.partition(" => ")
            self.typed.append((command, re.compile(shows)))
        elif kind == "late":
            drive, seconds, after = text.split(maxsplit=2)
            self.late.append(Late(drive, float(seconds), re.compile(after)))
        elif kind == "bad":
            self.bad.append(text.split())
        else:
            raise SpecError(f"unknown kind of line 'boot-{kind}'")


def parse_case(path):
    """Reads the comment lines before the first command."""
    spec = CaseSpec()
    for line in Path(path).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            break
        match = re.match(r"#\s*boot(?:-(\w+))?:\s*(.*)", line)
        if not match:
            continue
        try:
            spec.add(match[1] or "", match[2].strip())
        except (SpecError, ValueError, re.error) as error:
            raise SpecError(f"{path}: {line.strip()!r}: {error}") from error
    if not spec.layout:
        raise SpecError(f"{path}: which layout?")
    return spec
