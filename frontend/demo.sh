#!/bin/sh
# Builds Clearbox and boots a real Linux in it, to a shell prompt: Debian's i386 kernel and busybox.
# Installs what it needs (Debian); needs the network the first time.
#
# usage: sh frontend/demo.sh [--headless [COMMAND]] [CLEARBOX OPTION...]
#   --headless   no display: boots, runs COMMAND in the guest (by default it looks around a little),
#                prints what the guest printed, and exits 0 if all went well
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
build=${CLEARBOX_BUILD:-$here/build}

headless=
command='uname -a; grep -m1 "model name" /proc/cpuinfo; free; cat /proc/uptime'
if [ "${1:-}" = --headless ]; then
	headless=yes
	shift
	case ${1:-} in
	"" | -*) ;;
	*)
		command=$1
		shift
		;;
	esac
fi

sh "$here/testsuite/install.sh" build guests
[ -e "$build/build.ninja" ] || meson setup "$build" "$here" >"$here/build-demo.log" 2>&1 || {
	cat "$here/build-demo.log" >&2
	exit 1
}
rm -f "$here/build-demo.log"
ninja -C "$build" frontend/clearbox >"$build/demo.log" 2>&1 || {
	cat "$build/demo.log" >&2
	exit 1
}
guests=$(sh "$here/testsuite/boot/guests.sh" 686)
set -- -m 128 -kernel "$guests/vmlinuz-686" -initrd "$guests/initrd-686" "$@"

if [ -z "$headless" ]; then
	echo "Starting Linux in Clearbox. The command 'poweroff' at its prompt ends it." >&2
	exec "$build/frontend/clearbox" "$@" -speed max -append "console=tty0 cryptomgr.notests"
fi

# quotation marks would end the command on the guest's command line
command=$(printf %s "$command" | tr '"' "'")
output=$(mktemp)
trap 'rm -f "$output"' EXIT
trap 'exit 1' HUP INT TERM
status=0
"$build/frontend/clearbox" "$@" -display none -serial stdio -timeout 600 \
	-append "console=ttyS0,115200 cryptomgr.notests modules=none run=\"$command\"" </dev/null >"$output" || status=$?
tr -d '\r' <"$output" | sed -n '/^run: begin$/,/^run: status/ { /^run: /d; p; }'
if [ $status != 0 ] || ! tr -d '\r' <"$output" | grep -qx 'run: status 0'; then
	echo "demo.sh: the guest did not get through; the last it said:" >&2
	tail -n 20 "$output" >&2
	echo "demo.sh: clearbox ended with status $status" >&2
	exit 1
fi
