/*
 * The 16550A serial port: FIFOs, modem lines, loopback, receive timeout.
 *
 * Eight ports: RBR/THR, IER, IIR/FCR, LCR, MCR, LSR, MSR, SCR; with DLAB set the first
 * two are the divisor.  Manual: National PC16550D data sheet.
 *
 * Characters take their time on the wire in guest time.  Output is handed to the backend
 * when it is written, so none is lost when the machine is turned off; input waits in a
 * queue until the receiver has room, as if the other end obeyed perfect flow control.
 * The other end holds CTS, DSR and DCD.
 */
#include "uart.h"

#include <string.h>

#define UART_FIFO 16u
#define UART_WAITING 4096u
#define UART_BAUD_BASE 115200u

enum { IER_RECEIVE = 0x01, IER_TRANSMIT = 0x02, IER_LINE = 0x04, IER_MODEM = 0x08 };
enum { IIR_NONE = 0x01, IIR_MODEM = 0x00, IIR_TRANSMIT = 0x02, IIR_RECEIVE = 0x04,
       IIR_LINE = 0x06, IIR_TIMEOUT = 0x0c, IIR_FIFO = 0xc0 };
enum { FCR_ENABLE = 0x01, FCR_CLEAR_RECEIVE = 0x02, FCR_CLEAR_TRANSMIT = 0x04, FCR_KEPT = 0xc9 };
enum { LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10,
       MCR_KEPT = 0x1f };
enum { LSR_READY = 0x01, LSR_OVERRUN = 0x02, LSR_BREAK = 0x10, LSR_ERRORS = 0x1e,
       LSR_THR_EMPTY = 0x20, LSR_EMPTY = 0x40, LSR_FIFO_ERROR = 0x80 };
enum { MSR_DELTA_RI = 0x04, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80 };

struct uart_state {
	uint16_t first_waiting, waiting_count;
	uint16_t divisor;
	uint8_t waiting[UART_WAITING];  /* from the host, not yet on the wire */
	uint8_t receive[UART_FIFO], errors[UART_FIFO];
	uint8_t transmit[UART_FIFO];
	uint8_t receive_first, receive_count;
	uint8_t transmit_first, transmit_count;
	uint8_t shifting, shift;        /* the transmitter sends this byte */
	uint8_t ier, fcr, lcr, mcr, lsr, msr, scratch;
	uint8_t transmit_irq;           /* THR has become empty, and nobody knows yet */
	uint8_t timeout;                /* bytes have been lying in the FIFO for too long */
	uint8_t reserved;
};

struct uart {
	struct cbx_device device;
	struct uart_state state;
	struct cbx_line irq;
	struct cbx_character_backend output;
	struct cbx_timer *transmit, *arrive, *timeout;
};

static const struct cbx_field uart_fields[] = {
	CBX_FIELD(struct uart_state, first_waiting),
	CBX_FIELD(struct uart_state, waiting_count),
	CBX_FIELD(struct uart_state, divisor),
	CBX_FIELD_ARRAY(struct uart_state, waiting),
	CBX_FIELD_ARRAY(struct uart_state, receive),
	CBX_FIELD_ARRAY(struct uart_state, errors),
	CBX_FIELD_ARRAY(struct uart_state, transmit),
	CBX_FIELD(struct uart_state, receive_first),
	CBX_FIELD(struct uart_state, receive_count),
	CBX_FIELD(struct uart_state, transmit_first),
	CBX_FIELD(struct uart_state, transmit_count),
	CBX_FIELD(struct uart_state, shifting),
	CBX_FIELD(struct uart_state, shift),
	CBX_FIELD(struct uart_state, ier),
	CBX_FIELD(struct uart_state, fcr),
	CBX_FIELD(struct uart_state, lcr),
	CBX_FIELD(struct uart_state, mcr),
	CBX_FIELD(struct uart_state, lsr),
	CBX_FIELD(struct uart_state, msr),
	CBX_FIELD(struct uart_state, scratch),
	CBX_FIELD(struct uart_state, transmit_irq),
	CBX_FIELD(struct uart_state, timeout),
	CBX_FIELD(struct uart_state, reserved),
	CBX_FIELD_END
};

/* ---- Interrupts --------------------------------------------------------------------------- */

static bool uart_has_fifo(const struct uart_state *state)
{
	return state->fcr & FCR_ENABLE;
}

static unsigned uart_room(const struct uart_state *state)
{
	return uart_has_fifo(state) ? UART_FIFO : 1;
}

static unsigned uart_trigger(const struct uart_state *state)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return uart_has_fifo(state) ? levels[state->fcr >> 6 & 3] : 1;
}

/* The interrupt identification, without the FIFO bits. */
static uint8_t uart_identify(const struct uart_state *state)
{
	if ((state->ier & IER_LINE) && (state->lsr & LSR_ERRORS))
		return IIR_LINE;
	if ((state->ier & IER_RECEIVE) && state->receive_count >= uart_trigger(state))
		return IIR_RECEIVE;
	if ((state->ier & IER_RECEIVE) && state->timeout)
		return IIR_TIMEOUT;
	if ((state->ier & IER_TRANSMIT) && state->transmit_irq)
		return IIR_TRANSMIT;
	if ((state->ier & IER_MODEM) && (state->msr & 0x0f))
		return IIR_MODEM;
	return IIR_NONE;
}

/* OUT2 opens the way to the bus; in loopback mode the pin is inactive. */
static void uart_drive(struct uart *uart)
{
	const struct uart_state *state = &uart->state;
	bool open = (state->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	cbx_line_set(&uart->irq, open && uart_identify(state) != IIR_NONE);
}

/* ---- Receiver ----------------------------------------------------------------------------- */

static uint8_t uart_mask(const struct uart_state *state)
{
	return (uint8_t)(0xff >> (3 - (state->lcr & 3)));
}

/* Nanoseconds of a character: start, data, parity, stop bits. */
static uint64_t uart_character_ns(const struct uart_state *state)
{
	uint64_t bits = 1 + 5 + (state->lcr & 3u) + (state->lcr >> 3 & 1u) +
			(state->lcr & 4 ? 2u : 1u);
	uint64_t divisor = state->divisor ? state->divisor : 0x10000u;

	return bits * divisor * UINT64_C(1000000000) / UART_BAUD_BASE;
}

static void uart_restart_timeout(struct uart *uart)
{
	const struct uart_state *state = &uart->state;

	if (state->receive_count && uart_has_fifo(state) && (state->ier & IER_RECEIVE))
		cbx_timer_set(uart->timeout,
			      cbx_time(&uart->device) + 4 * uart_character_ns(state));
	else
		cbx_timer_cancel(uart->timeout);
}

/* The errors of the byte that is read next show in LSR; FIFO error: any has some. */
static void uart_show_errors(struct uart_state *state)
{
	bool any = false;

	if (state->receive_count)
		state->lsr |= state->errors[state->receive_first % UART_FIFO];
	for (unsigned i = 0; i < state->receive_count && i < UART_FIFO; i++)
		any = any || state->errors[(state->receive_first + i) % UART_FIFO];
	if (!any || !uart_has_fifo(state))
		state->lsr &= (uint8_t)~LSR_FIFO_ERROR;
	else
		state->lsr |= LSR_FIFO_ERROR;
}

static void uart_put_received(struct uart *uart, uint8_t byte, uint8_t error)
{
	struct uart_state *state = &uart->state;
	unsigned at = (state->receive_first + state->receive_count) % UART_FIFO;

	if (state->receive_count >= uart_room(state)) {
		state->lsr |= LSR_OVERRUN;
		/* Without a FIFO the new byte takes the old one's place. */
		if (uart_has_fifo(state))
			return;
		at = state->receive_first % UART_FIFO;
		state->receive_count = 0;
	}
	state->receive[at] = byte & uart_mask(state);
	state->errors[at] = error;
	state->receive_count++;
	state->timeout = 0;
	uart_show_errors(state);
	uart_restart_timeout(uart);
}

static void uart_schedule_arrival(struct uart *uart)
{
	const struct uart_state *state = &uart->state;

	if (state->waiting_count && state->receive_count < uart_room(state) &&
	    !(state->mcr & MCR_LOOP) && !cbx_timer_armed(uart->arrive))
		cbx_timer_set(uart->arrive, cbx_time(&uart->device) + uart_character_ns(state));
}

static void uart_arrive(struct cbx_device *device, unsigned number)
{
	struct uart *uart = (struct uart *)device;
	struct uart_state *state = &uart->state;

	(void)number;
	if (state->waiting_count && state->receive_count < uart_room(state) &&
	    !(state->mcr & MCR_LOOP)) {
		uart_put_received(uart, state->waiting[state->first_waiting % UART_WAITING], 0);
		state->first_waiting = (uint16_t)((state->first_waiting + 1u) % UART_WAITING);
		state->waiting_count--;
	}
	uart_schedule_arrival(uart);
	uart_drive(uart);
}

static void uart_timeout(struct cbx_device *device, unsigned number)
{
	struct uart *uart = (struct uart *)device;

	(void)number;
	uart->state.timeout = uart->state.receive_count && uart_has_fifo(&uart->state);
	uart_drive(uart);
}

static uint8_t uart_read_data(struct uart *uart)
{
	struct uart_state *state = &uart->state;
	uint8_t byte = state->receive[state->receive_first % UART_FIFO];

	/* With nothing new, what was read last is still there. */
	if (!state->receive_count)
		return state->receive[(state->receive_first + UART_FIFO - 1u) % UART_FIFO];
	state->receive_first = (uint8_t)((state->receive_first + 1u) % UART_FIFO);
	state->receive_count--;
	state->timeout = 0;
	uart_show_errors(state);
	uart_restart_timeout(uart);
	uart_schedule_arrival(uart);
	return byte;
}

static void uart_clear_receive(struct uart *uart)
{
	struct uart_state *state = &uart->state;

	memset(state->receive, 0, sizeof(state->receive));
	state->receive_first = 0;
	state->receive_count = 0;
	state->timeout = 0;
	uart_show_errors(state);
	uart_restart_timeout(uart);
	uart_schedule_arrival(uart);
}

size_t uart_receive(struct uart *uart, const uint8_t *bytes, size_t count)
{
	struct uart_state *state = &uart->state;
	size_t taken = 0;

	while (taken < count && state->waiting_count < UART_WAITING)
		state->waiting[(state->first_waiting + state->waiting_count++) % UART_WAITING] =
			bytes[taken++];
	uart_schedule_arrival(uart);
	return taken;
}

/* ---- Transmitter -------------------------------------------------------------------------- */

/* Moves the next byte from FIFO or THR to the shift register when that is free. */
static void uart_shift_next(struct uart *uart)
{
	struct uart_state *state = &uart->state;

	if (state->shifting || !state->transmit_count)
		return;
	state->shift = state->transmit[state->transmit_first % UART_FIFO];
	state->transmit_first = (uint8_t)((state->transmit_first + 1u) % UART_FIFO);
	state->transmit_count--;
	state->shifting = 1;
	if (!state->transmit_count)
		state->transmit_irq = 1;
	cbx_timer_set(uart->transmit, cbx_time(&uart->device) + uart_character_ns(state));
}

static void uart_transmitted(struct cbx_device *device, unsigned number)
{
	struct uart *uart = (struct uart *)device;
	struct uart_state *state = &uart->state;

	(void)number;
	if (state->shifting && (state->mcr & MCR_LOOP))
		uart_put_received(uart, state->shift, 0);
	state->shifting = 0;
	uart_shift_next(uart);
	uart_drive(uart);
}

static void uart_write_data(struct uart *uart, uint8_t value)
{
	struct uart_state *state = &uart->state;

	state->transmit_irq = 0;
	/* A byte too many is lost, as it is in the chip. */
	if (state->transmit_count >= uart_room(state))
		return;
	if (uart->output.write && !(state->mcr & MCR_LOOP))
		uart->output.write(uart->output.user, value & uart_mask(state));
	state->transmit[(state->transmit_first + state->transmit_count++) % UART_FIFO] = value;
	uart_shift_next(uart);
}

static void uart_clear_transmit(struct uart_state *state)
{
	memset(state->transmit, 0, sizeof(state->transmit));
	state->transmit_first = 0;
	state->transmit_count = 0;
	state->transmit_irq = 1;
}

/* ---- Registers ---------------------------------------------------------------------------- */

/* The modem inputs as they are now; a change sets its delta bit (RI: only when it falls). */
static void uart_update_modem(struct uart_state *state)
{
	uint8_t lines = MSR_CTS | MSR_DSR | MSR_DCD, changed;

	if (state->mcr & MCR_LOOP)
		lines = (uint8_t)((state->mcr & MCR_RTS ? MSR_CTS : 0) |
				  (state->mcr & MCR_DTR ? MSR_DSR : 0) |
				  (state->mcr & MCR_OUT1 ? MSR_RI : 0) |
				  (state->mcr & MCR_OUT2 ? MSR_DCD : 0));
	changed = (state->msr ^ lines) & 0xf0;
	if (lines & MSR_RI)
		changed &= (uint8_t)~MSR_RI;
	state->msr = (uint8_t)(lines | (state->msr & 0x0f) | changed >> 4);
}

static void uart_write_fcr(struct uart *uart, uint8_t value)
{
	struct uart_state *state = &uart->state;
	bool toggled = (state->fcr ^ value) & FCR_ENABLE;

	state->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	if (toggled || (value & FCR_ENABLE && value & FCR_CLEAR_RECEIVE))
		uart_clear_receive(uart);
	if (toggled || (value & FCR_ENABLE && value & FCR_CLEAR_TRANSMIT))
		uart_clear_transmit(state);
}

static void uart_write_lcr(struct uart *uart, uint8_t value)
{
	struct uart_state *state = &uart->state;
	bool starts_break = value & ~state->lcr & LCR_BREAK;

	state->lcr = value;
	if (starts_break && (state->mcr & MCR_LOOP))
		uart_put_received(uart, 0, LSR_BREAK);
}

static void uart_write_ier(struct uart *uart, uint8_t value)
{
	struct uart_state *state = &uart->state;
	bool enables = value & ~state->ier & IER_TRANSMIT;

	state->ier = value & 0x0f;
	/* Enabling the interrupt while THR is empty raises it. */
	if (enables && !state->transmit_count)
		state->transmit_irq = 1;
	uart_restart_timeout(uart);
}

static uint8_t uart_read_lsr(struct uart_state *state)
{
	uint8_t value = state->lsr;

	if (state->receive_count)
		value |= LSR_READY;
	if (!state->transmit_count)
		value |= LSR_THR_EMPTY;
	if (!state->transmit_count && !state->shifting)
		value |= LSR_EMPTY;
	state->lsr &= (uint8_t)~LSR_ERRORS;
	if (state->receive_count)
		state->errors[state->receive_first % UART_FIFO] = 0;
	uart_show_errors(state);
	return value;
}

static uint8_t uart_read_iir(struct uart_state *state)
{
	uint8_t value = uart_identify(state);

	if (value == IIR_TRANSMIT)
		state->transmit_irq = 0;
	return value | (uart_has_fifo(state) ? IIR_FIFO : 0);
}

static uint64_t uart_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct uart *uart = (struct uart *)device;
	struct uart_state *state = &uart->state;
	uint8_t value = 0xff;

	(void)width;
	switch (offset) {
	case 0:
		value = state->lcr & LCR_DLAB ? (uint8_t)state->divisor : uart_read_data(uart);
		break;
	case 1:
		value = state->lcr & LCR_DLAB ? (uint8_t)(state->divisor >> 8) : state->ier;
		break;
	case 2:
		value = uart_read_iir(state);
		break;
	case 3:
		value = state->lcr;
		break;
	case 4:
		value = state->mcr;
		break;
	case 5:
		value = uart_read_lsr(state);
		break;
	case 6:
		value = state->msr;
		state->msr &= 0xf0;
		break;
	case 7:
		value = state->scratch;
		break;
	}
	uart_drive(uart);
	return value;
}

static void uart_write(struct cbx_device *device, uint64_t offset, uint64_t wide, unsigned width)
{
	struct uart *uart = (struct uart *)device;
	struct uart_state *state = &uart->state;
	uint8_t value = (uint8_t)wide;

	(void)width;
	switch (offset) {
	case 0:
		if (state->lcr & LCR_DLAB)
			state->divisor = (uint16_t)((state->divisor & 0xff00) | value);
		else
			uart_write_data(uart, value);
		break;
	case 1:
		if (state->lcr & LCR_DLAB)
			state->divisor = (uint16_t)((state->divisor & 0x00ff) | value << 8);
		else
			uart_write_ier(uart, value);
		break;
	case 2:
		uart_write_fcr(uart, value);
		break;
	case 3:
		uart_write_lcr(uart, value);
		break;
	case 4:
		state->mcr = value & MCR_KEPT;
		uart_update_modem(state);
		uart_schedule_arrival(uart);
		break;
	case 7:
		state->scratch = value;
		break;
	}
	uart_drive(uart);
}

static const struct cbx_io uart_io = { .widths = 1, .read = uart_read, .write = uart_write };

/* ---- Life --------------------------------------------------------------------------------- */

static void uart_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct uart *uart = (struct uart *)device;
	struct uart_state *state = &uart->state;

	if (kind == CBX_RESET_POWER) {
		memset(state, 0, sizeof(*state));
		state->divisor = 12;    /* 9600 baud */
	}
	state->ier = 0;
	state->fcr = 0;
	state->lcr = 0;
	state->mcr = 0;
	state->lsr = 0;
	state->shifting = 0;
	uart_update_modem(state);
	state->msr &= 0xf0;
	cbx_timer_cancel(uart->transmit);
	uart_clear_transmit(state);
	uart_clear_receive(uart);
	uart_drive(uart);
}

static bool uart_check(const struct cbx_device *device, const void *bytes)
{
	const struct uart_state *state = bytes;
	bool good = state->first_waiting < UART_WAITING && state->waiting_count <= UART_WAITING &&
		    state->receive_first < UART_FIFO && state->transmit_first < UART_FIFO &&
		    state->shifting <= 1 && state->transmit_irq <= 1 && state->timeout <= 1 &&
		    !(state->fcr & ~FCR_KEPT) && !(state->mcr & ~MCR_KEPT) && state->ier <= 15 &&
		    !(state->lsr & (LSR_READY | LSR_THR_EMPTY | LSR_EMPTY));

	(void)device;
	good = good && (uart_has_fifo(state) || !state->fcr) &&
	       state->receive_count <= uart_room(state) &&
	       state->transmit_count <= uart_room(state);
	for (unsigned i = 0; i < UART_FIFO; i++)
		good = good && !(state->errors[i] & ~LSR_ERRORS);
	return good;
}

static const struct cbx_device_type uart_type = {
	.name = "uart",
	.version = 1,
	.size = sizeof(struct uart),
	.state_offset = offsetof(struct uart, state),
	.state_size = sizeof(struct uart_state),
	.fields = uart_fields,
	.reset = uart_reset,
	.check = uart_check,
};

enum cbx_status uart_new(struct cbx_machine *machine, unsigned base, struct cbx_line irq,
			 const struct cbx_character_backend *output, struct uart **uart)
{
	struct cbx_device *device;
	struct uart *made;
	enum cbx_status status = cbx_device_new(machine, &uart_type, &device);

	if (status != CBX_OK)
		return status;
	made = (struct uart *)device;
	made->irq = irq;
	made->output = *output;
	status = cbx_timer_new(device, "transmit", uart_transmitted, 0, &made->transmit);
	if (status == CBX_OK)
		status = cbx_timer_new(device, "arrive", uart_arrive, 0, &made->arrive);
	if (status == CBX_OK)
		status = cbx_timer_new(device, "timeout", uart_timeout, 0, &made->timeout);
	if (status == CBX_OK)
		status = cbx_ports_map(device, base, 8, &uart_io);
	*uart = made;
	return status;
}
