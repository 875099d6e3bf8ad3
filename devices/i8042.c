/*
 * The 8042 keyboard controller of the PS/2, with keyboard and auxiliary (mouse) port.
 *
 * Ports 60h (data) and 64h (status, commands); IRQ 1 and IRQ 12.  Manual: IBM PS/2
 * Hardware Interface Technical Reference, "Keyboard and auxiliary device controller".
 *
 * The controller's own answers are in the output buffer at once.  A byte from a device
 * needs the time of eleven bits on the wire, and a free output buffer.
 */
#include "i8042.h"

#include "keymap.h"
#include "ps2.h"

#include <string.h>

#define I8042_BYTE_NS 500000u

enum {
	STATUS_FULL = 0x01, STATUS_SYSTEM = 0x04, STATUS_COMMAND = 0x08, STATUS_UNLOCKED = 0x10,
	STATUS_AUX = 0x20
};

enum {
	MODE_IRQ1 = 0x01, MODE_IRQ12 = 0x02, MODE_SYSTEM = 0x04, MODE_KEYBOARD_OFF = 0x10,
	MODE_AUX_OFF = 0x20, MODE_TRANSLATE = 0x40
};

enum { OUTPUT_RUN = 0x01, OUTPUT_A20 = 0x02, OUTPUT_IRQ1 = 0x10, OUTPUT_IRQ12 = 0x20 };

struct i8042_state {
	uint8_t memory[32];             /* byte 0 is the mode (command byte) */
	uint8_t status;
	uint8_t output;                 /* the output buffer */
	uint8_t port;                   /* output port, without the interrupt bits */
	uint8_t command;                /* one that waits for its data byte; 0: none */
	uint8_t released;               /* translation: F0h was seen */
};

struct i8042 {
	struct cbx_device device;
	struct i8042_state state;
	struct cbx_line irq1, irq12, a20;
	struct ps2_keyboard *keyboard;
	struct ps2_mouse *mouse;
	struct cbx_timer *transfer;
};

static const struct cbx_field i8042_fields[] = {
	CBX_FIELD_ARRAY(struct i8042_state, memory),
	CBX_FIELD(struct i8042_state, status),
	CBX_FIELD(struct i8042_state, output),
	CBX_FIELD(struct i8042_state, port),
	CBX_FIELD(struct i8042_state, command),
	CBX_FIELD(struct i8042_state, released),
	CBX_FIELD_END
};

/* ---- The output buffer ---------------------------------------------------------------- */

static void i8042_drive(struct i8042 *controller)
{
	const struct i8042_state *state = &controller->state;
	bool full = state->status & STATUS_FULL, aux = state->status & STATUS_AUX;

	cbx_line_set(&controller->irq1, full && !aux && (state->memory[0] & MODE_IRQ1));
	cbx_line_set(&controller->irq12, full && aux && (state->memory[0] & MODE_IRQ12));
}

static void i8042_put(struct i8042 *controller, uint8_t byte, bool aux)
{
	struct i8042_state *state = &controller->state;

	/* A byte that is overwritten unread: let the interrupt line fall, so it rises again. */
	state->status &= (uint8_t)~(STATUS_FULL | STATUS_AUX);
	i8042_drive(controller);
	state->output = byte;
	state->status |= STATUS_FULL | (aux ? STATUS_AUX : 0);
	i8042_drive(controller);
}

static bool i8042_keyboard_can(const struct i8042 *controller)
{
	return !(controller->state.memory[0] & MODE_KEYBOARD_OFF) &&
	       ps2_keyboard_ready(controller->keyboard);
}

static bool i8042_aux_can(const struct i8042 *controller)
{
	return !(controller->state.memory[0] & MODE_AUX_OFF) && ps2_mouse_ready(controller->mouse);
}

/* Starts the next byte's way when there is one and the buffer is free. */
static void i8042_schedule(struct i8042 *controller)
{
	if ((controller->state.status & STATUS_FULL) || cbx_timer_armed(controller->transfer))
		return;
	if (i8042_keyboard_can(controller) || i8042_aux_can(controller))
		cbx_timer_set(controller->transfer, cbx_time(&controller->device) + I8042_BYTE_NS);
}

/* Puts a byte of the keyboard into the buffer; F0h of set 2 becomes bit 7 of the next. */
static void i8042_from_keyboard(struct i8042 *controller, uint8_t byte)
{
	struct i8042_state *state = &controller->state;

	if (!(state->memory[0] & MODE_TRANSLATE)) {
		i8042_put(controller, byte, false);
	} else if (byte == 0xf0) {
		state->released = 0x80;
	} else {
		i8042_put(controller, keymap_translate(byte) | state->released, false);
		state->released = 0;
	}
}

static void i8042_transfer(struct cbx_device *device, unsigned number)
{
	struct i8042 *controller = (struct i8042 *)device;

	(void)number;
	if (!(controller->state.status & STATUS_FULL)) {
		if (i8042_keyboard_can(controller))
			i8042_from_keyboard(controller, ps2_keyboard_take(controller->keyboard));
		else if (i8042_aux_can(controller))
			i8042_put(controller, ps2_mouse_take(controller->mouse), true);
	}
	i8042_schedule(controller);
}

static void i8042_ready(void *target, unsigned number, bool level)
{
	(void)number;
	if (level)
		i8042_schedule(target);
}

/* ---- Commands ------------------------------------------------------------------------- */

static void i8042_write_port(struct i8042 *controller, uint8_t value)
{
	uint8_t old = controller->state.port;

	controller->state.port = value & (uint8_t)~(OUTPUT_IRQ1 | OUTPUT_IRQ12);
	if ((old ^ value) & OUTPUT_A20)
		cbx_line_set(&controller->a20, value & OUTPUT_A20);
	if (!(value & OUTPUT_RUN)) {
		controller->state.port |= OUTPUT_RUN;
		cbx_request_reset(&controller->device, true);
	}
}

static uint8_t i8042_read_port(const struct i8042 *controller)
{
	uint8_t value = controller->state.port, status = controller->state.status;

	if (status & STATUS_FULL)
		value |= status & STATUS_AUX ? OUTPUT_IRQ12 : OUTPUT_IRQ1;
	return value;
}

static void i8042_write_mode(struct i8042 *controller, uint8_t value)
{
	struct i8042_state *state = &controller->state;

	state->memory[0] = value;
	state->status = (uint8_t)((state->status & ~STATUS_SYSTEM) |
				  (value & MODE_SYSTEM ? STATUS_SYSTEM : 0));
	i8042_drive(controller);
	i8042_schedule(controller);
}

static void i8042_change_mode(struct i8042 *controller, uint8_t clear, uint8_t set)
{
	i8042_write_mode(controller,
			 (uint8_t)((controller->state.memory[0] & ~clear) | set));
}

/* AAh: the self-test starts the controller afresh; the devices notice nothing of it. */
static void i8042_self_test(struct i8042 *controller)
{
	controller->state.released = 0;
	controller->state.status |= STATUS_SYSTEM;
	controller->state.memory[0] |= MODE_SYSTEM;
	i8042_put(controller, 0x55, false);
}

static void i8042_write_command(struct i8042 *controller, uint8_t command)
{
	struct i8042_state *state = &controller->state;

	state->command = 0;
	if (command >= 0xf0) {
		/* Pulses low the output port's bits 0-3 that are 0 here; bit 0 is the reset. */
		if (!(command & OUTPUT_RUN))
			cbx_request_reset(&controller->device, true);
		return;
	}
	if (command >= 0x20 && command <= 0x3f) {
		i8042_put(controller, state->memory[command & 31], false);
		return;
	}
	if (command >= 0x60 && command <= 0x7f) {
		state->command = command;
		return;
	}
	switch (command) {
	case 0xa4:                      /* is there a password? */
		i8042_put(controller, 0xf1, false);
		break;
	case 0xa7:
		i8042_change_mode(controller, 0, MODE_AUX_OFF);
		break;
	case 0xa8:
		i8042_change_mode(controller, MODE_AUX_OFF, 0);
		break;
	case 0xa9: case 0xab:           /* tests of the two ports' wires */
		i8042_put(controller, 0x00, false);
		break;
	case 0xaa:
		i8042_self_test(controller);
		break;
	case 0xad:
		i8042_change_mode(controller, 0, MODE_KEYBOARD_OFF);
		break;
	case 0xae:
		i8042_change_mode(controller, MODE_KEYBOARD_OFF, 0);
		break;
	case 0xc0:                      /* input port: not locked, colour display, no jumpers */
		i8042_put(controller, 0xb0, false);
		break;
	case 0xc1:                      /* input port's bits into the status register: it has */
	case 0xc2:                      /* its own meaning for them again at once */
		break;
	case 0xd0:
		i8042_put(controller, i8042_read_port(controller), false);
		break;
	case 0xa5: case 0xd1: case 0xd2: case 0xd3: case 0xd4:
		state->command = command;
		break;
	case 0xdd:
		i8042_write_port(controller, state->port & (uint8_t)~OUTPUT_A20);
		break;
	case 0xdf:
		i8042_write_port(controller, state->port | OUTPUT_A20);
		break;
	case 0xe0:                      /* test inputs: clock and data of the keyboard are high */
		i8042_put(controller, 0x03, false);
		break;
	}
}

static void i8042_write_data(struct i8042 *controller, uint8_t value)
{
	struct i8042_state *state = &controller->state;
	uint8_t command = state->command;

	/* A password goes on until its 0. */
	if (command != 0xa5 || value == 0)
		state->command = 0;
	if (command > 0x60 && command <= 0x7f) {
		state->memory[command & 31] = value;
		return;
	}
	switch (command) {
	case 0x60:
		i8042_write_mode(controller, value);
		break;
	case 0xa5:
		break;
	case 0xd1:
		i8042_write_port(controller, value);
		break;
	case 0xd2:
		i8042_put(controller, value, false);
		break;
	case 0xd3:
		i8042_put(controller, value, true);
		break;
	case 0xd4:
		i8042_change_mode(controller, MODE_AUX_OFF, 0);
		ps2_mouse_write(controller->mouse, value);
		break;
	default:
		i8042_change_mode(controller, MODE_KEYBOARD_OFF, 0);
		ps2_keyboard_write(controller->keyboard, value);
	}
}

/* ---- Ports ---------------------------------------------------------------------------- */

static uint64_t i8042_read_data(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct i8042 *controller = (struct i8042 *)device;
	uint8_t value = controller->state.output;

	(void)offset;
	(void)width;
	if (controller->state.status & STATUS_FULL) {
		controller->state.status &= (uint8_t)~(STATUS_FULL | STATUS_AUX);
		i8042_drive(controller);
		i8042_schedule(controller);
	}
	return value;
}

static void i8042_data(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct i8042 *controller = (struct i8042 *)device;

	(void)offset;
	(void)width;
	controller->state.status &= (uint8_t)~STATUS_COMMAND;
	i8042_write_data(controller, (uint8_t)value);
}

static uint64_t i8042_read_status(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)offset;
	(void)width;
	return ((const struct i8042 *)device)->state.status;
}

static void i8042_command(struct cbx_device *device, uint64_t offset, uint64_t value,
			  unsigned width)
{
	struct i8042 *controller = (struct i8042 *)device;

	(void)offset;
	(void)width;
	controller->state.status |= STATUS_COMMAND;
	i8042_write_command(controller, (uint8_t)value);
}

static const struct cbx_io i8042_data_io = {
	.widths = 1, .read = i8042_read_data, .write = i8042_data
};
static const struct cbx_io i8042_command_io = {
	.widths = 1, .read = i8042_read_status, .write = i8042_command
};

/* ---- Life ----------------------------------------------------------------------------- */

struct ps2_keyboard *i8042_keyboard(struct i8042 *controller)
{
	return controller->keyboard;
}

struct ps2_mouse *i8042_mouse(struct i8042 *controller)
{
	return controller->mouse;
}

void i8042_set_a20(struct i8042 *controller, bool enabled)
{
	controller->state.port &= (uint8_t)~OUTPUT_A20;
	controller->state.port |= enabled ? OUTPUT_A20 : 0;
}

static void i8042_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct i8042 *controller = (struct i8042 *)device;

	(void)kind;
	memset(&controller->state, 0, sizeof(controller->state));
	controller->state.memory[0] = MODE_TRANSLATE;
	controller->state.status = STATUS_UNLOCKED;
	controller->state.port = OUTPUT_RUN | OUTPUT_A20 | 0xcc;
	cbx_timer_cancel(controller->transfer);
	i8042_drive(controller);
}

static bool i8042_check(const struct cbx_device *device, const void *bytes)
{
	const struct i8042_state *state = bytes;

	(void)device;
	return !(state->status & ~(STATUS_FULL | STATUS_SYSTEM | STATUS_COMMAND | STATUS_UNLOCKED |
				   STATUS_AUX)) &&
	       !(state->port & (OUTPUT_IRQ1 | OUTPUT_IRQ12)) && (state->port & OUTPUT_RUN) &&
	       (state->released & 0x7f) == 0 &&
	       ((state->status & STATUS_FULL) || !(state->status & STATUS_AUX));
}

static const struct cbx_device_type i8042_type = {
	.name = "i8042",
	.version = 1,
	.size = sizeof(struct i8042),
	.state_offset = offsetof(struct i8042, state),
	.state_size = sizeof(struct i8042_state),
	.fields = i8042_fields,
	.reset = i8042_reset,
	.check = i8042_check,
};

enum cbx_status i8042_new(struct cbx_machine *machine, struct cbx_line irq1, struct cbx_line irq12,
			  struct cbx_line a20, struct i8042 **controller)
{
	struct cbx_device *device;
	struct i8042 *made;
	struct cbx_line ready;
	enum cbx_status status = cbx_device_new(machine, &i8042_type, &device);

	if (status != CBX_OK)
		return status;
	made = (struct i8042 *)device;
	made->irq1 = irq1;
	made->irq12 = irq12;
	made->a20 = a20;
	ready = (struct cbx_line){ i8042_ready, made, 0 };
	status = cbx_timer_new(device, "transfer", i8042_transfer, 0, &made->transfer);
	if (status == CBX_OK)
		status = ps2_keyboard_new(machine, ready, &made->keyboard);
	if (status == CBX_OK)
		status = ps2_mouse_new(machine, ready, &made->mouse);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x60, 1, &i8042_data_io);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x64, 1, &i8042_command_io);
	*controller = made;
	return status;
}
