#!/bin/sh
# The program keeps to POSIX, but for the files named *_linux.c: compiles it with nothing else declared.
# (The library is always compiled so: as ISO C.)
#
# usage: sh testsuite/hosts/posix.sh COMPILER FLAG...      FLAGs: what the program is compiled with
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
cd "$here"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# POSIX.1-2024 has these, and so have the BSDs; glibc shows them to who asks for all it has only.
cat >"$folder/posix2024.h" <<'C'
#include <poll.h>
#include <signal.h>
#include <time.h>
int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *signals);
#define tm_gmtoff __tm_gmtoff
#define DT_DIR 4
C
failed=0
set -- "$@" $(pkg-config --cflags libpng slirp libedit 2>/dev/null || true)
flags="-std=c11 -Werror=implicit-function-declaration -fsyntax-only -Iinclude"
for file in frontend/*.c; do
	case $file in
	*_linux.c | *sdl*) continue ;;
	esac
	"$@" -U_GNU_SOURCE $flags -Ifrontend -D_XOPEN_SOURCE=700 -include "$folder/posix2024.h" "$file" || failed=1
done
if grep -nE '^# *include <(linux/|sys/(epoll|eventfd|timerfd|signalfd|inotify|prctl|sendfile|memfd)|features\.h|error\.h)' \
	$(ls core/*.[ch] core/*/*.[ch] devices/*.[ch] frontend/*.[ch] | grep -v '_linux\.'); then
	echo "headers that only Linux has, outside of files named *_linux.c"
	failed=1
fi
exit $failed
