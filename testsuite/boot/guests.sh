#!/bin/sh
# Builds the guests that the boot tests and the demo start, from Debian's packages, without root.
#
# usage: sh testsuite/boot/guests.sh GUEST...      prints the folder that holds them
#   686 686-pae     vmlinuz-NAME and initrd-NAME: Debian's kernel and a busybox initramfs
#   disk            disk.img: MBR, FAT partition, syslinux, the 686 kernel
#   disk-pae        disk-pae.img: MBR, ext2 partition, GRUB, the 686-pae kernel
#   iso             linux.iso: El Torito, isolinux, the 686 kernel
#   rescue          grub-floppy.img, grub-cd.iso: GRUB's rescue disks
#   memtest         memtest.img, memtest.iso: memtest86+
#   installer       installer-{text,gtk}-{linux,initrd.gz}: Debian's installer
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

# apt-get with package lists of our own, for the i386 archive, whatever this machine is
apt_i386()
{
	apt=$store/apt
	program=$1
	shift
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	[ -e "$apt/status" ] || : >"$apt/status"
	"$program" -q -o APT::Architecture=i386 -o APT::Architectures::=i386 \
		-o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
		-o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

update_lists()
{
	[ -z "$(find "$store/apt/updated" -mmin -60 2>/dev/null)" ] || return 0
	say "reading the i386 package lists"
	# an archive that does not carry i386 is no reason to stop
	apt_i386 apt-get update >"$store/apt.log" 2>&1 || true
	touch "$store/apt/updated"
}

# package NAME: fetches it if it is not there; prints the path of the .deb
package()
{
	for have in "$store/packages/$1"_*.deb; do
		[ -s "$have" ] && { echo "$have"; return; }
	done
	update_lists
	say "fetching $1"
	(cd "$store/packages" && apt_i386 apt-get download "$1" >>"$store/apt.log" 2>&1) ||
		die "cannot fetch $1: see $store/apt.log"
	for have in "$store/packages/$1"_*.deb; do
		[ -s "$have" ] && { echo "$have"; return; }
	done
	die "$1 was fetched but is not there"
}

# kernel_package FLAVOUR: the versioned package behind linux-image-FLAVOUR
kernel_package()
{
	for have in "$store"/packages/linux-image-[0-9]*"-$1"_*.deb; do
		[ -s "$have" ] && { basename "$have" | sed 's/_.*//'; return; }
	done
	update_lists
	apt_i386 apt-cache depends "linux-image-$1" |
		sed -n "s/^ *Depends: \(linux-image-[0-9].*\)/\1/p" | head -n 1
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
	deb=$(package "$deb")
	busybox=$(package busybox-static)
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

disk_pae()
{
	fresh "$store/disk-pae.img" && return
	linux 686-pae
	say "making disk-pae.img"
	work=$(mktemp -d)
	mkdir -p "$work/root/boot/grub"
	cp "$store/vmlinuz-686-pae" "$work/root/boot/vmlinuz"
	cp "$store/initrd-686-pae" "$work/root/boot/initrd"
	printf '%s\n' 'serial --unit=0 --speed=115200' 'terminal_output console serial' 'set timeout=0' \
		'menuentry linux {' ' linux /boot/vmlinuz console=tty0 console=ttyS0,115200 cryptomgr.notests' \
		' initrd /boot/initrd' '}' >"$work/root/boot/grub/grub.cfg"
	image=$work/disk.img
	truncate -s 48M "$image"
	echo "2048,96256,83,*" | sfdisk -q --no-reread --no-tell-kernel "$image" >/dev/null
	mke2fs -q -t ext2 -d "$work/root" -L CLEARBOX "$work/fs" 48128k
	dd if="$work/fs" of="$image" bs=1M seek=1 conv=notrunc status=none
	# boot.img expects the core image at sector 1, the core image itself at 2 and on: just lay them there
	grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core.img" \
		biosdisk part_msdos ext2 normal linux serial terminal minicmd
	[ "$(stat -c %s "$work/core.img")" -lt 1048064 ] || die "GRUB's core image is too big"
	dd if=/usr/lib/grub/i386-pc/boot.img of="$image" bs=440 count=1 conv=notrunc status=none
	dd if="$work/core.img" of="$image" bs=512 seek=1 conv=notrunc status=none
	finish "$image" "$store/disk-pae.img"
	rm -rf "$work"
	work=
}

iso()
{
	fresh "$store/linux.iso" && return
	linux 686
	say "making linux.iso"
	work=$(mktemp -d)
	mkdir -p "$work/iso/isolinux"
	cp "$store/vmlinuz-686" "$work/iso/isolinux/vmlinuz"
	cp "$store/initrd-686" "$work/iso/isolinux/initrd"
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/iso/isolinux/"
	boot_config >"$work/iso/isolinux/isolinux.cfg"
	xorriso -as mkisofs -quiet -o "$work/linux.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat \
		-no-emul-boot -boot-load-size 4 -boot-info-table -V CLEARBOX "$work/iso" 2>"$work/log" ||
		{ cat "$work/log" >&2; die "xorriso failed"; }
	finish "$work/linux.iso" "$store/linux.iso"
	rm -rf "$work"
	work=
}

rescue()
{
	fresh "$store/grub-cd.iso" && return
	work=$(mktemp -d)
	deb=$(package grub-rescue-pc)
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
	deb=$(package memtest86+)
	dpkg-deb -x "$deb" "$work"
	cp "$work/boot/memtest86+ia32.bin" "$store/memtest.bin"
	finish "$work/usr/lib/memtest86+/memtest86+ia32.iso" "$store/memtest.iso"
	rm -rf "$work"
	work=
}

installer()
{
	fresh "$store/installer-text-linux" && return
	work=$(mktemp -d)
	deb=$(package debian-installer-12-netboot-i386)
	dpkg-deb -x "$deb" "$work"
	for kind in gtk text; do
		dir=$work/usr/lib/debian-installer/images/12/i386/$kind/debian-installer/i386
		cp "$dir/initrd.gz" "$store/installer-$kind-initrd.gz"
		finish "$dir/linux" "$store/installer-$kind-linux"
	done
	rm -rf "$work"
	work=
}

for guest; do
	case $guest in
	686 | 686-pae) linux "$guest" ;;
	disk) disk ;;
	disk-pae) disk_pae ;;
	iso) iso ;;
	rescue) rescue ;;
	memtest) memtest ;;
	installer) installer ;;
	all) linux 686; linux 686-pae; disk; disk_pae; iso; rescue; memtest; installer ;;
	*) die "there is no guest $guest: see the head of testsuite/boot/guests.sh" ;;
	esac
done
echo "$store" >&3
