#!/usr/bin/env python3
"""
Make a ROM image from a linked ELF file, and a C file with the image in it.

    mkrom.py bios    IN.elf OUT.bin OUT.c
    mkrom.py vgabios IN.elf OUT.bin OUT.c      (and any other option ROM's name)

bios: 128 KiB, load segments at their physical addresses from E0000h.
Option ROMs: load segments from 0; padded to 512 bytes, lengths and checksums filled in.
"""
import struct
import sys


def segments(path):
    data = open(path, "rb").read()
    assert data[:4] == b"\177ELF" and data[4] == 1 and data[5] == 1, "not a 32-bit ELF file"
    phoff, = struct.unpack_from("<I", data, 28)
    phentsize, phnum = struct.unpack_from("<HH", data, 42)
    for i in range(phnum):
        kind, offset, _, paddr, filesz = struct.unpack_from("<IIIII", data, phoff + i * phentsize)
        if kind == 1 and filesz:
            yield paddr, data[offset:offset + filesz]


def system_bios(path):
    image = bytearray(b"\xff" * 0x20000)
    for paddr, content in segments(path):
        at = paddr - 0xe0000
        assert 0 <= at and at + len(content) <= len(image), "segment at %#x" % paddr
        image[at:at + len(content)] = content
    return image


def option_rom(path):
    image = bytearray()
    for paddr, content in segments(path):
        assert paddr + len(content) <= 0x10000, "option ROM larger than 64 KiB"
        image.extend(b"\0" * (paddr + len(content) - len(image)))
        image[paddr:paddr + len(content)] = content
    # one byte for the checksum, then whole 512-byte blocks
    image.append(0)
    image.extend(b"\0" * (-len(image) % 512))
    blocks = len(image) // 512
    assert image[:2] == b"\x55\xaa" and blocks < 128
    image[2] = blocks
    data, pnp = struct.unpack_from("<HH", image, 0x18)
    if data:
        assert image[data:data + 4] == b"PCIR"
        struct.pack_into("<H", image, data + 0x10, blocks)
    if pnp:
        assert image[pnp:pnp + 4] == b"$PnP"
        image[pnp + 9] = -sum(image[pnp:pnp + 16 * image[pnp + 5]]) & 255
    image[-1] = -sum(image) & 255
    return image


def main():
    kind, source, binary, c_file = sys.argv[1:]
    image = system_bios(source) if kind == "bios" else option_rom(source)
    with open(binary, "wb") as f:
        f.write(image)
    lines = ["\t" + ", ".join("0x%02x" % b for b in image[i:i + 16]) + ","
             for i in range(0, len(image), 16)]
    with open(c_file, "w") as f:
        f.write("/* Made by bios/mkrom.py. */\n"
                "extern const unsigned char cbx_%s_image[];\n"
                "extern const unsigned cbx_%s_image_size;\n\n"
                "const unsigned char cbx_%s_image[] = {\n%s\n};\n\n"
                "const unsigned cbx_%s_image_size = sizeof(cbx_%s_image);\n"
                % (kind, kind, kind, "\n".join(lines), kind, kind))


main()
