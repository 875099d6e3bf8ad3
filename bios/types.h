/*
 * Integer names for firmware code, where every other line names a width.
 */
#ifndef CLEARBOX_BIOS_TYPES_H
#define CLEARBOX_BIOS_TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define NULL ((void *)0)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
