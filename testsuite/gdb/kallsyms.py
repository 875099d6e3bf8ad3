#!/usr/bin/env python3
"""Symbols for gdb out of a Linux kernel that has none: the names a kernel keeps for /proc/kallsyms.

usage: kallsyms.py VMLINUZ SYMBOLS.elf

VMLINUZ is a bzImage for x86-64, of Linux 4.20 to 6.3 (Debian 12 has 6.1), compressed with xz or gzip.
SYMBOLS.elf is for gdb's "file" or "add-symbol-file"; the addresses are those of a kernel that is booted
with nokaslr.
"""
import bisect
import lzma
import struct
import sys
import zlib


def payload(image):
    """The kernel proper (an ELF file) out of a bzImage: Documentation/x86/boot.rst, payload_offset."""
    if image[0x202:0x206] != b"HdrS":
        raise ValueError("it is no bzImage")
    setup = (image[0x1F1] or 4) * 512 + 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    data = image[setup + offset:setup + offset + length]
    if data[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(data)
    if data[:2] == b"\x1f\x8b":
        return zlib.decompressobj(31).decompress(data)
    raise ValueError("the kernel is compressed with neither xz nor gzip")


def token_table(data):
    """Where the 256 tokens begin, which are strings ended by 0; most digits stand for themselves."""
    at = -1
    while True:
        at = data.find(b"0\0" b"1\0" b"2\0" b"3\0" b"4\0" b"5\0" b"6\0" b"7\0" b"8\0" b"9\0", at + 1)
        if at < 0:
            raise ValueError("it keeps no names (CONFIG_KALLSYMS)")
        start = at
        for _ in range(ord("0")):
            start = data.rfind(b"\0", 0, start - 1) + 1
        tokens, end = [], start
        for _ in range(256):
            stop = data.index(b"\0", end)
            tokens.append(data[end:stop])
            end = stop + 1
        index = (end + 7) & ~7
        wanted, total = [], 0
        for token in tokens:
            wanted.append(total)
            total += len(token) + 1
        # the start may be some bytes of padding early
        if list(struct.unpack_from("<256H", data, index)) == wanted:
            return start, tokens
        for start in range(start + 1, start + 8):
            first = data.index(b"\0", start)
            if struct.unpack_from("<H", data, index + 2)[0] == first + 1 - start:
                return start, [data[start:first]] + tokens[1:]


def symbols(data):
    table, tokens = token_table(data)
    # Somewhere before it: for each 256th symbol where its name begins, ascending from 0
    at = table & ~7
    markers = []
    while len(markers) < 16:
        at = data.rfind(b"\0\0\0\0", 0, at + 3)
        if at < 0:
            raise ValueError("the names are kept in a form that is not known here")
        markers = [0]
        while at % 8 == 0:
            following = struct.unpack_from("<I", data, at + 4 * len(markers))[0]
            if not 256 < following - markers[-1] < 65536:
                break
            markers.append(following)
    # before these the names, before these their number
    number = (at - markers[-1] - 8) & ~7
    while True:
        count = struct.unpack_from("<I", data, number)[0]
        if (count + 255) // 256 == len(markers):
            names, place = [], number + 8
            for n in range(count):
                if n % 256 == 0 and place - number - 8 != markers[n // 256]:
                    break
                length = data[place]
                place += 1
                if length & 0x80:
                    length = length & 0x7F | data[place] << 7
                    place += 1
                names.append(b"".join(tokens[b] for b in data[place:place + length]))
                place += length
            if len(names) == count:
                break
        number -= 8
        if number < 0:
            raise ValueError("the names are kept in a form that is not known here")
    base = struct.unpack_from("<Q", data, number - 8)[0]
    offsets = struct.unpack_from("<%di" % count, data, number - 8 - ((4 * count + 7) & ~7))
    for name, offset in zip(names, offsets):
        # negative: relative to the base; else of a processor's own data, not an address
        if offset < 0:
            yield base - 1 - offset, chr(name[0]), name[1:]


def write_elf(path, found):
    """An ELF file with one section without bytes from the first address on, and the symbols in it."""
    found = sorted(found)
    addresses = [address for address, _, _ in found]
    first, last = addresses[0], addresses[-1]
    strings, table = bytearray(b"\0"), bytearray(24)
    for address, kind, name in found:
        following = bisect.bisect_right(addresses, address)
        size = (addresses[following] if following < len(found) else address + 1) - address
        code = kind in "tTwW"
        table += struct.pack("<IBBHQQ", len(strings), 0x10 | (2 if code else 1), 0, 1 if code else 2, address,
                             min(size, 0x100000))
        strings += name + b"\0"
    sections = b"\0.text\0.data\0.symtab\0.strtab\0.shstrtab\0"
    names = [sections.index(b"\0" + name + b"\0") + 1
             for name in (b".text", b".data", b".symtab", b".strtab", b".shstrtab")]
    at = 64
    rows = [bytes(64)]

    def row(name, kind, flags, address, offset, size, link, info, align, entry):
        rows.append(struct.pack("<IIQQQQIIQQ", name, kind, flags, address, offset, size, link, info, align,
                                entry))

    row(names[0], 8, 6, first, at, last - first + 1, 0, 0, 1, 0)
    row(names[1], 8, 3, first, at, last - first + 1, 0, 0, 1, 0)
    row(names[2], 2, 0, 0, at, len(table), 4, 1, 8, 24)
    row(names[3], 3, 0, 0, at + len(table), len(strings), 0, 0, 1, 0)
    row(names[4], 3, 0, 0, at + len(table) + len(strings), len(sections), 0, 0, 1, 0)
    body = bytes(table) + bytes(strings) + sections
    body += bytes(-len(body) % 8)
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, first, 0, at + len(body), 0,
                                                       64, 0, 0, 64, len(rows), 5)
    with open(path, "wb") as out:
        out.write(header + body + b"".join(rows))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    try:
        with open(sys.argv[1], "rb") as file:
            found = list(symbols(payload(file.read())))
        write_elf(sys.argv[2], found)
    except (OSError, ValueError, lzma.LZMAError, zlib.error) as error:
        sys.exit("kallsyms.py: %s: %s" % (sys.argv[1], error))
    print("%d symbols" % len(found))


if __name__ == "__main__":
    main()
