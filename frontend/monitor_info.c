/* What the monitor's info shows. */
#include <stdio.h>
#include <string.h>

#include <clearbox/machine.h>
#include <clearbox/state.h>

#include "drives.h"
#include "monitor_commands.h"
#include "session.h"

static uint64_t get(const struct monitor_call *call, enum cbx_register which)
{
	uint64_t value = 0;

	cbx_register_read(call->session->machine, which, &value);
	return value;
}

static bool info_registers(struct monitor_call *call)
{
	static const char *const names[] = { "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
		"R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15" };
	static const char *const segments[] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDT", "TR" };
	static const unsigned order[] = { 0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15 };

	for (unsigned i = 0; i < 16; i++)
		monitor_print(call, "%s=%016llx%s", names[order[i]],
			      (unsigned long long)get(call,
						      (enum cbx_register)(CBX_RAX + order[i])),
			      i % 4 == 3 ? "\n" : " ");
	monitor_print(call, "RIP=%016llx RFL=%08llx CPL=%u\n",
		      (unsigned long long)get(call, CBX_RIP),
		      (unsigned long long)get(call, CBX_RFLAGS),
		      (unsigned)(get(call, CBX_SS_ATTRIBUTES) >> 5 & 3));
	for (unsigned i = 0; i < 8; i++)
		monitor_print(call, "%-3s=%04llx %016llx %08llx %04llx\n", segments[i],
			      (unsigned long long)get(call, (enum cbx_register)(CBX_ES + i)),
			      (unsigned long long)get(call, (enum cbx_register)(CBX_ES_BASE + i)),
			      (unsigned long long)get(call, (enum cbx_register)(CBX_ES_LIMIT + i)),
			      (unsigned long long)get(call,
						      (enum cbx_register)(CBX_ES_ATTRIBUTES + i)));
	monitor_print(call, "GDT=     %016llx %08llx\nIDT=     %016llx %08llx\n",
		      (unsigned long long)get(call, CBX_GDTR_BASE),
		      (unsigned long long)get(call, CBX_GDTR_LIMIT),
		      (unsigned long long)get(call, CBX_IDTR_BASE),
		      (unsigned long long)get(call, CBX_IDTR_LIMIT));
	monitor_print(call, "CR0=%08llx CR2=%016llx CR3=%016llx CR4=%08llx\n",
		      (unsigned long long)get(call, CBX_CR0),
		      (unsigned long long)get(call, CBX_CR2),
		      (unsigned long long)get(call, CBX_CR3),
		      (unsigned long long)get(call, CBX_CR4));
	for (unsigned i = 0; i < 4; i++)
		monitor_print(call, "DR%u=%016llx ", i,
			      (unsigned long long)get(call, (enum cbx_register)(CBX_DR0 + i)));
	monitor_print(call, "\nDR6=%016llx DR7=%016llx\nEFER=%016llx\n",
		      (unsigned long long)get(call, CBX_DR6),
		      (unsigned long long)get(call, CBX_DR7),
		      (unsigned long long)get(call, CBX_EFER));
	return true;
}

static bool info_fpu(struct monitor_call *call)
{
	monitor_print(call, "FCW=%04llx FSW=%04llx FTW=%04llx MXCSR=%08llx\n",
		      (unsigned long long)get(call, CBX_FCW),
		      (unsigned long long)get(call, CBX_FSW),
		      (unsigned long long)get(call, CBX_FTW),
		      (unsigned long long)get(call, CBX_MXCSR));
	for (unsigned i = 0; i < 8; i++)
		monitor_print(call, "R%u=%04llx %016llx%s", i,
			      (unsigned long long)get(call,
						      (enum cbx_register)(CBX_FR0_EXPONENT + i)),
			      (unsigned long long)get(call, (enum cbx_register)(CBX_FR0 + i)),
			      i & 1 ? "\n" : "  ");
	for (unsigned i = 0; i < 16; i++) {
		monitor_print(call, "YMM%-2u=", i);
		for (unsigned k = 4; k--;)
			monitor_print(call, "%016llx%s",
				      (unsigned long long)get(call, (enum cbx_register)(CBX_YMM0 +
											4 * i + k)),
				      k ? " " : "\n");
	}
	return true;
}

static bool info_cpus(struct monitor_call *call)
{
	const struct session *s = call->session;

	monitor_print(call, "* CPU #0: %s, %s at %04llx:%016llx\n",
		      s->options->cpu ? s->options->cpu : "max", s->idle ? "halted" : "running",
		      (unsigned long long)get(call, CBX_CS),
		      (unsigned long long)get(call, CBX_RIP));
	return true;
}

static bool info_network(struct monitor_call *call)
{
	static const char *const kinds[] = { "none", "user", "socket", "tap" };
	static const char *const models[] = { "none", "ne2k_isa", "ne2k_pci" };
	const struct options *o = call->session->options;

	for (unsigned i = 0; i < o->nic_count; i++) {
		const struct nic_option *nic = &o->nic[i];
		bool own = false;

		for (unsigned k = 0; k < 6; k++)
			own = own || nic->mac[k];
		monitor_print(call, "nic%u: model=%s, cable=%s", i,
			      (unsigned)nic->model < 3 ? models[nic->model] : "?",
			      (unsigned)nic->kind < 4 ? kinds[nic->kind] : "?");
		if (own)
			monitor_print(call, ", mac=%02x:%02x:%02x:%02x:%02x:%02x", nic->mac[0],
				      nic->mac[1], nic->mac[2], nic->mac[3], nic->mac[4],
				      nic->mac[5]);
		monitor_print(call, "%s%s, %u frames wait for the guest\n",
			      *nic->capture ? ", capture=" : "", nic->capture,
			      call->session->networks[i].count);
	}
	if (!o->nic_count)
		monitor_print(call, "there is no network card; -nic makes one\n");
	return true;
}

static bool info_chardev(struct monitor_call *call)
{
	static const char *const kinds[] = { "unconnected", "null", "stdio", "file",
					     "pty",	    "tcp",  "unix" };

	for (unsigned i = 0; i < CHANNELS; i++) {
		const struct channel *c = &call->session->channels[i];

		if (c->option.kind != CHANNEL_UNSET)
			monitor_print(call, "%s: %s%s%s%s%s\n", c->label, kinds[c->option.kind],
				      *c->option.path ? ":" : "", c->option.path,
				      *c->option.port ? ":" : "", c->option.port);
	}
	return true;
}

static bool info_status(struct monitor_call *call)
{
	const struct session *s = call->session;
	uint64_t time = cbx_guest_time(s->machine);

	monitor_print(call, "VM status: %s\n%llu instructions, %llu.%06llu seconds of guest time\n",
		      s->paused ? "paused" : s->idle ? "running (halted)" : "running",
		      (unsigned long long)cbx_instruction_count(s->machine),
		      (unsigned long long)(time / 1000000000),
		      (unsigned long long)(time / 1000 % 1000000));
	return true;
}

static bool info_block(struct monitor_call *call)
{
	const struct drives *drives = &call->session->drives;

	for (unsigned i = 0; i < DRIVES; i++) {
		const struct drive *d = &drives->drive[i];

		if (!d->present)
			continue;
		if (!d->disk)
			monitor_print(call, "%s: empty\n", drive_name(drives, i));
		else
			monitor_print(call, "%s: %s (raw%s%s), %llu bytes\n", drive_name(drives, i),
				      d->name, d->backend.read_only ? ", read-only" : "",
				      d->overlay ? ", snapshot" : "",
				      (unsigned long long)d->backend.bytes);
	}
	return true;
}

static bool info_hash(struct monitor_call *call)
{
	monitor_print(call, "%016llx\n",
		      (unsigned long long)cbx_state_hash(call->session->machine));
	return true;
}

static bool info_version(struct monitor_call *call)
{
	monitor_print(call, "clearbox %s\n", CLEARBOX_VERSION);
	return true;
}

const struct monitor_command monitor_topics[] = {
	{ "registers", NULL, "", "the processor's registers", info_registers },
	{ "fpu", NULL, "", "x87, SSE and AVX registers", info_fpu },
	{ "cpus", NULL, "", "the processor", info_cpus },
	{ "status", NULL, "", "whether it runs, and for how long it has", info_status },
	{ "block", NULL, "", "drives and what is in them", info_block },
	{ "network", NULL, "", "network cards and what their cables lead to", info_network },
	{ "chardev", NULL, "", "serial ports and their like", info_chardev },
	{ "hash", NULL, "", "a hash of all of the machine's state: the same state, the same hash",
	  info_hash },
	{ "version", NULL, "", "the program's version", info_version },
	{ NULL, NULL, NULL, NULL, NULL }
};
