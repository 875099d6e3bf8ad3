/*
 * A device of one's own: a stopwatch with a port (its period in microseconds), a memory-mapped
 * register (how often it rang), a timer, an interrupt, and a state that is saved.
 */
#include <clearbox/clearbox.h>
#include <stdio.h>

struct watch_state { uint32_t period, rings; };
struct watch { struct cbx_device device; struct watch_state state; struct cbx_timer *timer; };
static const struct cbx_field fields[] = { CBX_FIELD(struct watch_state, period),
					   CBX_FIELD(struct watch_state, rings), CBX_FIELD_END };
static const struct cbx_device_type type = { .name = "watch", .version = 1, .size = sizeof(struct watch),
	.fields = fields, .state_offset = offsetof(struct watch, state), .state_size = sizeof(struct watch_state) };

static void start(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	(void)offset, (void)width;
	((struct watch *)device)->state.period = (uint32_t)value;
	cbx_timer_set(((struct watch *)device)->timer, cbx_time(device) + value * 1000);
}
static uint64_t rings(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)offset, (void)width;
	cbx_cpu_set_intr(device, false);        /* reading takes the interrupt back */
	return ((struct watch *)device)->state.rings;
}
static void ring(struct cbx_device *device, unsigned number)
{
	((struct watch *)device)->state.rings += 1 + number;
	cbx_cpu_set_intr(device, true);
}
static uint8_t vector(struct cbx_device *device) { return device ? 0x40 : 0; }
static const struct cbx_io port = { .widths = 1, .write = start }, registers = { .widths = 4, .read = rings };

int main(void)
{
	/* mov al, 50; out 99h, al; sti; hlt.  At 1010h: mov ax, 2000h; mov ds, ax; mov eax, [0]; hlt */
	static const char code[] = "\xb0\x32\xe6\x99\xfb\xf4----------\xb8\0\x20\x8e\xd8\x66\xa1\0\0\xf4";
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 0x10000 };
	struct cbx_machine *machine;
	struct cbx_device *device;
	struct cbx_region *region;
	uint64_t eax = 0;

	if (cbx_machine_new(&options, &machine, NULL) || cbx_device_new(machine, &type, &device) ||
	    cbx_timer_new(device, "ring", ring, 0, &((struct watch *)device)->timer) ||
	    cbx_ports_map(device, 0x99, 1, &port) || cbx_region_new_io(device, &registers, 4096, &region))
		return 1;
	cbx_region_place(region, 0x20000, CBX_REGION_READ, 0);
	cbx_cpu_connect_inta(device, vector);
	cbx_memory_write(machine, 0x1000, code, sizeof(code));
	cbx_memory_write(machine, 0x40 * 4, "\x10\x10\0\0", 4);       /* vector 40h */
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, 0x1000);
	cbx_run(machine, NULL, NULL);
	cbx_register_read(machine, CBX_RAX, &eax);
	printf("rang %u time(s) at %llu us\n", (unsigned)eax, (unsigned long long)cbx_guest_time(machine) / 1000);
	return cbx_machine_free(machine), 0;
}
