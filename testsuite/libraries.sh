#!/bin/sh
# Builds zlib and cmocka from Debian's sources, for builds that cannot use the installed ones: another
# host's, or one where a sanitizer must see all code.
#
# usage: CC=... CFLAGS=... [AR=...] sh testsuite/libraries.sh SOURCES PREFIX
# SOURCES is the folder that keeps what is fetched; PREFIX gets include/, lib/ and lib/pkgconfig/.
# LIBRARIES=zlib: only that.
set -eu
mkdir -p "$1" "$2/include" "$2/lib/pkgconfig"
builds=$(cd "$1" && pwd)
prefix=$(cd "$2" && pwd)
flags=${CFLAGS:-}
export AR="${AR:-ar}"

# sources PACKAGE: unpacks its source below $builds; the host's own package lists are left alone
sources()
{
	[ ! -e "$builds/$1-source" ] || return 0
	apt=$builds/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	echo "deb-src http://deb.debian.org/debian $codename main" >"$apt/sources.list"
	set -- "$1" -q -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root
	package=$1
	shift
	[ -e "$apt/updated" ] || apt-get "$@" update >"$builds/apt.log" 2>&1
	touch "$apt/updated"
	(cd "$builds" && apt-get "$@" --download-only source "$package" >>"$builds/apt.log" 2>&1)
	mkdir -p "$builds/$package-unpacked"
	tar -xf "$(find "$builds" -maxdepth 1 -name "${package}_*.orig.tar.*" ! -name '*.asc' | head -n 1)" \
		-C "$builds/$package-unpacked" --strip-components=1
	mv "$builds/$package-unpacked" "$builds/$package-source"
}

# pc NAME LIBRARY VERSION: what pkg-config says of it
pc()
{
	printf '%s\n' "Name: $1" "Description: built from Debian's source" "Version: $3" \
		"Libs: -L$prefix/lib -l$2" "Cflags: -isystem $prefix/include" >"$prefix/lib/pkgconfig/$1.pc"
}

if [ ! -e "$prefix/lib/pkgconfig/zlib.pc" ]; then
	echo "== building zlib"
	sources zlib
	cd "$builds/zlib-source"
	mkdir -p "$prefix/objects"
	for file in adler32 compress crc32 deflate gzclose gzlib gzread gzwrite infback inffast inflate inftrees trees uncompr zutil; do
		$CC $flags -DHAVE_UNISTD_H -D_LARGEFILE64_SOURCE=1 -O2 -c $file.c -o "$prefix/objects/$file.o"
	done
	$AR rc "$prefix/lib/libz.a" "$prefix"/objects/*.o
	rm -r "$prefix/objects"
	cp zlib.h zconf.h "$prefix/include/"
	pc zlib z "$(sed -n 's/^#define ZLIB_VERSION "\(.*\)"$/\1/p' zlib.h)"
fi
if [ ! -e "$prefix/lib/pkgconfig/cmocka.pc" ] && [ "${LIBRARIES:-}" != zlib ]; then
	echo "== building cmocka"
	sources cmocka
	cd "$builds/cmocka-source"
	config=$prefix/cmocka
	mkdir -p "$config"
	for header in ASSERT INTTYPES IO MALLOC MEMORY SETJMP SIGNAL STDARG STDDEF STDINT STDIO STDLIB STRINGS \
		STRING SYS_STAT SYS_TYPES TIME UNISTD; do
		echo "#define HAVE_${header}_H 1"
	done >"$config/config.h"
	for function in CLOCK_GETTIME SNPRINTF VSNPRINTF STRSIGNAL STRUCT_TIMESPEC STRCMP STRCPY MEMCPY MEMSET \
		LONGJMP SIGLONGJMP SETJMP PRINTF FPRINTF FREE MALLOC CALLOC EXIT SIGNAL GCC_THREAD_LOCAL_STORAGE \
		CLOCK_REALTIME; do
		echo "#define HAVE_$function 1"
	done >>"$config/config.h"
	$CC $flags -O1 -D_GNU_SOURCE -DHAVE_CONFIG_H -I"$config" -Iinclude -c src/cmocka.c -o "$config/cmocka.o" \
		2>"$config/log" || { cat "$config/log"; exit 1; }
	$AR rc "$prefix/lib/libcmocka.a" "$config/cmocka.o"
	cp include/*.h "$prefix/include/"
	pc cmocka cmocka 1.1.7
fi
