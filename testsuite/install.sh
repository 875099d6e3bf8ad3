#!/bin/sh
# Installs what this project needs on a Debian machine; says nothing and does nothing if it is there.
#
# usage: sh testsuite/install.sh build|guests|tests|speed...
set -eu

build="gcc libc6-dev clang lld llvm make meson ninja-build pkg-config zlib1g-dev libpng-dev libcmocka-dev
	libsdl2-dev libslirp-dev libedit-dev"
guests="busybox-static ca-certificates cpio gzip fdisk mtools syslinux syslinux-common isolinux
	xorriso e2fsprogs grub-common grub-pc-bin util-linux"
tests="g++ nasm libzydis-dev libmpfr-dev python3 tmux procps gdb seabios qemu-user-static"
speed="bochs bochsbios vgabios qemu-system-x86 nasm python3 linux-perf"
case $(dpkg --print-architecture 2>/dev/null) in
amd64 | x32)
	tests="$tests gcc-multilib"
	speed="$speed gcc-multilib"
	;;
i386) ;;
*)
	# the boot loaders' host tools exist for PCs only; the rest works anywhere
	guests=$(echo $guests | sed 's/ syslinux / /; s/ grub-pc-bin//')
	;;
esac

wanted=
for group; do
	case $group in
	build) wanted="$wanted $build" ;;
	guests) wanted="$wanted $guests" ;;
	tests) wanted="$wanted $tests" ;;
	speed) wanted="$wanted $speed" ;;
	*)
		echo "install.sh: there is no group $group: build, guests, tests or speed" >&2
		exit 2
		;;
	esac
done

missing=
for package in $wanted; do
	case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
	"install ok installed") ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "install.sh: these packages are missing and only root can install them: apt-get install$missing" >&2
		exit 1
	}
	root=sudo
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$root apt-get -q update >/dev/null || true
# some of these are optional for the build, and not every Debian has each: one at a time if not together
$root apt-get -q -y install --no-install-recommends $missing >/dev/null || {
	for package in $missing; do
		$root apt-get -q -y install --no-install-recommends "$package" >/dev/null ||
			echo "install.sh: $package cannot be installed; going on without it" >&2
	done
}
