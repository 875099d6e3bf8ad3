"""What Linux needs to play a tone on a Sound Blaster: its drivers, something to play, and a player."""

import array
import glob
import gzip
import math
import os
import subprocess
import sys
import tempfile

import network

SOUND = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sound")
sys.path.insert(0, SOUND)
import measure  # noqa: E402

# modprobe by hand, in this order
MODULES = ("soundcore", "snd", "snd-timer", "snd-seq-device", "snd-hwdep", "snd-rawmidi", "snd-pcm", "snd-sb-common",
           "snd-sb16-csp", "snd-sb16-dsp", "snd-opl3-lib", "snd-mpu401-uart", "snd-sb16", "snd-mixer-oss", "snd-pcm-oss")
CARD = "isapnp=0 port=0x220 irq=5 dma8=1 dma16=5 mpu_port=0x330 fm_port=0x388"
PLAY = (f"cd /lib/sound; for m in {' '.join(MODULES)}; do case $m in snd-sb16) insmod $m.ko {CARD};; "
        "*) insmod $m.ko;; esac; done; cat /proc/asound/cards; play <tone; echo played $?")
TONES = (440, 660)      # left and right, one second


def tone():
    frames = array.array("h", (round(10000 * math.sin(2 * math.pi * frequency * n / 44100))
                               for n in range(44100) for frequency in TONES))
    if sys.byteorder == "big":
        frames.byteswap()
    return frames.tobytes()


def make_initrd(store, flavour, target):
    """The guest's initrd with all of that behind it."""
    package, = glob.glob(os.path.join(store, "packages", f"linux-image-[0-9]*-{flavour}_*.deb"))
    files = {"lib/sound": (0o40755, b""), "lib/sound/tone": (0o100644, tone())}
    with tempfile.TemporaryDirectory() as folder:
        player = os.path.join(folder, "play")
        subprocess.run(["nasm", "-f", "bin", "-o", player, os.path.join(SOUND, "play.asm")], check=True)
        with open(player, "rb") as file:
            files["bin/play"] = (0o100755, file.read())
        listing = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder, "--wildcards", "*/kernel/sound/*"], stdin=listing.stdout, check=True)
        listing.stdout.close()
        listing.wait()
        for module in MODULES:
            path, = glob.glob(f"{folder}/**/{module}.ko", recursive=True)
            with open(path, "rb") as file:
                files[f"lib/sound/{module}.ko"] = (0o100644, file.read())
    with open(target, "wb") as out, open(os.path.join(store, f"initrd-{flavour}"), "rb") as initrd:
        out.write(initrd.read())
        out.write(gzip.compress(network.archive(files)))
