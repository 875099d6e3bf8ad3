#!/bin/sh
# A whole Debian 12 with systemd, installed on an IDE disk by debootstrap: boots it with GRUB, logs in,
# and uses it: perl, python3, openssl, sha256sum, apt, poweroff. On demand: it takes root, debootstrap,
# the network the first time, 2 GiB of disk and some minutes.
#
# usage: EMULATOR=path/to/clearbox sh testsuite/boot/userland.sh [i386] [amd64] [desktop]
#
# desktop is i386 with X, a window manager and a terminal on the BIOS's linear framebuffer.
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

# X comes up by itself and says on the serial line that it is there.
desktop()
{
	cat >"$root/root/session" <<'SESSION'
#!/bin/sh
xsetroot -solid '#4a708b'
xset m 1 0
xset s off -dpms
twm &
xclock -geometry 160x160+840+20 &
xeyes -geometry 200x120+780+600 &
xterm -geometry 80x24+40+40 -e sh -c 'echo this is X; exec sh' &
sleep 3
echo desktop is up >/dev/ttyS0
wait
SESSION
	chmod +x "$root/root/session"
	mkdir -p "$root/etc/X11/xorg.conf.d"
	cat >"$root/etc/X11/xorg.conf.d/mouse.conf" <<'CONF'
Section "InputClass"
	Identifier "a count is a dot"
	MatchIsPointer "on"
	Driver "libinput"
	Option "AccelProfile" "flat"
EndSection
CONF
	# there is no kernel driver for the card here, so X is to be told where the framebuffer comes from
	cat >"$root/etc/X11/xorg.conf.d/screen.conf" <<'CONF'
Section "Device"
	Identifier "the BIOS's framebuffer"
	Driver "fbdev"
	Option "fbdev" "/dev/fb0"
	BusID "PCI:0:2:0"
EndSection
CONF
	for font in Title Resize Menu Icon IconManager; do echo "${font}Font \"fixed\""; done >"$root/root/.twmrc"
	printf '%s\n' 'RandomPlacement' 'NoTitle { "xclock" "xeyes" }' >>"$root/root/.twmrc"
	cat >"$root/etc/systemd/system/desktop.service" <<'UNIT'
[Service]
WorkingDirectory=/root
Environment=HOME=/root
ExecStart=/usr/bin/xinit /root/session -- :0 vt7 -nolisten tcp
[Install]
WantedBy=multi-user.target
UNIT
	in_root systemctl enable desktop.service
}

build()
{
	scripts=$(cat "$here/userland.sh" | cksum | tr ' ' -)
	disk=$store/userland-$1.img
	[ -s "$disk" ] && [ "$(cat "$disk.made-by" 2>/dev/null)" = "$scripts" ] && return
	[ "$(id -u)" = 0 ] || die "debootstrap needs root"
	command -v debootstrap >/dev/null || die "debootstrap is not installed"
	kernel=linux-image-$1
	[ "$1" = amd64 ] || kernel=linux-image-686-pae
	architecture=$1
	extra= mebibytes=1536 mode=text
	if [ "$1" = desktop ]; then
		architecture=i386 mebibytes=2048 mode=1024x768x32,1024x768x16
		extra="xserver-xorg-core xserver-xorg-video-fbdev xserver-xorg-video-vesa xserver-xorg-input-libinput xinit
			twm xterm x11-apps x11-xserver-utils xdotool xfonts-base"
	fi
	work=$(mktemp -d)
	root=$work/root
	say "debootstrap for $1"
	debootstrap --arch="$architecture" --variant=minbase --include=systemd-sysv,udev,kmod,perl,python3-minimal,openssl,initramfs-tools \
		bookworm "$root" http://deb.debian.org/debian >"$work/log" 2>&1 || { tail "$work/log"; die "debootstrap failed"; }
	printf '%s\n' ata_piix sd_mod ext4 >>"$root/etc/initramfs-tools/modules"
	sed -i 's/^MODULES=.*/MODULES=list/' "$root/etc/initramfs-tools/initramfs.conf"
	in_root() { DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$root" "$@" >>"$work/log" 2>&1; }
	in_root apt-get -y --no-install-recommends install "$kernel" $extra || { tail "$work/log"; die "no kernel"; }
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
	[ "$1" != desktop ] || desktop
	head -c 20000000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null >"$root/root/known"
	sha256sum <"$root/root/known" | cut -d' ' -f1 >"$store/userland-known.sha256"
	mkdir -p "$root/boot/grub"
	printf '%s\n' 'serial --unit=0 --speed=115200' 'terminal_output console serial' 'set timeout=0' \
		"set gfxpayload=$mode" 'menuentry linux {' ' linux /vmlinuz root=/dev/sda1 console=tty0 console=ttyS0,115200 cryptomgr.notests quiet' \
		' initrd /initrd.img' '}' >"$root/boot/grub/grub.cfg"
	say "making $(basename "$disk")"
	truncate -s ${mebibytes}M "$work/disk.img"
	echo "2048,$((mebibytes * 2048 - 4096)),83,*" | sfdisk -q --no-reread --no-tell-kernel "$work/disk.img" >/dev/null
	mke2fs -q -t ext4 -d "$root" -L CLEARBOX "$work/fs" $((mebibytes * 1024 - 2048))k
	dd if="$work/fs" of="$work/disk.img" bs=1M seek=1 conv=notrunc,sparse status=none
	grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core.img" \
		biosdisk part_msdos ext2 normal linux serial terminal minicmd vbe video
	dd if=/usr/lib/grub/i386-pc/boot.img of="$work/disk.img" bs=440 count=1 conv=notrunc status=none
	dd if="$work/core.img" of="$work/disk.img" bs=512 seek=1 conv=notrunc status=none
	rm -f "$disk.made-by"
	cp --sparse=always "$work/disk.img" "$disk"
	echo "$scripts" >"$disk.made-by"
	rm -rf "$work"
	work=
}

for wanted; do
	case $wanted in
	i386 | amd64 | desktop) build "$wanted" ;;
	*) die "$wanted is none of i386, amd64 and desktop" ;;
	esac
done
python3 "$here/run.py" $(printf 'userland-%s ' "$@")
