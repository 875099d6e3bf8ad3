"""What the guests of the network tests need: drivers for their cards, and somebody to talk to."""

import functools
import glob
import gzip
import hashlib
import http.server
import os
import socketserver
import subprocess
import tempfile
import threading

MODULES = ("8390", "8390p", "ne", "ne2k-pci")
# modprobe by hand: 686 kernels have their NE2000 drivers as modules
DRIVERS = {"ne2k_pci": "insmod /lib/net/8390.ko; insmod /lib/net/ne2k-pci.ko",
           "ne2k_isa": "insmod /lib/net/8390p.ko; insmod /lib/net/ne.ko io=0x300 irq=5"}
LEASE = """#!/bin/sh
case $1 in
bound | renew)
	ifconfig "$interface" "$ip" netmask "$subnet"
	route add default gw "$router"
	echo "nameserver $dns" >/etc/resolv.conf
	;;
esac
"""


def archive(files):
    """A cpio archive (newc) of {name: (mode, bytes)}."""
    data = b""
    for number, (name, (mode, content)) in enumerate([*files.items(), ("TRAILER!!!", (0, b""))], 1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        entry = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        entry += bytes(-len(entry) % 4)
        data += entry + content + bytes(-len(content) % 4)
    return data


def make_initrd(store, flavour, target):
    """The guest's initrd with the drivers and a script for udhcpc behind it."""
    package, = glob.glob(os.path.join(store, "packages", f"linux-image-[0-9]*-{flavour}_*.deb"))
    files = {"lib/net": (0o40755, b""), "etc/udhcpc.script": (0o100755, LEASE.encode())}
    with tempfile.TemporaryDirectory() as folder:
        listing = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder, "--wildcards", "*/drivers/net/ethernet/8390/*"],
                       stdin=listing.stdout, check=True)
        listing.stdout.close()
        listing.wait()
        for module in MODULES:
            path, = glob.glob(f"{folder}/**/8390/{module}.ko", recursive=True)
            with open(path, "rb") as file:
                files[f"lib/net/{module}.ko"] = (0o100644, file.read())
    with open(target, "wb") as out, open(os.path.join(store, f"initrd-{flavour}"), "rb") as initrd:
        out.write(initrd.read())
        out.write(gzip.compress(archive(files)))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Taker(socketserver.BaseRequestHandler):
    def handle(self):
        digest = hashlib.md5()
        while part := self.request.recv(65536):
            digest.update(part)
        self.server.received = digest.hexdigest()


class Server:
    """On 127.0.0.1: HTTP for the files of a folder, and another port that takes what is sent."""

    def __init__(self, folder):
        handler = functools.partial(Quiet, directory=folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = self.server.server_address[1]
        self.taker = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Taker)
        self.taker.received = None
        self.taker_port = self.taker.server_address[1]

    @property
    def received(self):
        """The MD5 of what was sent to taker_port last."""
        return self.taker.received

    def __enter__(self):
        for server in (self.server, self.taker):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in (self.server, self.taker):
            server.shutdown()
            server.server_close()
