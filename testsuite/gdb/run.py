#!/usr/bin/env python3
"""Debian's gdb, as it is, against the program: real, protected and 64-bit mode, watchpoints, transports,
a Linux kernel by its symbols.

usage: run.py CLEARBOX [TEST...]        tests: all but linux (default), or their names; example
needs GDB_EXAMPLE, the program made of examples/gdb.c

Prints TAP.  A test is gdb commands, and regular expressions that its output has to match in this order.
CLEARBOX_GUESTS names the folder of the guests that testsuite/boot/guests.sh makes (for linux).
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = float(os.environ.get("GDB_TEST_TIMEOUT", "120"))


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


class Guest:
    """The nasm guest: its image, and the linear addresses of its labels."""

    def __init__(self, folder, name="modes.asm"):
        source = os.path.join(folder, name)
        self.image = source[:-4] + ".img"
        table = source[:-4] + ".map"
        with open(os.path.join(HERE, name), encoding="ascii") as text, \
                open(source, "w", encoding="ascii") as out:
            out.write("[map symbols %s]\n" % table + text.read())
        subprocess.run(["nasm", "-f", "bin", "-o", self.image, source], check=True)
        self.labels = {}
        with open(table, encoding="ascii") as text:
            for line in text:
                found = re.match(r"\s*[0-9A-F]+\s+([0-9A-F]+)\s+([a-z][\w.]*)$", line)
                if found:
                    self.labels[found.group(2)] = "0x%x" % int(found.group(1), 16)

    def fill(self, text):
        return re.sub(r"@([a-z][\w.]*)@", lambda m: self.labels[m.group(1)], text)


def expect(output, patterns):
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.M).search(output, at)
        if not found:
            raise Failed("nothing (more) matches %r in\n%s" % (pattern, output))
        at = found.end()


def gdb_command(commands, folder):
    script = os.path.join(folder, "script.gdb")
    with open(script, "w", encoding="ascii") as out:
        out.write("set confirm off\nset pagination off\nset width 0\nset tcp connect-timeout 10\n")
        out.write(commands)
    return ["gdb", "-nx", "-batch", "-x", script]


def gdb(commands, folder, patterns):
    try:
        done = subprocess.run(gdb_command(commands, folder), stdin=subprocess.DEVNULL, timeout=TIMEOUT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed("gdb did not end:\n%s" % (error.stdout or b"").decode(errors="replace")) from error
    expect(done.stdout.decode(errors="replace"), patterns)


class Tests:
    def __init__(self, clearbox, folder):
        self.clearbox, self.folder = clearbox, folder
        self.guest = Guest(folder)
        self.start = "%s -display none -serial null -fda %s" % (clearbox, self.guest.image)
        self.demo = "%s -display none -serial null" % clearbox      # the program's own, which waits for keys
        self.stdio = "target remote | %s -S -gdb stdio\n" % self.start

    def modes(self, commands, patterns, start=None):
        gdb(self.guest.fill((start or self.stdio) + commands), self.folder,
            [self.guest.fill(p) for p in patterns])

    def test_real(self):
        """a boot sector in real mode: right CS:IP, breakpoints, x/i, stepping, watching"""
        self.modes("""
set architecture i8086
x/i $pc
info registers cs cs_base ip
break *@real@
continue
info registers cs cs_base ip eip
x/3i $pc
stepi
info registers ax eax
x/i $pc
set $ax = 0x7c0
break *@real_load@
continue
p/x $ds_base
watch *(short*)@counter@
continue
info registers ip
x/i $pc
info threads
set $cs = 0
info registers cs_base eip ip
set $pc = 0x1234
info registers ip
""", [r"i8086", r"0xfffffff0:\s+ljmp +\$0xf000,\$0xe05b|0xfffffff0:", r"cs .*0xf000", r"cs_base .*0xffff0000",
            r"^ip .*0xfff0", r"Breakpoint 1, 0x0*7c05 in", r"cs +0x7c0 ", r"cs_base +0x7c00 ", r"ip +0x5 ",
            r"eip +@real@", r"=> @real@:\s+mov +\$0x7c0,%ax", r"mov +%ax,%ds", r"xor +%ax,%ax",
            r"^ax +0x7c0", r"=> 0x7c08:\s+mov +%ax,%ds", r"Breakpoint 2,", r" = 0x7c00$",
            r"Hardware watchpoint 3", r"watchpoint 3", r"Old value = 0", r"New value = 4660",
            r"^ip +0x2c ", r"=> @real_written@:\s+nop", r"real mode",
            r"cs_base +0x0 ", r"eip +0x2c ", r"ip +0x2c ", r"ip +0x1234 "])

    def test_frames(self):
        """16-bit frames on a stack with a base: nexti over every kind of call, finish, up, bt; a halt left by $pc"""
        guest = Guest(self.folder, "frames.asm")
        gdb(guest.fill("""
target remote | %s -display none -serial null -fda %s -S -gdb stdio
source %s
set architecture i8086
tbreak *@calls@
continue
nexti
nexti
stepi
nexti
nexti
nexti
stepi
tbreak *@inner_middle@
continue
stepi
bt
up
info registers eip esp ip
down
finish
echo finished\\n
finish
stepi
echo halted\\n
info registers ip
set var $pc = @halted@ + 3
set var $pc = @halted@
nexti
info registers eip edx
tbreak *@inner@
set var $pc = @calls@
set architecture auto
continue
bt
finish
""" % (self.clearbox, guest.image, os.path.join(HERE, "..", "..", "frontend", "clearbox-gdb.py"))), self.folder,
            [guest.fill(p) for p in (
                r"Temporary breakpoint 1, ", r"^0x0*7c23 in", r"^0x0*7c28 in", r"^0x0*7c2b in", r"^0x0*7c2d in",
                r"^0x0*7c2f in", r"^0x0*7c30 in", r"^0x0*7c31 in", r"breakpoint 2, ", r"^#1 +0x0*7c52 in", r"^#2 +0x0*7c34 in",
                r"^#1 +0x0*7c52", r"eip +@after_inner_bp@", r"esp +0xff4 ", r"ip +0x52 ", r"^0x0*7c52 in", r"finished",
                r"^0x0*7c34 in", r"halted", r"ip +0x35 ", r"eip +@woken@", r"edx +0x1234", r"breakpoint 3, ",
                r"^#0 .*7c41 in", r"^#1 +0x0*7c3f in", r"^#2 +0x0*7c23 in", r"^0x0*7c3f in")])

    def test_protected(self):
        """the switch to protected mode stepped through; a segment with a base; hardware breakpoints"""
        self.modes("""
hbreak *@to_protected@
continue
delete
set architecture i8086
x/i $pc
stepi
set architecture i386
info registers cs eip cr0
x/2i $pc
break *@based@
continue
info registers cs cs_base ip eip
x/i $pc
stepi
x/i $pc
p/x $edx
stepi
x/i $pc
tbreak *@protected_written@
continue
x/wx @counter@
find /w @counter@, +4, 0x12345678
""", [r"Hardware assisted breakpoint 1", r"Breakpoint 1, 0x0*7c3c in", r"=> @to_protected@:\s+ljmpl? +\$0x8,\$@protected@",
            r"cs +0x8 ", r"eip +@protected@", r"cr0 .*\[ PE ", r"=> @protected@:\s+mov +\$0x10,%ax",
            r"mov +%eax,%ds", r"Breakpoint 2, @based@|Breakpoint 2, 0x0*7e00", r"cs +0x20 ", r"cs_base +0x7e00 ",
            r"ip +0x0 ", r"eip +@based@", r"=> @based@:\s+mov +\$0x5678,%edx", r"=> @based_return@:\s+lret",
            r"0x5678", r"=> 0x7e1c:\s+mov", r"Temporary breakpoint 3", r"0x12345678", r"1 pattern found"])

    def test_long(self):
        """into 64-bit mode and to high addresses in the same session; SSE, MSRs; a triple fault"""
        self.modes("""
break *@to_long@
continue
stepi
info registers rip cs efer cr4
x/2i $pc
stepi 2
x/i $pc
info threads
break *0xffffffff80000000+@high.again@
continue
p/x $rbx
p/x $xmm0.v2_int64
delete
watch *(long*)(0xffffffff80000000+@counter@)
continue
continue
p $rcx
delete
set $xmm1.v2_double[0] = 1.5
set $ymm2.v8_int32[7] = 77
p $xmm1.v2_double
p $ymm2.v8_int32
p/x $fs_base = 0x123456789000
p/x $fs_base
p/x $cr3
rwatch *(long*)(0xffffffff80000000+@counter@)
continue
delete
awatch *(int*)0x3000
continue
info registers rip
continue
x/i $pc
info registers rip
continue
continue
info registers rip
""", [r"Breakpoint 1, ", r"rip +@long_mode@", r"cs +0x18 ", r"efer .*\[ LME LMA \]", r"cr4 .*PAE OSFXSR",
            r"=> @long_mode@:\s+movabs \$0xffffffff8000", r"jmp +\*%rax", r"=> 0xffffffff80007ea5:\s+movabs",
            r"64-bit mode", r"Breakpoint 2, 0xffffffff80007ec0", r"0x123456789abcdef0", r"0x123456789abcdef0, 0x0",
            r"watchpoint 3", r"Old value = 305419896", r"New value = 305419897", r"New value = 305419898",
            r"= 4$", r"\{1\.5, 0\}", r"\{0, 0, 0, 0, 0, 0, 0, 77\}", r"0x123456789000", r"0x123456789000", r"0x10000",
            r"read watchpoint 4", r"read watchpoint 4", r"Value = ", r"watchpoint 5", r"watchpoint 5",
            r"rip +0xffffffff80007e", r"watchpoint 5", r"=> 0xffffffff80007ed6:\s+ud2",
            r"rip +0xffffffff80007ed6", r"triple fault.* at ffffffff80007ed6", r"SIGSEGV", r"halted for ever",
            r"SIGTRAP", r"rip +0xffffffff80007ed6"])

    def test_architectures(self):
        """-gdb's arch=: what the description says; 32-bit processors"""
        for arch, cpu, said, known in (("auto", "max", "i8086", "rip"), ("x86-64", "max", "i386:x86-64", "r15"),
                                       ("i386", "max", "i386", "rip"), ("processor", "486", "i386", "eip")):
            self.modes("show architecture\ninfo registers %s\n" % known, [r'currently "%s"' % said, known + r" +0x"],
                       "target remote | %s -cpu %s -S -gdb stdio,arch=%s\n" % (self.start, cpu, arch))

    def test_physical(self):
        """physical addresses: memory and breakpoints by QEMU's packet and by the monitor command"""
        self.modes("""
break *@to_long@
continue
delete
stepi 3
x/2i $pc
monitor gdb
maintenance packet Qqemu.PhyMemMode:1
info mem
x/2bx 0x7dfe
awatch *(int*)@counter@
continue
monitor gdb physical off
x/2bx 0xffffffff80007dfe
monitor info registers
monitor nonsense
""", [r"Breakpoint 1", r"=> 0xffffffff80007ea5", r"Addresses are linear.*64-bit mode", r'received: "OK"',
            r"0x7dfe:\s+0x55\s+0xaa", r"watchpoint 2", r"watchpoint 2",
            r"Addresses are linear", r"0xffffffff80007dfe:\s+0x55\s+0xaa", r"RIP=", r"nonsense"])

    def serve(self, start, *options):
        return subprocess.Popen(start.split() + ["-timeout", str(int(TIMEOUT))] + list(options),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def finish(self, process, code):
        try:
            said = process.communicate(timeout=20)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failed("the program did not end") from None
        if process.returncode != code:
            raise Failed("the program ended with %d and said: %s" % (process.returncode, said))

    def test_sockets(self):
        """a Unix socket and a TCP port; detaching and coming again; a connection that breaks; kill"""
        path = os.path.join(self.folder, "socket")
        process = self.serve(self.demo, "-S", "-gdb", "unix:" + path)
        try:
            self.wait_for(lambda: os.path.exists(path))
            self.modes("x/i $pc\nbreak *0xfe05b\ncontinue\ndetach\n", [r"=> 0xfffffff0", r"Breakpoint 1, ", r"detached"],
                       "target remote %s\n" % path)
            # it went on; noise, and a connection that just ends
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(path)
                peer.sendall(b"$g#00$$$#\x03}}~" + bytes(range(256)) * 50)
            self.modes("x/i $pc\nset var $rax = 5\nkill\n", [r"=> ", r"killed"], "target remote %s\n" % path)
            self.finish(process, 0)
        finally:
            process.kill()
            process.wait()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = self.serve(self.demo, "-gdb", "tcp::%d" % port)
        try:
            self.modes("stepi\nset remote exec-file machine\nstarti\ninfo registers cs ip\nstepi\nx/i $pc\nmonitor quit\n",
                       [r"cs +0xf000 ", r"ip +0xfff0 ", r"=> 0xfe05b"], "target extended-remote :%d\n" % port)
            self.finish(process, 0)
        finally:
            process.kill()
            process.wait()

    @staticmethod
    def wait_for(condition):
        for _ in range(200):
            if condition():
                return
            time.sleep(0.05)
        raise Failed("it did not come")

    def test_interrupt(self):
        """Ctrl-C in gdb while the guest runs, on a socket and as gdb's child"""
        path = os.path.join(self.folder, "socket2")
        process = self.serve(self.demo, "-gdb", "unix:" + path)
        try:
            self.wait_for(lambda: os.path.exists(path))
            self.interrupted(path)
            self.interrupted("| %s -gdb stdio" % self.demo)
        finally:
            process.kill()
            process.wait()

    def interrupted(self, target):
        script = "target remote %s\necho begin\\n\ncontinue\necho between\\n\ninfo registers cs\ncontinue\n" \
                 "echo end\\n\ninfo threads\ndetach\n" % target
        with subprocess.Popen(gdb_command(script, self.folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, start_new_session=True) as debugger:
            try:
                output = b""
                for word in (b"begin", b"between"):
                    while word not in output:
                        more = os.read(debugger.stdout.fileno(), 4096)
                        if not more:
                            raise Failed("gdb ended: " + output.decode(errors="replace"))
                        output += more
                    time.sleep(0.7)
                    # as a terminal does: to all that run in it
                    os.killpg(debugger.pid, signal.SIGINT)
                output += debugger.communicate(timeout=TIMEOUT)[0]
            except subprocess.TimeoutExpired:
                raise Failed("gdb did not end: " + output.decode(errors="replace")) from None
            finally:
                debugger.kill()
        expect(output.decode(errors="replace"),
               [r"SIGINT", r"between", r"cs ", r"SIGINT", r"end", r"Thread 1", r"detached"])

    def test_reverse(self):
        """backwards: to the instruction that wrote, across modes, to the beginning, and forward again"""
        text = subprocess.run([self.clearbox, "-help"], stdout=subprocess.PIPE, check=True).stdout
        if b"-history" not in text:
            raise Skipped("this clearbox keeps no history")
        self.modes("""
break *(0xffffffff80000000+@finished@)
continue
p $instructions
delete
watch *(long*)(0xffffffff80000000+@counter@)
reverse-continue
x/i $pc
reverse-continue
reverse-stepi
x/i $pc
stepi
x/i $pc
delete
break *@real_written@
reverse-continue
info registers ip cr0
x/hx @counter@
delete
watch *(short*)@counter@
reverse-continue
set architecture i8086
x/i $pc
delete
reverse-continue
info registers cs ip instructions
x/hx @counter@
set architecture auto
break *(0xffffffff80000000+@finished@)
continue
p $instructions
x/wd 0xffffffff80000000+@counter@
""", [r"Breakpoint 1, ", r"= (\d+)", r"watchpoint 2", r"watchpoint 2", r"Old value = 305419901", r"New value = 305419900",
            r"=> 0xffffffff80007ec0:\s+incl? +\(%rsi\)", r"watchpoint 2", r"New value = 305419899",
            r"=> 0xffffffff80007ec2:\s+loop", r"=> 0xffffffff80007ec0:\s+inc", r"Breakpoint 3", r"ip +0x2c ",
            r"cr0 +0x10 ", r"0x1234", r"watchpoint 4", r"Old value = 4660", r"New value = 0",
            r"=> 0x7c\w+:\s+movw +\$0x1234,%es:", r"No more reverse-execution history", r"cs +0xf000 ",
            r"ip +0xfff0 ", r"instructions +0x0 ", r":\s+0x0000", r"Breakpoint 5", r"= \d+", r"\s305419901"],
                   "target remote | %s -history 64 -S -gdb stdio\n" % self.start)

    def test_example(self):
        """examples/gdb.c: a server inside a program"""
        example = os.environ.get("GDB_EXAMPLE")
        if not example:
            raise Failed("GDB_EXAMPLE does not say where the program is")
        gdb("""
target remote | %s
set architecture i8086
x/2i $pc
watch *(short*)0x500
continue
continue
p $ax
monitor info
kill
""" % example, self.folder, [r"=> 0xffff0:\s+xor +%%ax,%%ax".replace("%%", "%"), r"mov +%ax,0x500",
                             r"Old value = 0", r"New value = 1", r"New value = 2", r"= 2$", r"no monitor commands",
                             r"killed"])

    def test_linux(self):
        """a Linux kernel by symbol; a variable watched, and back to who wrote it last; user memory"""
        guests = os.environ.get("CLEARBOX_GUESTS") or os.path.join(
            os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "clearbox", "guests")
        kernel, initrd = (os.path.join(guests, name) for name in ("vmlinuz-amd64", "initrd-amd64"))
        if not os.path.exists(kernel):
            subprocess.run(["sh", os.path.join(HERE, "..", "boot", "guests.sh"), "amd64"], check=True,
                           stdout=subprocess.DEVNULL)
        symbols = os.path.join(self.folder, "symbols.elf")
        subprocess.run([sys.executable, os.path.join(HERE, "kallsyms.py"), kernel, symbols], check=True,
                       stdout=subprocess.DEVNULL)
        gdb("""
file %s
target remote | %s -display none -serial null -m 256 -kernel %s -initrd %s -append "console=ttyS0 nokaslr modules=none" -history 256 -S -gdb stdio,arch=x86-64
break start_kernel
continue
x/i $pc
info registers rip
bt
watch *(unsigned long*)&jiffies_64
continue
bt 2
delete
break do_sys_openat2
continue
x/s $rsi
bt 2
info threads
delete
watch *(unsigned long*)&jiffies_64
reverse-continue
x/i $pc
kill
""" % (symbols, self.clearbox, kernel, initrd), self.folder,
            [r"Breakpoint 1, 0xffffffff\w+ in start_kernel \(\)", r"=> 0x\w+ <start_kernel>:", r"rip .*<start_kernel>",
             r"#1 .* in \w*startup_64", r"watchpoint 2", r"watchpoint 2", r"Old value = \d+", r"in do_timer",
             r"#1 .* in ", r"Breakpoint 3, 0x\w+ in do_sys_openat2", r'"/\w+', r"#1 .*openat", r"64-bit mode",
             r"watchpoint 4", r"watchpoint 4", r"Old value = \d+", r"jiffies", r"=> 0x\w+ <\w*(jiffies|timer)\w*\+",
             r"killed"])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip())
    for tool in ("gdb", "nasm"):
        if not shutil.which(tool):
            print("1..0 # SKIP there is no %s" % tool)
            return
    names = sys.argv[2:] or [name[5:] for name in vars(Tests) if name.startswith("test_") and name != "test_linux"]
    print("1..%d" % len(names), flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tests = Tests(os.path.abspath(sys.argv[1]), folder)
        for number, name in enumerate(names, 1):
            test = getattr(tests, "test_" + name)
            try:
                test()
                print("ok %d - %s: %s" % (number, name, test.__doc__), flush=True)
            except Skipped as reason:
                print("ok %d - %s # SKIP %s" % (number, name, reason), flush=True)
            except Failed as error:
                failed += 1
                print("not ok %d - %s: %s" % (number, name, test.__doc__))
                print("\n".join("# " + line for line in str(error).splitlines()), flush=True)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
