#!/bin/sh
# A whole Debian 12 with systemd, installed on an IDE disk by debootstrap: boots it with GRUB, logs in,
# and uses it: perl, python3, openssl, sha256sum, apt, poweroff. On demand: it takes root, debootstrap,
# the network the first time, 2 GiB of disk and some minutes.
#
# usage: EMULATOR=path/to/clearbox sh testsuite/boot/userland.sh [i386] [amd64]
#
# The disks are kept where guests.sh keeps its own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- i386 amd64
store=$(sh "$here/guests.sh")
work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

say() { echo "userland: $*" >&2; }
die() { say "$*"; exit 1; }

build()
{
	scripts=$(cat "$here/userland.sh" | cksum | tr ' ' -)
	disk=$store/userland-$1.img
	[ -s "$disk" ] && [ "$(cat "$disk.made-by" 2>/dev/null)" = "$scripts" ] && return
	[ "$(id -u)" = 0 ] || die "debootstrap needs root"
	command -v debootstrap >/dev/null || die "debootstrap is not installed"
	kernel=linux-image-$1
	[ "$1" != i386 ] || kernel=linux-image-686-pae
	work=$(mktemp -d)
	root=$work/root
	say "debootstrap for $1"
	debootstrap --arch="$1" --variant=minbase --include=systemd-sysv,udev,kmod,perl,python3-minimal,openssl,initramfs-tools \
		bookworm "$root" http://deb.debian.org/debian >"$work/log" 2>&1 || { tail "$work/log"; die "debootstrap failed"; }
	printf '%s\n' ata_piix sd_mod ext4 >>"$root/etc/initramfs-tools/modules"
	sed -i 's/^MODULES=.*/MODULES=list/' "$root/etc/initramfs-tools/initramfs.conf"
	in_root() { DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$root" "$@" >>"$work/log" 2>&1; }
	in_root apt-get -y --no-install-recommends install "$kernel" || { tail "$work/log"; die "no kernel"; }
	# a package that is not installed yet, to be installed without a network
	in_root sh -c 'cd /root && apt-get download hello' || die "cannot fetch hello"
	echo root:clearbox | in_root chpasswd
	echo clearbox >"$root/etc/hostname"
	echo '/dev/sda1 / ext4 rw 0 1' >"$root/etc/fstab"
	printf '%s\n' 'kernel.printk = 3 4 1 3' >"$root/etc/sysctl.d/quiet.conf"
	in_root systemctl enable serial-getty@ttyS0.service
	in_root systemctl disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer || :
	rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*_* "$root"/usr/share/doc/* "$root"/usr/share/man/*
	# none of its drivers is for this machine
	rm -rf "$root"/lib/modules/*/kernel/drivers/gpu "$root"/lib/modules/*/kernel/drivers/net "$root"/lib/modules/*/kernel/drivers/media
	in_root depmod -a "$(basename "$root"/lib/modules/*)"
	head -c 20000000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null >"$root/root/known"
	sha256sum <"$root/root/known" | cut -d' ' -f1 >"$store/userland-known.sha256"
	mkdir -p "$root/boot/grub"
	printf '%s\n' 'serial --unit=0 --speed=115200' 'terminal_output console serial' 'set timeout=0' \
		'menuentry linux {' ' linux /vmlinuz root=/dev/sda1 console=tty0 console=ttyS0,115200 cryptomgr.notests quiet' \
		' initrd /initrd.img' '}' >"$root/boot/grub/grub.cfg"
	say "making $(basename "$disk")"
	truncate -s 1536M "$work/disk.img"
	echo "2048,3141632,83,*" | sfdisk -q --no-reread --no-tell-kernel "$work/disk.img" >/dev/null
	mke2fs -q -t ext4 -d "$root" -L CLEARBOX "$work/fs" 1570816k
	dd if="$work/fs" of="$work/disk.img" bs=1M seek=1 conv=notrunc,sparse status=none
	grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core.img" \
		biosdisk part_msdos ext2 normal linux serial terminal minicmd
	dd if=/usr/lib/grub/i386-pc/boot.img of="$work/disk.img" bs=440 count=1 conv=notrunc status=none
	dd if="$work/core.img" of="$work/disk.img" bs=512 seek=1 conv=notrunc status=none
	rm -f "$disk.made-by"
	cp --sparse=always "$work/disk.img" "$disk"
	echo "$scripts" >"$disk.made-by"
	rm -rf "$work"
	work=
}

for architecture; do
	case $architecture in
	i386 | amd64) build "$architecture" ;;
	*) die "$architecture is neither i386 nor amd64" ;;
	esac
done
python3 "$here/run.py" $(printf 'userland-%s ' "$@")
