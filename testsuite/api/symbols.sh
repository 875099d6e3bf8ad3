#!/bin/sh
# What the library gives and takes: exports begin with cbx_, imports are harmless ones of libc,
# libm and zlib, and nothing in it is static and mutable.
#
# usage: symbols.sh libclearbox.so libclearbox.a [NM OBJDUMP]
shared=$1
archive=$2
nm=${3:-nm}
objdump=${4:-objdump}
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
*__asan_* | *__ubsan_* | *__msan_* | *__tsan_*)
	echo "a build with sanitizers: only exports are looked at"
	exit $failed
	;;
esac
# Memory and strings; allocation; zlib; what compilers and linkers add.
allowed='memcpy|memmove|memset|memcmp|memchr|strlen|strcmp|strncmp|strchr|strrchr|strstr|strcpy|strncpy'
allowed="$allowed|qsort|bsearch|malloc|calloc|realloc|free"
allowed="$allowed|deflate|deflateEnd|deflateInit_|deflateInit2_|inflate|inflateEnd|inflateInit_"
allowed="$allowed|inflateInit2_|crc32|adler32"
# arithmetic: core/fpu/ieee_fast.h
allowed="$allowed|fma|fmaf|sqrt|sqrtf"
allowed="$allowed|__cxa_finalize|__gmon_start__|_ITM_.*|__stack_chk_fail|__mem(cpy|move|set)_chk"
allowed="$allowed|__str(cpy|ncpy|cat)_chk|__(u?div|u?mod|mul|ashl|ashr|lshr).*"
complain "imported, but not on the list of what a library may need" \
	"$(echo "$imports" | grep -v -E "^($allowed)\$")"

complain "static and mutable" \
	"$("$objdump" -t "$archive" | grep -E ' O (\.data|\.bss|\.tdata|\.tbss|\*COM\*)' |
	grep -v -F .data.rel.ro)"
[ $failed = 0 ] && echo "$(echo "$exports" | grep -c cbx_) functions exported"
exit $failed
