"""16-bit frames for gdb: nexti over calls, finish, up and backtraces in real mode.

    (gdb) source /usr/share/clearbox/clearbox-gdb.py

gdb by itself looks for 32-bit return addresses at $esp, without the base of SS.  This tells it where the
return address of 16-bit code really is: at the top of the stack just after a call, above BP in functions
that set one up, else the first word above SP that follows a call to somewhere before $pc.  A word counts
only if a CALL or INT instruction stands in front of where it points.  Interrupts of devices, and functions
that take arguments off the stack (RET n) are not seen through.

For gdb 12 and later with Python, at Clearbox's gdb server (docs/debugging.md).
"""
import gdb
from gdb.unwinder import Unwinder, register_unwinder

REACH = 4096            # bytes of a function
DEPTH = 512             # bytes of stack that are looked at


class FrameId:
    """Without a pc, frames of one stack pointer are equal: what gdb compares around a call."""

    def __init__(self, sp):
        self.sp = gdb.Value(sp)


def memory(address, count):
    try:
        return bytes(gdb.selected_inferior().read_memory(address, count))
    except gdb.MemoryError:
        return b""


def word(data, at):
    return int.from_bytes(data[at:at + 2], "little") if 0 <= at <= len(data) - 2 else None


def indirect(code, reg):
    """Does an FF /reg instruction end here?"""
    for length, mods in ((2, (0, 3)), (3, (1,)), (4, (0, 2))):
        modrm = code[8 - length + 1]
        if code[8 - length] == 0xff and modrm >> 3 & 7 == reg and modrm >> 6 in mods and \
                (modrm >> 6 != 0 or (modrm & 7 == 6) == (length == 4)) and not (reg == 3 and modrm >> 6 == 3):
            return True
    return False


def call_before(base, offset):
    """[(kind, linear target or None)] of the instructions that may end at offset; kind: bytes they push."""
    code = memory(base + offset - 8, 8) if offset >= 8 else b""
    found = []
    if len(code) < 8:
        return found
    if code[5] == 0xe8:
        found.append((2, base + ((offset + word(code, 6)) & 0xffff)))
    if indirect(code, 2):
        found.append((2, None))
    if code[3] == 0x9a:
        found.append((4, word(code, 4) + 16 * word(code, 6)))
    if indirect(code, 3):
        found.append((4, None))
    if code[6] == 0xcd:
        vector = memory(4 * code[7], 4)
        if len(vector) == 4:
            found.append((6, word(vector, 0) + 16 * word(vector, 2)))
    return found


class State:
    """The registers of a frame."""

    def __init__(self, frame):
        self.frame = frame
        self.pc, self.sp, self.bp = (self.read(n) for n in ("rip eip", "rsp esp", "rbp ebp"))
        self.cs, self.cs_base, self.ss_base = (self.read(n) for n in ("cs", "cs_base", "ss_base"))
        self.real = not self.read("cr0") & 1 or bool(self.read("eflags") & 0x20000)

    def read(self, names):
        for name in names.split():
            try:
                return int(self.frame.read_register(name)) & 0xffffffffffffffff
            except (ValueError, gdb.error):
                continue
        raise ValueError(names)

    def is_16(self):
        """Neither D nor L of CS; a 16-bit stack, too."""
        return not self.read("cs_attributes") & 0x6000 and not self.read("ss_attributes") & 0x4000

    def slot(self, stack, at, reach, indirect_too):
        """What a return address at this place of the stack would mean: (bytes, CS, its base, offset), or None."""
        offset = word(stack, at)
        if offset is None:
            return None
        segments = [(self.cs, self.cs_base, (2,))]
        if self.real and word(stack, at + 2) is not None:
            segments.append((word(stack, at + 2), 16 * word(stack, at + 2), (4, 6)))
        for cs, base, kinds in segments:
            for kind, target in call_before(base, offset):
                if kind in kinds and (indirect_too if target is None else 0 <= self.pc - target < reach):
                    return kind, cs, base, offset
        return None

    def caller(self):
        """(bytes above SP, CS, its base, offset, the caller's BP) or None."""
        sp, bp = self.sp & 0xffff, self.bp & 0xffff
        stack = memory(self.ss_base + sp, min(DEPTH, 0x10000 - sp))
        found = self.slot(stack, 0, 1, True)
        if found:
            return (found[0],) + found[1:] + (self.bp,)
        if sp <= bp < sp + len(stack) - 4:
            found = self.slot(stack, bp + 2 - sp, REACH, True)
            if found:
                return (bp + 2 - sp + found[0],) + found[1:] + (self.bp & ~0xffff | word(stack, bp - sp),)
        for at in range(0, len(stack) - 1, 2):
            found = self.slot(stack, at, REACH, False)
            if found:
                return (at + found[0],) + found[1:] + (self.bp,)
        return None


class RealMode(Unwinder):
    """16-bit code on a 16-bit stack."""

    def __init__(self):
        super().__init__("clearbox-16-bit")

    def __call__(self, pending):
        try:
            state = State(pending)
            if not state.is_16():
                return None
        except (ValueError, gdb.error):
            return None         # another machine, or a frame of which not enough is known
        sp = state.sp & 0xffff
        info = pending.create_unwind_info(FrameId(state.ss_base + sp))
        found = state.caller()
        if not found:           # gdb ends at a frame whose pc is 0; it is like no frame of a step
            found = 0xffff - sp, 0, 0, 0, 0
        size, cs, base, offset, bp = found
        new_sp = state.sp & ~0xffff | (sp + size) & 0xffff
        values = {"rip": base + offset, "eip": base + offset, "rsp": new_sp, "esp": new_sp, "rbp": bp, "ebp": bp,
                  "cs": cs, "cs_base": base, "ip": offset}
        same = ("ss", "ss_base", "cr0", "eflags", "cs_attributes", "ss_attributes")
        for name in list(values) + list(same):
            try:
                value = pending.read_register(name)
                if name in values:
                    value = gdb.Value(values[name]).cast(value.type)
                info.add_saved_register(name, value)
            except (ValueError, gdb.error):
                continue        # not in this architecture
        return info


register_unwinder(None, RealMode(), replace=True)
