/*
 * 32-bit half: where the real-mode side comes in, and how C code here calls back into real mode.
 */
#include "layout.h"

	.code32
	.section .text.head, "ax", @progbits

/*
 * After reset. The chipset shows ROM at E0000h; RAM is put under it here (440FX PAM registers,
 * 59h-5Fh), from the copy of this code at the top of 4 GiB, which the PAM registers do not touch.
 */
	.globl flat_post
flat_post:
	leal 1f + 0xfff00000, %eax
	jmpl *%eax
1:	movl $0x80000058, %eax
	movw $0xcf8, %dx
	outl %eax, %dx
	movw $0xcfc, %dx
	inl %dx, %eax
	testl $0x00003000, %eax
	jz 4f
	/*
	 * RAM is there already: only the processor was reset (by the keyboard controller, as
	 * operating systems do to start over, or a jump to us). So reset the devices too; that
	 * takes the RAM away again. Written twice: bit 2 has to rise.
	 */
	movw $0xcf9, %dx
	movb $2, %al
	outb %al, %dx
	movb $6, %al
	outb %al, %dx
	jmp 3f
4:	andl $0x000000ff, %eax
	orl $0x33333000, %eax	/* 59h: F0000-FFFFF; 5Ah, 5Bh: C0000-CFFFF */
	outl %eax, %dx
	movl $0x8000005c, %eax
	movw $0xcf8, %dx
	outl %eax, %dx
	movl $0x33333333, %eax	/* D0000-EFFFF */
	movw $0xcfc, %dx
	outl %eax, %dx
	cld
	movl $0xfffe0000, %esi
	movl $0x000e0000, %edi
	movl $0x8000, %ecx
	rep movsl
	movl $2f, %eax
	jmpl *%eax
2:	call clear_data
	call post
3:	hlt
	jmp 3b

	.globl flat_int18
flat_int18:
	call clear_data
	call int18_main
	jmp 3b

	.globl flat_int19
flat_int19:
	call clear_data
	call int19_main
	jmp 3b

clear_data:
	cld
	movl $__data32_start, %edi
	movl $__data32_end, %ecx
	subl %edi, %ecx
	xorl %eax, %eax
	rep stosb
	ret

/*
 * void int16_call(u32 vector, struct bregs *r)
 * void int16_call_big(u32 vector, struct bregs *r): with data segments that reach all 4 GiB, as the
 * PCI Firmware Specification (3.0, 5.2.1.1) promises an option ROM's initialisation
 */
	.globl int16_call_big
int16_call_big:
	movw $0x10, %cx
	jmp 1f
	.globl int16_call
int16_call:
	movw $0x20, %cx
1:	pushl %ebx
	pushl %esi
	pushl %edi
	pushl %ebp
	movl %edx, %ebx
	ljmpl $0x18, $real_call
	.globl real_call_done
real_call_done:
	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %fs
	movw %ax, %gs
	movw %ax, %ss
	movzwl %sp, %esp
	popl %ebp
	popl %edi
	popl %esi
	popl %ebx
	ret

/* void jump_real(u32 cs_ip, struct bregs *r, u32 ss_sp) */
	.globl jump_real
jump_real:
	movl %eax, %ebx
	ljmpl $0x18, $real_jump

/* void jump_multiboot(u32 entry, u32 mbi) */
	.globl jump_multiboot
jump_multiboot:
	movl %edx, %ebx
	movl %eax, %ecx
	movl $0x2badb002, %eax
	xorl %ebp, %ebp
	xorl %esi, %esi
	xorl %edi, %edi
	xorl %edx, %edx
	jmpl *%ecx

/* BIOS32 service directory: EAX = service, EBX = 0; AL = 0, EBX base, ECX length, EDX entry. */
	.globl bios32_entry
bios32_entry:
	pushfl
	cmpl $0x49435024, %eax	/* "$PCI" */
	jne 1f
	testl %ebx, %ebx
	jnz 2f
	movl $0x000e0000, %ebx
	movl $0x00020000, %ecx
	movl $pcibios_entry - 0xe0000, %edx
	xorb %al, %al
	popfl
	lretl
1:	movb $0x80, %al
	popfl
	lretl
2:	movb $0x81, %al
	popfl
	lretl

/* PCI BIOS for 32-bit callers: a frame like that of an interrupt, then the C code. */
	.globl pcibios_entry
pcibios_entry:
	cmpb $0xb1, %ah
	jne 1f
	pushfl
	cld
	subl $14, %esp
	pushal
	movl 46(%esp), %eax
	movw %ax, 44(%esp)
	movl %esp, %eax
	call pci_bios_32
	movl 44(%esp), %eax
	movw %ax, 46(%esp)
	popal
	leal 14(%esp), %esp
	popfl
	lretl
1:	movb $0x81, %ah
	stc
	lretl
