#!/bin/sh
# Builds the guests that the boot tests and the demo start, from Debian's packages, without root.
#
# usage: sh testsuite/boot/guests.sh GUEST...      prints the folder that holds them
#   686 686-pae amd64       vmlinuz-NAME and initrd-NAME: Debian's kernel and a busybox initramfs
#   disk                    disk.img: MBR, FAT partition, syslinux, the 686 kernel
#   disk-pae disk-amd64     NAME.img: MBR, ext2 partition, GRUB, the kernel
#   iso iso-amd64           linux.iso, linux-amd64.iso: El Torito, isolinux, the 686 or amd64 kernel
#   rescue                  grub-floppy.img, grub-cd.iso: GRUB's rescue disks
#   memtest                 memtest.img, memtest.iso: memtest86+
#   installer               installer-{text,gtk}-{linux,initrd.gz}: Debian's installer for i386
#   installer-amd64         installer-amd64-text-{linux,initrd.gz}: Debian's installer for amd64
#   all             all of the above
#
# They are kept in ${CLEARBOX_GUESTS:-$HOME/.cache/clearbox/guests} and made again when this script
# or guest-init has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
store=${CLEARBOX_GUESTS:-${XDG_CACHE_HOME:-$HOME/.cache}/clearbox/guests}
mkdir -p "$store/packages"
store=$(cd "$store" && pwd)
work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

say() { echo "guests: $*" >&2; }
die() { say "$*"; exit 1; }

# standard output is for the one line at the end
exec 3>&1 >&2

# one builder at a time
exec 9>"$store/lock"
flock 9

# fresh FILE: is it there, and made by these very scripts?
scripts=$(cat "$here/guests.sh" "$here/guest-init" | cksum | tr ' ' -)
fresh()
{
	[ -s "$1" ] && [ "$(cat "$1.made-by" 2>/dev/null)" = "$scripts" ]
}

# finish FROM TO: puts what was made in its place
finish()
{
	rm -f "$2.made-by"
	mv "$1" "$2"
	echo "$scripts" >"$2.made-by"
}

# apt_for ARCHITECTURE PROGRAM ...: with package lists of our own, whatever this machine is
apt_for()
{
	apt=$store/apt
	[ "$1" = i386 ] || apt=$store/apt-$1
	architecture=$1
	program=$2
	shift 2
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	[ -e "$apt/status" ] || : >"$apt/status"
	"$program" -q -o APT::Architecture="$architecture" -o APT::Architectures::="$architecture" \
		-o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
		-o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

update_lists()
{
	[ -z "$(find "$store/updated-$1" -mmin -60 2>/dev/null)" ] || return 0
	say "reading the $1 package lists"
	# an archive that does not carry it is no reason to stop
	apt_for "$1" apt-get update >"$store/apt.log" 2>&1 || true
	touch "$store/updated-$1"
}

# the .deb of package NAME for ARCHITECTURE, if it is there
have()
{
	for deb in "$store/packages/$1"_*_"$2".deb "$store/packages/$1"_*_all.deb; do
		[ -s "$deb" ] && { echo "$deb"; return; }
	done
	return 1
}

# package NAME ARCHITECTURE: fetches it if it is not there; prints the path of the .deb
package()
{
	have "$1" "$2" && return
	update_lists "$2"
	say "fetching $1 for $2"
	(cd "$store/packages" && apt_for "$2" apt-get download "$1" >>"$store/apt.log" 2>&1) ||
		die "cannot fetch $1: see $store/apt.log"
	have "$1" "$2" || die "$1 was fetched but is not there"
}

architecture_of()
{
	case $1 in
	*amd64*) echo amd64 ;;
	*) echo i386 ;;
	esac
}

# kernel_package FLAVOUR: the versioned package behind linux-image-FLAVOUR
kernel_package()
{
	for deb in "$store"/packages/linux-image-[0-9]*"-$1"_*.deb; do
		[ -s "$deb" ] && { basename "$deb" | sed 's/_.*//'; return; }
	done
	update_lists "$(architecture_of "$1")"
	apt_for "$(architecture_of "$1")" apt-cache depends "linux-image-$1" |
		sed -n "s/^ *Depends: \(linux-image-[0-9].*\)/\1/p" | head -n 1
}

# grub_boot IMAGE FOLDER: makes a disk whose first partition has /boot/grub/grub.cfg bootable
grub_boot()
{
	# boot.img expects the core image at sector 1, the core image itself at 2 and on: just lay them there
	grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$2/core.img" \
		biosdisk part_msdos ext2 normal linux serial terminal minicmd
	[ "$(stat -c %s "$2/core.img")" -lt 1048064 ] || die "GRUB's core image is too big"
	dd if=/usr/lib/grub/i386-pc/boot.img of="$1" bs=440 count=1 conv=notrunc status=none
	dd if="$2/core.img" of="$1" bs=512 seek=1 conv=notrunc status=none
}

# add_module DIR NAME: puts the module and what it needs in order; silent if the kernel has it built in
add_module()
{
	name=$(echo "$2" | tr _ -)
	grep -qx "$name.ko" "$1/order" && return
	file=$(find "$work/kernel/lib/modules" -name "$2.ko" -o -name "$(echo "$2" | tr - _).ko" \
		-o -name "$name.ko" | head -n 1)
	[ -n "$file" ] || return 0
	for need in $(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p' | tr , ' '); do
		add_module "$1" "$need"
	done
	name=$(echo "$2" | tr _ -)
	file=$(find "$work/kernel/lib/modules" -name "$2.ko" -o -name "$(echo "$2" | tr - _).ko" \
		-o -name "$name.ko" | head -n 1)
	cp "$file" "$1/$name.ko"
	echo "$name.ko" >>"$1/order"
}

linux()
{
	if fresh "$store/vmlinuz-$1" && fresh "$store/initrd-$1"; then
		return
	fi
	deb=$(kernel_package "$1")
	[ -n "$deb" ] || die "no linux-image-$1 in the package lists: see $store/apt.log"
	deb=$(package "$deb" "$(architecture_of "$1")")
	busybox=$(package busybox-static "$(architecture_of "$1")")
	work=$(mktemp -d)
	mkdir -p "$work/kernel" "$work/busybox"
	say "unpacking $(basename "$deb")"
	dpkg-deb -x "$deb" "$work/kernel"
	dpkg-deb -x "$busybox" "$work/busybox"
	root=$work/root
	for dir in bin sbin etc proc sys dev mnt tmp lib/modules; do
		mkdir -p "$root/$dir"
	done
	cp "$work/busybox/bin/busybox" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	cp "$here/guest-init" "$root/init"
	chmod 755 "$root/init"
	: >"$root/lib/modules/order"
	for module in ata_piix ata_generic sd_mod sr_mod isofs crc32c_generic ext4; do
		add_module "$root/lib/modules" $module
	done
	printf '%s\n' "PS1='clearbox# '" 'poweroff() { sync; umount -a -r 2>/dev/null; busybox poweroff -f; }' \
		'reboot() { sync; umount -a -r 2>/dev/null; busybox reboot -f; }' >"$root/etc/shrc"
	echo 'This is Linux in Clearbox. poweroff ends it.' >"$root/etc/motd"
	# a file that says whether bytes arrive unchanged
	awk 'BEGIN { s = 1; for (i = 0; i < 40000; i++) { s = (s * 16807) % 2147483647; print s } }' >"$root/etc/known"
	md5sum <"$root/etc/known" | cut -c1-32 >"$store/known.md5"
	# the same bytes whenever it is made
	find "$root" -exec touch -h -d @1700000000 {} +
	(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -9n) >"$store/initrd-$1.new"
	cp "$work"/kernel/boot/vmlinuz-* "$store/vmlinuz-$1.new"
	finish "$store/initrd-$1.new" "$store/initrd-$1"
	finish "$store/vmlinuz-$1.new" "$store/vmlinuz-$1"
	rm -rf "$work"
	work=
}

boot_config()
{
	printf '%s\n' 'SERIAL 0 115200' 'DEFAULT linux' 'PROMPT 0' 'LABEL linux' ' KERNEL vmlinuz' ' INITRD initrd' \
		" APPEND console=tty0 console=ttyS0,115200 cryptomgr.notests"
}

disk()
{
	fresh "$store/disk.img" && return
	linux 686
	say "making disk.img"
	work=$(mktemp -d)
	boot_config >"$work/syslinux.cfg"
	image=$work/disk.img
	truncate -s 32M "$image"
	echo "2048,63488,6,*" | sfdisk -q --no-reread --no-tell-kernel "$image" >/dev/null
	mformat -i "$image@@1M" -T 63488 -h 16 -s 63 -H 2048 -v CLEARBOX ::
	mcopy -i "$image@@1M" "$store/vmlinuz-686" ::vmlinuz
	mcopy -i "$image@@1M" "$store/initrd-686" ::initrd
	mcopy -i "$image@@1M" "$work/syslinux.cfg" ::syslinux.cfg
	syslinux --offset 1048576 --install "$image"
	dd if=/usr/lib/syslinux/mbr/mbr.bin of="$image" bs=440 count=1 conv=notrunc status=none
	finish "$image" "$store/disk.img"
	rm -rf "$work"
	work=
}

# grub_disk NAME FLAVOUR
grub_disk()
{
	fresh "$store/$1.img" && return
	linux "$2"
	say "making $1.img"
	work=$(mktemp -d)
	mkdir -p "$work/root/boot/grub"
	cp "$store/vmlinuz-$2" "$work/root/boot/vmlinuz"
	cp "$store/initrd-$2" "$work/root/boot/initrd"
	printf '%s\n' 'serial --unit=0 --speed=115200' 'terminal_output console serial' 'set timeout=0' \
		'menuentry linux {' ' linux /boot/vmlinuz console=tty0 console=ttyS0,115200 cryptomgr.notests' \
		' initrd /boot/initrd' '}' >"$work/root/boot/grub/grub.cfg"
	image=$work/disk.img
	truncate -s 48M "$image"
	echo "2048,96256,83,*" | sfdisk -q --no-reread --no-tell-kernel "$image" >/dev/null
	mke2fs -q -t ext2 -d "$work/root" -L CLEARBOX "$work/fs" 48128k
	dd if="$work/fs" of="$image" bs=1M seek=1 conv=notrunc status=none
	grub_boot "$image" "$work"
	finish "$image" "$store/$1.img"
	rm -rf "$work"
	work=
}

# iso NAME FLAVOUR
iso()
{
	fresh "$store/$1.iso" && return
	linux "$2"
	say "making $1.iso"
	work=$(mktemp -d)
	mkdir -p "$work/iso/isolinux"
	cp "$store/vmlinuz-$2" "$work/iso/isolinux/vmlinuz"
	cp "$store/initrd-$2" "$work/iso/isolinux/initrd"
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/iso/isolinux/"
	boot_config >"$work/iso/isolinux/isolinux.cfg"
	xorriso -as mkisofs -quiet -o "$work/linux.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat \
		-no-emul-boot -boot-load-size 4 -boot-info-table -V CLEARBOX "$work/iso" 2>"$work/log" ||
		{ cat "$work/log" >&2; die "xorriso failed"; }
	finish "$work/linux.iso" "$store/$1.iso"
	rm -rf "$work"
	work=
}

rescue()
{
	fresh "$store/grub-cd.iso" && return
	work=$(mktemp -d)
	deb=$(package grub-rescue-pc i386)
	dpkg-deb -x "$deb" "$work"
	cp "$work/usr/lib/grub-rescue/grub-rescue-floppy.img" "$store/grub-floppy.img"
	finish "$work/usr/lib/grub-rescue/grub-rescue-cdrom.iso" "$store/grub-cd.iso"
	rm -rf "$work"
	work=
}

memtest()
{
	fresh "$store/memtest.iso" && return
	work=$(mktemp -d)
	deb=$(package memtest86+ i386)
	dpkg-deb -x "$deb" "$work"
	cp "$work/boot/memtest86+ia32.bin" "$store/memtest.bin"
	finish "$work/usr/lib/memtest86+/memtest86+ia32.iso" "$store/memtest.iso"
	rm -rf "$work"
	work=
}

# installer ARCHITECTURE PREFIX KIND...
installer()
{
	fresh "$store/$2-text-linux" && return
	work=$(mktemp -d)
	deb=$(package "debian-installer-12-netboot-$1" "$1")
	dpkg-deb -x "$deb" "$work"
	architecture=$1
	prefix=$2
	shift 2
	for kind; do
		dir=$work/usr/lib/debian-installer/images/12/$architecture/$kind/debian-installer/$architecture
		cp "$dir/initrd.gz" "$store/$prefix-$kind-initrd.gz"
		finish "$dir/linux" "$store/$prefix-$kind-linux"
	done
	rm -rf "$work"
	work=
}

[ "$*" != all ] ||
	set -- 686 686-pae amd64 disk disk-pae disk-amd64 iso iso-amd64 rescue memtest installer installer-amd64
for guest; do
	case $guest in
	686 | 686-pae | amd64) linux "$guest" ;;
	disk) disk ;;
	disk-pae) grub_disk disk-pae 686-pae ;;
	disk-amd64) grub_disk disk-amd64 amd64 ;;
	iso) iso linux 686 ;;
	iso-amd64) iso linux-amd64 amd64 ;;
	rescue) rescue ;;
	memtest) memtest ;;
	installer) installer i386 installer gtk text ;;
	installer-amd64) installer amd64 installer-amd64 text ;;
	*) die "there is no guest $guest: see the head of testsuite/boot/guests.sh" ;;
	esac
done
echo "$store" >&3
