/* The MPU-401 in UART mode: the MIDI port of sound cards. */
#ifndef DEVICES_MPU401_H
#define DEVICES_MPU401_H

#include <clearbox/backend.h>
#include <clearbox/device.h>

struct mpu401;

/* Answers at base and base + 1.  irq: there is a byte to read. */
enum cbx_status mpu401_new(struct cbx_machine *machine, unsigned base, struct cbx_line irq,
			   const struct cbx_character_backend *midi, struct mpu401 **mpu401);

#endif
