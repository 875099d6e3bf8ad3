"""Linux guests on networks; testsuite/boot/run.py has these among its tests."""

import contextlib
import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import urllib.request

import network
from guest import Failure, SerialGuest

BOOT = 300      # seconds that a boot to the prompt may take
PROMPT = r"clearbox# "
APPEND = "console=ttyS0,115200 cryptomgr.notests modules=none"
ROM = "/usr/lib/ipxe/qemu/pxe-ne2k_pci.rom"
SEABIOS = "/usr/share/seabios/bios-256k.bin"
NAME, ADDRESS = "server.test", "192.0.2.77"
NAME_SERVER = "127.0.0.253"


def check(condition, what):
    if not condition:
        raise Failure(what)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class NameServer:
    """Says ADDRESS to whoever asks for NAME, and only for that."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((NAME_SERVER, 53))

    def serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(512)
            except OSError:
                return
            end = question.index(b"\0", 12) + 5
            name, kind = question[12:end - 4], question[end - 4:end - 2]
            known = name == b"".join(bytes([len(part)]) + part.encode() for part in NAME.split(".")) + b"\0"
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(ADDRESS) if known and kind == b"\0\1" else b""
            self.socket.sendto(question[:2] + (b"\x81\x80" if known else b"\x81\x83") + b"\0\1" +
                               (b"\0\1" if answer else b"\0\0") + b"\0\0\0\0" + question[12:end] + answer, peer)

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()


def names(stack, folder):
    """A name server of ours, and what has to be before the emulator's command for it to be asked."""
    resolv = os.path.join(folder, "resolv.conf")
    with open(resolv, "w") as file:
        file.write(f"nameserver {NAME_SERVER}\n")
    prefix = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolv]
    if os.geteuid() or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        return []
    try:
        stack.enter_context(NameServer())
    except OSError:
        return []
    return prefix


def look_up(guest, prefix):
    if prefix:
        check(ADDRESS in guest.command(f"nslookup {NAME} 10.0.2.3"), f"the name server does not know {NAME}")
        return
    try:
        address = socket.gethostbyname("deb.debian.org")
    except OSError:
        guest.note("no names: neither root, nor a host that can resolve any")
        return
    check(re.search(r"Address.*" + re.escape(address), guest.command("nslookup deb.debian.org 10.0.2.3")),
          "the name server does not know deb.debian.org")


def clean(capture):
    """tshark finds nothing to complain about, and what it counts; 0 without tshark."""
    with open(capture, "rb") as file:
        check(struct.unpack("=IHHiIII", file.read(24)) == (0xa1b2c3d4, 2, 4, 0, 0, 65535, 1),
              "the capture does not begin as pcap files do")
    if not shutil.which("tshark"):
        return 0
    sums = [word for layer in ("ip", "tcp", "udp") for word in ("-o", f"{layer}.check_checksum:TRUE")]
    fields = ("_ws.malformed", *(layer + ".checksum.status" for layer in ("ip", "icmp", "icmpv6", "udp", "tcp")),
              "tcp.checksum", "tcp.checksum_calculated")
    # what TCP carries are random bytes between ports that may be anybody's: no protocol to be looked for
    result = subprocess.run(["tshark", "-n", "-r", capture, *sums, "-d", "tcp.port==0-65535,data", "-T", "fields",
                             *(word for field in fields for word in ("-e", field)), "-E", "separator=,",
                             "-E", "aggregator=;"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(not result.returncode, f"tshark: {result.stderr}")
    check("cut short" not in result.stderr and "isn't a" not in result.stderr, f"tshark: {result.stderr}")
    lines = result.stdout.splitlines()
    for number, line in enumerate(lines, 1):
        malformed, *states, tcp, said, calculated = line.split(",")
        # 0 is bad; 1 good, 2 not looked at, 3 not there. A sum of 0 may also be written as all ones (RFC 1624): a
        # Linux that sums for its card does so, for one frame in 65536, and tshark calls it bad though it adds up
        if (tcp, said, calculated) == ("0", "0xffff", "0x0000"):
            tcp = "1"
        check(not malformed and not any(state.split(";")[0] == "0" for state in (*states, tcp)),
              f"frame {number} of {capture} is no good: {','.join(fields)} are {line}")
    return len(lines)


def use(guest, model, prefix, server, content, port):
    """A lease, pings, names, and a file each way, both called for by the guest and by the host."""
    digest = hashlib.md5(content).hexdigest()
    guest.expect(PROMPT, BOOT)
    guest.command(network.DRIVERS[model])
    guest.command("ifconfig eth0 up; udhcpc -i eth0 -q -n -s /etc/udhcpc.script", 60)
    check("10.0.2.15" in guest.command("ifconfig eth0"), "the lease is not 10.0.2.15")
    check(" 3 packets received" in guest.command("ping -c 3 -i 0.2 10.0.2.2"), "the gateway does not answer pings")
    look_up(guest, prefix)
    guest.command(f"wget -q -O /tmp/file http://10.0.2.2:{server.port}/file", 300)
    check(digest in guest.command("md5sum /tmp/file", 120), "the file differs from what the server has")
    guest.command(f"nc 10.0.2.2 {server.taker_port} </tmp/file", 300)
    check(server.received == digest, "the file that the guest sends is another")
    guest.command("httpd -h /tmp")
    # the guest is idle when the host calls
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/file", timeout=300) as answer:
        check(answer.read() == content, "the file that the guest serves is another")
    errors = guest.command("ifconfig eth0 | grep errors")
    check(re.findall(r"errors:(\d+)", errors) == ["0", "0"], f"the driver counts errors: {errors}")
    guest.send("poweroff\n")
    guest.finish(60)


class Place:
    """A folder with what is served: a file of random bytes, a kernel and an initrd with drivers."""

    def __init__(self, store, megabytes):
        self.stack = contextlib.ExitStack()
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.www = os.path.join(self.folder, "www")
        os.mkdir(self.www)
        self.kernel = os.path.join(store, "vmlinuz-686")
        os.symlink(self.kernel, os.path.join(self.www, "vmlinuz"))
        self.initrd = os.path.join(self.www, "initrd")
        network.make_initrd(store, "686", self.initrd)
        self.content = os.urandom(int(megabytes * 1e6))
        with open(os.path.join(self.www, "file"), "wb") as file:
            file.write(self.content)
        self.capture = os.path.join(self.folder, "capture.pcap")
        self.server = self.stack.enter_context(network.Server(self.www))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


def direct(store, log, model, megabytes):
    """A kernel from -kernel."""
    with Place(store, megabytes) as place:
        port, prefix = free_port(), names(place.stack, place.folder)
        arguments = ["-m", "128", "-kernel", place.kernel, "-initrd", place.initrd, "-append", APPEND,
                     "-nic", f"user,model={model},capture={place.capture},hostfwd=tcp:127.0.0.1:{port}-:80"]
        with SerialGuest(arguments, log, prefix) as guest:
            use(guest, model, prefix, place.server, place.content, port)
        frames = clean(place.capture)
        check(os.path.getsize(place.capture) > 3 * len(place.content), "not all is in the capture")
        guest.note(f"{frames} frames in the capture are good")


def pxe(store, log, megabytes, extra=(), protocol="http", rom=True):
    """A kernel that iPXE, out of the card's ROM, fetches as a script says that it gets by TFTP."""
    if not os.path.exists(ROM):
        raise Failure(f"{ROM} is not there: the package ipxe-qemu has it")
    with Place(store, megabytes) as place:
        port, prefix = free_port(), names(place.stack, place.folder)
        at = f"http://10.0.2.2:{place.server.port}/" if protocol == "http" else ""
        with open(os.path.join(place.www, "boot.ipxe"), "w") as file:
            file.write(f"#!ipxe\nkernel {at}vmlinuz {APPEND}\ninitrd {at}initrd\nboot\n")
        if protocol == "tftp":          # libslirp's server follows no links out of its folder
            os.remove(os.path.join(place.www, "vmlinuz"))
            shutil.copy(place.kernel, os.path.join(place.www, "vmlinuz"))
        arguments = ["-m", "128", "-boot", "n", *extra,
                     "-nic", f"user,model=ne2k_pci{',romfile=' + ROM if rom else ''},tftp={place.www},bootfile=boot.ipxe,"
                     f"capture={place.capture},hostfwd=tcp:127.0.0.1:{port}-:80"]
        with SerialGuest(arguments, log, prefix) as guest:
            use(guest, "ne2k_pci", prefix, place.server, place.content, port)
        guest.note(f"{clean(place.capture)} frames in the capture are good")


def cable(store, log, megabytes, kind):
    """Two guests, each in a process of its own."""
    with Place(store, megabytes) as place, open(log.name + ".2", "wb") as second_log:
        if kind == "unix":
            near, far = f"listen={place.folder}/cable", f"connect={place.folder}/cable"
        elif kind == "tcp":
            port = free_port()
            near, far = f"listen=127.0.0.1:{port}", f"connect=127.0.0.1:{port}"
        else:
            a, b = free_port(), free_port()
            near, far = (f"udp=127.0.0.1:{there},localaddr=127.0.0.1:{here}" for here, there in ((a, b), (b, a)))
        arguments = ["-m", "64", "-kernel", place.kernel, "-initrd", place.initrd, "-append", APPEND]
        # a card is for a network, and the far end of the cable has a name of its own
        with SerialGuest([*arguments, "-nic", f"socket,{near},capture={place.capture}"], log) as one, \
             contextlib.ExitStack() as stack:
            one.expect(r"\w", BOOT)     # somebody listens by now
            two = stack.enter_context(SerialGuest(
                [*arguments, "-nic", f"socket,{far},model=ne2k_isa,mac=52:54:00:12:34:99"], second_log))
            one.expect(PROMPT, BOOT)
            two.expect(PROMPT, BOOT)
            for guest, model, address in ((one, "ne2k_pci", "10.9.8.1"), (two, "ne2k_isa", "10.9.8.2")):
                guest.command(network.DRIVERS[model])
                guest.command(f"ifconfig eth0 {address} netmask 255.255.255.0")
            check(" 3 packets received" in one.command("ping -c 3 -i 0.2 10.9.8.2"), "the other end does not answer")
            one.command(f"dd if=/dev/urandom of=/tmp/file bs=100000 count={int(megabytes * 10)}; httpd -h /tmp")
            digest = one.command("md5sum /tmp/file").split()[0]
            two.command("wget -q -O /tmp/file http://10.9.8.1/file", 300)
            check(digest in two.command("md5sum /tmp/file"), "the file differs at the other end")
            for guest in (one, two):
                guest.send("poweroff\n")
                guest.finish(60)
        one.note(f"{clean(place.capture)} frames in the capture are good")


def tap(store, log, megabytes):
    """A guest on an interface of a host's: of a network namespace of its own."""
    setup = ("ip link set lo up && ip tuntap add dev tap0 mode tap && ip addr add 10.7.7.1/24 dev tap0 && "
             'ip link set tap0 up && exec "$@"')
    prefix = ["unshare", "-n", "sh", "-c", setup, "sh"]
    if os.geteuid() or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        return False
    with Place(store, megabytes) as place:
        arguments = ["-m", "64", "-kernel", place.kernel, "-initrd", place.initrd, "-append", APPEND,
                     "-nic", f"tap,ifname=tap0,script=no,downscript=no,capture={place.capture}"]
        with SerialGuest(arguments, log, prefix) as guest:
            guest.expect(PROMPT, BOOT)
            guest.command(network.DRIVERS["ne2k_pci"])
            guest.command("ifconfig eth0 10.7.7.2 netmask 255.255.255.0")
            check(" 3 packets received" in guest.command("ping -c 3 -i 0.2 10.7.7.1"), "the host does not answer")
            guest.command(f"dd if=/dev/urandom of=/tmp/file bs=100000 count={int(megabytes * 10)}; httpd -h /tmp")
            digest = guest.command("md5sum /tmp/file").split()[0]
            fetch = "import hashlib, urllib.request as u; print(hashlib.md5(u.urlopen('http://10.7.7.2/file').read()).hexdigest())"
            got = subprocess.run(["nsenter", "-t", str(guest.pid), "-n", "python3", "-c", fetch], text=True,
                                 capture_output=True, timeout=300)
            check(digest in got.stdout, f"the host gets another file: {got.stderr}")
            guest.send("poweroff\n")
            guest.finish(60)
        # the host leaves sums to the card, which tap devices are not
        with open(place.capture, "rb") as file:
            check(len(file.read()) > len(place.content), "not all is in the capture")
    return True
