/* The 16550A serial port. */
#ifndef DEVICES_UART_H
#define DEVICES_UART_H

#include <clearbox/backend.h>
#include <clearbox/device.h>

struct uart;

/* base: the first of eight ports.  output may have a NULL write: nothing is plugged in. */
enum cbx_status uart_new(struct cbx_machine *machine, unsigned base, struct cbx_line irq,
			 const struct cbx_character_backend *output, struct uart **uart);

/* Bytes arrive, in guest time and at the line's speed; gives how many found room. */
size_t uart_receive(struct uart *uart, const uint8_t *bytes, size_t count);

#endif
