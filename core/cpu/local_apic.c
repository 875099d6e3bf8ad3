/* The pins INTR and NMI, and the local APIC behind them when one is connected. */
#include "local_apic.h"
#include "system.h"

/* ---- For the rest of the processor ------------------------------------------------------------ */

bool cpu_apic_enabled(const struct cpu *cpu)
{
	uint64_t base = 0;

	return cpu->apic && cpu->apic->read_msr(cpu->apic_device, 0x1b, &base) && (base & 0x800);
}

/* A P6 whose APIC is not connected still has the register; the enable bit stays 0. */
static bool base_without_apic(struct cpu *cpu, bool write, uint64_t *value)
{
	if (cpu->model->family < 6)
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (!write) {
		*value = cpu->msr_apic_base;
		return true;
	}
	if (*value & ~UINT64_C(0xfffffff900))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	cpu->msr_apic_base = (*value & UINT64_C(0xfffffff000)) | 0x100;
	return true;
}

bool cpu_apic_msr(struct cpu *cpu, uint32_t index, bool write, uint64_t *value)
{
	bool done;

	if (!cpu->apic && index == 0x1b)
		return base_without_apic(cpu, write, value);
	if (!cpu->apic)
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (write)
		done = cpu->apic->write_msr(cpu->apic_device, index, *value);
	else
		done = cpu->apic->read_msr(cpu->apic_device, index, value);
	return done || cpu_raise_error(cpu, VECTOR_GP, 0);
}

uint64_t cpu_apic_tpr_read(const struct cpu *cpu)
{
	return cpu->apic ? cpu->apic->read_tpr(cpu->apic_device) & 15u : cpu->cr8;
}

void cpu_apic_tpr_write(struct cpu *cpu, uint64_t value)
{
	if (cpu->apic)
		cpu->apic->write_tpr(cpu->apic_device, (uint8_t)(value & 15));
	else
		cpu->cr8 = value & 15;
}

void cpu_apic_tsc_changed(struct cpu *cpu)
{
	if (cpu->apic)
		cpu->apic->tsc_changed(cpu->apic_device);
}

void cpu_apic_init(struct cpu *cpu)
{
	if (cpu->apic)
		cpu->apic->init(cpu->apic_device);
}

/* ---- Pins ------------------------------------------------------------------------------------- */

static void set_intr(struct cbx_machine *machine, bool level)
{
	machine->cpu->intr_line = level;
	if (level)
		cpu_attention(machine);
}

void cbx_cpu_set_intr(struct cbx_device *device, bool level)
{
	struct cpu *cpu;

	if (!device)
		return;
	cpu = device->machine->cpu;
	if (cpu->apic)
		cpu->apic->set_pin(cpu->apic_device, 0, level);
	else
		set_intr(device->machine, level);
}

void cbx_cpu_set_nmi(struct cbx_device *device, bool level)
{
	struct cpu *cpu;

	if (!device)
		return;
	cpu = device->machine->cpu;
	if (cpu->apic) {
		cpu->apic->set_pin(cpu->apic_device, 1, level);
		return;
	}
	if (level && !cpu->nmi_line)
		cbx_apic_nmi(device);
	cpu->nmi_line = level;
}

void cbx_cpu_connect_inta(struct cbx_device *device, uint8_t (*acknowledge)(struct cbx_device *))
{
	struct cpu *cpu;

	if (!device)
		return;
	cpu = device->machine->cpu;
	cpu->bus_acknowledge = acknowledge;
	cpu->bus_acknowledge_device = device;
	if (cpu->apic)
		return;
	cpu->acknowledge = acknowledge;
	cpu->acknowledge_device = device;
}

/* ---- The APIC's side -------------------------------------------------------------------------- */

unsigned cbx_cpu_apic_features(const struct cbx_device *device)
{
	const struct cpu_model *model;
	unsigned features = 0;

	if (!device)
		return 0;
	model = device->machine->cpu->model;
	if (!(model->system & SYS_APIC))
		return 0;
	features = CBX_APIC_PRESENT;
	if (model->system & SYS_X2APIC)
		features |= CBX_APIC_X2APIC;
	if (model->system & SYS_TSC_DEADLINE)
		features |= CBX_APIC_TSC_DEADLINE;
	if (model->family > 6 || (model->family == 6 && model->model >= 15))
		features |= CBX_APIC_THERMAL;
	return features;
}

enum cbx_status cbx_cpu_connect_apic(struct cbx_device *apic, const struct cbx_apic_ops *ops)
{
	struct cpu *cpu;

	if (!apic || !ops)
		return CBX_ERROR_ARGUMENT;
	cpu = apic->machine->cpu;
	if (!cbx_cpu_apic_features(apic))
		return machine_fail(apic->machine, CBX_ERROR_UNSUPPORTED,
				    "this processor model has no local APIC");
	cpu->apic = ops;
	cpu->apic_device = apic;
	cpu->acknowledge = ops->acknowledge;
	cpu->acknowledge_device = apic;
	return CBX_OK;
}

void cbx_apic_set_intr(struct cbx_device *apic, bool level)
{
	if (!apic)
		return;
	set_intr(apic->machine, level);
}

void cbx_apic_nmi(struct cbx_device *apic)
{
	if (!apic)
		return;
	apic->machine->cpu->nmi_pending = 1;
	cpu_attention(apic->machine);
}

void cbx_apic_smi(struct cbx_device *apic)
{
	cbx_cpu_smi(apic);
}

uint8_t cbx_apic_inta(struct cbx_device *apic)
{
	struct cpu *cpu;

	if (!apic)
		return 0xff;
	cpu = apic->machine->cpu;
	return cpu->bus_acknowledge ? cpu->bus_acknowledge(cpu->bus_acknowledge_device) : 0xff;
}

uint64_t cbx_cpu_tsc(const struct cbx_device *device)
{
	if (!device)
		return 0;
	return tsc_read(device->machine->cpu);
}

/* One tick is a nanosecond. */
uint64_t cbx_cpu_tsc_time(const struct cbx_device *device, uint64_t tsc)
{
	uint64_t now, left;

	if (!device)
		return UINT64_MAX;
	now = clock_now(device->machine);
	left = tsc - tsc_read(device->machine->cpu);
	if (tsc <= tsc_read(device->machine->cpu))
		return now;
	return left < UINT64_MAX - now ? now + left : UINT64_MAX;
}
