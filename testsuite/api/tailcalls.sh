#!/bin/sh
# Handlers must jump to the next one, not call it: a call leaves a frame on the host's stack for
# every guest instruction.  usage: tailcalls.sh LIBRARY [OBJDUMP].  Builds with chained dispatch only.
set -eu
objdump=${2:-objdump}
command -v "$objdump" >/dev/null || { echo "$objdump is not there"; exit 77; }
# How each processor calls through a register or memory.
case $("$objdump" -f "$1" | sed -n 's/^architecture: *\([^,]*\).*/\1/p' | head -n 1) in
i386:x86-64 | i386) calls='call[lq]? +[*]' ;;
aarch64) calls='blr ' ;;
arm*) calls='blx +(r[0-9]|ip|lr)' ;;
riscv*) calls='jalr +([ast][0-9])' ;;
s390*) calls='basr +%r14,%r[1-9]' ;;
*)
	echo "tailcalls.sh does not know this processor's calls"
	exit 77
	;;
esac
# The field `run` of the next record is reached through its address, or through the link.  FERR# is a
# line that is set by a call through a register: those are named here.
found=$("$objdump" -d --no-show-raw-insn "$1" | expand | awk -v calls="$calls" '
	/^[0-9a-f]+ <op_/ { name = $2 }
	/^[0-9a-f]+ <[^o]/ { name = "" }
	name != "" && $0 ~ calls && name !~ /<op_F(WAIT|NINIT|NCLEX|LDCW|LDENV|NSAVE|RSTOR|XRSTOR)/ { print name, $0 }')
if [ -n "$found" ]; then
	echo "handlers that call what they should jump to:"
	echo "$found"
	exit 1
fi
echo "every handler jumps"
