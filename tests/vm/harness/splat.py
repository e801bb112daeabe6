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
            r"unreferenced object|kmemleak: \d+ new suspected",
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
