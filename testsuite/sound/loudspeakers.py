#!/usr/bin/env python3
"""What comes out of the loudspeakers: a guest plays a tone to SDL and PulseAudio, and every frame is looked at.

usage: python3 loudspeakers.py CLEARBOX FOLDER [SECONDS [HOGS]]       HOGS: busy programs beside it

A PulseAudio server of our own plays to a sink that keeps the nominal pace (module-null-sink, 48000 frames a second of
the host's clock); what it played is recorded. The tone is a sine, so a frame that is lost, said twice, or late shows
as a jump of its phase, also where there is no silence. Ends with 77 where there is no PulseAudio.
"""

import array
import cmath
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RATE, TONES = 48000, (500, 750)
# the ring plays by at most two per cent faster or slower
OFF_MOST = 0.025


class Failure(Exception):
    pass


class Watch(threading.Thread):
    """How late the host lets a program be that wants to run every few milliseconds: the worst of them."""

    def __init__(self):
        super().__init__(daemon=True)
        self.worst, self.late, self.over = 0.0, 0, threading.Event()

    def run(self):
        before = time.monotonic()
        while not self.over.wait(0.004):
            now = time.monotonic()
            self.worst = max(self.worst, now - before - 0.004)
            self.late += now - before > 0.014
            before = now


class Server:
    """PulseAudio, for us alone."""

    def __init__(self, folder):
        os.chmod(folder, 0o700)
        self.path = os.path.join(folder, "socket")
        self.environment = {**os.environ, "HOME": folder, "XDG_RUNTIME_DIR": folder, "PULSE_SERVER": f"unix:{self.path}",
                            "SDL_AUDIODRIVER": "pulseaudio", "PULSE_CLIENTCONFIG": "/dev/null",
                            # what the host's libraries leave behind is not looked for
                            "ASAN_OPTIONS": "detect_leaks=0"}
        for name in ("DISPLAY", "PULSE_SINK", "PULSE_SOURCE", "DBUS_SESSION_BUS_ADDRESS"):
            self.environment.pop(name, None)
        self.log = open(os.path.join(folder, "log"), "w+")
        self.child = subprocess.Popen([
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=yes",
            "--high-priority=yes", "-L", f"module-null-sink sink_name=out rate={RATE} channels=2 format=s16le",
            "-L", f"module-native-protocol-unix socket={self.path} auth-anonymous=1"],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 20
        while subprocess.run(["pactl", "info"], env=self.environment, capture_output=True).returncode:
            if self.child.poll() is not None or time.monotonic() > end:
                self.close()
                self.log.seek(0)
                raise Failure("pulseaudio does not start: " + self.log.read()[-600:])
            time.sleep(0.05)

    def close(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def record(server, folder, seconds):
    """The emulator plays for so many seconds: what was heard, left and right."""
    disk, heard = os.path.join(folder, "steady.img"), os.path.join(folder, "heard.raw")
    subprocess.run(["nasm", "-f", "bin", "-DPLAY_SB16", "-DSTEADY", "-o", disk, os.path.join(HERE, "tones.asm")],
                   check=True)
    with open(disk, "ab") as file:
        file.truncate(1 << 20)
    with open(heard, "wb") as out:
        recorder = subprocess.Popen(["parec", "--device=out.monitor", "--raw", "--format=s16", f"--rate={RATE}",
                                     "--channels=2", "--latency-msec=20"], env=server.environment, stdout=out)
    emulator = subprocess.Popen([CLEARBOX, "-display", "none", "-hda", disk, "-audio", "sdl", "-speed", "real"],
                                env=server.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
    try:
        emulator.wait(seconds)
        raise Failure(f"the emulator ended with {emulator.returncode}: {emulator.stderr.read().strip()}")
    except subprocess.TimeoutExpired:
        pass
    finally:
        # the recorder first: the end is not meant to be heard
        for child in (recorder, emulator):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            child.wait(20)
    samples = array.array("h")
    with open(heard, "rb") as file:
        data = file.read()
    samples.frombytes(data[:len(data) // 4 * 4])
    return samples[0::2], samples[1::2]


class Tone:
    """A sine of about this frequency, period by period: is it ever interrupted?"""

    def __init__(self, samples, frequency):
        period = RATE // frequency
        turn = [cmath.exp(-2j * math.pi * i / period) * 2 / period for i in range(period)]
        loud = next((i for i, x in enumerate(samples) if abs(x) > 2000), None)
        if loud is None:
            raise Failure(f"{len(samples) / RATE:.1f} s of silence were heard")
        # it begins when the ring is filled; of that the first tenth of a second may be uneven
        samples = samples[loud + RATE // 10:]
        self.seconds = len(samples) / RATE
        parts = [sum(map(lambda x, t: x * t, samples[at:at + period], turn))
                 for at in range(0, len(samples) - period, period)]
        self.level = sorted(map(abs, parts))[len(parts) // 2]
        self.holes, self.jumps, self.turned, self.fastest = [], [], 0.0, 0.0
        for n in range(1, len(parts)):
            if abs(parts[n]) < 0.9 * self.level or abs(parts[n - 1]) < 0.9 * self.level:
                self.holes.append(n * period / RATE)
                continue
            step = cmath.phase(parts[n] / parts[n - 1])
            self.turned += step
            # in a period the phase moves by what the ring plays faster or slower, and nothing else
            if abs(step) > 2 * math.pi * OFF_MOST:
                self.jumps.append(n * period / RATE)
            self.fastest = max(self.fastest, abs(step) / 2 / math.pi)
        self.frequency = frequency * (1 + self.turned / 2 / math.pi / max(1, len(parts)))
        # a jump that is smaller than that, or in the wave's shape: a sine goes on as its last two frames say
        goes_on = 2 * math.cos(2 * math.pi * frequency / RATE)
        self.clicks = [i / RATE for i in range(2, len(samples))
                       if abs(samples[i] - goes_on * samples[i - 1] + samples[i - 2]) > self.level / 32]

    def faults(self):
        return [f"{len(what)} {name} (at {', '.join(f'{at:.3f}' for at in what[:6])} s)"
                for name, what in (("periods of silence", self.holes), ("jumps", self.jumps), ("clicks", self.clicks))
                if what]


def listen(server, folder, seconds):
    """Plays; returns what is wrong, and how late the host let a program be."""
    watch = Watch()
    watch.start()
    sides = record(server, folder, seconds)
    watch.over.set()
    problems = []
    for name, samples, frequency in zip(("left", "right"), sides, TONES):
        tone = Tone(samples, frequency)
        print(f"loudspeakers: {name}: {tone.seconds:.1f} s, {tone.frequency:.2f} Hz, level {tone.level:.0f}, at most "
              f"{100 * tone.fastest:.2f} % off, {', '.join(tone.faults()) or 'without a hole, a jump or a click'}",
              flush=True)
        if tone.seconds < seconds / 3:
            problems.append(f"{name}: only {tone.seconds:.1f} s were heard")
        if abs(tone.frequency - frequency) > frequency / 250:
            problems.append(f"{name}: {tone.frequency:.2f} Hz instead of {frequency}")
        problems += [f"{name}: {fault}" for fault in tone.faults()]
    return problems, watch


def main():
    for tool in ("pulseaudio", "pactl", "parec", "nasm"):
        if not shutil.which(tool):
            print(f"SKIP: {tool} is not installed (testsuite/install.sh tests)")
            return 77
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 6
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 0)]
    server = None
    try:
        server = Server(tempfile.mkdtemp(prefix="pulse-", dir=FOLDER))
        for attempt in range(3):
            problems, watch = listen(server, FOLDER, seconds)
            print(f"loudspeakers: {'; '.join(problems) or 'ok'}; the host was late {watch.late} times, by "
                  f"{1000 * watch.worst:.0f} ms at most", flush=True)
            if not problems:
                break
        else:
            # a host that does not run a program for so long does not run this one either
            if watch.worst < 0.03:
                print("0 passed, 1 failed")
                return 1
            print("SKIP: the host has no time for sound")
            return 77
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
        if server:
            server.close()
    print("1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    CLEARBOX, FOLDER = sys.argv[1], os.path.abspath(sys.argv[2])
    os.makedirs(FOLDER, exist_ok=True)
    sys.exit(main())
