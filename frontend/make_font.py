"""Takes the 8x16 font out of the VGA BIOS's source, for the window's menu: make_font.py FONTS OUT"""
import re
import sys

source = open(sys.argv[1]).read()
table = re.search(r"font16\[4096\] = \{(.*?)\};", source, re.S)[1]
rows = re.findall(r"0x[0-9a-f]{2}", table)
assert len(rows) == 4096, len(rows)
with open(sys.argv[2], "w") as out:
    out.write("/* Made by make_font.py: code page 437, 16 rows of 8 dots a character. */\n"
              "static const unsigned char font16[256][16] = {\n")
    for n in range(256):
        out.write("\t{ " + ", ".join(rows[16 * n:16 * n + 16]) + " },\n")
    out.write("};\n")
