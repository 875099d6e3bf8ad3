#!/usr/bin/env python3
"""The monitor: its commands, and what comes to its socket from people who mean no good.
usage: test_monitor.py CLEARBOX"""
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import warnings

from clearbox import COUNTER, MOUSE, PAGING, ROWS, TRIPLE, TRIPLE_UD2, Clearbox, Monitor, boot_sector

warnings.simplefilter('ignore', ResourceWarning)
PROGRAM = os.path.abspath(sys.argv[1])
with open(PROGRAM, 'rb') as opened:     # another host's program, which a script starts in an emulator
    EMULATED = opened.read(2) == b'#!'
FOLDER = tempfile.mkdtemp()


def path(name):
    return os.path.join(FOLDER, name)


with open(path('disk.img'), 'wb') as made:
    made.write(boot_sector(COUNTER))
    made.truncate(1 << 20)
with open(path('a b.iso'), 'wb') as made:
    made.truncate(1 << 20)
with open(path('floppy.img'), 'wb') as made:
    made.truncate(1440 << 10)


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Clearbox(PROGRAM, ['-m', '4', '-cdrom', path('a b.iso'), '-hda', path('disk.img')],
                           FOLDER)

    @classmethod
    def tearDownClass(cls):
        assert cls.box.quit() == 0

    def test_running(self):
        box = self.box
        box.wait_for('ab')
        box('stop')
        self.assertIn('paused', box('info status'))
        first = box('info status')
        time.sleep(0.1)
        self.assertEqual(box('info status'), first)
        box('c')
        time.sleep(0.1)
        self.assertIn('running', box('info status'))
        self.assertNotEqual(box('info status'), first)

    def test_words(self):
        box = self.box
        self.assertEqual(box(''), '')
        self.assertEqual(box('   # nothing'), '')
        self.assertIn('did you mean system_reset?', box('system_rest'))
        self.assertIn('did you mean registers?', box('info regsters'))
        self.assertIn('it takes other arguments; try change DEVICE FILE', box('change cdrom'))
        self.assertIn('it takes no arguments', box('stop now'))
        self.assertIn('a " is open', box('change cdrom "x'))
        self.assertIn('more than 16 words', box('sendkey' + ' a' * 17))
        self.assertIn('it takes no /x', box('stop/x'))
        self.assertIn('is no key', box('sendkey a nokey'))
        self.assertEqual(box('sendkey ctrl-alt-f1 a ret spc comma shift-minus kp_5 meta_l'), '')
        listed = box('help')
        for name in ('info', 'stop', 'cont', 'savevm', 'loadvm', 'sendkey', 'screendump', 'change', 'eject',
                     'system_reset', 'system_powerdown', 'quit'):
            self.assertIn('\n' + name, '\n' + listed)
            self.assertIn(name, box('help ' + name))

    def test_media(self):
        box = self.box
        self.assertIn('ide1-cd0: %s (raw, read-only), 1048576 bytes' % path('a b.iso'), box('info block'))
        self.assertEqual(box('eject cdrom'), '')
        self.assertIn('ide1-cd0: empty', box('info block'))
        self.assertIn('No such file', box('change ide1-cd0 ' + path('none')))
        self.assertEqual(box('change ide1-cd0 "%s"' % path('a b.iso')), '')
        self.assertEqual(box('change cdrom "%s"' % path('a b.iso')), '')
        self.assertIn('cannot be changed', box('eject hda'))
        self.assertIn('is no drive', box('eject hdz'))
        self.assertEqual(box('change floppy0 ' + path('floppy.img')), '')
        self.assertEqual(box('change fda ' + path('floppy.img')), '')  # the same one again
        self.assertIn('larger than any floppy', box('change fda ' + path('a b.iso'))
                      if os.path.getsize(path('a b.iso')) > 2880 << 10 else 'larger than any floppy')
        self.assertEqual(box('eject -f fda'), '')
        self.assertIn('there is -f only', box('eject -x fda'))

    def test_screendump(self):
        box = self.box
        self.assertEqual(box('screendump ' + path('screen.ppm')), '')
        with open(path('screen.ppm'), 'rb') as file:
            self.assertEqual(file.read(2), b'P6')
        self.assertIn('No such file', box('screendump /nonexistent/x.ppm'))

    def test_reset(self):
        box = self.box
        box('stop')
        before = int(box('info status').split('\n')[1].split()[0])
        self.assertEqual(box('system_reset'), '')
        box('cont')
        time.sleep(0.2)
        self.assertGreater(int(box('info status').split('\n')[1].split()[0]), before)


class Looking(unittest.TestCase):
    """x, print, info and the debugger, on the guest that counts."""

    @classmethod
    def setUpClass(cls):
        cls.box = Clearbox(PROGRAM, ['-m', '4', '-cpu', '486', '-S', path('disk.img')], FOLDER)

    @classmethod
    def tearDownClass(cls):
        assert cls.box.quit() == 0

    def until(self, text):
        """Waits for a notice that the machine stopped."""
        monitor = self.box.monitor
        while text not in monitor.left.decode():
            monitor.left += monitor.socket.recv(65536)
        return self.box('')

    def test_debugger(self):
        box = self.box
        box('stop')
        box('delete')
        self.assertIn('there are none', box('info breakpoints'))
        # the increment is at 7c1b
        self.assertIn('breakpoint at 0x7c1b', box('break 0x7c1b if dword(0x1000) == 5'))
        self.assertIn('if dword(0x1000) == 5', box('info breakpoints'))
        box('system_reset')
        box('cont')
        notice = self.until('inc dword ptr [0x1000]')
        self.assertIn('stopped by', notice)
        self.assertIn('paused', box('info status'))
        self.assertEqual(box('x/1xw 0x1000'), '0000000000001000: 0x00000005\n')
        self.assertEqual(box('p dword(0x1000) * 2 + 1'), '0xb  11\n')
        self.assertIn('inc dword ptr', box('x/2i $pc'))
        self.assertIn('0x7c1b', box('p $pc'))
        self.assertIn('cmp word ptr', box('step'))
        self.assertEqual(box('xp/2dh 0x1000'), '0000000000001000: 6 0\n')
        self.assertEqual(box('p/c 65'), " 'A'\n")
        self.assertEqual(box('p/c 0x7fffffffffff1207'), " '\\x07'\n")
        box('delete')
        self.assertIn('watchpoint', box('watch/w 0x1000,4 if dword(0x1000) == 9'))
        box('cont')
        notice = self.until('cmp word ptr')
        self.assertIn('write of 0x1000 by the instruction at 0x7c1b', notice)
        self.assertEqual(box('xp/dw 0x1000'), '0000000000001000: 9\n')
        box('delete')
        self.assertEqual(box('branches on'), '')
        trace = path('trace.txt')
        self.assertEqual(box('trace %s from=0x7c1b to=0x7c20 max=6' % trace), '')
        box('step 30')
        box('trace off')
        with open(trace) as file:
            lines = file.read().splitlines()
        self.assertEqual(len(lines), 6)
        self.assertIn('0000:7c1b 66ff060010 inc dword ptr [0x1000]', lines[-1] + lines[-2])
        self.assertRegex(box('info branches'), r'0000000000007c26 -> 0000000000007c1b( \(\d+ times\))?\n')
        box('branches off')
        # registers, by all their names
        self.assertEqual(box('set rax 0x123456789'),
                         'set: 0x123456789 is no value for rax\n')
        self.assertEqual(box('set rax 0x12345678'), '')
        for name, value in [('$eax', 0x12345678), ('$ax', 0x5678), ('$ah', 0x56), ('al', 0x78),
                            ('$rax + -8', 0x12345670), ('$cs.limit', 0xffff), ('1 << 64', 0), ('7 / 2 % 2', 1),
                            ('(1 || 1 / 0) && !0', 1), ("'a' - 1", 96), ('0x10 == 16', 1), ('~0 >> 60', 15),
                            ('byte(0x7c00)', 0xfa), ('pword(0x7c00)', 0x31fa), ('3 > 2 == 1', 1)]:
            self.assertTrue(box('p ' + name).startswith('0x%x ' % value), name + box('p ' + name))
        for wrong in ('1 +', '(1', '1 / 0', '$nothing', 'nothing', '1 2', 'dword(0xfffff000000)', '0x', '9' * 30,
                      '(' * 500, '12ab', '*', 'byte(', '$'):
            self.assertIn('print: ', box('p ' + wrong))
        self.assertIn('fa', box('x/3xb 0x7c00'))
        self.assertIn('no memory', box('x 0x50000000'))
        self.assertIn('after the count come', box('x/5q 0'))
        self.assertIn('from 1 to 65536', box('x/99999999x 0'))
        self.assertIn('neither a symbol nor a register', box('break nowhere'))
        self.assertIn('neither a symbol nor a register', box('break 0x1000 if nowhere'))
        self.assertIn('there is no 77', box('delete 77'))
        self.assertIn('is no filter', box('trace %s x=1' % trace))
        box('cont')

    def test_symbols(self):
        box = self.box
        with open(path('System.map'), 'w') as file:
            file.write('0000000000007c00 T start\n0000000000007c1b t again\n0000000000001000 D counter\n')
        self.assertEqual(box('symbols ' + path('System.map')), '')
        self.assertEqual(box('symbols'), '3 names\n')
        self.assertIn('0x1000', box('p counter'))
        self.assertIn('<again+0x5>', box('p 0x7c20'))
        self.assertIn('again:\n', box('x/3i again'))
        if EMULATED:
            return
        # the test program itself is an ELF file with symbols; damaged ones must do no harm
        with open(PROGRAM, 'rb') as file:
            elf = file.read(40 << 20)
        self.assertEqual(box('symbols %s 0x100000000' % PROGRAM), '')
        self.assertGreater(int(box('symbols').split()[0]), 100)
        draw = random.Random(6)
        sections = int.from_bytes(elf[40:48], 'little')
        for _ in range(40):
            damaged = bytearray(elf)
            for _ in range(draw.randrange(1, 8)):
                place = draw.choice([draw.randrange(64), sections + draw.randrange(max(1, len(elf) - sections))])
                damaged[min(place, len(elf) - 1)] = draw.choice([0, 1, 0x7f, 0x80, 0xff, draw.randrange(256)])
            with open(path('damaged'), 'wb') as file:
                file.write(damaged[:draw.choice([len(elf), len(elf), draw.randrange(200), len(elf) // 2])] or b'x')
            box('symbols none')
            box('symbols ' + path('damaged'))
        box('symbols none')
        self.assertIn('names no addresses', box('symbols ' + path('disk.img')))
        self.assertIn('No such file', box('symbols ' + path('none')))

    def test_info(self):
        box = self.box
        for topic, text in [('registers', 'CR0='), ('fpu', 'FCW='), ('cpus', '486'), ('pic', 'pic1:'), ('irq', 'IRQ 14'),
                            ('pci', 'host bridge: 8086:1237'), ('mtree', 'ram @0'), ('network', 'no network card'),
                            ('devices', 'pit 0'), ('device pit', 'counters[2].control: 0x'), ('block', 'ide0-hd0'),
                            ('version', 'clearbox'), ('chardev', 'serial0: file'), ('hash', '\n'), ('mem', ''), ('tlb', ''),
                            ('gdt', 'base'), ('ldt', 'none'), ('idt', '10: c000:'), ('tss', 'TR 0000'),
                            ('lapic', 'none'), ('autopsy', ''), ('breakpoints', ''), ('status', 'instructions')]:
            self.assertIn(text, box('info ' + topic))
        self.assertIn('is no device', box('info device nothing'))
        self.assertIn('is no device', box('info device pit 7'))


class Faults(unittest.TestCase):
    def start(self, code, *options):
        with open(path('fault.img'), 'wb') as file:
            file.write(boot_sector(code))
            file.truncate(1 << 20)
        box = Clearbox(PROGRAM, ['-m', '4', '-cpu', '486', *options, path('fault.img')], FOLDER)
        self.addCleanup(box.kill)
        return box

    def test_triple(self):
        box = self.start(TRIPLE, '-S')
        self.assertEqual(box('catch triple'), '')
        box('cont')
        end = time.time() + 20
        while 'paused' not in box('info status') and time.time() < end:
            time.sleep(0.05)
        chain = box('info autopsy')
        self.assertIn('#UD at 0008:%x' % TRIPLE_UD2, chain)
        self.assertIn('the IDT has no usable gate for vector 6 (its limit is 0)', chain)
        self.assertIn('#DF(0000)', chain)
        self.assertIn('the processor shut down', chain)
        self.assertIn('ud2', box('x/i $pc'))
        self.assertIn('0008: code32 DPL 0', box('info gdt'))
        box('catch triple off')
        box.quit()

    def test_catch(self):
        box = self.start(bytes.fromhex('fa0f0bebfc'), '-S')     # cli; ud2; jmp to it
        self.assertIn('exception 6', box('catch 6 if $rip == 0x7c01'))
        box('cont')
        end = time.time() + 20
        while 'paused' not in box('info status') and time.time() < end:
            time.sleep(0.05)
        self.assertIn('met 1 times', box('info breakpoints'))
        self.assertIn('#UD at 0000:7c01', box('info autopsy'))
        box.quit()

    def test_no_reboot(self):
        with open(path('fault.img'), 'wb') as file:
            file.write(boot_sector(TRIPLE))
            file.truncate(1 << 20)
        done = subprocess.run([PROGRAM, '-display', 'none', '-m', '4', '-cpu', '486', '-no-reboot', '-timeout', '20',
                               path('fault.img')], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 12)
        self.assertIn('no usable gate for vector 8', done.stderr)

    def test_paging(self):
        box = self.start(PAGING)
        end = time.time() + 20
        while 'PTE' not in box('walk 0x7000') and time.time() < end:
            time.sleep(0.05)
        self.assertIn('not present at the PTE', box('walk 0x5123'))
        self.assertIn('not present at the PDE', box('walk 0x400000'))
        self.assertIn('no writes (#PF: the page is read-only and CR0.WP is set)', box('walk 0x6000'))
        walk = box('walk 0x7fff')
        self.assertIn('PDE   [0] at 0x10000', walk)
        self.assertIn('PTE   [7] at 0x1101c', walk)
        self.assertIn('physical 0x7fff', walk)
        self.assertIn('user: nothing (#PF: a supervisor page)', walk)      # the directory says so
        self.assertEqual(box('info mem').splitlines()[0], '0000000000000000-0000000000004fff 0000000000005000 -rwx')
        self.assertIn('0000000000006000: 0000000000006000 ---------', box('info tlb'))       # XGPDACTUW
        self.assertIn('hlt', box('x/i 0x7c81'))
        # it has halted for ever, and is there for the monitor still
        box('system_reset')
        time.sleep(0.2)
        self.assertIn('paging is off', box('info mem'))
        box.quit()


    def test_looped_tables(self):
        """Four levels of tables that are all the same one: what it says ends all the same."""
        box = self.start(bytes.fromhex('b80010' '8ec0' '31ff' 'b90002'      # 512 times 10007h at 10000h
                                       'b80700ab' 'b80100ab' '31c0abab' 'e2f2'
                                       'b061e6e9' 'faf4'), '-cpu', 'core2', '-debugcon', 'file:' + path('said'))
        end = time.time() + 20
        while not os.path.getsize(path('said')) and time.time() < end:
            time.sleep(0.05)
        box('stop')
        for register, value in ('cr4', 0x20), ('efer', 0x500), ('cr3', 0x10000), ('cr0', 0x80000011):
            self.assertEqual(box('set %s %d' % (register, value)), '')
        self.assertIn('PML4E', box('walk 0'))
        begin = time.time()
        self.assertIn('there is more', box('info mem'))
        self.assertIn('there is more', box('info tlb'))
        self.assertLess(time.time() - begin, 15)


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Clearbox(PROGRAM, ['-m', '4', '-cpu', '486', path('disk.img')], FOLDER)

    @classmethod
    def tearDownClass(cls):
        assert cls.box.quit() == 0

    def alive(self):
        self.assertIn('running', self.box('info status'))

    def raw(self):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(10)
        end = time.time() + 10
        while time.time() < end:
            try:
                one.connect(self.box.path)
                break
            except BlockingIOError:         # more wait than it lets wait
                time.sleep(0.01)
        return one

    def test_lines(self):
        box = self.box
        self.assertIn('longer than 4095', box('x' * 10000))
        self.assertIn('longer than 4095', box('x' * 4096))
        self.assertIn('is no command', box('x' * 4095))
        self.assertIn('NUL byte', box('in\0fo status'))
        self.assertEqual(box('\r'), '')
        self.assertIn('is no command', box('\x1b[A\xff\xfe%s%n%n'))
        for piece in (b'in', b'fo ', b'st', b'atus'):
            box.monitor.socket.sendall(piece)
            time.sleep(0.02)
        self.assertIn('running', box(''))
        box.monitor.socket.sendall(b'info status\n' * 200)
        for _ in range(200):
            self.assertIn('running', box.monitor.answer())
        self.alive()

    def test_garbage(self):
        draw = random.Random(3)
        for _ in range(30):
            one = self.raw()
            data = bytes(draw.choice([0, 10, 32, 34, 92, 47, 37, 200, 97, 105]) for _ in range(3000))
            try:
                one.sendall(data)
            except OSError:
                pass                    # four others were there already
            one.close()
        self.alive()

    def test_command_garbage(self):
        draw = random.Random(4)
        names = [line.split('|')[0].split(' ')[0] for line in self.box('help').split('\n') if line]
        words = ['0', '-1', '0x', '99999999999999999999', '/', '"', '%s', '$', '$rip', '(', '1+', '*', '-', '']
        for name in names:
            if name in ('quit', 'savevm', 'screendump', 'system_powerdown', 'logfile', 'trace') or '/' in name:
                continue
            for _ in range(12):
                line = name + ''.join(' ' + draw.choice(words) for _ in range(draw.randrange(4)))
                self.box(line)
        self.box('cont')
        self.alive()

    def test_connections(self):
        more = [Monitor(self.box.path) for _ in range(3)]
        for monitor in more:
            self.assertIn('running', monitor('info status'))
        fifth = self.raw()
        self.assertIn(b'use this monitor already', fifth.recv(1000))
        fifth.close()
        for monitor in more:
            monitor.close()
        for _ in range(100):
            self.raw().close()
        for _ in range(20):
            one = self.raw()
            try:
                one.sendall(b'help\nhelp\ninfo sta')
            except OSError:
                pass
            one.close()
        self.alive()

    def test_nobody_reads(self):
        one = self.raw()
        try:
            for _ in range(3000):
                one.send(b'help\n' * 100)
        except OSError:
            pass                        # it was given up, as it should be
        self.alive()
        one.close()
        self.alive()

    def test_socket_rights(self):
        self.assertEqual(os.stat(self.box.path).st_mode & 0o77, 0)


class Peers(unittest.TestCase):
    def test_nobody_reads_a_port(self):
        """Whoever is connected to a port and does not read from it does not stop the guest."""
        with open(path('flood.img'), 'wb') as file:             # again: out e9,al; jmp again
            file.write(boot_sector(bytes.fromhex('e6e9' 'ebfc')))
            file.truncate(1 << 20)
        process = subprocess.Popen([PROGRAM, '-display', 'none', '-m', '4', '-debugcon', 'unix:%s,server' % path('port'),
                                    '-max-insns', '5000000', '-timeout', '30', path('flood.img')],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        one = socket.socket(socket.AF_UNIX)
        end = time.time() + 20
        while one.connect_ex(path('port')) and time.time() < end:
            time.sleep(0.02)
        self.assertEqual(process.wait(60), 10)
        one.close()


class Standard(unittest.TestCase):
    def run_it(self, text, *options):
        return subprocess.run([PROGRAM, '-display', 'none', '-monitor', 'stdio', '-m', '4', '-timeout', '20',
                               *options], input=text, capture_output=True, timeout=60)

    def test_pipe(self):
        done = self.run_it(b'info version\nquit\n')
        self.assertEqual(done.returncode, 0)
        self.assertIn(b'clearbox ', done.stdout)
        self.assertEqual(self.run_it(b'quit').returncode, 0)        # without an end of line
        self.assertEqual(self.run_it(b'', '-timeout', '0.3').returncode, 8)

    def test_options(self):
        for options, message in [(['-monitor', 'stdoi'], b'did you mean stdio'),
                                 (['-monitor', 'unix:'], b'name is empty'),
                                 (['-monitor', 'unix:/nonexistent/x'], b'No such file'),
                                 (['-monitor', 'stdio', '-serial', 'stdio'], b'one port only, or the monitor')]:
            done = subprocess.run([PROGRAM, '-display', 'none', *options], capture_output=True, timeout=20)
            self.assertIn(done.returncode, (2, 4))
            self.assertIn(message, done.stderr)

    def test_files_stay(self):
        """A name that is taken by something else than a socket is not for the taking."""
        for option in ('-monitor unix:%s', '-serial unix:%s,server,nowait', '-gdb unix:%s'):
            with open(path('mine'), 'w') as file:
                file.write('mine')
            done = subprocess.run([PROGRAM, '-display', 'none', '-timeout', '0.1', *(option % path('mine')).split()],
                                  capture_output=True, timeout=20)
            self.assertEqual(done.returncode, 4)
            self.assertIn(b'in use', done.stderr)
            with open(path('mine')) as file:
                self.assertEqual(file.read(), 'mine')

    def test_left_socket(self):
        name = path('left.sock')
        one = socket.socket(socket.AF_UNIX)
        one.bind(name)
        one.close()
        box = subprocess.Popen([PROGRAM, '-display', 'none', '-monitor', 'unix:' + name, '-timeout', '20'])
        time.sleep(0.3)
        monitor = Monitor(name)
        monitor.socket.sendall(b'q\n')
        self.assertEqual(box.wait(20), 0)
        self.assertFalse(os.path.exists(name))


class Terminal(unittest.TestCase):
    """In a terminal: history, completion, Ctrl-A C.  Needs tmux."""

    def setUp(self):
        if not shutil.which('tmux'):
            self.skipTest('there is no tmux')
        self.name = 'clearbox-%s-%d' % (self._testMethodName, os.getpid())

    def tmux(self, *words):
        return subprocess.run(['tmux', '-L', self.name, *words], capture_output=True, text=True, timeout=20).stdout

    def see(self, text):
        end = time.time() + 15
        while time.time() < end:
            if text in self.tmux('capture-pane', '-p'):
                return
            time.sleep(0.05)
        self.fail('no %r in %r' % (text, self.tmux('capture-pane', '-p')))

    def start(self, *options):
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '120', '-y', '40',
                  'XDG_STATE_HOME=' + path('state') + ' TERM=xterm-256color exec %s -m 4 -timeout 60 %s' % (PROGRAM, ' '.join(options)))
        self.addCleanup(self.tmux, 'kill-server')

    @staticmethod
    def edits_lines():
        """Whether it was built with libedit."""
        done = subprocess.run([PROGRAM, 'doctor'], capture_output=True, text=True, timeout=60)
        return 'without libedit' not in done.stdout

    def test_serial(self):
        self.start('-display', 'none', '-serial', 'stdio', path('disk.img'))
        self.see('abc')
        self.tmux('send-keys', 'C-a', 'c')
        self.see('(clearbox)')
        self.tmux('send-keys', 'stop', 'Enter')
        if not self.edits_lines():
            self.tmux('send-keys', 'info status', 'Enter')
            self.see('VM status: paused')
            self.tmux('send-keys', 'cont', 'Enter', 'C-a', 'x')
            self.ended()
            return
        self.tmux('send-keys', 'info stat', 'Tab', 'Enter')
        self.see('VM status: paused')
        self.tmux('send-keys', 'system_', 'Tab', 'Tab')
        self.see('system_powerdown')
        self.tmux('send-keys', 'C-u', 'Up', 'Up', 'Enter')      # stop again
        self.tmux('send-keys', 'cont', 'Enter', 'C-a', 'x')
        self.ended()

    def ended(self):
        end = time.time() + 10
        while self.tmux('list-sessions') and time.time() < end:
            time.sleep(0.05)
        self.assertEqual(self.tmux('list-sessions'), '')

    def test_history(self):
        """Lines are kept from run to run, in a file of their owner's; not without a terminal."""
        if not self.edits_lines():
            self.skipTest('built without libedit')
        kept = path('state/clearbox/monitor_history')
        if os.path.exists(kept):
            os.unlink(kept)
        subprocess.run([PROGRAM, '-m', '4', '-display', 'none', '-monitor', 'stdio', '-S'], input=b'info status\nquit\n',
                       env={**os.environ, 'XDG_STATE_HOME': path('state')}, stdout=subprocess.DEVNULL, timeout=30, check=True)
        self.assertFalse(os.path.exists(kept))
        for first in (True, False):
            self.name += '1' if first else '2'
            self.start('-display', 'none', '-monitor', 'stdio', '-S')
            self.see('(clearbox)')
            self.tmux('send-keys', *(['info version', 'Enter'] if first else ['Up', 'Up', 'Enter']))
            self.see('clearbox 0.')
            self.tmux('send-keys', 'quit', 'Enter')
            self.ended()
            with open(kept, encoding='utf-8') as file:
                self.assertIn('version', file.read())
            self.assertEqual(os.stat(kept).st_mode & 0o777, 0o600)
            self.assertEqual(os.listdir(path('state/clearbox')), ['monitor_history'])
        # what is no history, or too long for one, does no harm
        for damage in (b'\0\xff' * 5000, b'_HiStOrY_V2_\n' + b'\\x' * 70000 + b'\n\0\n', bytes(2 << 20)):
            with open(kept, 'wb') as file:
                file.write(damage)
            self.name += 'x'
            self.start('-display', 'none', '-monitor', 'stdio', '-S')
            self.see('(clearbox)')
            self.tmux('send-keys', 'Up', 'C-u', 'quit', 'Enter')
            self.ended()

    def wait(self, condition):
        end = time.time() + 15
        while not condition() and time.time() < end:
            time.sleep(0.05)
        self.assertTrue(condition())

    def flags(self):
        return self.tmux('display', '-p', '#{alternate_on} #{mouse_any_flag} #{mouse_sgr_flag}').strip()

    def test_mouse(self):
        with open(path('mouse.img'), 'wb') as file:
            file.write(boot_sector(MOUSE))
            file.truncate(1 << 20)
        self.start('-display', 'terminal', '-debugcon', 'file:' + path('mouse.out'), path('mouse.img'))
        self.wait(lambda: self.flags() == '1 1 1')
        for report in ('35;10;5M', '35;12;4M', '0;12;4M', '0;12;4m'):
            self.tmux('send-keys', '-l', '\x1b[<' + report)
            time.sleep(0.1)

        def packets():
            with open(path('mouse.out'), 'rb') as file:
                return file.read()
        # an acknowledgement; 16 to the right and 16 up; the left button down and up
        end = time.time() + 15
        while len(packets()) < 10 and time.time() < end:
            time.sleep(0.05)
        self.assertEqual(packets().hex(), 'fa081010' '090000' '080000')
        self.tmux('send-keys', 'C-a', 'c')
        self.wait(lambda: self.flags() == '0 0 0')
        self.tmux('send-keys', 'C-a', 'c')
        self.wait(lambda: self.flags() == '1 1 1')
        self.tmux('resize-window', '-x', '70', '-y', '20')
        self.tmux('send-keys', 'C-a', 'x')

    def test_resize(self):
        """The picture goes with the terminal's size: its lower rows with the cursor, and all of it again."""
        with open(path('rows.img'), 'wb') as file:
            file.write(boot_sector(ROWS))
            file.truncate(1 << 20)
        self.start('-display', 'terminal', path('rows.img'))
        for width, height in ((120, 40), (40, 10), (80, 25), (7, 3), (79, 30)):
            self.tmux('resize-window', '-x', str(width), '-y', str(height))
            letters = 'ABCDEFGHIJKLMNOPQRSTUVWXY'[-height:]
            expected = '\n'.join(letter * min(width, 79) for letter in letters)
            self.wait(lambda: self.tmux('capture-pane', '-p').rstrip('\n') == expected)
        self.tmux('send-keys', 'C-a', 'x')

    def test_crash(self):
        if EMULATED:
            self.skipTest('its process is the emulator')
        with open(path('mouse.img'), 'wb') as file:
            file.write(boot_sector(MOUSE))
            file.truncate(1 << 20)
        with open(PROGRAM, 'rb') as file:       # a sanitizer has its own ideas of a crash
            crash = 'QUIT' if b'__asan_init' in file.read() else 'SEGV'
        for signal in (crash, 'TERM'):
            self.name = 'clearbox-%s-%s-%d' % (self._testMethodName, signal, os.getpid())
            self.addCleanup(subprocess.run, ['tmux', '-L', self.name, 'kill-server'], capture_output=True)
            self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '120', '-y', '40',
                      'TERM=xterm-256color sh -c "ulimit -c 0; %s -m 4 -timeout 60 -display terminal -debugcon file:%s %s; '
                      'stty -a; sleep 100"' % (PROGRAM, path('mouse.out'), path('mouse.img')))
            self.wait(lambda: self.flags() == '1 1 1')
            shell = self.tmux('display', '-p', '#{pane_pid}').strip()
            child = subprocess.run(['ps', '-o', 'pid=,comm=', '--ppid', shell], capture_output=True, text=True).stdout
            child = [line.split()[0] for line in child.splitlines() if 'clearbox' in line]
            if not child:               # the shell itself has a shell
                inner = subprocess.run(['ps', '-o', 'pid=', '--ppid', shell], capture_output=True, text=True).stdout.split()
                child = subprocess.run(['ps', '-o', 'pid=', '--ppid', inner[0]], capture_output=True, text=True).stdout.split()
            subprocess.run(['kill', '-' + signal, child[0]])
            self.see(' echo ')
            self.assertEqual(self.flags(), '0 0 0')
            self.assertIn(' icanon ', self.tmux('capture-pane', '-p'))
            self.tmux('kill-server')

    def test_display(self):
        self.start('-display', 'terminal')
        self.see('demo')
        self.tmux('send-keys', 'C-a', 'c')
        self.see('(clearbox)')
        self.tmux('send-keys', 'info version', 'Enter')
        self.see('clearbox 0.')
        self.tmux('send-keys', 'C-a', 'c')
        self.see('demo')
        self.tmux('send-keys', 'C-a', 'x')


try:
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=1)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
