/*
 * The monitor's look into devices: by the field tables that saved states are made by, so that a
 * device needs nothing for it; and who answers which address.
 */
#include <stdio.h>
#include <string.h>

#include <clearbox/inspect.h>

#include "monitor_commands.h"
#include "session.h"

static uint64_t number(const uint8_t *bytes, unsigned width)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (width) {
	case 1:
		return *bytes;
	case 2:
		memcpy(&v16, bytes, 2);
		return v16;
	case 4:
		memcpy(&v32, bytes, 4);
		return v32;
	default:
		memcpy(&v64, bytes, 8);
		return v64;
	}
}

static bool find_object(struct session *session, const char *name, unsigned instance,
			struct cbx_object *object)
{
	for (unsigned n = 0; !cbx_object_at(session->machine, n, object); n++)
		if (!strcmp(object->name, name) && object->instance == instance)
			return true;
	return false;
}

/* A field by name; with members, member is one of the struct's at index.  0 if there is none. */
static uint64_t field(const struct cbx_object *object, const char *name, unsigned index,
		      const char *member)
{
	for (const struct cbx_field *f = object->fields; f->name; f++) {
		const uint8_t *at = (const uint8_t *)object->state + f->offset;

		if (strcmp(f->name, name) || index >= f->count)
			continue;
		at += (size_t)f->size * index;
		if (!f->members)
			return member ? 0 : number(at, f->size);
		for (const struct cbx_field *m = f->members; m->name && member; m++)
			if (!strcmp(m->name, member) && !m->members)
				return number(at + m->offset, m->size);
	}
	return 0;
}

/* ---- All of a device -------------------------------------------------------------------- */

static void print_array(struct monitor_call *call, const struct cbx_field *f, const uint8_t *at)
{
	unsigned row = 32 / f->size;

	for (uint32_t i = 0; i < f->count; i++, at += f->size) {
		if (f->count > row && i % row == 0)
			monitor_print(call, "\n  %5x:", i);
		monitor_print(call, " %0*llx", (int)f->size * 2,
			      (unsigned long long)number(at, f->size));
		if (i >= 4096) {
			monitor_print(call, " ... %u in all", f->count);
			break;
		}
	}
	monitor_print(call, "\n");
}

static void print_fields(struct monitor_call *call, const struct cbx_field *fields,
			 const uint8_t *state, const char *prefix)
{
	for (const struct cbx_field *f = fields; f->name; f++) {
		const uint8_t *at = state + f->offset;
		char name[200];

		for (uint32_t i = 0; f->members && i < f->count; i++) {
			if (f->count > 1)
				snprintf(name, sizeof(name), "%.80s%.60s[%u].", prefix, f->name, i);
			else
				snprintf(name, sizeof(name), "%.80s%.60s.", prefix, f->name);
			print_fields(call, f->members, at + (size_t)i * f->size, name);
		}
		if (f->members)
			continue;
		monitor_print(call, "%s%s:", prefix, f->name);
		if (f->count > 1)
			print_array(call, f, at);
		else if (f->flags & CBX_FIELD_BOOL)
			monitor_print(call, " %s\n", *at ? "yes" : "no");
		else
			monitor_print(call, " 0x%llx\n", (unsigned long long)number(at, f->size));
	}
}

static bool info_devices(struct monitor_call *call)
{
	struct cbx_object object;

	for (unsigned n = 0; !cbx_object_at(call->session->machine, n, &object); n++)
		monitor_print(call, "%s %u\n", object.name, object.instance);
	return true;
}

static bool info_device(struct monitor_call *call)
{
	struct cbx_object object;
	int64_t instance = 0;

	if (call->count == 2 && !monitor_number(call, call->words[1], &instance))
		return false;
	if (instance < 0 || instance > 1000 ||
	    !find_object(call->session, call->words[0], (unsigned)instance, &object))
		return monitor_fail(call, "%.60s %lld is no device; info devices lists them",
				    call->words[0], (long long)instance);
	print_fields(call, object.fields, object.state, "");
	return true;
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static bool info_pic(struct monitor_call *call)
{
	struct cbx_object pic, ioapic;

	if (!find_object(call->session, "pic", 0, &pic))
		return monitor_fail(call, "this machine has none");
	for (unsigned i = 0; i < 2; i++)
		monitor_print(call,
			      "pic%u: pins=%02x irr=%02x imr=%02x isr=%02x elcr=%02x base=%02x "
			      "priority=%u%s%s\n",
			      i, (unsigned)field(&pic, "chips", i, "pins"),
			      (unsigned)(field(&pic, "chips", i, "edges") |
					 (field(&pic, "chips", i, "pins") &
					  field(&pic, "chips", i, "elcr"))),
			      (unsigned)field(&pic, "chips", i, "imr"),
			      (unsigned)field(&pic, "chips", i, "isr"),
			      (unsigned)field(&pic, "chips", i, "elcr"),
			      (unsigned)field(&pic, "chips", i, "base"),
			      (unsigned)(field(&pic, "chips", i, "lowest") + 1) & 7u,
			      field(&pic, "chips", i, "icw4") & 2 ? " auto-EOI" : "",
			      field(&pic, "chips", i, "special_mask") ? " special mask" : "");
	monitor_print(call, "INTR is %s\n", field(&pic, "intr", 0, NULL) ? "high" : "low");
	if (!find_object(call->session, "ioapic", 0, &ioapic))
		return true;
	for (unsigned i = 0; i < 24; i++) {
		static const char *const modes[] = { "fixed", "lowest", "SMI", "?",
						     "NMI",   "INIT",	"?",   "ExtINT" };
		uint64_t entry = field(&ioapic, "table", i, NULL);

		if (entry & 0x10000)
			continue;
		monitor_print(call, "ioapic pin %2u: vector %02x %s %s to %s%02x%s%s\n", i,
			      (unsigned)(entry & 0xff), modes[entry >> 8 & 7],
			      entry & 0x8000 ? "level" : "edge", entry & 0x800 ? "logical " : "",
			      (unsigned)(entry >> 56), entry & 0x4000 ? " in service" : "",
			      field(&ioapic, "pins", 0, NULL) >> i & 1 ? " asserted" : "");
	}
	return true;
}

static bool info_irq(struct monitor_call *call)
{
	static const char *const names[] = { "timer",	    "keyboard", "cascade", "serial 1, 3",
					     "serial 0, 2", "",		"floppy",  "parallel",
					     "clock",	    "ACPI",	"",	   "",
					     "mouse",	    "FPU",	"disks 0", "disks 1" };
	struct cbx_object pic, ioapic;
	bool io;

	if (!find_object(call->session, "pic", 0, &pic))
		return monitor_fail(call, "this machine has no interrupt controller");
	io = find_object(call->session, "ioapic", 0, &ioapic);
	for (unsigned i = 0; i < 16; i++) {
		unsigned chip = i / 8, n = i % 8;

		monitor_print(call, "IRQ %2u: %s%s%s%s%s  %s\n", i,
			      field(&pic, "chips", chip, "pins") >> n & 1 ? "high" : "low ",
			      field(&pic, "chips", chip, "imr") >> n & 1 ? " masked" : " open  ",
			      field(&pic, "chips", chip, "edges") >> n & 1 ? " waiting" : "",
			      field(&pic, "chips", chip, "isr") >> n & 1 ? " in service" : "",
			      io && !(field(&ioapic, "table", i == 0 ? 2 : i, NULL) & 0x10000)
				      ? " (I/O APIC)"
				      : "",
			      names[i]);
	}
	return true;
}

static bool info_lapic(struct monitor_call *call)
{
	struct cbx_object apic;

	if (!find_object(call->session, "local-apic", 0, &apic))
		return monitor_fail(call, "this machine has none");
	print_fields(call, apic.fields, apic.state, "");
	return true;
}

/* ---- PCI ---------------------------------------------------------------------------------------
 */

static void print_bars(struct monitor_call *call, const struct cbx_pci_function *f)
{
	for (unsigned i = 0; i < 6; i++) {
		uint32_t bar = cbx_pci_config_read(f, 0x10 + 4 * i, 4);

		if (bar & 1)
			monitor_print(call, "      BAR%u: ports from 0x%04x\n", i, bar & ~3u);
		else if (bar)
			monitor_print(call, "      BAR%u: memory from 0x%08x%s\n", i, bar & ~15u,
				      bar & 8 ? ", prefetchable" : "");
	}
	if (cbx_pci_config_read(f, 0x30, 4))
		monitor_print(call, "      ROM: 0x%08x%s\n", cbx_pci_config_read(f, 0x30, 4) & ~1u,
			      cbx_pci_config_read(f, 0x30, 4) & 1 ? "" : ", off");
}

static bool info_pci(struct monitor_call *call)
{
	static const struct {
		uint16_t class;
		const char *name;
	} classes[] = {
		{ 0x0101, "IDE controller" }, { 0x0200, "Ethernet controller" },
		{ 0x0300, "VGA controller" }, { 0x0401, "audio" },
		{ 0x0600, "host bridge" },    { 0x0601, "ISA bridge" },
		{ 0x0680, "bridge" },
	};
	struct cbx_pci_bus *bus = cbx_pc_pci_bus(call->session->machine);

	if (!bus)
		return monitor_fail(call, "this machine has no PCI bus");
	for (unsigned n = 0; n < 256; n++) {
		const struct cbx_pci_function *f = cbx_pci_function_at(bus, n / 8, n % 8);
		const char *name = "device";
		unsigned class, pin;

		if (!f)
			continue;
		class = cbx_pci_config_read(f, 10, 2);
		for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
			if (classes[i].class == class)
				name = classes[i].name;
		monitor_print(
			call,
			"  Bus  0, device %3u, function %u:\n    %s: %04x:%04x (class %04x)\n",
			n / 8, n % 8, name, cbx_pci_config_read(f, 0, 2),
			cbx_pci_config_read(f, 2, 2), class);
		pin = cbx_pci_config_read(f, 0x3d, 1);
		if (pin)
			monitor_print(call, "      INT%c# at IRQ %u\n", "ABCD"[(pin - 1) & 3],
				      cbx_pci_config_read(f, 0x3c, 1));
		print_bars(call, f);
	}
	return true;
}

/* ---- Maps
 * ----------------------------------------------------------------------------------------- */

static void print_map(struct monitor_call *call, enum cbx_map map, int digits)
{
	struct cbx_map_range r;
	uint64_t at = 0;

	while (!cbx_map_range_at(call->session->machine, map, at, &r)) {
		at = r.last + 1;
		if (!r.name)
			continue;
		monitor_print(call, "  %0*llx-%0*llx: %s", digits, (unsigned long long)r.first,
			      digits, (unsigned long long)r.last, r.name);
		if (r.memory)
			monitor_print(call, " @%llx", (unsigned long long)r.offset);
		else if (r.instance)
			monitor_print(call, " %u", r.instance);
		monitor_print(call, r.memory ? "\n" : " (registers)\n");
	}
}

static bool info_mtree(struct monitor_call *call)
{
	monitor_print(call, "memory, reads and instruction fetches:\n");
	print_map(call, CBX_MAP_READ, 13);
	monitor_print(call, "memory, writes:\n");
	print_map(call, CBX_MAP_WRITE, 13);
	monitor_print(call, "ports:\n");
	print_map(call, CBX_MAP_PORTS, 4);
	return true;
}

const struct monitor_command monitor_state_topics[] = {
	{ "pic", NULL, "", "the interrupt controllers' registers, and the I/O APIC's open inputs",
	  info_pic },
	{ "irq", NULL, "", "each interrupt line", info_irq },
	{ "lapic", NULL, "", "the local APIC", info_lapic },
	{ "pci", NULL, "", "what is on the PCI bus", info_pci },
	{ "mtree", NULL, "", "who answers which addresses and ports", info_mtree },
	{ "devices", "qtree", "", "all objects that have state", info_devices },
	{ "device", NULL, "NAME [NUMBER]", "all of one's state: info device pit", info_device },
	{ NULL, NULL, NULL, NULL, NULL }
};
