#!/bin/sh
# Handlers must jump to the next one, not call it: a call leaves a frame on the host's stack for
# every guest instruction.  usage: tailcalls.sh LIBRARY.  x86-64 builds with chained dispatch only.
set -eu
command -v objdump >/dev/null || { echo "objdump is not there"; exit 77; }
objdump -f "$1" | grep -q 'x86-64' || { echo "not an x86-64 library"; exit 77; }
# The field `run` of the next record is called as *0x40(reg), *(reg) after an addition, or through
# the link.  FERR# is a line that is set by a call through a register: those are named here.
found=$(objdump -d --no-show-raw-insn "$1" | awk '
	/^[0-9a-f]+ <op_/ { name = $2 }
	/^[0-9a-f]+ <[^o]/ { name = "" }
	name != "" && /call +\*/ && name !~ /<op_F(WAIT|NINIT|NCLEX|LDCW|LDENV|NSAVE|RSTOR|XRSTOR)/ { print name, $0 }')
if [ -n "$found" ]; then
	echo "handlers that call what they should jump to:"
	echo "$found"
	exit 1
fi
echo "every handler jumps"
