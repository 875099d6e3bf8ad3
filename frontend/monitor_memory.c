/*
 * Monitor commands that look at memory and registers by address and expression: x, xp, print,
 * with QEMU's /COUNT FORMAT SIZE, and set; symbols.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clearbox/machine.h>

#include "expression.h"
#include "monitor_commands.h"
#include "session.h"

enum { DUMP_MAX = 65536 };

bool monitor_value(struct monitor_call *call, const char *text, uint64_t *value)
{
	struct session *s = call->session;
	char error[200];

	if (expression_evaluate(s->machine, &s->symbols, text, value, error, sizeof(error)))
		return true;
	return monitor_fail(call, "%s", error);
}

const char *monitor_symbol(struct session *session, uint64_t address, char *text, size_t size)
{
	uint64_t offset;
	const char *name = symbols_at(&session->symbols, address, &offset);

	text[0] = 0;
	if (name && offset)
		snprintf(text, size, "%s+0x%llx", name, (unsigned long long)offset);
	else if (name)
		snprintf(text, size, "%s", name);
	return text;
}

unsigned monitor_code_bits(struct session *session)
{
	uint64_t efer = 0, attributes = 0;

	cbx_register_read(session->machine, CBX_EFER, &efer);
	cbx_register_read(session->machine, CBX_CS_ATTRIBUTES, &attributes);
	if (efer & 0x400 && attributes & 0x2000)
		return 64;
	return attributes & 0x4000 ? 32 : 16;
}

/* ---- Formats ----------------------------------------------------------------------------- */

struct format {
	unsigned count;
	char kind;                      /* x d u o c i s */
	unsigned width;                 /* bytes */
};

static bool parse_format(struct monitor_call *call, struct format *f)
{
	const char *at = call->format;
	char *end;

	*f = (struct format){ 1, 'x', 4 };
	if (isdigit((unsigned char)*at)) {
		unsigned long count = strtoul(at, &end, 10);

		if (!count || count > DUMP_MAX)
			return monitor_fail(call, "/%.40s: from 1 to %d of them", call->format,
					    DUMP_MAX);
		f->count = (unsigned)count;
		at = end;
	}
	for (; *at; at++) {
		const char *size = strchr("bhwg", *at);

		if (size)
			f->width = 1u << (size - "bhwg");
		else if (strchr("xduocis", *at))
			f->kind = *at;
		else
			return monitor_fail(
				call,
				"/%.40s: after the count come x, d, u, o, c, s or i, and the size "
				"b, h, w or g; try /16xb",
				call->format);
	}
	if (f->kind == 'c' || f->kind == 's')
		f->width = 1;
	return true;
}

static void print_value(struct monitor_call *call, const struct format *f, uint64_t value)
{
	unsigned bits = f->width * 8;
	uint64_t sign = UINT64_C(1) << (bits - 1);

	switch (f->kind) {
	case 'd':
		monitor_print(call, " %lld", (long long)((value ^ sign) - sign));
		break;
	case 'u':
		monitor_print(call, " %llu", (unsigned long long)value);
		break;
	case 'o':
		monitor_print(call, " 0%llo", (unsigned long long)value);
		break;
	case 'c':
		monitor_print(call, isprint((uint8_t)value) ? " '%c'" : " '\\x%02x'", (uint8_t)value);
		break;
	default:
		monitor_print(call, " 0x%0*llx", (int)f->width * 2, (unsigned long long)value);
	}
}

static bool read_bytes(struct monitor_call *call, bool physical, uint64_t address, void *bytes,
		       size_t count)
{
	struct cbx_machine *machine = call->session->machine;

	return !(physical ? cbx_memory_read(machine, address, bytes, count) :
			    cbx_linear_read(machine, address, bytes, count));
}

bool monitor_disassemble(struct monitor_call *call, bool physical, uint64_t address, unsigned count)
{
	unsigned bits = monitor_code_bits(call->session);
	uint64_t base = 0;

	if (!physical)
		cbx_register_read(call->session->machine, CBX_CS_BASE, &base);
	if (bits == 64)
		base = 0;
	for (; count; count--) {
		char text[160], symbol[200], raw[48] = "";
		unsigned have = 15, length = 0;
		uint8_t bytes[15];
		uint64_t offset;

		while (have && !read_bytes(call, physical, address, bytes, have))
			have--;
		if (!have)
			return monitor_fail(call, "no memory is at 0x%llx",
					    (unsigned long long)address);
		cbx_disassemble(bytes, have, bits, address - base, text, sizeof(text), &length);
		if (!length)
			length = 1;
		for (unsigned i = 0; i < length && i < 15; i++)
			snprintf(raw + 2 * i, sizeof(raw) - 2 * i, "%02x", bytes[i]);
		if (symbols_at(&call->session->symbols, address, &offset) && !offset)
			monitor_print(call, "%s:\n",
				      monitor_symbol(call->session, address, symbol,
						     sizeof(symbol)));
		monitor_print(call, "0x%08llx:  %-20s  %s", (unsigned long long)address, raw, text);
		/* where a branch leads to, by its name */
		if (symbols_at(&call->session->symbols, address, &offset)) {
			const char *target = strrchr(text, ' ');
			char *end;
			uint64_t to = target ? strtoull(target + 1, &end, 16) : 0;

			if (target && (text[0] == 'j' || !strncmp(text, "call", 4)) &&
			    end != target + 1 &&
			    *monitor_symbol(call->session, to, symbol, sizeof(symbol)))
				monitor_print(call, "  <%s>", symbol);
		}
		monitor_print(call, "\n");
		address += length;
	}
	return true;
}

static bool dump_strings(struct monitor_call *call, bool physical, uint64_t address, unsigned count)
{
	while (count--) {
		char text[MONITOR_LINE];
		size_t n = 0;
		uint8_t byte = 1;

		monitor_print(call, "%016llx: \"", (unsigned long long)address);
		while (n < 1000 && read_bytes(call, physical, address, &byte, 1) && byte) {
			text[n++] = isprint(byte) ? (char)byte : '.';
			address++;
		}
		text[n] = 0;
		monitor_print(call, "%s\"\n", text);
		if (byte)
			break;
		address++;
	}
	return true;
}

static bool dump(struct monitor_call *call, bool physical)
{
	unsigned row, n = 0;
	struct format f;
	uint64_t address;

	if (!parse_format(call, &f) || !monitor_value(call, call->rest, &address))
		return false;
	if (f.kind == 'i')
		return monitor_disassemble(call, physical, address, f.count);
	if (f.kind == 's')
		return dump_strings(call, physical, address, f.count);
	row = f.kind == 'c' ? 8 : 16 / f.width;
	for (; n < f.count; n++, address += f.width) {
		uint8_t bytes[8] = { 0 };
		uint64_t value = 0;

		if (!read_bytes(call, physical, address, bytes, f.width)) {
			monitor_print(call, n % row ? "\n" : "");
			return monitor_fail(call, "no memory is at 0x%llx%s",
					    (unsigned long long)address,
					    physical ? "" : " (the walk command says why)");
		}
		for (unsigned i = 0; i < f.width; i++)
			value |= (uint64_t)bytes[i] << 8 * i;
		if (n % row == 0)
			monitor_print(call, "%016llx:", (unsigned long long)address);
		print_value(call, &f, value);
		if (n % row == row - 1 || n + 1 == f.count)
			monitor_print(call, "\n");
	}
	return true;
}

static bool run_x(struct monitor_call *call)
{
	return dump(call, false);
}

static bool run_xp(struct monitor_call *call)
{
	return dump(call, true);
}

static bool run_print(struct monitor_call *call)
{
	struct format f;
	char symbol[200];
	uint64_t value;

	if (!parse_format(call, &f) || !monitor_value(call, call->rest, &value))
		return false;
	if (*call->format) {
		f.width = 8;
		print_value(call, &f, value);
		monitor_print(call, "\n");
		return true;
	}
	monitor_print(call, "0x%llx  %lld", (unsigned long long)value, (long long)value);
	if (*monitor_symbol(call->session, value, symbol, sizeof(symbol)))
		monitor_print(call, "  <%s>", symbol);
	monitor_print(call, "\n");
	return true;
}

static bool run_set(struct monitor_call *call)
{
	const char *name = call->words[0] + (call->words[0][0] == '$');
	char base[64];
	uint64_t value;

	if (!monitor_value(call, call->words[1], &value))
		return false;
	snprintf(base, sizeof(base), "%.60s", name);
	for (char *at = base; *at; at++)
		*at = *at == '.' ? '_' : *at;
	for (unsigned i = 0; i < CBX_REGISTER_COUNT; i++) {
		const char *have = cbx_register_name((enum cbx_register)i);

		if (!have || strcmp(have, base))
			continue;
		if (cbx_register_write(call->session->machine, (enum cbx_register)i, value))
			return monitor_fail(call, "0x%llx is no value for %s",
					    (unsigned long long)value, have);
		return true;
	}
	return monitor_fail(call, "%.60s is no register; try rax, rip, rflags, cr3, cs.base", name);
}

static bool run_symbols(struct monitor_call *call)
{
	struct symbols *symbols = &call->session->symbols;
	uint64_t offset = 0;

	if (!call->count) {
		monitor_print(call, "%zu names\n", symbols->count);
		return true;
	}
	if (!strcmp(call->words[0], "none")) {
		symbols_clear(symbols);
		return true;
	}
	if (call->count == 2 && !monitor_value(call, call->words[1], &offset))
		return false;
	return symbols_load(symbols, call->words[0], offset);
}

const struct monitor_command monitor_memory_commands[] = {
	{ "x", NULL, "/FORMAT ADDRESS ...",
	  "memory at a linear address: x/16xb $rsp, x/10i $pc, x/s name", run_x },
	{ "xp", NULL, "/FORMAT ADDRESS ...", "the same at a physical address", run_xp },
	{ "print", "p", "/FORMAT EXPRESSION ...",
	  "an expression's value: p $rax + dword(0x1000) * 2", run_print },
	{ "set", NULL, "REGISTER VALUE", "gives a register another value", run_set },
	{ "symbols", NULL, "[FILE] [OFFSET]",
	  "loads names from an ELF file or System.map; none forgets them", run_symbols },
	{ NULL, NULL, NULL, NULL, NULL }
};
