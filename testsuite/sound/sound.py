#!/usr/bin/env python3
"""Guests that play tones; frequency, length and loudness are measured in the WAV file.

usage: python3 sound.py CLEARBOX FOLDER [TEST...]       FOLDER: for what the tests make

Each test prints one line; the last line is "N passed, N failed".
"""

import os
import signal
import subprocess
import sys
import time

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = 18 * 65536 / 1193182
# what plays: for each side frequency, seconds and the rest that it may have (None: silence)
TONES = {
    "sb8": [(444.444, 1.0, 0.02)] * 2,
    "sb16": [(500.0, 1.0, 0.002), (750.0, 1.0, 0.002)],
    "direct": [(250.25, 1.0, 0.08)] * 2,
    "fm": [(439.99, TICKS, 0.02), None],
    "speaker": [(1000.15, TICKS, 0.49)] * 2,
}


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def image(name):
    """The boot sector that plays it."""
    path = os.path.join(FOLDER, f"{name}.img")
    subprocess.run(["nasm", "-f", "bin", f"-DPLAY_{name.upper()}", "-o", path, os.path.join(HERE, "tones.asm")],
                   check=True)
    with open(path, "ab") as file:
        file.truncate(1 << 20)
    return path


def command(name, *options):
    return [CLEARBOX, "-display", "none", "-hda", image(name), "-device", "isa-debug-exit,iobase=0x501",
            "-timeout", "120", *options]


def tone(name):
    wav = os.path.join(FOLDER, f"{name}.wav")
    done = subprocess.run(command(name, "-audio", f"wav={wav}"), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    check(done.returncode == 1, f"exit code {done.returncode}: {done.stderr.strip()}")
    for side, sound, wanted in zip(("left", "right"), measure.read(wav), TONES[name]):
        if not wanted:
            check(sound.peak == 0, f"{side}: a peak of {sound.peak}, and it should be silent")
            continue
        frequency, seconds, rest = wanted
        heard = sound.frequency()
        check(abs(heard - frequency) < frequency / 2000, f"{side}: {heard:.2f} Hz instead of {frequency:.2f}")
        check(abs(sound.seconds - seconds) < 0.003, f"{side}: {sound.seconds:.4f} s instead of {seconds:.4f}")
        check(sound.rest(heard) < rest, f"{side}: {sound.rest(heard) * 100:.2f} % is something else")
        check(1000 < sound.peak < 30000, f"{side}: a peak of {sound.peak}")


def test_sb8():
    """Sound Blaster, 8 bits, mono, single-cycle."""
    tone("sb8")


def test_sb16():
    """Sound Blaster 16, 16 bits, stereo, auto-init."""
    tone("sb16")


def test_direct():
    """Sound Blaster, sample by sample."""
    tone("direct")


def test_fm():
    """OPL3."""
    tone("fm")


def test_speaker():
    """The PC's speaker."""
    tone("speaker")


def test_same():
    """The same run gives the same sound, bit for bit, and the sound of a card is gone without one."""
    wavs = [os.path.join(FOLDER, f"same-{n}.wav") for n in range(3)]
    # slices of a run depend on the host's time; this one also waits for it
    for wav, options in zip(wavs, (["-pace", "none"], ["-pace", "real"], ["-pace", "none", "-nodefaults"])):
        subprocess.run(command("fm", "-audio", f"wav={wav}", "-rtc", "base=2026-11-22", *options),
                       stdin=subprocess.DEVNULL, capture_output=True)
    sounds = [open(wav, "rb").read() for wav in wavs]
    check(sounds[0] == sounds[1], "two runs sound different")
    check(not any(sounds[2][44:]), "there is sound without a card")


def test_loudspeakers():
    """By SDL, in real time, to its driver that writes a file: no drop-outs, if the host has time for us."""
    for attempt in range(3):
        try:
            return loudspeakers()
        except Failure as problem:
            print(f"sound: loudspeakers: {problem} (load {os.getloadavg()[0]:.1f})")
            if attempt == 2 and os.getloadavg()[0] < 2 * os.cpu_count():
                raise


def loudspeakers():
    raw = os.path.join(FOLDER, "sdl.raw")
    # what the host's libraries leave behind is not looked for
    environment = {**os.environ, "SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": raw, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(command("sb16", "-audio", "sdl", "-pace", "real"), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, env=environment)
    if "without SDL" in done.stderr:
        return
    check(done.returncode == 1, f"exit code {done.returncode}: {done.stderr.strip()}")
    samples = measure.array.array("h")
    with open(raw, "rb") as file:
        samples.frombytes(file.read())
    for side, channel, frequency in (("left", 0, 500.0), ("right", 1, 750.0)):
        sound = measure.Sound(48000, samples[channel::2])
        heard = sound.frequency()
        # the pace may be off by what the ring makes up for
        check(abs(heard - frequency) < frequency / 100, f"{side}: {heard:.2f} Hz instead of {frequency:.2f}")
        check(abs(sound.seconds - 1) < 0.03, f"{side}: {sound.seconds:.4f} s instead of 1")


def test_killed():
    """kill -9 leaves a file that can be played."""
    wav = os.path.join(FOLDER, "killed.wav")
    if os.path.exists(wav):
        os.remove(wav)
    guest = subprocess.Popen(command("speaker", "-audio", f"wav={wav}", "-pace", "real"), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until and not (os.path.exists(wav) and os.path.getsize(wav) > 250000):
        time.sleep(0.02)
    guest.send_signal(signal.SIGKILL)
    guest.wait()
    size = os.path.getsize(wav)
    header = int.from_bytes(open(wav, "rb").read()[40:44], "little")
    check(header > 200000 and header <= size - 44, f"the header says {header} bytes, the file has {size}")


def test_errors():
    """What cannot be, and what is said about it."""
    for options, words in ((["-audio", "wav=/no/such/folder/x.wav"], "No such file"),
                           (["-audio", "wav"], "does not name a file"), (["-audio", "non"], "did you mean none"),
                           (["-audio", "alsa-oss"], "wav=FILE"), (["-device", "sb61"], "did you mean sb16"),
                           (["-device", "sb16,irq=4"], "irq is 5, 7, 9 or 10"),
                           (["-device", "sb16,iobase=0x230"], "iobase is 0x220"),
                           (["-device", "sb16,dma=2"], "dma is 1 or 3"), (["-device", "sb16,volume=1"], "there is iobase="),
                           (["-device", "sb16", "-nic", f"socket,listen={FOLDER}/cable,model=ne2k_isa,irq=5"], "IRQ 5"),
                           (["-device", "adlib,irq=5"], "nothing to set"), (["-audio", "wav=/dev/full"], "No space")):
        done = subprocess.run(command("speaker", *options), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        check(done.returncode in (2, 4), f"{' '.join(options)}: exit code {done.returncode}")
        check(words in done.stderr, f"{' '.join(options)}: \"{done.stderr.strip()}\" does not say \"{words}\"")


def main():
    tests = {name[5:]: function for name, function in globals().items() if name.startswith("test_")}
    failed = 0
    wanted = sys.argv[3:] or list(tests)
    for name in wanted:
        start = time.monotonic()
        try:
            tests[name]()
            print(f"sound: {name}: ok ({time.monotonic() - start:.1f} s)", flush=True)
        except (Failure, OSError, ValueError, ZeroDivisionError, subprocess.CalledProcessError) as problem:
            failed += 1
            print(f"sound: {name}: FAILED: {problem}", flush=True)
    print(f"{len(wanted) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    CLEARBOX, FOLDER = sys.argv[1:3]
    os.makedirs(FOLDER, exist_ok=True)
    main()
