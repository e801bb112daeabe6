"""Does a line of the kernel's log say that the kernel is broken?"""

import re

SPLATS = re.compile(
    "|".join(
        [
            r"\bWARNING:",
            r"\bBUG\b",
            r"\bOops\b",
            r"Call Trace:",
            r"cut here \]",
            r"Kernel panic",
            r"\bKASAN\b|\bKCSAN\b|\bKFENCE\b|\bUBSAN\b",
            r"general protection fault",
            r"unable to handle",
            r"divide error|invalid opcode|double fault|stack guard page",
            r"hung task|hung_task: blocked|blocked for more than \d+ seconds",
            r"soft lockup|hard LOCKUP|self-detected stall|detected stalls",
            r"circular locking|recursive locking|lock inversion|inconsistent lock state"
            r"|suspicious RCU usage|bad unlock balance|held lock freed|lock held when returning"
            r"|DEBUG_LOCKS_WARN_ON|invalid wait context|possible deadlock",
            r"scheduling while atomic|sleeping function called",
            r"Redzone|Poison overwritten|Object already free|Padding overwritten"
            r"|Objects remaining|[Ss]lab corruption|Wrong slab|Freechain corrupt",
            r"unreferenced object|Kernel memory leak detector disabled|kmemleak: (Memory pool empty|Cannot allocate)",
            r"turning off the locking correctness validator",
            r"refcount_t|list_(add|del) corruption|ODEBUG:",
            r"bad page state|Bad page map|page allocation failure",
            r"Unpatched return thunk|Missing ENDBR|naked return",
            r"Out of memory:|invoked oom-killer",
        ]
    )
)

# What the kernel says of the machine at boot, not of itself.
HARMLESS = re.compile(
    r"RETBleed: WARNING|Spectre V2 : WARNING|MDS CPU bug|(MMIO Stale Data|TAA|L1TF) CPU bug"
    r"|kfence: initialized|Command line:|Unknown kernel command line"
)


def find(line, allow=()):
    """The words that give a splat away, or None."""
    match = SPLATS.search(line)
    if not match or HARMLESS.search(line) or any(rule.search(line) for rule in allow):
        return None
    return match[0]


class Watch:
    """Reads the kernel's log, line by line.

    A data race that KCSAN sees is told over several lines, between two bars. The kernel has races of its own, which do not
    matter here: one counts if the project's modules are named in it.
    """

    BAR = re.compile(r"={40}")
    OURS = re.compile(r"\[dm_remap")

    def __init__(self, allow=()):
        self.allow = allow
        self.race = None

    def feed(self, line):
        """The words of this line that give a splat away, or None."""
        if "BUG: KCSAN:" in line:
            self.race = line.strip()
        if self.race:
            if self.OURS.search(line):
                race, self.race = self.race, None
                return race
            if self.BAR.search(line):
                self.race = None
            if "KCSAN" in line:
                return None
        return find(line, self.allow)
