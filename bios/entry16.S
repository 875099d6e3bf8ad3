/*
 * Real-mode side of the BIOS: reset vector, the entry points at the addresses the IBM PC/AT fixed,
 * thunks that take a software interrupt to its C function, hardware interrupt handlers, and the
 * switch between real mode and the 32-bit half.
 *
 * A thunk builds struct regs (bios16.h) on the caller's stack. The upper half of ESP may hold
 * anything, so it is cleared while C code runs and restored after.
 */
#include "layout.h"

	.code16
	.section .text16, "ax", @progbits

/* ---- software interrupts ---- */

.macro SERVICE name, function
	.globl \name
\name:
	cli
	cld
	pushw %ds
	pushw %es
	pushw %fs
	pushw %gs
	pushal
	movl $\function, %ecx
	jmp service
.endm

service:
	movzwl %sp, %esp
	movw %cs, %ax
	movw %ax, %ds
	movw %ax, %es
	movw $SEG_BDA, %ax
	movw %ax, %gs
	movl %esp, %eax
	pushl %ebx
	pushl %ebx
	calll *%ecx
	cli
	cld
	addw $8, %sp
	movl 12(%esp), %eax
	movw %sp, %ax
	movl %eax, %esp
	popal
	popw %gs
	popw %fs
	popw %es
	popw %ds
	iretw

	SERVICE entry_int05, int05
	SERVICE entry_int09, int09
	SERVICE entry_int13, int13
	SERVICE entry_int14, int14
	SERVICE entry_int15, int15
	SERVICE entry_int16, int16
	SERVICE entry_int17, int17
	SERVICE entry_int1a, int1a
	SERVICE entry_int40, floppy_int13
	SERVICE entry_int70, int70
	SERVICE entry_int74, int74

/* INT 15h has two functions that never come back the way they came. */
	.globl entry_int15_first
entry_int15_first:
	cmpb $0x87, %ah
	je block_move
	cmpb $0x89, %ah
	je protected_mode
	cmpb $0x4f, %ah
	je int15_cf_iret
	cmpb $0x90, %ah
	je int15_ok
	cmpb $0x91, %ah
	jne entry_int15
int15_ok:
	pushw %bp
	movw %sp, %bp
	andb $0xfe, 6(%bp)
	popw %bp
	movb $0, %ah
	iretw
int15_cf_iret:
	pushw %bp
	movw %sp, %bp
	orb $1, 6(%bp)
	popw %bp
	iretw

/*
 * INT 10h while no video BIOS is there: nothing to do. F065h belongs to it.
 */
entry_int10:
	.globl entry_iret
entry_iret:
	iretw

entry_int11:
	pushw %ds
	movw $SEG_BDA, %ax
	movw %ax, %ds
	movw BDA_EQUIPMENT, %ax
	popw %ds
	iretw

entry_int12:
	pushw %ds
	movw $SEG_BDA, %ax
	movw %ax, %ds
	movw BDA_MEM_KIB, %ax
	popw %ds
	iretw

/* NMI: nothing on this machine raises it by itself; clear the latches as the AT did. */
entry_int02:
	pushw %ax
	inb $0x61, %al
	orb $0x0c, %al
	outb %al, $0x61
	andb $0xf3, %al
	outb %al, $0x61
	popw %ax
	iretw

/* ---- hardware interrupts ---- */

/* IRQ 0: count ticks to midnight, stop the floppy motor in time, tell the user hook. */
entry_int08:
	pushw %ds
	pushw %ax
	pushw %dx
	cld
	movw $SEG_BDA, %ax
	movw %ax, %ds
	incl BDA_TIMER
	cmpl $0x1800b0, BDA_TIMER
	jb 1f
	movl $0, BDA_TIMER
	incb BDA_TIMER_OVER
1:	cmpb $0, BDA_FD_TIMEOUT
	je 2f
	decb BDA_FD_TIMEOUT
	jnz 2f
	andb $0xf0, BDA_FD_MOTOR
	movw $0x3f2, %dx
	movb $0x0c, %al
	outb %al, %dx
2:	int $0x1c
	cli
	movb $0x20, %al
	outb %al, $0x20
	popw %dx
	popw %ax
	popw %ds
	iretw

/* IRQ 6: the floppy controller finished something. */
entry_int0e:
	pushw %ds
	pushw %ax
	movw $SEG_BDA, %ax
	movw %ax, %ds
	orb $0x80, BDA_FD_RECAL
	movb $0x20, %al
	outb %al, $0x20
	movw $0x9101, %ax
	int $0x15
	popw %ax
	popw %ds
	iretw

/* IRQ 14, 15: a disk finished something; reading its status would race with the poller. */
entry_int76:
	pushw %ds
	pushw %ax
	movw $SEG_BDA, %ax
	movw %ax, %ds
	movb $0xff, BDA_HD_FLAG
	movb $0x20, %al
	outb %al, $0xa0
	outb %al, $0x20
	movw $0x9100, %ax
	int $0x15
	popw %ax
	popw %ds
	iretw

/* IRQ 13: the coprocessor's error line, passed on as NMI the way the AT does. */
entry_int75:
	pushw %ax
	xorb %al, %al
	outb %al, $0xf0
	movb $0x20, %al
	outb %al, $0xa0
	outb %al, $0x20
	popw %ax
	int $0x02
	iretw

/* IRQ 9 stands in for IRQ 2, and its handler is found through vector 0Ah. */
entry_int71:
	pushw %ax
	movb $0x20, %al
	outb %al, $0xa0
	popw %ax
	int $0x0a
	iretw

/* An IRQ nobody asked for: acknowledge it if it is real, and mask it so that it stays quiet. */
entry_irq_low:
	pushw %ax
	movb $0x0b, %al
	outb %al, $0x20
	inb $0x20, %al
	testb %al, %al
	jz 1f
	testb $0x04, %al
	jnz 2f
	movb %al, %ah
	inb $0x21, %al
	orb %ah, %al
	outb %al, $0x21
2:	movb $0x20, %al
	outb %al, $0x20
1:	popw %ax
	iretw

entry_irq_high:
	pushw %ax
	movb $0x0b, %al
	outb %al, $0xa0
	inb $0xa0, %al
	testb %al, %al
	jz 1f
	movb %al, %ah
	inb $0xa1, %al
	orb %ah, %al
	outb %al, $0xa1
	movb $0x20, %al
	outb %al, $0xa0
1:	movb $0x20, %al
	outb %al, $0x20
	popw %ax
	iretw

/* ---- helpers for C: software interrupts that take or return a register ---- */

/* void call_int15_90(u32 ax) */
	.globl call_int15_90
call_int15_90:
	pushal
	int $0x15
	popal
	retl

/* u32 call_int15_4f(u32 scancode): the code to use, or 100h when a hook swallowed it */
	.globl call_int15_4f
call_int15_4f:
	movb $0x4f, %ah
	stc
	int $0x15
	jnc 1f
	movzbl %al, %eax
	retl
1:	movl $0x100, %eax
	retl

/* void call_vector(u32 number) */
	.globl call_vector
call_vector:
	pushal
	pushw %ds
	pushw %es
	pushw %fs
	pushw %gs
	movl %eax, %ebx
	xorw %ax, %ax
	movw %ax, %ds
	shlw $2, %bx
	pushfw
	lcallw *(%bx)
	popw %gs
	popw %fs
	popw %es
	popw %ds
	cli
	cld
	popal
	retl

/* void call_mouse_driver(u32 far_pointer, u32 status_x, u32 y_z): four words, then a far call */
	.globl call_mouse_driver
call_mouse_driver:
	pushal
	pushw %ds
	pushw %es
	pushw %fs
	pushw %gs
	pushl %eax		/* where to call */
	movw %sp, %bp
	pushw %dx		/* status */
	shrl $16, %edx
	pushw %dx		/* x */
	pushw %cx		/* y */
	shrl $16, %ecx
	pushw %cx		/* z */
	sti
	lcallw *(%bp)
	cli
	cld
	addw $12, %sp
	popw %gs
	popw %fs
	popw %es
	popw %ds
	popal
	retl

/* ---- between the modes ---- */

	.balign 8
	.globl gdt
gdt:
	.quad 0
	.quad 0x00cf9b000000ffff	/* 08h: flat 32-bit code */
	.quad 0x00cf93000000ffff	/* 10h: flat data */
	.quad 0x00009b0f0000ffff	/* 18h: this segment, 16-bit */
	.quad 0x000093000000ffff	/* 20h: 64 KiB of data at 0 */
gdt_pointer:
	.word 39
	.long gdt + 0xf0000
real_idt:
	.word 0x3ff
	.long 0

/* To the 32-bit half for good, at the address in EBX; whatever was running is over. */
enter_flat:
	cli
	cld
	inb $0x92, %al
	orb $2, %al
	andb $0xfe, %al
	outb %al, $0x92
	lgdtl %cs:gdt_pointer
	movl %cr0, %eax
	andl $0x1fffffff, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $0x18, $1f
1:	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %fs
	movw %ax, %gs
	movw %ax, %ss
	movl $STACK32_TOP, %esp
	pushl $0x08
	pushl %ebx
	lretl

	.globl entry_int18
entry_int18:
	movl $flat_int18, %ebx
	jmp enter_flat
entry_int19:
	movl $flat_int19, %ebx
	jmp enter_flat

/*
 * The 32-bit half comes here (selector 18h, paging off) to have EBX = address of its struct
 * bregs, EAX = vector, CX = selector for the data segments, whose limits real mode will keep; it
 * owns a stack below 64 KiB. See int16_call in head32.S.
 */
	.globl real_call
real_call:
	movw %cx, %ds
	movw %cx, %es
	movw %cx, %fs
	movw %cx, %gs
	movw $0x20, %cx
	movw %cx, %ss
	movl %cr0, %ecx
	andl $0xfffffffe, %ecx
	movl %ecx, %cr0
	ljmpw $SEG_BIOS, $1f
1:	xorw %cx, %cx
	movw %cx, %ds
	movw %cx, %es
	movw %cx, %fs
	movw %cx, %gs
	movw %cx, %ss
	lidtl %cs:real_idt
	pushl %ebx
	shlw $2, %ax
	movw %ax, %si
	pushw $0x0202
	pushw %cs
	pushw $2f
	pushl (%si)
	movl (%ebx), %eax
	movl 8(%ebx), %ecx
	movl 12(%ebx), %edx
	movl 16(%ebx), %esi
	movl 20(%ebx), %edi
	movl 24(%ebx), %ebp
	movw 30(%ebx), %es
	pushw 28(%ebx)
	movl 4(%ebx), %ebx
	popw %ds
	lretw
2:	cli
	cld
	pushfw
	pushw %ds
	pushl %ebx
	movw %sp, %bx
	movl %ss:8(%bx), %ebx
	movl %eax, %ss:(%ebx)
	movl %ecx, %ss:8(%ebx)
	movl %edx, %ss:12(%ebx)
	movl %esi, %ss:16(%ebx)
	movl %edi, %ss:20(%ebx)
	movl %ebp, %ss:24(%ebx)
	movw %es, %ss:30(%ebx)
	popl %eax
	movl %eax, %ss:4(%ebx)
	popw %ss:28(%ebx)
	popw %ss:32(%ebx)
	popl %ebx
	lgdtl %cs:gdt_pointer
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $0x08, $real_call_done

/*
 * The same way down, but to stay: EBX = CS:IP to go to, struct bregs at EDX gives the registers;
 * SS:SP is what ECX says. Used to start a boot sector, an option ROM's boot or a kernel.
 */
	.globl real_jump
real_jump:
	movw $0x20, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %fs
	movw %ax, %gs
	movw %ax, %ss
	movl %cr0, %eax
	andl $0xfffffffe, %eax
	movl %eax, %cr0
	ljmpw $SEG_BIOS, $1f
1:	xorw %ax, %ax
	movw %ax, %ds
	lidtl %cs:real_idt
	movl %edx, %esi
	movw 30(%esi), %es
	movw 34(%esi), %fs
	movw 36(%esi), %gs
	movl %ecx, %eax
	shrl $16, %eax
	movzwl %cx, %ecx
	movw %ax, %ss
	movl %ecx, %esp
	pushw 32(%esi)
	pushl %ebx
	movl (%esi), %eax
	movl 4(%esi), %ebx
	movl 8(%esi), %ecx
	movl 12(%esi), %edx
	movl 20(%esi), %edi
	movl 24(%esi), %ebp
	pushw 28(%esi)
	movl 16(%esi), %esi
	popw %ds
	iretw

/*
 * INT 15h AH=87h: move CX words by the two descriptors at ES:SI+10h and +18h. The caller's table
 * gets the GDT's own address filled in, as the interface says.
 */
block_move:
	cli
	cld
	pushal
	pushw %ds
	pushw %es
	movzwl %sp, %esp
	movzwl %si, %esi
	/* descriptor 08h: the table itself; 20h: our code; 28h: the caller's stack */
	xorl %eax, %eax
	movw %es, %ax
	shll $4, %eax
	addl %esi, %eax
	movw $0x2f, %es:0x08(%si)
	movw %ax, %es:0x0a(%si)
	pushl %eax
	shrl $16, %eax
	movb %al, %es:0x0c(%si)
	movb $0x93, %es:0x0d(%si)
	movw $0, %es:0x0e(%si)
	movw $0xffff, %es:0x10(%si)
	movb $0x93, %es:0x15(%si)
	movb $0, %es:0x16(%si)
	movw $0xffff, %es:0x18(%si)
	movb $0x93, %es:0x1d(%si)
	movb $0, %es:0x1e(%si)
	movw $0xffff, %es:0x20(%si)
	movw $0x0000, %es:0x22(%si)
	movb $0x0f, %es:0x24(%si)
	movb $0x9b, %es:0x25(%si)
	movw $0, %es:0x26(%si)
	movw $0xffff, %es:0x28(%si)
	xorl %eax, %eax
	movw %ss, %ax
	shll $4, %eax
	movw %ax, %es:0x2a(%si)
	shrl $16, %eax
	movb %al, %es:0x2c(%si)
	movb $0x93, %es:0x2d(%si)
	movw $0, %es:0x2e(%si)
	inb $0x92, %al
	movb %al, %bl
	orb $2, %al
	andb $0xfe, %al
	outb %al, $0x92
	lgdtw %es:0x08(%si)
	movw %ss, %dx
	popl %eax
	/* move in dwords when the count is even */
	movzwl %cx, %ecx
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpw $0x20, $1f
1:	movw $0x10, %ax
	movw %ax, %ds
	movw $0x18, %ax
	movw %ax, %es
	movw $0x28, %ax
	movw %ax, %ss
	xorl %esi, %esi
	xorl %edi, %edi
	movw %cx, %ax
	shrl $1, %ecx
	.byte 0x67
	rep movsl
	testb $1, %al
	jz 2f
	movsw
2:	/* real-mode limits again, so that nothing unreal is left behind */
	movw $0x28, %ax
	movw %ax, %ds
	movw %ax, %es
	movl %cr0, %eax
	andb $0xfe, %al
	movl %eax, %cr0
	ljmpw $SEG_BIOS, $3f
3:	movw %dx, %ss
	lidtl %cs:real_idt
	testb $2, %bl
	jnz 4f
	inb $0x92, %al
	andb $0xfc, %al
	outb %al, $0x92
4:	popw %es
	popw %ds
	popal
	movb $0, %ah
	pushw %bp
	movw %sp, %bp
	andb $0xfe, 6(%bp)
	orb $0x40, 6(%bp)
	popw %bp
	iretw

/*
 * INT 15h AH=89h: to protected mode with the caller's tables at ES:SI (08h GDT, 10h IDT, 18h DS,
 * 20h ES, 28h SS, 30h CS, 38h ours). BH, BL: interrupt bases for the two 8259s.
 */
protected_mode:
	cli
	cld
	popw %dx		/* where to return to, in the caller's new CS */
	addw $4, %sp
	movb $0x11, %al
	outb %al, $0x20
	outb %al, $0xa0
	movb %bh, %al
	outb %al, $0x21
	movb %bl, %al
	outb %al, $0xa1
	movb $4, %al
	outb %al, $0x21
	movb $2, %al
	outb %al, $0xa1
	movb $1, %al
	outb %al, $0x21
	outb %al, $0xa1
	movb $0xff, %al
	outb %al, $0x21
	outb %al, $0xa1
	inb $0x92, %al
	orb $2, %al
	andb $0xfe, %al
	outb %al, $0x92
	movw $0xffff, %es:0x38(%si)
	movw $0x0000, %es:0x3a(%si)
	movw $0x9b0f, %es:0x3c(%si)
	movw $0, %es:0x3e(%si)
	lgdtw %es:0x08(%si)
	lidtw %es:0x10(%si)
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpw $0x38, $1f
1:	movw $0x18, %ax
	movw %ax, %ds
	movw $0x20, %ax
	movw %ax, %es
	movw $0x28, %ax
	movw %ax, %ss
	movw $0x30, %ax
	pushw %ax
	pushw %dx
	movb $0, %ah
	lretw

/* ---- power-on ---- */

/*
 * Reset, cold or warm. Shutdown status 05h and 0Ah in CMOS 0Fh mean that a 286-style program
 * wants to come back from protected mode through 40:67h.
 */
entry_reset:
	cli
	cld
	movb $0x8f, %al
	outb %al, $0x70
	inb $0x71, %al
	movb %al, %bl
	movb $0x8f, %al
	outb %al, $0x70
	movb $0, %al
	outb %al, $0x71
	movb $0x0d, %al
	outb %al, $0x70
	inb $0x71, %al
	movw $SEG_BDA, %ax
	movw %ax, %ds
	cmpb $0x0a, %bl
	je 1f
	cmpb $0x05, %bl
	jne 2f
	movb $0x20, %al
	outb %al, $0xa0
	outb %al, $0x20
1:	ljmpw *0x67
2:	movl $flat_post, %ebx
	jmp enter_flat

/* ---- the fixed addresses ---- */

	.section .fixed16, "ax", @progbits
fixed:
	.org 0x05b
	jmp entry_reset
	.org 0x2c3
	jmp entry_int02
	.org 0x3fe
	jmp entry_int13
	.org 0x401		/* fixed disk parameter tables once stood here */
	.org 0x6f2
	jmp entry_int19
	.org 0x6f5		/* INT 15h AH=C0h: system configuration */
	.globl system_config
system_config:
	.word 8
	.byte 0xfc, 0x00, 0x01	/* model AT, submodel, revision */
	.byte 0x74		/* second 8259, RTC, keyboard intercept, EBDA */
	.byte 0x40		/* INT 16h AH=09h */
	.byte 0, 0, 0
	.org 0x739
	jmp entry_int14
	.org 0x82e
	jmp entry_int16
	.org 0x987
	jmp entry_int09
	.org 0xc59
	jmp entry_int40
	.org 0xf57
	jmp entry_int0e
	.org 0xfc7		/* diskette parameters, INT 1Eh */
	.globl diskette_params
diskette_params:
	.byte 0xaf, 0x02, 0x25, 0x02, 18, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08
	.org 0xfd2
	jmp entry_int17
	.org 0x1065
	jmp entry_int10
	.org 0x10a4		/* 6845 parameters, INT 1Dh: 40x25, 80x25, graphics, monochrome */
	.byte 0x38, 0x28, 0x2d, 0x0a, 0x1f, 0x06, 0x19, 0x1c, 0x02, 0x07, 0x06, 0x07, 0, 0, 0, 0
	.byte 0x71, 0x50, 0x5a, 0x0a, 0x1f, 0x06, 0x19, 0x1c, 0x02, 0x07, 0x06, 0x07, 0, 0, 0, 0
	.byte 0x38, 0x28, 0x2d, 0x0a, 0x7f, 0x06, 0x64, 0x70, 0x02, 0x01, 0x06, 0x07, 0, 0, 0, 0
	.byte 0x61, 0x50, 0x52, 0x0f, 0x19, 0x06, 0x19, 0x19, 0x02, 0x0d, 0x0b, 0x0c, 0, 0, 0, 0
	.word 2048, 4096, 16384, 16384
	.byte 40, 80, 40, 80, 40, 80, 80, 0
	.byte 0x2c, 0x28, 0x2d, 0x29, 0x2a, 0x2e, 0x1e, 0x29
	.org 0x1841
	jmp entry_int12
	.org 0x184d
	jmp entry_int11
	.org 0x1859
	jmp entry_int15_first
	.org 0x1a6e		/* 8x8 font, lower half: filled in from the VGA BIOS by POST */
	.org 0x1e6e
	jmp entry_int1a
	.org 0x1ea5
	jmp entry_int08
	.org 0x1ef3		/* vectors 08h to 1Fh, as the PC had them */
	.globl vector_table
vector_table:
	.word 0xfea5, 0xe987, entry_irq_low, entry_irq_low
	.word entry_irq_low, entry_irq_low, 0xef57, entry_irq_low
	.word 0xf065, 0xf84d, 0xf841, 0xe3fe, 0xe739, 0xf859, 0xe82e, 0xefd2
	.word entry_int18, 0xe6f2, 0xfe6e, 0xff53, 0xff53, 0xf0a4, 0xefc7, 0x0000
	.globl vector_table_high
vector_table_high:	/* vectors 70h to 77h */
	.word entry_int70, entry_int71, entry_irq_high, entry_irq_high
	.word entry_int74, entry_int75, entry_int76, entry_int76
	.org 0x1f53
	iretw
	.org 0x1f54
	jmp entry_int05
	.org 0x1ff0
	ljmpw $SEG_BIOS, $0xe05b
	.ascii "11/22/26"
	.byte 0
	.byte 0xfc
	.byte 0

/* ---- more helpers; here because the fixed part above must not move ---- */

	.section .text16, "ax", @progbits

/* u32 video_call(u32 ax, u32 bx_and_dx): INT 10h; returns AX and, above, DX */
	.globl video_call
video_call:
	pushl %ebx
	pushl %esi
	pushl %edi
	pushl %ebp
	movl %edx, %ebx
	shrl $16, %edx
	int $0x10
	movzwl %ax, %eax
	shll $16, %edx
	orl %edx, %eax
	popl %ebp
	popl %edi
	popl %esi
	popl %ebx
	retl

/*
 * APM protected-mode entries: a far call, AL = function as in INT 15h AH=53h. No data segment can
 * be counted on, so everything is in registers.
 */
.macro APM_ENTRY name, return
	.globl \name
\name:
	cmpb $0x05, %al
	je 5f
	cmpb $0x07, %al
	je 7f
	cmpb $0x0a, %al
	je 10f
	cmpb $0x0b, %al
	je 11f
	cmpb $0x0c, %al
	je 12f
	cmpb $0x0e, %al
	je 14f
	cmpb $0x10, %al
	ja 8f
	cmpb $0x04, %al
	jb 8f
	jmp 1f
5:	pushfw
	sti
	hlt
	popfw
	jmp 1f
7:	cmpw $1, %bx
	jne 9f
	cmpw $3, %cx
	ja 9f
	jne 1f
	pushw %dx
	movw $PMBASE + 4, %dx
	movw $0x0001, %ax
	outw %ax, %dx
	movw $0x2001, %ax
	outw %ax, %dx
	popw %dx
	movb $0x07, %al
	jmp 1f
8:	movb $0x0c, %ah
	stc
	\return
9:	movb $0x09, %ah
	stc
	\return
10:	movw $0x01ff, %bx
	movw $0x80ff, %cx
	movw $0xffff, %dx
	xorw %si, %si
	jmp 1f
11:	movb $0x80, %ah
	stc
	\return
12:	xorw %cx, %cx
	jmp 1f
14:	movw $0x0102, %ax
	clc
	\return
1:	movb $0, %ah
	clc
	\return
.endm

	APM_ENTRY apm_entry_16, lretw
	.code32
	APM_ENTRY apm_entry_32, lretl
	.code16

/*
 * Plug and Play BIOS, by far call with C's arguments: 60h, a far pointer, our selector asks for the
 * version of the BIOS Boot Specification (1.01, appendix A.4); there is no other function (82h).
 */
	.globl pnp_entry_real
pnp_entry_real:
	pushw %bp
	movw %sp, %bp
	movw $0x82, %ax
	cmpw $0x60, 6(%bp)
	jne 1f
	pushw %ds
	pushw %bx
	ldsw 8(%bp), %bx
	movw $0x0101, (%bx)
	popw %bx
	popw %ds
	xorw %ax, %ax
1:	popw %bp
	lretw

	.globl pnp_entry_protected
pnp_entry_protected:
	movw $0x82, %ax
	lretw

/* ---- tables that POST fills in; found by scanning F0000h-FFFFFh on 16-byte boundaries ---- */

	.balign 16
	.globl rsdp_table
	.globl bios32_table
	.globl smbios_entry
	.globl pir_table
	.globl mp_pointer
	.globl mp_table
	.globl pnp_table
pnp_table:
	.space 48
rsdp_table:
	.space 48
bios32_table:
	.space 16
smbios_entry:
	.space 32
pir_table:
	.space 32 + 31 * 16
mp_pointer:
	.space 16
mp_table:
	.space 1280
