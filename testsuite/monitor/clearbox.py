"""A clearbox process with its monitor on a Unix socket, and small guests for it."""
import os
import signal
import socket
import subprocess
import tempfile
import time

PROMPT = b'(clearbox) '


class Monitor:
    """One connection to a monitor."""

    def __init__(self, path, timeout=20):
        end = time.time() + timeout
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.socket.close()
                if time.time() > end:
                    raise
                time.sleep(0.02)
        self.left = b''
        self.answer()

    def answer(self):
        while PROMPT not in self.left:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.left.decode(errors='replace'))
            self.left += more
        text, self.left = self.left.split(PROMPT, 1)
        return text.decode(errors='replace')

    def __call__(self, command):
        self.socket.sendall(command.encode() + b'\n')
        return self.answer()

    def close(self):
        self.socket.close()


class Clearbox:
    """Runs the program; options are a list."""

    def __init__(self, program, options, folder, log='serial'):
        self.folder = folder
        self.path = tempfile.mktemp(dir=folder, suffix='.sock')
        self.serial = tempfile.mktemp(dir=folder, suffix='.serial')
        self.process = subprocess.Popen(
            [program, '-display', 'none', '-monitor', 'unix:' + self.path,
             '-serial', 'file:' + self.serial, '-timeout', '100'] + options,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.monitor = None
        try:
            self.monitor = self.connect()
        except (OSError, EOFError):
            self.process.kill()
            raise RuntimeError(self.process.communicate()[1].decode())

    def connect(self):
        end = time.time() + 20
        while not os.path.exists(self.path) and self.process.poll() is None and time.time() < end:
            time.sleep(0.01)
        if self.process.poll() is not None:
            raise RuntimeError(self.process.communicate()[1].decode())
        return Monitor(self.path)

    def __call__(self, command):
        return self.monitor(command)

    def processor_time(self):
        """Seconds that it has used."""
        with open('/proc/%d/stat' % self.process.pid) as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def text(self):
        with open(self.serial, 'rb') as file:
            return file.read().decode(errors='replace')

    def wait_for(self, text, timeout=20):
        end = time.time() + timeout
        while text not in self.text():
            if time.time() > end or self.process.poll() is not None:
                raise AssertionError('no %r in %r' % (text, self.text()[-300:]))
            time.sleep(0.02)

    def quit(self):
        self.monitor.socket.sendall(b'quit\n')
        return self.finish()

    def finish(self):
        self.monitor.close()
        try:
            output, errors = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError('clearbox does not end')
        self.errors = errors.decode(errors='replace')
        if self.process.returncode < 0 or 'Sanitizer' in self.errors or 'runtime error' in self.errors:
            raise AssertionError('clearbox ended by signal or sanitizer: ' + self.errors)
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
        self.monitor.close()


def boot_sector(code):
    return code + bytes(510 - len(code)) + b'\x55\xaa'


# Counts in the doubleword at 0000:1000, and each 65536 times prints a letter on COM1: a, b, c ...
COUNTER = bytes.fromhex(
    'fa31c08ed88ed0bc007c'         # cli; xor ax,ax; mov ds,ax; mov ss,ax; mov sp,7c00
    '66c7060010' '00000000'        # mov dword [1000],0
    'bafb03' 'b003' 'ee'           # mov dx,3fb; mov al,3; out dx,al (8 bits a character)
    'b361'                         # mov bl,'a'
    '66ff060010'                   # again: inc dword [1000]
    '813e00100000' '75f3'          # cmp word [1000],0; jne again
    'baf803' '88d8' 'ee'           # mov dx,3f8; mov al,bl; out dx,al
    'fec3' '80fb7b' '75e6'         # inc bl; cmp bl,'{'; jne again
    'b361' 'ebe2')                 # mov bl,'a'; jmp again

# Writes its own sector into sectors 2, 100 and 2000 of the disk by the BIOS, then counts.
WRITER = bytes.fromhex('31c08ec08ed8' 'b80103b90200ba8000bb007ccd13'    # CHS 0/0/2, from 7c00
                       'b80103b90202ba8001bb007ccd13'                   # 2/1/2
                       'b80103b90120ba8000bb007ccd13') + COUNTER        # 32/0/1

# 79 A in the first row of the screen, 79 B in the next ... Y in the last, where the cursor goes.
ROWS = bytes.fromhex('b800b88ec0' '31ff' 'b84107'               # mov ax,b800; mov es,ax; xor di,di; mov ax,0741
                     'b94f00f3ab' '40' '83c702' '3c5a72f3'      # again: mov cx,79; rep stosw; inc ax; add di,2; cmp al,'Z'; jb again
                     'b402b700ba0018cd10' 'f4ebfd')             # mov ah,2; mov bh,0; mov dx,1800; int 10; hlt; jmp $-1

# Fills the memory from 1 to 64 MiB with numbers that nothing packs, and sends 1Ah on COM1 (a character has five bits).
NOISE = bytes.fromhex('fa31c08ed8' 'b80124cd15'          # cli; xor ax,ax; mov ds,ax; mov ax,2401; int 15 (A20)
                      '0f0116457c' '0f20c00c010f22c0'    # lgdt [7c45]; mov eax,cr0; or al,1; mov cr0,eax
                      'ea1c7c0800'                       # jmp 8:7c1c
                      '66b810008ec0' 'bf00001000' 'b90000fc00' '89c8'    # es = 10; edi = 100000; eax = ecx = 63 << 18
                      '69c00d661900' '055ff36e3c' 'abe2f2'       # again: imul eax,19660d; add eax,3c6ef35f; stosd; loop again
                      '66baf803' 'b01a' 'ee' 'ebfe'              # mov dx,3f8; mov al,1a; out dx,al; jmp $
                      '17004b7c0000' '0000000000000000' 'ffff0000009acf00' 'ffff00000092cf00')

# Turns the mouse on and writes all that comes from the keyboard controller to the debug port.
MOUSE = bytes.fromhex('fa' 'b0a8e664' 'b0d4e664' 'b0f4e660'     # cli; enable the port; tell the mouse: F4
                      'e464a80174fa' 'e460' 'e6e9' 'ebf4')      # in 64; test 1; jz; in 60; out e9; jmp

# Goes to protected mode, loads an IDT without a gate and executes UD2 at 7C27: a triple fault.
TRIPLE = (bytes.fromhex('fa31c08ed8'        # cli; xor ax,ax; mov ds,ax
                        '0f0116407c'        # lgdt [7c40]
                        '0f20c083c8010f22c0'    # mov eax,cr0; or ax,1; mov cr0,eax
                        'ea187c0800')       # jmp 8:7c18
          + bytes.fromhex('66b810008ed88ed0'    # 7c18: mov ax,10; mov ds,ax; mov ss,ax
                          '0f011d507c0000'      # lidt [7c50]
                          '0f0b')               # ud2
          ).ljust(0x40, b'\0') + bytes.fromhex('1700607c0000').ljust(0x28, b'\0') \
    + bytes.fromhex('ffff0000009acf00' 'ffff00000092cf00')
TRIPLE_UD2 = 0x7c27

# Turns paging on (directory at 10000, table at 11000: the first 4 MiB but page 5000; page 6000 is
# read-only, 7000 a user's) and halts.
PAGING = (bytes.fromhex('fa31c08ed8' '0f0116a07c' '0f20c083c8010f22c0' 'ea187c0800')
          + bytes.fromhex('66b810008ed88ed08ec0' 'bc007a0000'    # selectors, mov esp,7a00
                          'bf00000100' '31c0' 'b900080000' 'f3ab'     # clear 10000..11fff
                          'c7050000010003100100'             # mov dword [10000],11003
                          'bf00100100' 'b803000000' 'b900040000'
                          'ab' '0500100000' 'e2f8'           # stosd; add eax,1000; loop
                          'c7051410010000000000'             # [11014] = 0: page 5000
                          '802518100100fd'                   # and byte [11018],fd: page 6000
                          '800d1c10010004'                   # or byte [1101c],4: page 7000
                          'b800000100' '0f22d8'              # mov cr3
                          '0f20c0' '0d00000180' '0f22c0'     # cr0 |= PG, WP
                          'f4' 'ebfd')                       # hlt; jmp $-1
          ).ljust(0xa0, b'\0') + bytes.fromhex('1700b07c0000').ljust(16, b'\0') + bytes(8) \
    + bytes.fromhex('ffff0000009acf00' 'ffff00000092cf00')
