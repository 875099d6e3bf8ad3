#!/bin/sh
# clearbox -script: every command, errors with their lines, the same twice.  usage: test_script.sh CLEARBOX
clearbox=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

# check NAME CODE TEXT: runs the script on standard input
check()
{
	cat >script
	"$clearbox" -display none -script script >out 2>&1
	code=$?
	if [ $code != "$2" ] || ! grep -qF -- "$3" out; then
		echo "not ok: $1: exit code $code, to be $2, with \"$3\" in:"
		cat out
		failed=1
	fi
}

check everything 7 "RIP=" <<'S'
# the built-in guest

expect "Clearbox BIOS" 20
info registers
	type "help\n"
wait 1.5
click
click right 5 -5
screenshot one.ppm
quit 7
S
cp out out1
mv one.ppm one1.ppm
"$clearbox" -display none -script - <script >out 2>&1
cmp out out1 && cmp one.ppm one1.ppm || failed=1
check "another time" 0 ", 1.000000 seconds of guest time" <<'S'
wait 1
savevm then.state
wait 60
loadvm then.state
info status
quit
S
rm -f then.state
check "text that never comes" 22 'script:2: "never" did not come within 0.25 seconds' <<'S'
wait 0.1
expect "never" 0.25
S
check "serial text" 22 'script:1: "ne\ver"' <<'S'
expect-serial 1 "ne\\ver" 0.1
S
check "a stop" 3 "" <<'S'
break 0x7c00
wait 0.01
quit 3
S
check "no stop" 22 "script:1: a stop did not come" <<'S'
expect-stop 0.1
S
check "no command" 22 "script:1: this could not be done: foo" <<'S'
foo
S
check "no time" 2 "script:3: a number is missing" <<'S'
wait 1

wait soon
S
check "no text" 2 "script:1: no text to expect" <<'S'
expect
S
check "no key" 2 "is no key" <<'S'
type "\{nokey}"
S
check "no way" 2 "no button or way" <<'S'
click up
S
check "no file" 22 "" <<'S'
screenshot /nonexistent/a.ppm
S
"$clearbox" -display none -script /nonexistent >out 2>&1
[ $? = 2 ] && grep -q "try another name" out || failed=1
[ $failed = 0 ] && echo "scripts do what they say"
exit $failed
