#!/bin/sh
# Installs what this project needs on a Debian machine; says nothing and does nothing if it is there.
#
# usage: sh testsuite/install.sh build|guests|tests|speed|hosts...
set -eu

build="gcc libc6-dev clang lld llvm make meson ninja-build pkg-config zlib1g-dev libpng-dev libcmocka-dev
	libsdl2-dev libslirp-dev libedit-dev"
guests="busybox-static ca-certificates cpio gzip fdisk mtools syslinux syslinux-common isolinux
	xorriso e2fsprogs grub-common grub-pc-bin util-linux"
tests="g++ nasm ipxe-qemu tshark iproute2 libzydis-dev libmpfr-dev python3 tmux xvfb xdotool xclip openbox libx11-dev weston libegl1 libgl1-mesa-dri procps gdb seabios qemu-user-static
	pulseaudio pulseaudio-utils"
speed="libunicorn-dev bochs bochsbios vgabios qemu-system-x86 nasm python3 linux-perf"
hosts="bzip2 xz-utils qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
	gcc-riscv64-linux-gnu libc6-dev-riscv64-cross gcc-powerpc64-linux-gnu libc6-dev-ppc64-cross
	gcc-s390x-linux-gnu libc6-dev-s390x-cross"
case $(dpkg --print-architecture 2>/dev/null) in
amd64 | x32)
	# the package gcc-multilib itself would throw out the compilers for other hosts
	multilib=$(apt-cache depends gcc-multilib 2>/dev/null | sed -n 's/.*Depends: \(gcc-[0-9]*-multilib\)$/\1/p')
	tests="$tests ${multilib:-gcc-multilib} libc6-dev-i386"
	speed="$speed ${multilib:-gcc-multilib} libc6-dev-i386"
	hosts="$hosts ${multilib:-gcc-multilib} libc6-dev-i386"
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
	hosts) wanted="$wanted $hosts" ;;
	*)
		echo "install.sh: there is no group $group: build, guests, tests, speed or hosts" >&2
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
