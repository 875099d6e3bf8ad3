/*
 * The local APIC: priorities, the vectors' registers, interrupt commands, the local vector table,
 * the timer, errors, messages, the 8259s behind LINT0, IA32_APIC_BASE and x2APIC mode.
 */
#include "harness.h"

#include "local_apic.h"
#include "pic.h"

#define BASE UINT64_C(0xfee00000)

enum {
	ID = 0x20, VERSION = 0x30, TPR = 0x80, APR = 0x90, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0,
	DFR = 0xe0, SVR = 0xf0, ISR = 0x100, TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300,
	ICR_HIGH = 0x310, LVT_TIMER = 0x320, LVT_THERMAL = 0x330, LVT_PERFORMANCE = 0x340,
	LINT0 = 0x350, LINT1 = 0x360, LVT_ERROR = 0x370, INITIAL = 0x380, CURRENT = 0x390,
	DIVIDE = 0x3e0
};
enum { MASKED = 0x10000, PERIODIC = 0x20000, DEADLINE = 0x40000, SELF = 0x40000 };
enum { MSR_BASE = 0x1b, MSR_DEADLINE = 0x6e0, MSR_X2APIC = 0x800 };

static struct cbx_machine *machine;
static struct local_apic *apic;
static struct pic *pic;

static uint32_t get(unsigned reg)
{
	return (uint32_t)fake_mem_read(machine, BASE + reg, 4);
}

static void put(unsigned reg, uint32_t value)
{
	fake_mem_write(machine, BASE + reg, value, 4);
}

static bool intr(void)
{
	return fake_pins(machine)->intr;
}

static uint8_t take(void)
{
	assert_true(intr());
	return fake_inta(machine);
}

static void begin(unsigned features)
{
	machine = fake_machine_new();
	fake_pins(machine)->apic_features = features;
	assert_int_equal(local_apic_new(machine, &apic), CBX_OK);
	assert_int_equal(pic_new(machine, &pic), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
}

/* With all features, and enabled by software. */
static void start(void)
{
	begin(CBX_APIC_PRESENT | CBX_APIC_X2APIC | CBX_APIC_TSC_DEADLINE | CBX_APIC_THERMAL);
	put(SVR, 0x1ff);
}

static void end(void)
{
	fake_machine_free(machine);
}

static bool read_msr(uint32_t index, uint64_t *value)
{
	return fake_pins(machine)->apic->read_msr(fake_pins(machine)->apic_device, index, value);
}

static bool write_msr(uint32_t index, uint64_t value)
{
	return fake_pins(machine)->apic->write_msr(fake_pins(machine)->apic_device, index, value);
}

static void test_reset(void **unused)
{
	static const unsigned vectors[] = { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LINT0, LINT1,
					    LVT_ERROR };

	(void)unused;
	begin(CBX_APIC_PRESENT | CBX_APIC_THERMAL);
	assert_int_equal(get(ID), 0);
	assert_int_equal(get(VERSION), 0x50014);
	assert_int_equal(get(DFR), 0xffffffff);
	assert_int_equal(get(LDR), 0);
	assert_int_equal(get(SVR), 0xff);
	assert_int_equal(get(TPR), 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(get(vectors[i]), MASKED);
	/* Software-disabled: masks stay. */
	put(LINT0, 0x700);
	assert_int_equal(get(LINT0), 0x10700);
	put(SVR, 0x1ff);
	put(LINT0, 0x700);
	assert_int_equal(get(LINT0), 0x700);
	put(SVR, 0xff);
	assert_int_equal(get(LINT0), 0x10700);
	end();
	begin(CBX_APIC_PRESENT);
	assert_int_equal(get(VERSION), 0x40011);
	put(SVR, 0x1ff);
	put(LVT_THERMAL, 0x40);
	assert_int_equal(get(LVT_THERMAL), 0);
	put(ESR, 0);
	assert_int_equal(get(ESR), 0x80);
	end();
	machine = fake_machine_new();
	fake_pins(machine)->apic_features = 0;
	assert_int_equal(local_apic_new(machine, &apic), CBX_ERROR_UNSUPPORTED);
	end();
}

static void self(unsigned vector)
{
	put(ICR, SELF | vector);
}

static void test_priorities(void **unused)
{
	(void)unused;
	start();
	self(0x41);
	self(0x31);
	assert_int_equal(get(IRR + 0x20), 2);
	assert_int_equal(get(IRR + 0x10), 1u << 0x11);
	assert_int_equal(take(), 0x41);
	assert_int_equal(get(ISR + 0x20), 2);
	assert_int_equal(get(IRR + 0x20), 0);
	assert_int_equal(get(PPR), 0x40);
	assert_false(intr());
	self(0x4f);                     /* the same class waits */
	assert_false(intr());
	self(0x50);
	assert_int_equal(take(), 0x50);
	assert_int_equal(get(PPR), 0x50);
	put(EOI, 0);
	assert_int_equal(get(ISR + 0x20), 2);
	assert_false(intr());
	put(EOI, 0);
	assert_int_equal(take(), 0x4f);
	put(TPR, 0x35);
	assert_int_equal(get(PPR), 0x40);
	put(EOI, 0);
	assert_int_equal(get(PPR), 0x35);
	assert_false(intr());           /* 31h is of the task's class */
	assert_int_equal(get(APR), 0x35);
	put(TPR, 0x2f);
	assert_int_equal(get(APR), 0x30);
	assert_int_equal(take(), 0x31);
	put(EOI, 0);
	put(EOI, 0);                    /* nothing in service: no effect */
	assert_false(intr());
	/* CR8 is the class. */
	fake_pins(machine)->apic->write_tpr(fake_pins(machine)->apic_device, 9);
	assert_int_equal(get(TPR), 0x90);
	put(TPR, 0x7c);
	assert_int_equal(fake_pins(machine)->apic->read_tpr(fake_pins(machine)->apic_device), 7);
	/* A request that the task priority overtakes: the spurious vector. */
	put(TPR, 0);
	self(0x60);
	put(TPR, 0x60);
	assert_false(intr());
	assert_int_equal(fake_inta(machine), 0xff);
	assert_int_equal(get(ISR + 0x70), 0);
	put(TPR, 0);
	assert_int_equal(take(), 0x60);
	end();
}

static void test_all_vectors(void **unused)
{
	(void)unused;
	start();
	for (unsigned vector = 16; vector < 256; vector++)
		self(vector);
	for (unsigned vector = 255; vector >= 16; vector--) {
		assert_int_equal(take(), vector);
		put(EOI, 0);
	}
	assert_false(intr());
	end();
}

static void test_commands(void **unused)
{
	(void)unused;
	start();
	put(ICR_HIGH, 0x00000000);
	put(ICR, 0x50);                 /* physical 0: itself */
	assert_int_equal(take(), 0x50);
	put(EOI, 0);
	put(ICR_HIGH, 0x01000000);
	put(ICR, 0x50);
	assert_false(intr());
	assert_int_equal(get(ICR_HIGH), 0x01000000);
	assert_int_equal(get(ICR), 0x50);
	put(ICR_HIGH, 0xff000000);
	put(ICR, 0x51);                 /* broadcast */
	assert_int_equal(take(), 0x51);
	put(EOI, 0);
	put(ICR, 0x80052);              /* all with itself */
	assert_int_equal(take(), 0x52);
	put(EOI, 0);
	put(ICR, 0xc0053);              /* all but itself */
	assert_false(intr());
	put(ICR_HIGH, 0);
	put(ICR, 0x154);                /* lowest priority */
	assert_int_equal(take(), 0x54);
	put(EOI, 0);

	put(ICR, 0x400);
	assert_int_equal(fake_pins(machine)->nmi_edges, 1);
	put(ICR, 0x40400);              /* NMI has no shorthand for itself */
	put(ICR, 0xc0400);
	assert_int_equal(fake_pins(machine)->nmi_edges, 1);
	put(ICR, 0x200);
	assert_int_equal(fake_pins(machine)->smis, 1);
	put(ICR, 0x610);                /* start-up: it does not wait for it */
	put(ICR, 0x8500);               /* INIT's end */
	assert_int_equal(fake_pins(machine)->processor_resets, 0);
	put(ICR, 0x4500);
	assert_int_equal(fake_pins(machine)->processor_resets, 1);

	/* Logical destinations. */
	put(LDR, 0x82ffffff);
	assert_int_equal(get(LDR), 0x82000000);
	put(ICR_HIGH, 0x02000000);
	put(ICR, 0x855);
	assert_int_equal(take(), 0x55);
	put(EOI, 0);
	put(ICR_HIGH, 0x7d000000);
	put(ICR, 0x855);
	assert_false(intr());
	put(DFR, 0x0fffffff);           /* clusters: 8, member 1 */
	put(ICR_HIGH, 0x83000000);
	put(ICR, 0x856);
	assert_int_equal(take(), 0x56);
	put(EOI, 0);
	put(ICR_HIGH, 0xf2000000);
	put(ICR, 0x857);
	assert_int_equal(take(), 0x57);
	put(EOI, 0);
	put(ICR_HIGH, 0x72000000);
	put(ICR, 0x858);
	put(ICR_HIGH, 0x8d000000);
	put(ICR, 0x858);
	assert_false(intr());
	/* The ID can be another one. */
	put(ID, 0x05ffffff);
	assert_int_equal(get(ID), 0x05000000);
	put(ICR_HIGH, 0x05000000);
	put(ICR, 0x59);
	assert_int_equal(take(), 0x59);
	end();
}

static void test_errors(void **unused)
{
	(void)unused;
	start();
	put(LVT_ERROR, 0xe0);
	self(0x0f);
	assert_int_equal(take(), 0xe0);
	put(EOI, 0);
	assert_int_equal(get(ESR), 0);
	self(0x05);                     /* not a second time before ESR is written */
	assert_false(intr());
	put(ESR, 0);
	assert_int_equal(get(ESR), 0x20);
	put(ESR, 0);
	assert_int_equal(get(ESR), 0);
	put(0x2f0, 1);                  /* there is no CMCI entry */
	assert_int_equal(take(), 0xe0);
	put(EOI, 0);
	put(ESR, 0);
	assert_int_equal(get(ESR), 0x80);
	/* A bad vector from outside; and one of the error entry itself. */
	local_apic_msi(apic, BASE, 0x0003);
	put(ESR, 0);
	assert_int_equal(get(ESR), 0x40);
	take();
	put(EOI, 0);
	put(LVT_ERROR, 0x02);
	self(0x01);
	assert_false(intr());
	end();
}

static void test_pins(void **unused)
{
	struct cbx_line irq1;

	(void)unused;
	start();
	irq1 = pic_line(pic, 1);
	fake_out(machine, 0x20, 0x11, 1);
	fake_out(machine, 0x21, 0x08, 1);
	fake_out(machine, 0x21, 0x04, 1);
	fake_out(machine, 0x21, 0x03, 1);
	cbx_line_set(&irq1, true);
	assert_false(intr());           /* LINT0 is masked */
	put(LINT0, 0x700);
	assert_int_equal(take(), 0x09);
	assert_false(intr());
	assert_int_equal(get(ISR), 0);  /* the 8259s' interrupts are none of the APIC's */
	cbx_line_set(&irq1, false);
	cbx_line_set(&irq1, true);
	self(0x80);
	assert_int_equal(take(), 0x80);
	assert_int_equal(take(), 0x09); /* whatever is in service */
	put(EOI, 0);

	/* Fixed, edge. */
	put(LINT0, 0x44);
	cbx_line_set(&irq1, false);
	cbx_line_set(&irq1, true);
	assert_int_equal(take(), 0x44);
	put(EOI, 0);
	assert_false(intr());
	/* Fixed, level: again after EOI, while it is up. */
	put(LINT0, 0x8045);
	assert_int_equal(get(LINT0), 0xc045);
	assert_int_equal(take(), 0x45);
	assert_int_equal(get(TMR + 0x20), 0x20);
	put(EOI, 0);
	assert_int_equal(take(), 0x45);
	cbx_line_set(&irq1, false);
	put(EOI, 0);
	assert_false(intr());
	assert_int_equal(get(LINT0), 0x8045);

	/* NMI at LINT1 */
	cbx_cpu_set_nmi(fake_pins(machine)->apic_device, true);
	assert_int_equal(fake_pins(machine)->nmi_edges, 0);
	cbx_cpu_set_nmi(fake_pins(machine)->apic_device, false);
	put(LINT1, 0x400);
	cbx_cpu_set_nmi(fake_pins(machine)->apic_device, true);
	cbx_cpu_set_nmi(fake_pins(machine)->apic_device, true);
	assert_int_equal(fake_pins(machine)->nmi_edges, 1);
	put(LINT1, 0x46);
	cbx_cpu_set_nmi(fake_pins(machine)->apic_device, false);
	cbx_cpu_set_nmi(fake_pins(machine)->apic_device, true);
	assert_int_equal(take(), 0x46);
	end();
}

static void test_global_disable(void **unused)
{
	struct cbx_line irq1;
	uint64_t value;

	(void)unused;
	start();
	irq1 = pic_line(pic, 1);
	assert_true(read_msr(MSR_BASE, &value));
	assert_int_equal(value, BASE | 0x900);
	fake_out(machine, 0x20, 0x11, 1);
	fake_out(machine, 0x21, 0x08, 1);
	fake_out(machine, 0x21, 0x04, 1);
	fake_out(machine, 0x21, 0x01, 1);
	cbx_line_set(&irq1, true);
	assert_false(intr());
	assert_true(write_msr(MSR_BASE, BASE | 0x100));
	assert_int_equal(take(), 0x09);         /* as if there were none */
	assert_int_equal(fake_mem_read(machine, BASE + VERSION, 4), 0xffffffff);
	cbx_cpu_set_nmi(fake_pins(machine)->apic_device, true);
	assert_int_equal(fake_pins(machine)->nmi_edges, 1);
	assert_false(local_apic_message(apic, &(struct apic_message){ .vector = 0x50 }));
	/* Enabled again it is as after reset. */
	assert_true(write_msr(MSR_BASE, BASE | 0x900));
	assert_int_equal(get(SVR), 0xff);
	assert_int_equal(get(LINT0), MASKED);
	/* Somewhere else. */
	assert_true(write_msr(MSR_BASE, UINT64_C(0x1000900)));
	assert_int_equal(fake_mem_read(machine, BASE + VERSION, 4), 0xffffffff);
	assert_int_equal(fake_mem_read(machine, 0x1000000 + SVR, 4), 0xff);
	assert_false(write_msr(MSR_BASE, BASE | 0x901));
	assert_false(write_msr(MSR_BASE, BASE | 0xb00));
	assert_false(write_msr(MSR_BASE, UINT64_C(1) << 52 | 0x900));
	fake_reset(machine, CBX_RESET_WARM);
	assert_int_equal(get(SVR), 0xff);
	end();
}

static void test_x2apic(void **unused)
{
	static const unsigned absent[] = { 0x00, 0x0e, 0x0c, 0x31, 0x2f, 0x3f, 0x09, 0x0b };
	uint64_t value;

	(void)unused;
	start();
	put(LDR, 0x01000000);
	self(0x70);
	assert_false(read_msr(MSR_X2APIC + 2, &value));
	assert_false(write_msr(MSR_BASE, BASE | 0x500));        /* EXTD without EN */
	assert_true(write_msr(MSR_BASE, BASE | 0xd00));
	assert_int_equal(fake_mem_read(machine, BASE + VERSION, 4), 0xffffffff);
	assert_int_equal(take(), 0x70); /* what was pending still is */
	assert_true(write_msr(MSR_X2APIC + 0x0b, 0));
	assert_false(write_msr(MSR_X2APIC + 0x0b, 1));
	assert_true(read_msr(MSR_X2APIC + 2, &value));
	assert_int_equal(value, 0);
	assert_true(read_msr(MSR_X2APIC + 0x0d, &value));
	assert_int_equal(value, 1);
	assert_true(read_msr(MSR_X2APIC + 3, &value));
	assert_int_equal(value, 0x1050014);
	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_false(read_msr(MSR_X2APIC + absent[i], &value));
	for (unsigned reg = 0x40; reg < 0x100; reg++) {
		assert_false(read_msr(MSR_X2APIC + reg, &value));
		assert_false(write_msr(MSR_X2APIC + reg, 0));
	}
	assert_false(write_msr(MSR_X2APIC + 2, 0));
	assert_false(write_msr(MSR_X2APIC + 3, 0));
	assert_false(write_msr(MSR_X2APIC + 0x0d, 1));
	assert_false(write_msr(MSR_X2APIC + 0x10, 0));
	assert_false(write_msr(MSR_X2APIC + 8, 0x100));
	assert_false(write_msr(MSR_X2APIC + 0x0f, 0x400));
	assert_false(write_msr(MSR_X2APIC + 0x28, 1));
	assert_false(write_msr(MSR_X2APIC + 0x32, UINT64_C(1) << 32));
	assert_true(write_msr(MSR_X2APIC + 0x3f, 0x71));        /* self IPI */
	assert_int_equal(take(), 0x71);
	write_msr(MSR_X2APIC + 0x0b, 0);
	assert_true(write_msr(MSR_X2APIC + 0x30, UINT64_C(0x0000000100000072)));        /* not ours */
	assert_false(intr());
	assert_true(write_msr(MSR_X2APIC + 0x30, UINT64_C(0xffffffff00000073)));
	assert_int_equal(take(), 0x73);
	write_msr(MSR_X2APIC + 0x0b, 0);
	assert_true(write_msr(MSR_X2APIC + 0x30, UINT64_C(0x0000000100000874)));        /* logical */
	assert_int_equal(take(), 0x74);
	assert_true(read_msr(MSR_X2APIC + 0x30, &value));
	assert_int_equal(value, UINT64_C(0x0000000100000874));
	write_msr(MSR_X2APIC + 0x0b, 0);
	assert_true(write_msr(MSR_X2APIC + 0x30, UINT64_C(0x0001000100000874)));
	assert_false(intr());
	local_apic_msi(apic, BASE, 0x75);
	assert_int_equal(take(), 0x75);
	write_msr(MSR_X2APIC + 0x0b, 0);
	/* Back to xAPIC mode by way of disabled alone. */
	assert_false(write_msr(MSR_BASE, BASE | 0x900));
	assert_true(write_msr(MSR_BASE, BASE | 0x100));
	assert_false(write_msr(MSR_BASE, BASE | 0xd00));
	assert_true(write_msr(MSR_BASE, BASE | 0x900));
	end();
	begin(CBX_APIC_PRESENT);
	assert_false(write_msr(MSR_BASE, BASE | 0xd00));
	assert_false(read_msr(MSR_DEADLINE, &value));
	assert_false(write_msr(MSR_DEADLINE, 0));
	end();
}

static void test_messages(void **unused)
{
	(void)unused;
	start();
	fake_mem_write(machine, UINT64_C(0xfee01000), 0x61, 4);         /* to APIC 1 */
	assert_false(intr());
	fake_mem_write(machine, UINT64_C(0xfeeff000), 0x61, 4);         /* to all */
	assert_int_equal(take(), 0x61);
	put(EOI, 0);
	put(LDR, 0x01000000);
	local_apic_msi(apic, BASE | 0x100c, 0x162);             /* logical 1, lowest priority */
	assert_int_equal(take(), 0x62);
	assert_int_equal(get(TMR + 0x30), 0);
	put(EOI, 0);
	local_apic_msi(apic, BASE, 0xc063);                     /* level, asserted */
	assert_int_equal(get(TMR + 0x30), 8);
	local_apic_msi(apic, BASE, 0x8063);
	assert_int_equal(take(), 0x63);
	put(EOI, 0);
	assert_false(intr());
	local_apic_msi(apic, BASE, 0x400);
	assert_int_equal(fake_pins(machine)->nmi_edges, 1);
	local_apic_msi(apic, BASE, 0x700);                      /* ExtINT: the 8259s are asked */
	assert_int_equal(take(), 0x07);
	assert_false(intr());
	put(SVR, 0xff);
	local_apic_msi(apic, BASE, 0x64);                       /* disabled by software */
	put(SVR, 0x1ff);
	assert_false(intr());
	end();
}

static void test_timer(void **unused)
{
	(void)unused;
	start();
	put(DIVIDE, 0xb);               /* by 1: 100 MHz */
	put(LVT_TIMER, 0x30);
	put(INITIAL, 100);
	assert_int_equal(get(CURRENT), 100);
	fake_advance(machine, 990);
	assert_int_equal(get(CURRENT), 1);
	assert_false(intr());
	fake_advance(machine, 10);
	assert_int_equal(get(CURRENT), 0);
	assert_int_equal(take(), 0x30);
	put(EOI, 0);
	fake_advance(machine, 100000);
	assert_false(intr());
	assert_int_equal(get(INITIAL), 100);

	for (unsigned code = 0; code < 8; code++) {
		static const unsigned divisors[8] = { 2, 4, 8, 16, 32, 64, 128, 1 };

		put(DIVIDE, (code & 3) | (code & 4) << 1);
		put(INITIAL, 1000);
		fake_advance(machine, 10 * divisors[code] * 300);
		assert_int_equal(get(CURRENT), 700);
	}
	/* Another divisor in between: it goes on from there. */
	put(DIVIDE, 0);
	assert_int_equal(get(CURRENT), 700);
	fake_advance(machine, 20 * 699);
	assert_false(intr());
	fake_advance(machine, 20);
	assert_int_equal(take(), 0x30);
	put(EOI, 0);

	put(DIVIDE, 0xb);
	put(LVT_TIMER, PERIODIC | 0x31);
	put(INITIAL, 50);
	for (unsigned i = 0; i < 5; i++) {
		fake_advance(machine, 490);
		assert_false(intr());
		fake_advance(machine, 10);
		assert_int_equal(get(CURRENT), 50);
		assert_int_equal(take(), 0x31);
		put(EOI, 0);
	}
	/* Masked it counts on, and keeps its beat. */
	put(LVT_TIMER, PERIODIC | MASKED | 0x31);
	fake_advance(machine, 1250);
	assert_false(intr());
	assert_int_equal(get(CURRENT), 25);
	put(LVT_TIMER, PERIODIC | 0x31);
	fake_advance(machine, 240);
	assert_false(intr());
	fake_advance(machine, 10);
	assert_int_equal(take(), 0x31);
	put(EOI, 0);
	/* One-shot from here: what is left of this round. */
	fake_advance(machine, 200);
	put(LVT_TIMER, 0x32);
	fake_advance(machine, 300);
	assert_int_equal(take(), 0x32);
	put(EOI, 0);
	fake_advance(machine, 5000);
	assert_false(intr());
	/* That it was one-shot and over makes it stand still. */
	put(LVT_TIMER, PERIODIC | 0x32);
	fake_advance(machine, 5000);
	assert_false(intr());
	put(INITIAL, 50);
	put(INITIAL, 0);
	assert_int_equal(get(CURRENT), 0);
	assert_int_equal(fake_next_event(machine), UINT64_MAX);
	put(LVT_TIMER, PERIODIC | DEADLINE | 0x32);     /* no such mode */
	assert_int_equal(get(LVT_TIMER), 0x32);
	end();
}

static void test_deadline(void **unused)
{
	uint64_t value, now;

	(void)unused;
	start();
	put(LVT_TIMER, 0x33);
	assert_true(write_msr(MSR_DEADLINE, 5));
	assert_true(read_msr(MSR_DEADLINE, &value));
	assert_int_equal(value, 0);             /* another mode: not taken */
	put(INITIAL, 1000);
	put(LVT_TIMER, DEADLINE | 0x33);
	assert_int_equal(get(CURRENT), 0);
	put(INITIAL, 1000);
	assert_int_equal(get(CURRENT), 0);
	fake_advance(machine, 1000);
	fake_pins(machine)->tsc_offset = 1000000;
	now = fake_now(machine) + 1000000;
	write_msr(MSR_DEADLINE, now + 777);
	read_msr(MSR_DEADLINE, &value);
	assert_int_equal(value, now + 777);
	fake_advance(machine, 776);
	assert_false(intr());
	fake_advance(machine, 1);
	assert_int_equal(take(), 0x33);
	put(EOI, 0);
	read_msr(MSR_DEADLINE, &value);
	assert_int_equal(value, 0);
	/* In the past: at once. */
	write_msr(MSR_DEADLINE, 1);
	fake_advance(machine, 0);
	assert_int_equal(take(), 0x33);
	put(EOI, 0);
	/* Disarmed; overtaken by a change of the counter; disarmed by the mode. */
	write_msr(MSR_DEADLINE, now + 5000);
	write_msr(MSR_DEADLINE, 0);
	fake_advance(machine, 10000);
	assert_false(intr());
	write_msr(MSR_DEADLINE, now + 1000000);
	fake_pins(machine)->tsc_offset += 2000000;
	fake_pins(machine)->apic->tsc_changed(fake_pins(machine)->apic_device);
	fake_advance(machine, 0);
	assert_int_equal(take(), 0x33);
	put(EOI, 0);
	write_msr(MSR_DEADLINE, UINT64_MAX);
	put(LVT_TIMER, 0x33);
	read_msr(MSR_DEADLINE, &value);
	assert_int_equal(value, 0);
	assert_int_equal(fake_next_event(machine), UINT64_MAX);
	end();
}

static unsigned eois, readies;
static uint8_t eoi_vector;

static void note_eoi(void *target, uint8_t vector)
{
	(void)target;
	eois++;
	eoi_vector = vector;
}

static void note_ready(void *target)
{
	(void)target;
	readies++;
}

static void test_listener(void **unused)
{
	struct apic_message message = { .vector = 0x88, .level = true };

	(void)unused;
	start();
	eois = readies = 0;
	local_apic_listen(apic, &(struct apic_listener){ note_eoi, note_ready, NULL });
	assert_true(local_apic_message(apic, &message));
	assert_int_equal(take(), 0x88);
	put(EOI, 0);
	assert_int_equal(eois, 1);
	assert_int_equal(eoi_vector, 0x88);
	self(0x88);                     /* edge: nobody is told */
	take();
	put(EOI, 0);
	assert_int_equal(eois, 1);
	put(SVR, 0x11ff);               /* broadcasts suppressed */
	assert_int_equal(get(SVR), 0x11ff);
	local_apic_message(apic, &message);
	take();
	put(EOI, 0);
	assert_int_equal(eois, 1);
	put(SVR, 0xff);
	assert_false(local_apic_message(apic, &message));
	assert_int_equal(readies, 0);
	put(SVR, 0x1ff);
	assert_int_equal(readies, 1);
	end();
}

static void test_init(void **unused)
{
	(void)unused;
	start();
	put(ID, 0x03000000);
	put(TPR, 0x20);
	put(LINT0, 0x700);
	put(LVT_TIMER, PERIODIC | 0x30);
	put(INITIAL, 10);
	self(0x99);
	assert_true(intr());
	fake_pins(machine)->apic->init(fake_pins(machine)->apic_device);
	assert_false(intr());
	assert_int_equal(get(ID), 0x03000000);
	assert_int_equal(get(TPR), 0);
	assert_int_equal(get(SVR), 0xff);
	assert_int_equal(get(INITIAL), 0);
	fake_advance(machine, 10000);
	assert_false(intr());
	end();
}

static void test_hostile(void **unused)
{
	uint64_t seed = 1;

	(void)unused;
	start();
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 3000; round++) {
		uint64_t random = fake_random(&seed), value = fake_random(&seed);
		unsigned reg = (unsigned)(random >> 8 & 0xff0), width = 1u << (random & 3);

		if (random & 0x10000)
			reg += random >> 20 & 15;
		if (random & 0x20000)
			fake_mem_write(machine, BASE + reg, value, width);
		else
			fake_mem_read(machine, BASE + reg, width);
		if ((random >> 24 & 31) == 0)
			write_msr(MSR_X2APIC + (uint32_t)(random >> 32 & 0xff), value >> 40);
		if ((random >> 24 & 63) == 1)
			write_msr(MSR_BASE, BASE | (value & 0xd00));
		if ((random >> 24 & 15) == 2)
			write_msr(MSR_DEADLINE, value >> (random >> 40 & 63));
		if (round % 100 == 99) {
			write_msr(MSR_BASE, BASE | 0x100);
			write_msr(MSR_BASE, BASE | 0x900);
			put(SVR, 0x1ff);
		}
		local_apic_msi(apic, value, (uint32_t)random);
		cbx_cpu_set_intr(fake_pins(machine)->apic_device, random >> 50 & 1);
		cbx_cpu_set_nmi(fake_pins(machine)->apic_device, random >> 51 & 1);
		/* A periodic timer of 10 ns interrupts often: little time at once. */
		fake_advance(machine, value & 0x3ff);
		if (intr())
			fake_inta(machine);
		if (round % 10 == 0)
			fake_reload(machine);
	}
	fake_load_random(machine, &seed, 3000);
	for (unsigned round = 0; round < 1000; round++) {
		fake_mem_write(machine, BASE + (fake_random(&seed) & 0x3f0), fake_random(&seed), 4);
		fake_advance(machine, 100);
		fake_inta(machine);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_all_vectors),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_global_disable),
		cmocka_unit_test(test_x2apic),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
