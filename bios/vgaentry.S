/*
 * VGA BIOS: option ROM header, PCI data structure, initialisation entry and the way from INT 10h
 * to C code. Runs at C000h from RAM or ROM; CS = DS there. See bios16.h for the frame.
 */
#include "layout.h"

	.code16
	.section .header16, "ax", @progbits
	.byte 0x55, 0xaa
	.byte 0			/* length in 512-byte blocks: mkrom.py */
	jmp initialise
	.org 0x18
	.word pci_data
	.word 0
	.org 0x1e
	.ascii "IBM VGA compatible; Clearbox VGA BIOS 1.0"
	.byte 13, 10, 0
	.balign 4
pci_data:
	.ascii "PCIR"
	.word 0x1234, 0x1111
	.word 0
	.word 0x18
	.byte 0
	.byte 0x00, 0x00, 0x03	/* VGA-compatible display controller */
	.word 0			/* length again */
	.word 0x0100
	.byte 0x00		/* PC-AT code */
	.byte 0x80		/* the last image */
	.word 0

	.section .text16, "ax", @progbits

.macro TO_C function
	cld
	pushw %ds
	pushw %es
	pushw %fs
	pushw %gs
	pushal
	movzwl %sp, %esp
	movw %cs, %ax
	movw %ax, %ds
	movw %ax, %es
	movw $SEG_BDA, %ax
	movw %ax, %gs
	movl %esp, %eax
	calll \function
	cld
	movl 12(%esp), %eax
	movw %sp, %ax
	movl %eax, %esp
	popal
	popw %gs
	popw %fs
	popw %es
	popw %ds
.endm

	.globl entry_int10
entry_int10:
	cmpb $0x0f, %ah		/* the most frequent ones that need nothing */
	je get_mode
	TO_C int10
	iretw

get_mode:
	pushw %ds
	movw $SEG_BDA, %ax
	movw %ax, %ds
	movb 0x87, %al
	andb $0x80, %al
	orb 0x49, %al
	movb 0x4a, %ah
	movb 0x62, %bh
	popw %ds
	iretw

/* Called far by the system BIOS, once. */
initialise:
	pushfw
	cli
	pushw %ax
	pushw %ax
	TO_C vga_init
	addw $4, %sp
	popfw
	lretw
