"""What differs between machines for kernels of one architecture and another."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    program: str
    arguments: tuple
    console: str
    words: tuple = ()  # for the kernel's command line
    # Whose files the guest sees as its own: this host's, or for programs that this host cannot run, a root directory in
    # the cache; and what puts the programs there.
    root: str = ""
    root_maker: str = "tools/setup vm"

    def root_in(self, cache):
        return cache / self.root if self.root else Path("/")


X86 = Machine(
    "qemu-system-x86_64",
    ("-machine", "pc,usb=off,vmport=off,smbus=off,hpet=off", "-cpu", "max"),
    "ttyS0,115200",
    # An emulated clock that two VMs share two cores for is now and then called unstable.
    ("tsc=nowatchdog", "no_timer_check"),
)
# By the book, authenticating a pointer takes longer to emulate than all else.
ARM64 = Machine(
    "qemu-system-aarch64",
    ("-machine", "virt,gic-version=3", "-cpu", "max,pauth-impdef=on"),
    "ttyAMA0",
    root="arm64",
    root_maker="tools/lib/arm64.sh root",
)


def machine_for(config):
    """The machine for a kernel with these options."""
    return ARM64 if "CONFIG_ARM64" in config else X86
