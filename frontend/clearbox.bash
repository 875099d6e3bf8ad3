# bash completion for clearbox: options as clearbox -help lists them, so that none is missing.

_clearbox_names()
{
	clearbox -help 2>/dev/null | sed -n 's/^  \(-[A-Za-z0-9-]*\).*/\1/p'
}

_clearbox()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=

	COMPREPLY=()
	# "=", "," and ":" may be words of their own here; what follows them is left to file names
	case $before in
	-cpu) words=$(clearbox -cpu help 2>/dev/null | sed -n '/^Models/,/^Features/s/^  //p') ;;
	-display) words='sdl terminal none' ;;
	-serial | -parallel | -debugcon | -midi) words='stdio null pty file: tcp: unix:' ;;
	-monitor) words='stdio none unix:' ;;
	-gdb) words='tcp::1234 stdio unix:' ;;
	-nic) words='user tap socket none' ;;
	-audio) words='sdl wav= none' ;;
	-speed) words='real max' ;;
	-pace) words='none idle real' ;;
	-rtc) words='base=utc base=localtime' ;;
	-boot) words='a c d n' ;;
	-device) words='isa-debug-exit sb16 adlib' ;;
	-m) words='16 64 128 256 512 1G 2G' ;;
	-append | -type | -timeout | -max-insns) return ;;
	*)
		if [[ $word == -* ]]; then
			words=$(_clearbox_names)
		elif [[ $COMP_CWORD == 1 ]]; then
			words=doctor
		fi
		;;
	esac
	[[ -n $words ]] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	if [[ $word != -* ]]; then
		mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null
	fi
}

complete -F _clearbox clearbox
