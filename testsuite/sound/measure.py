#!/usr/bin/env python3
"""Measures tones in a WAV file: python3 measure.py FILE.wav prints length, frequency, purity by channel."""

import array
import math
import sys


class Sound:
    """One channel of a WAV file of 16-bit samples."""

    def __init__(self, rate, samples):
        self.rate = rate
        self.samples = samples
        self.peak = max(map(abs, samples), default=0)
        # what changes from one frame to the next tells better where a tone begins and ends than its
        # level does: that of a tone that is not symmetrical has to settle
        edges = [b - a for a, b in zip(samples, samples[1:])]
        steepest = sorted(map(abs, edges))[-max(1, len(edges) // 100)] if edges else 0
        loud = [i for i, x in enumerate(edges) if abs(x) > steepest / 3] if self.peak > 50 else []
        self.first, self.last = (loud[0], loud[-1]) if loud else (0, 0)
        self.seconds = (self.last - self.first + 1) / rate if loud else 0.0

    def frequency(self):
        """By upward crossings of zero, in the middle nine tenths, interpolated; 0 for silence."""
        cut = (self.last - self.first) // 20
        x = self.samples[self.first + cut:self.last - cut]
        level, low, times = self.peak / 4, False, []
        for i in range(1, len(x)):
            low = low or x[i] < -level
            if low and x[i] >= 0:
                times.append(i - x[i] / (x[i] - x[i - 1]))
                low = False
        return (len(times) - 1) * self.rate / (times[-1] - times[0]) if len(times) > 1 else 0.0

    def amplitude(self, frequency):
        """Of one frequency, in the middle (Goertzel, over whole periods)."""
        cut = (self.last - self.first) // 20
        periods = int((self.last - self.first - 2 * cut) * frequency / self.rate)
        count = round(periods * self.rate / frequency) if periods else 0
        if not count:
            return 0.0
        turn = 2 * math.cos(2 * math.pi * frequency / self.rate)
        a = b = 0.0
        for x in self.samples[self.first + cut:self.first + cut + count]:
            a, b = x + turn * a - b, a
        return 2 * math.sqrt(max(0.0, a * a + b * b - turn * a * b)) / count

    def rest(self, frequency):
        """What is not that frequency, as a part of it (rms to rms)."""
        cut = (self.last - self.first) // 20
        x = self.samples[self.first + cut:self.last - cut]
        mean = sum(x) / len(x)
        power = sum((v - mean) ** 2 for v in x) / len(x)
        tone = self.amplitude(frequency) ** 2 / 2
        return math.sqrt(max(0.0, power - tone) / tone) if tone else math.inf


def read(name):
    """The channels of a WAV file; its header must be right to the byte."""
    data = open(name, "rb").read()
    word = lambda at, size: int.from_bytes(data[at:at + size], "little")
    if data[:4] != b"RIFF" or data[8:16] != b"WAVEfmt " or data[36:40] != b"data":
        raise ValueError(f"{name} is no WAV file")
    if word(20, 2) != 1 or word(34, 2) != 16 or word(4, 4) != len(data) - 8 or word(40, 4) != len(data) - 44:
        raise ValueError(f"{name}: the header says {word(40, 4)} bytes of sound, and there are {len(data) - 44}")
    samples = array.array("h")
    samples.frombytes(data[44:])
    if sys.byteorder == "big":
        samples.byteswap()
    channels = word(22, 2)
    return [Sound(word(24, 4), samples[n::channels]) for n in range(channels)]


if __name__ == "__main__":
    for side, sound in zip(("left", "right"), read(sys.argv[1])):
        tone = sound.frequency()
        print(f"{side}: {len(sound.samples) / sound.rate:.3f} s, sound from {sound.first / sound.rate:.3f} s "
              f"for {sound.seconds:.4f} s, {tone:.2f} Hz, peak {sound.peak}, rest {sound.rest(tone) * 100:.2f} %"
              if tone else f"{side}: {len(sound.samples) / sound.rate:.3f} s, silent (peak {sound.peak})")
