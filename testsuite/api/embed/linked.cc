/* A C++ program with names that the library has inside, linked with its archive: no clash. */
#include <clearbox/clearbox.h>
#include <cstdio>

int machine_allocate = 1, state_save = 2, decode = 3, tlb_flush = 4;
extern "C" int op_info(int n) { return n; }
extern "C" int cpu_run(int n) { return n; }

int main()
{
	cbx_machine *machine;
	cbx_stop stop;

	if (cbx_machine_new(nullptr, &machine, nullptr) || cbx_memory_write(machine, 0x1000, "\xfa\xf4", 2) ||
	    cbx_register_write(machine, CBX_CS_BASE, 0) || cbx_register_write(machine, CBX_RIP, 0x1000) ||
	    cbx_run(machine, nullptr, &stop))
		return 1;
	cbx_machine_free(machine);
	std::printf("%s\n", stop.reason == CBX_STOP_HALTED ? "halted" : "?");
	return machine_allocate + state_save + decode + tlb_flush + op_info(1) + cpu_run(1) == 12 ? 0 : 1;
}
