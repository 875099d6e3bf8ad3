#!/bin/sh
# What the library gives and takes: exports begin with cbx_, imports are harmless ones of libc,
# libm and zlib, and nothing in it is static and mutable.
#
# The archive for embedders shows no other names, the functions are fewer than 150, and an optimised
# library is smaller than a million bytes without the firmware (two objects in it).
#
# usage: symbols.sh libclearbox.so OBJECTS.a [ARCHIVE.a|none yes|no (optimised)]
shared=$1
objects=$2
archive=${3:-none}
optimised=${4:-no}
nm=${NM:-nm}
objdump=${OBJDUMP:-objdump}
failed=0
export LC_ALL=C

complain()
{
	if [ -n "$2" ]; then
		echo "$1:"
		echo "$2" | sed 's/^/    /'
		failed=1
	fi
}

exports=$("$nm" -D --defined-only "$shared" | awk '{ print $NF }' | sed 's/@.*//')
[ -n "$exports" ] || { echo "no exports in $shared"; exit 1; }
complain "exported, but not cbx_" \
	"$(echo "$exports" | grep -v -E '^(cbx_|CLEARBOX_[0-9]|_init$|_fini$|_edata$|_end$|__bss_start$)')"

imports=$("$nm" -D --undefined-only "$shared" | awk '{ print $NF }' | sed 's/@.*//' | sort -u)
case "$imports" in
*__asan_* | *__ubsan_* | *__msan_* | *__tsan_* | *__gcov_*)
	echo "a build with sanitizers or counters: only exports are looked at"
	exit $failed
	;;
esac
# Memory and strings; allocation; zlib; what compilers and linkers add.
allowed='memcpy|memmove|memset|memcmp|memchr|strlen|strcmp|strncmp|strchr|strrchr|strstr|strcpy|strncpy'
allowed="$allowed|malloc|calloc|realloc|free"
allowed="$allowed|deflate|deflateEnd|deflateInit_|deflateInit2_|inflate|inflateEnd|inflateInit_"
allowed="$allowed|inflateInit2_|crc32|adler32"
# arithmetic: core/fpu/ieee_fast.h
allowed="$allowed|fma|fmaf|sqrt|sqrtf"
allowed="$allowed|__cxa_finalize|__gmon_start__|_ITM_.*|__stack_chk_fail|__mem(cpy|move|set)_chk"
allowed="$allowed|__str(cpy|ncpy|cat)_chk|__(u?div|u?mod|mul|ashl|ashr|lshr).*"
complain "imported, but not on the list of what a library may need" \
	"$(echo "$imports" | grep -v -E "^($allowed)\$")"

complain "static and mutable" \
	"$("$objdump" -t "$objects" | grep -E ' O (\.data|\.bss|\.tdata|\.tbss|\*COM\*)' |
	grep -v -F .data.rel.ro)"

count=$(echo "$exports" | grep -c '^cbx_')
[ "$count" -lt 150 ] || complain "too many functions are exported" "$count, to be fewer than 150"
if [ "$archive" != none ]; then
	complain "visible in $archive, but not cbx_" \
		"$("$nm" -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | grep -v '^cbx_')"
	complain "in the archive, but not exported by the shared library, or the other way about" \
		"$({ "$nm" -g --defined-only "$archive" | awk 'NF == 3 { print $3 }'; echo "$exports"; } |
		grep '^cbx_' | sort | uniq -u)"
fi
size=
if [ "$optimised" = yes ]; then
	stripped=$(mktemp)
	"${STRIP:-strip}" -o "$stripped" "$shared"
	firmware=$("$nm" -S "$shared" | awk '$4 ~ /^cbx_(vga)?bios_image$/ { print $2 }' |
		while read -r hex; do echo $((0x$hex)); done | awk '{ n += $1 } END { print n + 0 }')
	size=$(($(stat -c %s "$stripped") - firmware))
	rm -f "$stripped"
	[ "$firmware" -gt 65536 ] || complain "where is the firmware" "$firmware bytes of it found"
	# x86-64, by a linker that packs relocations; elsewhere it is larger.
	limit=1048576
	case $("$objdump" -h "$shared") in
	*elf64-x86-64*.relr.dyn*) limit=1000000 ;;
	esac
	[ $size -lt $limit ] || complain "larger than $limit bytes stripped and without firmware" "$size"
	size=", $size bytes without firmware"
fi
[ $failed = 0 ] && echo "$count functions exported$size"
exit $failed
