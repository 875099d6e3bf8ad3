/*
 * The program's command line: what is understood, and what is said about the rest.  And
 * keys: from characters, names and a terminal's sequences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "keys.h"
#include "options.h"
#include "terminal_keys.h"

static struct options options;
static char said[8192];

/* Parses words separated by spaces; what is said on either stream is in said. */
static enum options_result parse(const char *line)
{
	static char copy[1024];
	char *argv[64], *text = NULL;
	enum options_result result;
	int argc = 1;
	size_t size;
	FILE *out;

	argv[0] = (char *)"clearbox";
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word && argc < 63; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	out = open_memstream(&text, &size);
	assert_non_null(out);
	result = options_parse(&options, argc, argv, out, out);
	fclose(out);
	snprintf(said, sizeof(said), "%s", text);
	free(text);
	return result;
}

static void good(const char *line)
{
	if (parse(line) != OPTIONS_RUN)
		fail_msg("%s: %s", line, said);
	assert_string_equal(said, "");
}

/* It is refused, and the complaint has these words. */
static void bad(const char *line, const char *words)
{
	if (parse(line) != OPTIONS_BAD)
		fail_msg("%s was accepted", line);
	assert_int_equal(strncmp(said, "clearbox: ", 10), 0);
	if (!strstr(said, words))
		fail_msg("%s: \"%s\" does not say \"%s\"", line, said, words);
	/* one line, and advice in it */
	assert_int_equal(strchr(said, '\n') - said, strlen(said) - 1);
	assert_true(strstr(said, "; ") || strstr(said, "did you mean"));
}

static void test_defaults(void **state)
{
	(void)state;
	good("");
	assert_int_equal(options.memory_bytes, 128 << 20);
	assert_int_equal(options.display, DISPLAY_DEFAULT);
	assert_int_equal(options.serial_count, 0);
	assert_null(options.bare);
}

static void test_values(void **state)
{
	(void)state;
	good("-m 64 -hda a -hdb b -hdd d -fda f -fdb g -cdrom c.iso -boot order=dc disk.img");
	assert_int_equal(options.memory_bytes, 64 << 20);
	assert_string_equal(options.disk[1], "b");
	assert_string_equal(options.floppy[1], "g");
	assert_string_equal(options.cdrom, "c.iso");
	assert_string_equal(options.boot_order, "dc");
	assert_string_equal(options.bare, "disk.img");
	good("-m 2G");
	assert_int_equal(options.memory_bytes, 2ull << 30);
	good("-m size=1536K");
	assert_int_equal(options.memory_bytes, 1536 << 10);
	good("-boot once=d,menu=on");
	assert_string_equal(options.boot_order, "d");
	good("--kernel k --initrd i --append quiet -no-reboot -snapshot -display none");
	assert_string_equal(options.append, "quiet");
	assert_true(options.no_reboot && options.snapshot);
	assert_int_equal(options.display, DISPLAY_NONE);
	good("-max-insns 1000000 -timeout 1.5 -screenshot a.ppm -screen-text -");
	assert_int_equal(options.instructions, 1000000);
	assert_true(options.timeout == 1.5);
	assert_string_equal(options.screen_text, "-");
	good("-device isa-debug-exit,iobase=0xf4,iosize=4");
	assert_int_equal(options.debug_exit_port, 0xf4);
	assert_int_equal(options.debug_exit_size, 4);
	good("-device isa-debug-exit");
	assert_int_equal(options.debug_exit_port, 0x501);
	good("-device sb16,iobase=0x240,irq=7,dma=3,dma16=6,midi=0x300 -audio wav=x.wav");
	assert_int_equal(options.sound.card.port, 0x240);
	assert_int_equal(options.sound.card.irq, 7);
	assert_int_equal(options.sound.card.dma16, 6);
	assert_string_equal(options.audio.file, "x.wav");
	good("-device adlib -audio none");
	assert_true(options.sound.adlib && !options.sound.card.present);
	good("-nodefaults");
	assert_true(options.sound.asked && options.bare_machine);
	good("-type 1.5:abc -type 20:x");
	assert_int_equal(options.type_count, 2);
	assert_string_equal(options.type[1].text, "x");
	good("-display sdl");
	assert_int_equal(options.display, DISPLAY_SDL);
	assert_false(options.window.integer || options.window.full_screen || options.window.menu);
	good("-display sdl,scale=integer,full-screen=on,menu=pause");
	assert_true(options.window.integer && options.window.full_screen);
	assert_int_equal(options.window.menu, 0x48);
	good("-display sdl,scale=smooth,full-screen=off -full-screen");
	assert_true(!options.window.integer && options.window.full_screen);
	good("-speed real");
	assert_true(options.pace == PACE_REAL && options.speed == 0);
	good("-speed max");
	assert_int_equal(options.pace, PACE_MAX);
	good("-speed 0.5");
	assert_true(options.pace == PACE_REAL && options.speed == 0.5);
	good("-nographic -pace real");
	assert_int_equal(options.serial[0].kind, CHANNEL_STDIO);
	assert_int_equal(options.pace, PACE_REAL);
}

static void test_channels(void **state)
{
	(void)state;
	good("-serial stdio -serial null -serial file:a,b.log -serial pty -debugcon file:d");
	assert_int_equal(options.serial_count, 4);
	assert_string_equal(options.serial[2].path, "a,b.log");
	assert_int_equal(options.serial[3].kind, CHANNEL_PTY);
	assert_int_equal(options.debug_console.kind, CHANNEL_FILE);
	good("-serial tcp:localhost:4444,server,nowait -serial tcp:::1:5 -serial unix:/tmp/s,server=on,wait=off");
	assert_string_equal(options.serial[0].path, "localhost");
	assert_string_equal(options.serial[0].port, "4444");
	assert_true(options.serial[0].server && !options.serial[0].wait);
	assert_string_equal(options.serial[1].path, "::1");
	assert_false(options.serial[1].server);
	assert_string_equal(options.serial[2].path, "/tmp/s");
	assert_true(options.serial[2].server && !options.serial[2].wait);
	good("-serial tcp::7,server");
	assert_true(options.serial[0].server && options.serial[0].wait);
	bad("-serial tcp:7", "no port");
	bad("-serial tcp:host:", "no port");
	bad("-serial tcp:host:1,fast", "server");
	bad("-serial tcp:host:65536", "ports are 1 to 65535");
	bad("-serial tcp:host:0,server", "ports are 1 to 65535");
	good("-serial tcp:host:telnet -serial tcp:host:65535");
	bad("-serial dvd:1", "no such backend; try");
	bad("-serial udp:1", "no such backend; did you mean tcp:1?");
	bad("-serial sdtio", "did you mean stdio?");
	bad("-serial flie:log", "did you mean file:log?");
	bad("-serial :x", "no such backend; try");
	bad("-debugcon", "needs a value");
	bad("-debugcon fiel:x", "did you mean file:x?");
	bad("-display termnal", "did you mean terminal?");
	bad("-display cursed", "did you mean curses?");
	bad("-display x", "there is sdl, terminal, and none");
	bad("-pace reel", "did you mean real?");
	bad("-serial file:", "empty");
	bad("-serial null -serial null -serial null -serial null -serial null", "four");
	good("-s -S");
	assert_int_equal(options.gdb.kind, GDB_TCP);
	assert_string_equal(options.gdb.path, "localhost");
	assert_string_equal(options.gdb.port, "1234");
	assert_true(options.stopped);
	good("-gdb tcp:0.0.0.0:99,server,nowait,arch=i8086,physical");
	assert_string_equal(options.gdb.path, "0.0.0.0");
	assert_string_equal(options.gdb.port, "99");
	assert_int_equal(options.gdb.architecture, CBX_GDB_I8086);
	assert_true(options.gdb.physical);
	good("-gdb unix:/tmp/g,arch=auto");
	assert_string_equal(options.gdb.path, "/tmp/g");
	good("-gdb none");
	bad("-gdb tcp:1234", "there is no port");
	bad("-gdb tcp::", "there is no port");
	bad("-gdb tcp::99999", "ports are 1 to 65535");
	bad("-gdb unix:", "empty");
	bad("-gdb stdin", "no such way for gdb to come; try");
	bad("-gdb stdio,arch=arm", "i8086");
	bad("-gdb stdio,fast", "arch=");
	bad("-gdb stdio -serial stdio", "one port");
	bad("-serial stdio -serial stdio", "one port only");
	bad("-serial stdio -display terminal", "-display none");
}

static void test_networks(void **state)
{
	(void)state;
	good("-nic none");
	assert_int_equal(options.nic_count, 0);
	good("-nic socket,listen=/tmp/cable,mac=52:54:00:ab:CD:01,capture=a.pcap -nic "
	     "socket,connect=:4444,model=ne2k_isa,iobase=0x320,irq=9");
	assert_int_equal(options.nic_count, 2);
	assert_int_equal(options.nic[0].model, CBX_CARD_NE2000_PCI);
	assert_true(options.nic[0].listen && !options.nic[1].listen);
	assert_int_equal(options.nic[0].mac[4], 0xcd);
	assert_string_equal(options.nic[0].capture, "a.pcap");
	assert_string_equal(options.nic[1].address, ":4444");
	assert_int_equal(options.nic[1].model, CBX_CARD_NE2000_ISA);
	assert_int_equal(options.nic[1].port, 0x320);
	assert_int_equal(options.nic[1].irq, 9);
	bad("-nic usr", "did you mean user?");
	bad("-nic foo,model=x", "no such network");
	bad("-nic socket", "needs its other end");
	bad("-nic socket,listen=cable", "neither a path");
	bad("-nic socket,listen=:0", "neither a path");
	bad("-nic socket,listen=/a,connect=/b", "another end already");
	bad("-nic socket,lisen=/a", "did you mean listen?");
	bad("-nic socket,listen=/a,model=ne2k_pic", "did you mean ne2k_pci?");
	bad("-nic socket,listen=/a,mac=52:54:00:12:34", "not six bytes");
	bad("-nic socket,listen=/a,mac=53:54:00:12:34:56", "odd first byte");
	bad("-nic socket,listen=/a,irq=5", "ISA cards only");
	bad("-nic socket,listen=/a,hostfwd=tcp::1-:2", "socket has no such thing");
	bad("-nic socket,listen=/a,tftp=/b", "try -nic user");
	good("-nic socket,udp=127.0.0.1:5000,localaddr=127.0.0.1:5001");
	assert_true(options.nic[0].udp);
	assert_string_equal(options.nic[0].local, "127.0.0.1:5001");
	bad("-nic socket,udp=127.0.0.1:5000", "go together");
	bad("-nic socket,listen=/a,localaddr=127.0.0.1:5001", "go together");
	bad("-nic socket,udp=/a,localaddr=:1", "not HOST:PORT");
	good("-nic socket,listen=/a,romfile=pxe.rom -optionrom a.rom -option-rom b.rom");
	assert_string_equal(options.nic[0].rom, "pxe.rom");
	assert_int_equal(options.option_rom_count, 2);
	bad("-nic socket,listen=/a,romfile=pxe.rom,model=ne2k_isa", "only PCI cards");
	bad("-optionrom a -optionrom b -optionrom c -optionrom d -optionrom e", "more than four");
#ifdef HAVE_TAP
	good("-nic tap,ifname=tap3,script=no,downscript=no");
	assert_int_equal(options.nic[0].kind, NIC_TAP);
	assert_string_equal(options.nic[0].interface, "tap3");
	good("-nic tap");
	bad("-nic tap,ifname=a-name-that-is-too-long", "at most 15");
	bad("-nic tap,ifname=tap%d", "at most 15");
	bad("-nic tap,script=/etc/up", "no script is run");
#else
	bad("-nic tap", "without such devices");
#endif
	bad("-nic none,mac=52:54:00:12:34:56", "none is no card");
	bad("-nic socket,listen=/a -nic socket,listen=/b -nic socket,listen=/c -nic socket,listen=/d "
	    "-nic socket,listen=/e", "four network cards");
#ifdef HAVE_SLIRP
	good("-nic user,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp::53-10.0.2.20:5353");
	assert_int_equal(options.nic[0].user.forwards, 2);
	assert_int_equal(options.nic[0].user.forward[0].host_port, 2222);
	assert_true(options.nic[0].user.forward[1].udp);
	assert_int_equal(options.nic[0].user.forward[1].guest_port, 5353);
	bad("-nic user,hostfwd=tcp:2222-:22", "try hostfwd=");
	bad("-nic user,hostfwd=icmp::1-:2", "try hostfwd=");
	bad("-nic user,hostfwd=tcp::1-:65536", "try hostfwd=");
	bad("-nic user,connect=/a", "user has no such thing");
	good("-nic user,hostfwd=:127.0.0.1:2222-:22,net=192.168.76.0/24,dhcpstart=192.168.76.9,hostname=pc,"
	     "tftp=/srv,bootfile=pxelinux.0,restrict=on,ipv6=off,domainname=example.org");
	assert_false(options.nic[0].user.forward[0].udp);
	assert_int_equal(ntohl(options.nic[0].user.net.s_addr), 0xc0a84c00);
	assert_int_equal(ntohl(options.nic[0].user.mask.s_addr), 0xffffff00);
	assert_int_equal(ntohl(options.nic[0].user.host.s_addr), 0xc0a84c02);
	assert_int_equal(ntohl(options.nic[0].user.dns.s_addr), 0xc0a84c03);
	assert_int_equal(ntohl(options.nic[0].user.first.s_addr), 0xc0a84c09);
	assert_true(options.nic[0].user.restricted && options.nic[0].user.no_ipv6);
	assert_string_equal(options.nic[0].user.bootfile, "pxelinux.0");
	good("-nic user,net=10.1.2.0/255.255.254.0");
	assert_int_equal(ntohl(options.nic[0].user.mask.s_addr), 0xfffffe00);
	good("-nic user");
	assert_int_equal(ntohl(options.nic[0].user.first.s_addr), 0x0a00020f);
	bad("-nic user,net=10.0.2.0/29", "room for at least");
	bad("-nic user,net=10.0.2.0/255.0.255.0", "room for at least");
	bad("-nic user,net=10.0.2/33", "not an IPv4 address");
	bad("-nic user,host=192.168.1.1", "inside net");
	bad("-nic user,host=10.0.2.3", "three addresses");
	bad("-nic user,bootfile=x", "add tftp=");
	good("-nic user,bootfile=http://10.0.2.2/boot.ipxe");
	bad("-nic user,restrict=maybe", "on or off");
	bad("-nic user,tftp=", "nothing after it");
	bad("-nic user,bootfil=x", "did you mean bootfile?");
#else
	bad("-nic user", "without libslirp");
#endif
}

static void test_dates(void **state)
{
	(void)state;
	good("-rtc base=utc");
	assert_false(options.rtc_set || options.rtc_local);
	good("-rtc base=localtime");
	assert_true(options.rtc_local);
	good("-rtc base=1970-01-01");
	assert_int_equal(options.rtc_time, 0);
	good("-rtc base=2026-11-22T10:20:30");
	assert_true(options.rtc_set);
	assert_int_equal(options.rtc_time, 1795342830);
	good("-rtc base=2000-02-29");
	assert_int_equal(options.rtc_time, 951782400);
	bad("-rtc base=2000-13-01", "not a date");
	bad("-rtc base=2000-01-32", "not a date");
	bad("-rtc base=1960-01-01", "not a date");
	bad("-rtc base=2000-01-01T24:00:00", "not a date");
	bad("-rtc clock=host", "base=");
}

static void test_refusals(void **state)
{
	(void)state;
	bad("-hdaa a", "did you mean -hda?");
	bad("-kernal x", "did you mean -kernel?");
	bad("-snaphsot", "did you mean -snapshot?");
	bad("-cdrmo x", "did you mean -cdrom?");
	bad("-qwertyuiop", "-help");
	bad("-m", "needs a value");
	bad("-m x", "not a size");
	bad("-m 64X", "not a size");
	bad("-m 64Mi", "not a size");
	bad("-m 0", "1 MiB");
	bad("-m 100G", "64 GiB");
	bad("-m 99999999999999999999", "not a size");
	bad("-m -5", "not a size");
	bad("-cpu pentium9", "-cpu help");
	bad("-cpu haswel", "did you mean 'haswell'?");
	bad("-cpu max,-axv2", "did you mean 'avx2'?");
	bad("-cpu max,avx2", "+feature");
	bad("-cpu max,vendor=via", "intel or amd");
	bad("-boot x", "order");
	bad("-boot ccccccccccccccccccccccc", "order");
	bad("-boot order=d,splash=x", "order=");
	bad("-timeout 0", "seconds");
	bad("-timeout -1", "seconds");
	bad("-timeout nan", "seconds");
	bad("-timeout 5x", "seconds");
	bad("-max-insns 0", "instructions");
	bad("-max-insns 1e9", "instructions");
	bad("-display sdl,scale=big", "scale=integer");
	bad("-display sdl,menu=ctrl-a", "menu=f11");
	bad("-display sdl,menu=", "menu=f11");
	bad("-display sdl,x", "full-screen=on");
	bad("-display sdlx", "did you mean sdl?");
	bad("-speed fast", "factor");
	bad("-speed 0", "0.01");
	bad("-speed 101", "100");
	bad("-speed -1", "factor");
	bad("-device rtl8139", "isa-debug-exit");
	bad("-device sb16,irq=4", "5, 7, 9 or 10");
	bad("-device sb16,dma16=", "5, 6 or 7");
	bad("-device sb16,dma=0x100000001", "1 or 3");
	bad("-device sb16,,", "iobase=");
	bad("-device adlib,x", "nothing to set");
	bad("-audio wav=", "wav=sound.wav");
	bad("-audio alsa-oss", "wav=FILE");
	bad("-audio sd", "did you mean sdl");
	bad("-device isa-debug-exit,iobase=0x10000", "65535");
	bad("-device isa-debug-exit,iobase=0", "65535");
	bad("-device isa-debug-exit,iosize=70000", "65535");
	bad("-device isa-debug-exit,port=1", "iobase");
	bad("-screenshot a.jpg", "");
	bad("-type abc", "seconds");
	bad("-type 5", "colon");
	bad("-pace fast", "real");
	bad("a b", "already");
	bad("-cdrom a -hdc b", "same drive");
	bad("-initrd a", "-kernel");
	bad("-append a", "-kernel");
}

static void test_information(void **state)
{
	(void)state;
	assert_int_equal(parse("-help"), OPTIONS_DONE);
	assert_non_null(strstr(said, "-screenshot"));
	assert_non_null(strstr(said, "Exit codes"));
	for (const char *line = said; *line; line = strchr(line, '\n') + 1)
		assert_true(strchr(line, '\n') - line <= 120);
	assert_int_equal(parse("--version"), OPTIONS_DONE);
	assert_int_equal(strncmp(said, "clearbox ", 9), 0);
	assert_int_equal(parse("-cpu help"), OPTIONS_DONE);
	assert_true(strlen(said) > 2);
}

/* Any bytes at all: an answer, and no step beyond them (run with a sanitizer). */
static void test_noise(void **state)
{
	static const char *const pieces[] = {
		"-m", "-serial", "tcp:", ":", ",", "=", "-rtc", "base=", "-boot", "order=", "unix:",
		"99999999999999999999999", "-device", "isa-debug-exit,", "\x80\xff", "-type", "%s%n",
		"2026-", "-", "--", "a"
	};
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		char line[256] = "";

		for (unsigned i = 0; i < 8; i++) {
			seed = seed * 1103515245 + 12345;
			strcat(line, pieces[(seed >> 16) % (sizeof(pieces) / sizeof(pieces[0]))]);
			if (seed >> 30 & 1)
				strcat(line, " ");
		}
		parse(line);
	}
}

/* ---- Keys ----------------------------------------------------------------------------- */

static void expect_key(struct key key, unsigned usage, bool ctrl, bool alt, bool shift)
{
	assert_int_equal(key.usage, usage);
	assert_int_equal(key.ctrl, ctrl);
	assert_int_equal(key.alt, alt);
	assert_int_equal(key.shift, shift);
}

static void test_ascii(void **state)
{
	(void)state;
	expect_key(key_of_ascii('a'), 0x04, false, false, false);
	expect_key(key_of_ascii('Z'), 0x1d, false, false, true);
	expect_key(key_of_ascii('1'), 0x1e, false, false, false);
	expect_key(key_of_ascii('!'), 0x1e, false, false, true);
	expect_key(key_of_ascii(')'), 0x27, false, false, true);
	expect_key(key_of_ascii('\r'), 0x28, false, false, false);
	expect_key(key_of_ascii(0x1b), 0x29, false, false, false);
	expect_key(key_of_ascii(0x7f), 0x2a, false, false, false);
	expect_key(key_of_ascii('\t'), 0x2b, false, false, false);
	expect_key(key_of_ascii(' '), 0x2c, false, false, false);
	expect_key(key_of_ascii('\\'), 0x31, false, false, false);
	expect_key(key_of_ascii('|'), 0x31, false, false, true);
	expect_key(key_of_ascii('"'), 0x34, false, false, true);
	expect_key(key_of_ascii('~'), 0x35, false, false, true);
	expect_key(key_of_ascii('?'), 0x38, false, false, true);
	expect_key(key_of_ascii(3), 0x06, true, false, false);
	expect_key(key_of_ascii(0x1c), 0x31, true, false, false);
	expect_key(key_of_ascii(0), 0x2c, true, false, false);
	expect_key(key_of_ascii(0xe4), 0, false, false, false);
	for (unsigned c = 1; c < 0x80; c++)
		assert_int_not_equal(key_of_ascii(c).usage, 0);
}

static void test_names(void **state)
{
	(void)state;
	expect_key(key_of_name("f1", 2), 0x3a, false, false, false);
	expect_key(key_of_name("F12", 3), 0x45, false, false, false);
	expect_key(key_of_name("f13", 3), 0, false, false, false);
	expect_key(key_of_name("ctrl-alt-delete", 15), 0x4c, true, true, false);
	expect_key(key_of_name("alt-f2", 6), 0x3b, false, true, false);
	expect_key(key_of_name("ctrl-c", 6), 0x06, true, false, false);
	expect_key(key_of_name("shift-tab", 9), 0x2b, false, false, true);
	expect_key(key_of_name("up", 2), 0x52, false, false, false);
	expect_key(key_of_name("", 0), 0, false, false, false);
	expect_key(key_of_name("nothing", 7), 0, false, false, false);
}

static void test_terminal_sequences(void **state)
{
	static const struct {
		const char *bytes;
		unsigned usage;
		bool ctrl, alt, shift;
	} keys[] = {
		{ "a", 0x04, false, false, false }, { "\r", 0x28, false, false, false },
		{ "\n", 0x0d, true, false, false }, { "\x1b[A", 0x52, false, false, false },
		{ "\x1bOB", 0x51, false, false, false }, { "\x1b[1;5C", 0x4f, true, false, false },
		{ "\x1b[3~", 0x4c, false, false, false }, { "\x1b[3;2~", 0x4c, false, false, true },
		{ "\x1bOP", 0x3a, false, false, false }, { "\x1b[15~", 0x3e, false, false, false },
		{ "\x1b[24~", 0x45, false, false, false }, { "\x1b[[A", 0x3a, false, false, false },
		{ "\x1b[1;3P", 0x3a, false, true, false }, { "\x1b[Z", 0x2b, false, false, true },
		{ "\x1bx", 0x1b, false, true, false }, { "\x1b[200~", 0, false, false, false },
		{ "\xc3\xa4", 0, false, false, false }, { "\x1b[1;99A", 0x52, false, false, false },
	};
	struct key key;

	(void)state;
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length = strlen(keys[i].bytes);

		for (size_t n = 1; n < length; n++)
			assert_int_equal(terminal_key((const uint8_t *)keys[i].bytes, n, false, &key), 0);
		assert_int_equal(terminal_key((const uint8_t *)keys[i].bytes, length, false, &key), length);
		expect_key(key, keys[i].usage, keys[i].ctrl, keys[i].alt, keys[i].shift);
	}
	assert_int_equal(terminal_key((const uint8_t *)"\x1b", 1, true, &key), 1);
	expect_key(key, 0x29, false, false, false);
	assert_int_equal(terminal_key((const uint8_t *)"\x1b[", 2, true, &key), 2);
	expect_key(key, 0x2f, false, true, false);
	assert_int_equal(terminal_key((const uint8_t *)"\x1b\x1b", 2, false, &key), 1);
	expect_key(key, 0x29, false, false, false);

	/* Noise always makes progress in the end. */
	uint32_t seed = 5;

	for (unsigned round = 0; round < 100000; round++) {
		uint8_t bytes[40];
		size_t count = sizeof(bytes), n;

		for (unsigned i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = seed >> 28 ? (uint8_t)("\x1b[O;159~A"[seed >> 24 & 7]) : (uint8_t)(seed >> 20);
		}
		for (n = 0; n < count;) {
			size_t taken = terminal_key(bytes + n, count - n, true, &key);

			assert_in_range(taken, 1, count - n);
			n += taken;
		}
	}
}

static void test_terminal_mouse(void **state)
{
	static const struct {
		const char *bytes;
		unsigned column, row, button;
		bool down, motion;
		int wheel;
	} reports[] = {
		{ "\x1b[<0;1;1M", 0, 0, 0, true, false, 0 }, { "\x1b[<0;80;25m", 79, 24, 0, false, false, 0 },
		{ "\x1b[<2;3;4M", 2, 3, 2, true, false, 0 }, { "\x1b[<35;10;5M", 9, 4, 3, false, true, 0 },
		{ "\x1b[<32;10;5M", 9, 4, 0, true, true, 0 }, { "\x1b[<64;1;2M", 0, 1, 3, false, false, -1 },
		{ "\x1b[<65;1;2M", 0, 1, 3, false, false, 1 }, { "\x1b[<0;0;0M", 0, 0, 0, true, false, 0 },
	};
	struct terminal_mouse mouse;
	uint32_t seed = 7;

	(void)state;
	for (unsigned i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		const uint8_t *bytes = (const uint8_t *)reports[i].bytes;
		size_t length = strlen(reports[i].bytes);

		for (size_t n = 2; n < length; n++)
			assert_int_equal(terminal_mouse_report(bytes, n, &mouse), TERMINAL_INCOMPLETE);
		assert_int_equal(terminal_mouse_report(bytes, length, &mouse), length);
		assert_int_equal(mouse.column, reports[i].column);
		assert_int_equal(mouse.row, reports[i].row);
		assert_int_equal(mouse.button, reports[i].button);
		assert_int_equal(mouse.down, reports[i].down);
		assert_int_equal(mouse.motion, reports[i].motion);
		assert_int_equal(mouse.wheel, reports[i].wheel);
	}
	assert_true(terminal_mouse_report((const uint8_t *)"\x1b", 1, &mouse) == TERMINAL_OTHER);
	assert_true(terminal_mouse_report((const uint8_t *)"\x1b[A", 3, &mouse) == TERMINAL_OTHER);
	for (unsigned round = 0; round < 100000; round++) {
		uint8_t bytes[40] = "\x1b[<";
		size_t taken;

		for (unsigned i = 3; i < sizeof(bytes); i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = (uint8_t)("9;0;31Mm"[seed >> 24 & 7]);
		}
		taken = terminal_mouse_report(bytes, sizeof(bytes), &mouse);
		assert_in_range(taken, 1, sizeof(bytes));
	}
}

static void test_typing(void **state)
{
	static struct key_queue queue;
	const char *wrong;

	(void)state;
	assert_true(key_queue_add_text(&queue, "aB\\n\\{f2}\\\\\\{ctrl-alt-del}", &wrong));
	assert_int_equal(queue.count, 6);
	expect_key(queue.keys[1], 0x05, false, false, true);
	expect_key(queue.keys[3], 0x3b, false, false, false);
	expect_key(queue.keys[5], 0x4c, true, true, false);
	assert_false(key_queue_add_text(&queue, "ok\\q", &wrong));
	assert_string_equal(wrong, "\\q");
	assert_false(key_queue_add_text(&queue, "\\{f2", &wrong));
	assert_false(key_queue_add_text(&queue, "\\{nokey}", &wrong));
	assert_false(key_queue_add_text(&queue, "\\", &wrong));
	for (unsigned i = 0; i < 2 * KEY_QUEUE; i++)
		key_queue_add(&queue, key_of_ascii('x'));
	assert_int_equal(queue.count, KEY_QUEUE);
	/* The pause after a key is short, also when the guest has been set back meanwhile. */
	queue.next_time = 1015000000;
	assert_int_equal(key_queue_due(&queue, 1000000000), 1015000000);
	assert_int_equal(key_queue_due(&queue, 2000000000), 1015000000);
	assert_int_equal(key_queue_due(&queue, 500000000), 500000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_information),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_terminal_sequences),
		cmocka_unit_test(test_terminal_mouse),
		cmocka_unit_test(test_typing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
