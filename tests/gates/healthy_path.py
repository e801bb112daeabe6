"""The healthy path in the object code: no instruction that locks the bus, and nothing written that other processors write too.

By x86's assembly, as the compiler left it. In map and end_io every store must go to the stack, to this processor's own
variables (%gs), to the bio, or to what dm_per_bio_data() answered; where a pointer comes from is followed through
registers, along every branch. What these two jump to is no longer the healthy path; of what is asked where something is
remapped near, only the locks are looked for.
"""
import re

HOT = ("remap_map", "remap_end_io")
ASKED = re.compile(r"remap_map_near|remap_map_routed|dmr_engine_route|route_near|RegionFilter\d+maybe|ExtentIndex\d+(find|lookup)")
# Of a module that has these in it there must be something to look at.
TARGET = "dmr_target_type"

FUNCTION = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(.*?)\s*(?:#.*)?$")
RELOCATION = re.compile(r"^\s+[0-9a-f]+: R_\S+\s+([^\s+-]+)")
LOCKS = re.compile(r"^lock\b|^xchg\s.*\(|^cmpxchg|^xadd|^[lms]fence")
# With a memory operand that they only read.
READ_ONLY = re.compile(r"^(cmp|test|bt[bwlq]?\s|nop|prefetch|call|jmp|lea|push)")

WORD = re.compile(r"%(?:([re]?)(ax|bx|cx|dx|si|di|bp|sp)|([abcd])[lh]|(si|di|bp|sp)l|(r\d+)[dwb]?)\b")
# These save all registers.
KEEPS = re.compile(r"__fentry__|__SCT__preempt_schedule|preempt_schedule_thunk")
SCRATCH = ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
OURS = ("bio", "own", "stack")


def register(text):
    """The 64-bit register that this operand is, or is a part of; None for another operand."""
    match = WORD.fullmatch(text)
    if not match:
        return None
    return match[5] or "r" + (match[2] or match[4] or match[3] + "x")


def operands(text):
    return [part.strip() for part in re.split(r",(?![^(]*\))", text)] if text else []


def disassembled(lines):
    """Functions by name: lists of (address, instruction, symbol it refers to)."""
    functions, current = {}, None
    for line in lines:
        if match := FUNCTION.match(line):
            current = functions.setdefault(match[2], [])
        elif (match := RELOCATION.match(line)) and current:
            current[-1] = (*current[-1][:2], match[1])
        elif (match := INSTRUCTION.match(line)) and current is not None:
            current.append((int(match[1], 16), match[2], None))
    return functions


def written_to(mnemonic, args):
    """The memory operand that this instruction changes."""
    if not args or READ_ONLY.match(mnemonic + " ") or "(" not in args[-1] and "%gs:" not in args[-1]:
        return None
    return args[-1]


def may_write(operand, state):
    if operand.startswith("%gs:"):
        return True
    base = re.search(r"\((%\w+)?", operand)[1]
    return base is not None and state.get(register(base)) in OURS


def after(mnemonic, args, symbol, state):
    """What the registers hold then: "bio", "own", "stack", or nothing that may be written to."""
    state = dict(state)
    if symbol and KEEPS.match(symbol):
        return state
    if mnemonic.startswith("call"):
        for name in SCRATCH:
            state.pop(name, None)
        if symbol == "dm_per_bio_data":
            state["rax"] = "own"
        return state
    target = register(args[-1]) if args else None
    if target is None or mnemonic.startswith(("cmp", "test", "push", "j")) or target == "rsp":
        return state
    source = None
    if mnemonic in ("mov", "movq") and len(args) == 2:
        source = register(args[0])
    elif mnemonic == "lea" and re.fullmatch(r"(?:-?0x[0-9a-f]+)?\((%\w+)\)", args[0]):
        source = register(re.search(r"\((%\w+)", args[0])[1])
    state.pop(target, None)
    if source in state:
        state[target] = state[source]
    return state


def shared_writes(instructions):
    """Those that write to what may be others' too."""
    places = {address: at for at, (address, _, _) in enumerate(instructions)}
    seen = {}
    todo = [(0, {"rsi": "bio", "rsp": "stack"})]
    while todo:
        at, state = todo.pop()
        if at >= len(instructions):
            continue
        if at in seen:
            merged = {name: tag for name, tag in seen[at].items() if state.get(name) == tag}
            if merged == seen[at]:
                continue
            state = merged
        seen[at] = state
        _, text, symbol = instructions[at]
        mnemonic, _, rest = text.partition(" ")
        args = operands(rest.strip())
        target = written_to(mnemonic, args)
        if target and not may_write(target, state):
            yield text
        if mnemonic.startswith("ret"):
            continue
        if mnemonic.startswith("j"):
            there = re.match(r"([0-9a-f]+) <", rest.strip())
            if symbol is None and there and int(there[1], 16) in places:
                todo.append((places[int(there[1], 16)], state))
            if mnemonic == "jmp":
                continue
        todo.append((at + 1, after(mnemonic, args, symbol, state)))


def check(functions, defined):
    """Yields what is wrong."""
    for name in HOT:
        if name in functions:
            for text in sorted(set(shared_writes(functions[name]))):
                yield f"{name} writes to what is not its own: {' '.join(text.split())}"
        elif TARGET in defined:
            yield f"there is no {name} to look at"
    for name, instructions in functions.items():
        if name in HOT or ASKED.search(name):
            for _, text, _ in instructions:
                if LOCKS.match(text):
                    yield f"{name}: {' '.join(text.split())}"
