#!/usr/bin/env python3
"""Turn an AML file (from iasl) into the table in dsdt.h: mkdsdt.py dsdt.aml > dsdt.h"""
import struct
import sys

aml = open(sys.argv[1], "rb").read()
# leave out what a compiler run stamps in: its own name and version; and the checksum over it
aml = aml[:9] + b"\0" + aml[10:28] + b"CBX \1\0\0\0" + aml[36:]
# the PCI window: minimum, maximum, translation, length
window = struct.pack("<IIII", 0xe0000000, 0xfebfffff, 0, 0x1ec00000)
assert aml.count(window) == 1
print("/*\n * dsdt.asl compiled; made by mkdsdt.py from iasl's output. The checksum and the compiler's\n"
      " * name are left out, pc_acpi.c fills in the former.\n */")
print("enum { DSDT_WINDOW = %d };        /* where the PCI window's first address stands */" %
      aml.index(window))
print("static const unsigned char dsdt_aml[%d] = {" % len(aml))
for i in range(0, len(aml), 12):
    print("\t" + ", ".join("0x%02x" % b for b in aml[i:i + 12]) + ",")
print("};")
