; A boot sector and what it loads: from real mode to protected to 64-bit mode and back to where gdb
; looks.  Built as a flat floppy image; testsuite/gdb/run.sh reads the labels' addresses from the listing's
; symbols (they are the linear addresses).
	org	0x7c00
	bits	16
start:
	jmp	0x07c0:real - start             ; CS is not 0: gdb has to see the base
real:
	mov	ax, 0x07c0
	mov	ds, ax
	xor	ax, ax
	mov	ss, ax
	mov	sp, 0x7c00
	mov	es, ax
	mov	cx, 3
.count:
	loop	.count
real_load:
	mov	ax, 0x0200 + SECTORS            ; the rest, behind the boot sector
	mov	bx, 0x7e00
	mov	cx, 2
	xor	dx, dx
	int	0x13
	mov	word [es:counter], 0x1234       ; es is 0
real_written:
	nop
	cli
	lgdt	[es:gdt_register]
	mov	eax, cr0
	or	al, 1
	mov	cr0, eax
to_protected:
	jmp	dword 0x08:protected

	align	8
gdt:	dq	0
	dq	0x00cf9b000000ffff              ; 08h: 32-bit code
	dq	0x00cf93000000ffff              ; 10h: data
	dq	0x00af9b000000ffff              ; 18h: 64-bit code
	dq	0x00409b007e000fff              ; 20h: 32-bit code with base 7E00h
gdt_end:
gdt_register:
	dw	gdt_end - gdt - 1
	dd	gdt

	times	510 - ($ - $$) db 0
	dw	0xaa55

second:
	bits	32
	; called through a segment whose base is 7E00h
based:
	mov	edx, 0x5678
based_return:
	retf

protected:
	mov	ax, 0x10
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	esp, 0x7c00
	call	0x20:based - second
	mov	dword [counter], 0x12345678
protected_written:
	; identity tables at 10000h for the first 2 MiB, and the same at FFFFFFFF80000000h
	mov	edi, 0x10000
	xor	eax, eax
	mov	ecx, 0x4000 / 4
	rep	stosd
	mov	dword [0x10000], 0x11003
	mov	dword [0x10000 + 511 * 8], 0x11003
	mov	dword [0x11000], 0x12003
	mov	dword [0x11000 + 510 * 8], 0x12003
	mov	dword [0x12000], 0x83
	mov	eax, 0x10000
	mov	cr3, eax
	mov	eax, cr4
	or	eax, 0x620                      ; PAE, OSFXSR, OSXMMEXCPT
	mov	cr4, eax
	mov	ecx, 0xc0000080
	rdmsr
	or	eax, 0x100
	wrmsr
	mov	eax, cr0
	or	eax, 0x80000000
	mov	cr0, eax
to_long:
	jmp	0x18:long_mode

	bits	64
HIGH	equ	0xffffffff80000000
long_mode:
	mov	rax, HIGH + high
	jmp	rax
high:
	mov	rbx, 0x123456789abcdef0
	movq	xmm0, rbx
	lea	rsi, [rel counter]
	mov	ecx, 5
.again:
	inc	dword [rsi]
	loop	.again
finished:
	mov	word [0x3000], 0                ; a limit of 0, so that any exception is a triple fault
	lidt	[0x3000]
crash:
	ud2

	align	8
counter:
	dq	0
	times	512 * 8 - ($ - $$) db 0
SECTORS	equ	7
	times	1474560 - ($ - $$) db 0
