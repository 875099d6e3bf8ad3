#!/bin/sh
# Installs a build into a folder and builds all examples against that, with pkg-config and with CMake,
# dynamic and static, C and C++, and runs them.
# usage: install.sh BUILD SOURCE
set -eu
build=$1
source=$2
for tool in pkg-config cmake c++; do
	command -v $tool >/dev/null || { echo "$tool is not there"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
meson install -C "$build" --no-rebuild --quiet --destdir "$work/root" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
config=$(find "$work/root" -name clearbox.pc)
libdir=$(dirname "$(dirname "$config")")
prefix=$work/root$(sed -n 's/^prefix=//p' "$config")
export PKG_CONFIG_PATH="$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$work/root" LD_LIBRARY_PATH="$libdir"
cc=${CC:-cc}
flags="-std=c11 -O1 -Wall -Wextra -Wpedantic -Werror"

[ -L "$libdir/libclearbox.so" ] && [ -L "$libdir/libclearbox.so.0" ]
readelf -d "$libdir/libclearbox.so" | grep -q 'SONAME.*\[libclearbox.so.0\]'

# every header by itself, as C11 and as C++17
for header in "$prefix"/include/clearbox/*.h; do
	echo "#include <clearbox/$(basename "$header")>" >"$work/header.c"
	cp "$work/header.c" "$work/header.cc"
	$cc $flags -fsyntax-only $(pkg-config --cflags clearbox) "$work/header.c"
	c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(pkg-config --cflags clearbox) "$work/header.cc"
done

for text in "$source"/examples/*.txt; do
	name=$(basename "$text" .txt)
	[ "$name" = CMakeLists ] && continue
	$cc $flags $(pkg-config --cflags clearbox) -o "$work/$name" "$source/examples/$name.c" $(pkg-config --libs clearbox)
	"$work/$name" </dev/null | cmp - "$text"
	echo "pkg-config: $name"
done
$cc $flags $(pkg-config --cflags clearbox) -o "$work/static" "$source/examples/device.c" "$libdir/libclearbox.a" -lz -lm
"$work/static" | cmp - "$source/examples/device.txt"
c++ -std=c++17 -Wall -Wextra -Werror $(pkg-config --cflags clearbox) -o "$work/linked" \
	"$source/testsuite/api/embed/linked.cc" "$libdir/libclearbox.a" -lz -lm
[ "$("$work/linked")" = halted ]
echo "archive: a C and a C++ program"

cmake -S "$source/examples" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_LIBRARY_ARCHITECTURE="$(basename "$libdir")" \
	>"$work/log" 2>&1 && cmake --build "$work/cmake" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
for text in "$source"/examples/*.txt; do
	name=$(basename "$text" .txt)
	[ "$name" = CMakeLists ] && continue
	"$work/cmake/$name" </dev/null | cmp - "$text"
done
"$work/cmake/boot_sector_static" | cmp - "$source/examples/boot_sector.txt"
echo "CMake: all of them"
