; The guest whose states are compared between hosts: firmware of 64 KiB that goes round and round through
; real mode, protected mode with paging and ring 3, and 64-bit mode, each round with other numbers.  Timer
; interrupts arrive all the time; memory is mapped by page faults; the disk is read and written by bus
; master and by hand; x87, SSE and AVX work on any bits there are, so on NaNs and denormals too.
;
; nasm -f bin guest.asm -o guest.rom

	org	0
%define LINEAR(label) (0xf0000 + (label) - $$)

TICKS		equ 0x500		; timer interrupts
SEED		equ 0x508
ROUND		equ 0x510
DISK_DONE	equ 0x514		; disk interrupts
MAPPED		equ 0x518		; pages mapped by faults
SUM		equ 0x520
SAVED_CR0	equ 0x528
PRD		equ 0x10000		; bus master's table
BUFFER		equ 0x11000		; 8 KiB
IDT		equ 0x20000
PD32		equ 0x30000
PT32		equ 0x31000
PML4		equ 0x40000		; and PDPT, PD, PT behind it
WORK		equ 0x50000		; results, 64 KiB
WINDOW		equ 0x40000000		; mapped by faults
FRAMES		equ 0x200000		; by these
FRAME_COUNT	equ 64
STACK16		equ 0x7000
STACK32		equ 0x9000
STACK_USER	equ 0xa000
BUS_MASTER	equ 0xc000

CODE32		equ 0x08
DATA32		equ 0x10
CODE64		equ 0x18
CODE16		equ 0x20
DATA16		equ 0x28
TASK		equ 0x30
USER_CODE	equ 0x38 | 3
USER_DATA	equ 0x40 | 3

; ---- Real mode ---------------------------------------------------------------------------------

	bits	16
start:
	cli
	cld
	xor	ax, ax
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	sp, STACK16
	in	al, 0x92		; A20
	or	al, 2
	and	al, 0xfe
	out	0x92, al
	mov	dword [SEED], 0x12345678
	mov	dword [SEED + 4], 0x9abcdef0

	mov	al, 0x11		; the interrupt controllers: vectors 20h and 28h
	out	0x20, al
	out	0xa0, al
	mov	al, 0x20
	out	0x21, al
	mov	al, 0x28
	out	0xa1, al
	mov	al, 4
	out	0x21, al
	mov	al, 2
	out	0xa1, al
	mov	al, 1
	out	0x21, al
	out	0xa1, al
	mov	al, 0xfa		; timer and cascade
	out	0x21, al
	mov	al, 0xbf		; disk
	out	0xa1, al
	mov	al, 0x34		; timer: 20000 instructions or so
	out	0x43, al
	mov	al, 239
	out	0x40, al
	xor	al, al
	out	0x40, al

	mov	eax, 0x80000904		; the IDE function: bus master and ports
	mov	ebx, 5
	call	pci_write
	mov	eax, 0x80000920
	mov	ebx, BUS_MASTER | 1
	call	pci_write
	mov	eax, 0x80000940
	mov	ebx, 0x80008000
	call	pci_write
	mov	ecx, 0x1b		; the local APIC, where real mode reaches it: lets the PIC through
	rdmsr
	and	eax, 0xfff
	or	eax, 0x80000
	wrmsr
	mov	ax, 0x8000
	mov	es, ax
	mov	dword [es:0xf0], 0x1ff
	mov	dword [es:0x350], 0x700

real_round:
	xor	ax, ax
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	sp, STACK16
	lidt	[cs:real_idt]
	inc	dword [ROUND]
	xor	di, di
	mov	cx, 256
.vector:
	mov	word [di], ignore16
	mov	word [di + 2], 0xf000
	add	di, 4
	loop	.vector
	mov	word [0x20 * 4], tick16
	sti

	mov	cx, 150
.number:
	push	cx
	call	random16
	mov	dx, ax			; decimal arithmetic, with its flags
	daa
	pushf
	xchg	al, ah
	das
	pushf
	aaa
	pushf
	aas
	aam	7
	aad	13
	pushf
	add	[SUM], ax
	pop	ax
	and	ax, 0xd5		; those that it defines
	adc	[SUM + 2], ax
	pop	ax
	pop	bx
	pop	bx
	mov	ax, dx
	mov	bl, dl			; shifts, rotates, bits
	mov	cl, dh
	and	cl, 7
	rcl	bx, cl
	sar	dx, cl
	ror	ax, 3
	xor	[SUM + 4], bx
	sbb	[SUM + 6], dx
	bts	[0x4000], ax		; in 3000h to 4fffh
	mov	bx, ax
	or	bx, 0x100
	mov	ax, dx
	cwd
	idiv	bx
	imul	ax, dx, 77
	add	[SUM], ax
	enter	16, 2
	mov	[bp - 4], ax
	mov	[bp - 7], bx
	leave
	pop	cx
	loop	.number

	mov	ax, 0x5000		; strings, both ways, over a segment's end
	mov	es, ax
	mov	ds, ax
	mov	si, 0xfff0
	mov	di, 0x0123
	mov	cx, 600
	rep movsb
	mov	ax, 0xa55a
	mov	cx, 33
	rep stosw
	std
	mov	si, 0x0400
	mov	di, 0x0408
	mov	cx, 100
	rep movsw
	cld
	xor	si, si
	mov	di, 0x0123 - 0x10
	mov	cx, 2000
	repe cmpsb
	mov	al, 0x5a
	mov	di, 0
	mov	cx, 0xffff
	repne scasb
	mov	[es:0xff00], cx
	mov	[es:0xff02], si
	mov	[es:0xff04], di
	hlt				; until the timer
	xor	ax, ax
	mov	ds, ax
	cli

	o32 lgdt [cs:gdt_pointer]
	o32 lidt [cs:idt_pointer]
	mov	eax, cr0
	or	al, 1
	and	eax, ~0x60000000	; caches on
	mov	cr0, eax
	jmp	dword CODE32:LINEAR(protected)

tick16:
	push	ds
	push	0
	pop	ds
	inc	dword [TICKS]
	pop	ds
	push	ax
	mov	al, 0x20
	out	0x20, al
	pop	ax
ignore16:
	iret

; AX: the next random number; changes DX
random16:
	mov	eax, [SEED]
	imul	eax, eax, 1664525
	add	eax, 1013904223
	mov	[SEED], eax
	shr	eax, 9
	ret

pci_write:
	mov	dx, 0xcf8
	out	dx, eax
	mov	dl, 0xfc
	mov	eax, ebx
	out	dx, eax
	ret

	align	8
real_idt:
	dw	0x3ff
	dd	0
gdt_pointer:
	dw	gdt_end - gdt - 1
	dd	LINEAR(gdt)
idt_pointer:
	dw	0xfff
	dd	IDT
	align	8
gdt:
	dq	0
	dq	0x00cf9b000000ffff
	dq	0x00cf93000000ffff
	dq	0x00af9b000000ffff
	dq	0x00009b0f0000ffff
	dq	0x000093000000ffff
	dq	0x0000890060000067	; at 6000h
	dq	0x00cffb000000ffff
	dq	0x00cff3000000ffff
gdt_end:

; ---- Protected mode ----------------------------------------------------------------------------

	bits	32
%macro gate32 3				; vector, handler, type
	mov	dword [IDT + %1 * 8], (LINEAR(%2) & 0xffff) | CODE32 << 16
	mov	dword [IDT + %1 * 8 + 4], (LINEAR(%2) & 0xffff0000) | %3
%endmacro

protected:
	mov	eax, DATA32
	mov	ds, eax
	mov	es, eax
	mov	fs, eax
	mov	gs, eax
	mov	ss, eax
	mov	esp, STACK32
	mov	edi, IDT
	mov	ecx, 0x400
	xor	eax, eax
	rep stosd
	gate32	0x0e, fault32, 0x8e00
	gate32	0x20, tick32, 0x8e00
	gate32	0x2e, disk32, 0x8e00
	gate32	0x80, call32, 0xee00
	mov	edi, 0x6000		; a task: the stack for ring 0, and that is all
	mov	ecx, 26
	rep stosd
	mov	dword [0x6004], STACK32
	mov	dword [0x6008], DATA32
	mov	word [0x6066], 0x68
	mov	edi, PD32
	mov	ecx, 0x800
	rep stosd
	mov	dword [PD32], 0x87	; 4 MiB as they are, and the window
	mov	dword [PD32 + (WINDOW >> 22) * 4], PT32 | 7
	mov	dword [MAPPED], 0
	mov	eax, PD32
	mov	cr3, eax
	mov	eax, 0x610		; PSE, OSFXSR, OSXMMEXCPT
	mov	cr4, eax
	mov	eax, cr0
	and	eax, ~0x0c
	or	eax, 0x80010022		; PG, WP, NE, MP
	mov	cr0, eax
	mov	esi, LINEAR(gdt)	; LTR writes to the table
	mov	edi, 0x7200
	mov	ecx, gdt_end - gdt
	rep movsb
	mov	word [0x7100], gdt_end - gdt - 1
	mov	dword [0x7102], 0x7200
	lgdt	[0x7100]
	mov	ax, TASK
	ltr	ax
	sti

	call	disk
	call	x87
	call	sse

	push	USER_DATA		; to ring 3
	push	STACK_USER
	pushfd
	push	USER_CODE
	push	LINEAR(user)
	iretd

back:					; from ring 3, on the stack of ring 0
	mov	esp, STACK32
	mov	eax, DATA32
	mov	ds, eax
	mov	es, eax
	cli
	mov	eax, cr0		; to 64-bit mode
	and	eax, ~0x80000000
	mov	cr0, eax
	mov	edi, PML4
	mov	ecx, 0x1000
	xor	eax, eax
	rep stosd
	mov	dword [PML4], PML4 + 0x1000 + 7
	mov	dword [PML4 + 0x1000], PML4 + 0x2000 + 7
	mov	dword [PML4 + 0x1008], PML4 + 0x2000 + 7	; WINDOW is at 1 GiB
	mov	dword [PML4 + 0x2000], 0x87
	mov	dword [PML4 + 0x2008], 0x200087
	mov	dword [PML4 + 0x1008], PML4 + 0x3007
	mov	dword [PML4 + 0x3000], PT32 + 7
	mov	edi, PT32
	mov	ecx, 0x400
	rep stosd
	mov	[MAPPED], eax
	mov	eax, PML4
	mov	cr3, eax
	mov	eax, 0x40620		; OSXSAVE, OSXMMEXCPT, OSFXSR, PAE
	mov	cr4, eax
	mov	ecx, 0xc0000080
	rdmsr
	or	eax, 0x900		; LME, NXE
	wrmsr
	mov	eax, cr0
	or	eax, 0x80000000
	mov	cr0, eax
	jmp	CODE64:LINEAR(long_mode)

; Ring 3: walks through the window, which faults page after page, and counts what it read.
user:
	mov	eax, USER_DATA
	mov	ds, eax
	mov	es, eax
	mov	ebx, WINDOW
	mov	ecx, 40
.page:
	mov	eax, [SEED]
	imul	eax, eax, 1664525
	add	eax, 1013904223
	mov	[SEED], eax
	mov	edx, eax
	and	edx, 0xffc
	xadd	[ebx + edx], eax
	adc	[SUM + 4], eax
	mov	[ebx + 0xffe], eax	; over the page's end
	lock cmpxchg [ebx + 8], ecx
	add	ebx, 0x1000
	loop	.page
	mov	esi, WINDOW + 0x123
	mov	edi, WINDOW + 0x9321
	mov	ecx, 0x1111
	rep movsd
	int	0x80
	ud2

call32:
	jmp	back

tick32:
	push	eax
	inc	dword [ss:TICKS]
	mov	al, 0x20
	out	0x20, al
	pop	eax
	iretd

disk32:
	pushad
	mov	dx, 0x1f7
	in	al, dx
	mov	dx, BUS_MASTER + 2
	in	al, dx
	out	dx, al
	inc	dword [ss:DISK_DONE]
	mov	al, 0x20
	out	0xa0, al
	out	0x20, al
	popad
	iretd

; A page of the window: the next frame.
fault32:
	pushad
	mov	ebx, cr2
	mov	ecx, ebx
	shr	ecx, 22
	cmp	ecx, WINDOW >> 22
	jne	.wrong
	mov	ecx, [ss:MAPPED]
	and	ecx, FRAME_COUNT - 1
	shl	ecx, 12
	add	ecx, FRAMES | 7
	mov	eax, ebx
	shr	eax, 12
	and	eax, 0x3ff
	mov	[ss:PT32 + eax * 4], ecx
	inc	dword [ss:MAPPED]
	invlpg	[ebx]
	popad
	add	esp, 4
	iretd
.wrong:
	cli
	hlt

; EAX: the next random number
random32:
	mov	eax, [SEED]
	imul	eax, eax, 1664525
	add	eax, 1013904223
	mov	[SEED], eax
	rol	eax, 11
	ret

; ECX bytes of random numbers at EDI
random_bytes:
	shr	ecx, 2
.more:
	call	random32
	stosd
	loop	.more
	ret

; AL: command, EBX: sector.  Sixteen sectors between the disk and BUFFER, by bus master.
transfer:
	mov	ah, al
	mov	dword [PRD], BUFFER
	mov	dword [PRD + 4], 0x80002000
	mov	dx, BUS_MASTER
	xor	al, al
	out	dx, al
	mov	dx, BUS_MASTER + 2
	mov	al, 6
	out	dx, al
	mov	dx, BUS_MASTER + 4
	push	eax
	mov	eax, PRD
	out	dx, eax
	mov	dx, 0x1f2
	mov	al, 16
	out	dx, al
	inc	edx
	mov	eax, ebx
	out	dx, al
	inc	edx
	shr	eax, 8
	out	dx, al
	inc	edx
	shr	eax, 8
	out	dx, al
	inc	edx
	mov	al, 0xe0
	out	dx, al
	inc	edx
	pop	eax
	mov	ecx, [DISK_DONE]
	mov	al, ah
	out	dx, al
	cmp	ah, 0xc8
	sete	al
	shl	al, 3
	or	al, 1
	mov	dx, BUS_MASTER
	out	dx, al
.wait:
	cli
	cmp	[DISK_DONE], ecx
	jne	.done
	sti
	hlt
	jmp	.wait
.done:
	sti
	mov	dx, BUS_MASTER
	xor	al, al
	out	dx, al
	ret

disk:
	call	random32		; read, change, write elsewhere
	and	eax, 0x3f0
	mov	ebx, eax
	mov	al, 0xc8
	call	transfer
	mov	edi, BUFFER
	mov	ecx, 2048
	mov	eax, [SEED]
.change:
	add	[edi], eax
	rol	eax, 5
	xor	eax, [edi]
	add	edi, 4
	loop	.change
	add	[SUM + 4], eax
	xor	ebx, 0x150
	mov	al, 0xca
	call	transfer
	mov	dx, 0x1f2		; and one sector by hand
	mov	al, 1
	out	dx, al
	inc	edx
	mov	al, bl
	out	dx, al
	mov	dx, 0x1f7
	mov	al, 0x20
	out	dx, al
.busy:
	in	al, dx
	test	al, 8
	jz	.busy
	mov	dx, 0x1f0
	mov	edi, WORK + 0xf000
	mov	ecx, 256
	rep insw
	ret

%macro store_x87 0
	fstp	tword [edi]
	add	edi, 10
%endmacro

; x87, under all precisions and roundings, on numbers of a middle size and on any bits.
x87:
	fninit
	mov	edi, WORK
	mov	ebx, 48
.case:
	call	random32
	and	eax, 0x0f00		; precision and rounding
	or	eax, 0x3f		; all masked
	mov	[SUM + 8], eax
	fldcw	[SUM + 8]
	call	random32
	mov	[BUFFER], eax
	call	random32
	mov	[BUFFER + 4], eax
	fild	dword [BUFFER]
	fild	qword [BUFFER]
	fdivp
	fild	dword [BUFFER + 4]
	fldpi
	fscale
	fstp	st0
	fmul	dword [number]
	fld	st0
	fsin
	store_x87
	fld	st0
	fcos
	store_x87
	fld	st0
	fsincos
	store_x87
	store_x87
	fld	st0
	fptan
	store_x87
	store_x87
	fld	st1
	fpatan
	store_x87
	fld	st0
	fabs
	fldl2e
	fxch
	fyl2x
	store_x87
	fild	dword [BUFFER]
	fidiv	dword [big]
	fld	st0
	f2xm1
	store_x87
	fld	st0
	fmul	qword [quarter]
	fld1
	fxch
	fyl2xp1
	store_x87
	fsqrt
	store_x87
	fild	dword [BUFFER + 4]
	fild	word [BUFFER + 1]
	fprem
	store_x87
	fprem1
	store_x87
	fstp	st0
	push	edi
	mov	edi, BUFFER		; any bits
	mov	ecx, 32
	call	random_bytes
	pop	edi
	mov	word [BUFFER + 30], 0x7fff
	fld	tword [BUFFER]
	fld	tword [BUFFER + 10]
	fmul	st1, st0
	fadd	dword [BUFFER + 21]
	fdivr	st0, st1
	fld	qword [BUFFER + 16]
	fadd	st1, st0
	fistp	qword [edi]
	fst	dword [edi + 8]
	fbstp	[edi + 12]
	store_x87
	add	edi, 12
	fld	tword [BUFFER + 22]
	frndint
	fxtract
	store_x87
	store_x87
	fld	tword [BUFFER + 3]
	fxam
	fnstsw	ax
	mov	[edi], ax
	add	edi, 2
	fstp	st0
	dec	ebx
	jnz	.case
	fnsave	[edi]
	ret

	align	8
number:	dd	0.37
big:	dd	0x7fffffff
quarter: dq	0.25

; SSE to SSE4.2, under all roundings, with and without DAZ and FTZ.
sse:
	mov	edi, WORK + 0x4000
	mov	ebp, 64
.case:
	push	edi
	mov	edi, BUFFER
	mov	ecx, 64
	call	random_bytes
	pop	edi
	call	random32
	and	eax, 0xe040
	or	eax, 0x1f80
	mov	[SUM + 8], eax
	ldmxcsr	[SUM + 8]
	movups	xmm0, [BUFFER]
	movups	xmm1, [BUFFER + 16]
	movdqu	xmm2, [BUFFER + 32]
	movdqu	xmm3, [BUFFER + 48]
	test	ebp, 1			; every other time numbers of a middle size
	jz	.any
	cvtdq2ps xmm0, xmm0
	cvtdq2ps xmm1, xmm1
	cvtdq2pd xmm2, xmm2
	cvtdq2pd xmm3, xmm3
.any:
	%assign place 0
	%macro two 2			; instruction, second operand
	movaps	xmm4, xmm0
	%1	xmm4, %2
	movups	[edi + place], xmm4
	%assign place place + 16
	%endmacro
	%macro two_wide 2
	movaps	xmm4, xmm2
	%1	xmm4, %2
	movups	[edi + place], xmm4
	%assign place place + 16
	%endmacro
	two	addps, xmm1
	two	subps, xmm1
	two	mulps, xmm1
	two	divps, xmm1
	two	sqrtps, xmm1
	two	rcpps, xmm1
	two	rsqrtps, xmm1
	two	minps, xmm1
	two	maxss, xmm1
	two	cvtps2dq, xmm1
	two	cvttps2dq, xmm1
	two	cvtps2pd, xmm1
	two	haddps, xmm1
	two	addsubps, xmm1
	two	cmpneqps, xmm1
	two	pmaddwd, xmm3
	two	psadbw, xmm3
	two	pshufb, xmm3
	two	pmulhrsw, xmm3
	two	packuswb, xmm3
	two	phminposuw, xmm3
	two	pclmulhqlqdq, xmm3
	two	aesenc, xmm3
	two_wide addpd, xmm3
	two_wide mulpd, xmm3
	two_wide divsd, xmm3
	two_wide sqrtpd, xmm3
	two_wide cvtpd2ps, xmm3
	two_wide cvtpd2dq, xmm3
	two_wide cvtsd2ss, xmm3
	two_wide maxpd, xmm3
	two_wide pmuludq, xmm3
	two_wide cmplepd, xmm3
	movaps	xmm4, xmm0
	roundps	xmm4, xmm1, 4
	dpps	xmm4, xmm1, 0xf7
	mpsadbw	xmm2, xmm3, 5
	pcmpestrm xmm2, xmm3, 0x4c
	movups	[edi + place], xmm0
	movups	[edi + place + 16], xmm4
	pcmpistri xmm2, xmm3, 0x0d
	mov	[edi + place + 32], ecx
	cvtss2si eax, xmm0
	crc32	ecx, eax
	mov	[edi + place + 36], ecx
	stmxcsr	[edi + place + 40]
	comiss	xmm0, xmm1
	pushfd
	pop	dword [edi + place + 44]
	movd	mm0, eax		; MMX
	movq2dq	xmm4, mm0
	paddsw	mm0, [BUFFER]
	pmulhw	mm0, [BUFFER + 8]
	movq	[edi + place + 48], mm0
	emms
	add	edi, (place + 56) & ~15
	cmp	edi, WORK + 0xc000
	jb	.next
	mov	edi, WORK + 0x4000
.next:
	dec	ebp
	jnz	near .case
	fxsave	[WORK + 0xd000]
	ret

; ---- 64-bit mode -------------------------------------------------------------------------------

	bits	64
%macro gate64 2				; vector, handler
	mov	dword [IDT + %1 * 16], (LINEAR(%2) & 0xffff) | CODE64 << 16
	mov	dword [IDT + %1 * 16 + 4], (LINEAR(%2) & 0xffff0000) | 0x8e00
	mov	qword [IDT + %1 * 16 + 8], 0
%endmacro

long_mode:
	mov	eax, DATA32
	mov	ss, eax
	mov	ds, eax
	mov	es, eax
	mov	rsp, STACK32
	mov	edi, IDT
	mov	ecx, 0x200
	xor	eax, eax
	rep stosq
	gate64	0x0e, fault64
	gate64	0x20, tick64
	xor	ecx, ecx
	xor	edx, edx
	mov	eax, 7
	xsetbv
	sti

	mov	rsi, 0x9e3779b97f4a7c15
	mov	rbx, [SEED]
	mov	ecx, 300
.integer:
	mov	rax, rbx		; 128-bit products and quotients
	mul	rsi
	add	rbx, rax
	adc	[SUM], rdx
	mov	r8, rdx
	mov	rax, rbx
	cqo
	mov	r9, rsi
	sar	r9, cl
	or	r9, 1
	idiv	r9
	xor	[SUM], rax
	add	rbx, rdx
	mov	rdx, rbx
	mulx	r10, r11, rsi
	pext	r12, r10, rsi
	pdep	r13, r11, rbx
	rorx	r14, r12, 23
	andn	r15, r13, rbx
	lzcnt	rax, r14
	tzcnt	rdx, r15
	popcnt	rbp, r12
	shld	rbx, r13, cl
	bextr	r8, r14, rbx
	add	rax, rdx
	adc	rax, rbp
	adc	rbx, rax
	xor	rbx, r8
	bsf	rax, rbx
	rcr	r15, 7
	lea	rbx, [rbx + r15 * 8 + 12345]
	bswap	rbx
	dec	ecx
	jnz	.integer
	mov	[SEED], rbx
	mov	rax, [SUM]
	mov	rdx, [SUM + 8]
	mov	rcx, rbx
	lock cmpxchg16b [SUM]

	mov	rdi, WINDOW + 0x7f3	; strings through pages that are not there
	mov	rsi, WORK + 0x4000
	mov	ecx, 3000
	rep movsq
	mov	rdi, WINDOW + 0x9ff8
	mov	ecx, 1000
	mov	rax, rbx
	std
	rep stosq
	cld

	mov	edi, WORK
	mov	r8d, 40
.vector:
	lea	rsi, [rdi + 0x4000]	; what SSE left there
	vmovups	ymm0, [rsi]
	vmovups	ymm1, [rsi + 37]
	vmovdqu	ymm2, [rsi + 64]
	vaddps	ymm3, ymm0, ymm1
	vmovups	[rdi], ymm3
	vmulpd	ymm3, ymm0, ymm2
	vmovups	[rdi + 32], ymm3
	vmovups	ymm4, ymm2
	vfmadd213ps ymm4, ymm0, ymm1
	vmovups	[rdi + 64], ymm4
	vfnmsub231pd ymm4, ymm0, ymm1
	vmovups	[rdi + 96], ymm4
	vsqrtpd	ymm4, ymm1
	vdivps	ymm4, ymm4, ymm0
	vpermd	ymm5, ymm2, ymm4
	vpsllvd	ymm5, ymm5, ymm0
	vpsrlvq	ymm6, ymm5, ymm1
	vpaddusb ymm6, ymm6, ymm2
	vpshufb	ymm6, ymm6, ymm2
	vmovdqu	[rdi + 128], ymm6
	vcvtps2ph xmm7, ymm0, 0
	vcvtph2ps ymm7, xmm7
	vpblendvb ymm7, ymm7, ymm6, ymm1
	vmovups	[rdi + 160], ymm7
	vpcmpeqd ymm8, ymm8, ymm8
	vpand	ymm9, ymm2, [rel indices]
	mov	eax, WORK
	vpgatherdd ymm10, [rax + ymm9 * 4], ymm8
	vmovdqu	[rdi + 192], ymm10
	vextracti128 xmm11, ymm10, 1
	vpmovmskb eax, ymm10
	mov	[rdi + 224], eax
	vmaskmovps [rdi + 228], ymm6, ymm7
	vcvttsd2si rax, xmm0
	mov	[rdi + 260], rax
	vcvtsi2ss xmm3, xmm3, rbx
	vmovss	[rdi + 268], xmm3
	add	edi, 272
	dec	r8d
	jnz	.vector
	mov	eax, 7
	xor	edx, edx
	mov	edi, WORK + 0xe000
	and	rdi, ~63
	xsave	[rdi]
	vzeroupper
	rdtsc
	add	[SUM + 8], eax
	hlt
	cli

	mov	rax, LINEAR(compatibility)
	push	CODE32
	push	rax
	o64 retf

tick64:
	push	rax
	inc	dword [TICKS]
	mov	al, 0x20
	out	0x20, al
	pop	rax
	iretq

fault64:
	push	rax
	push	rcx
	push	rbx
	mov	rbx, cr2
	mov	rcx, rbx
	shr	rcx, 21
	cmp	ecx, WINDOW >> 21
	jne	.wrong
	mov	ecx, [MAPPED]
	and	ecx, FRAME_COUNT - 1
	shl	ecx, 12
	add	ecx, FRAMES | 7
	mov	rax, rbx
	shr	rax, 12
	and	eax, 0x1ff
	mov	[PT32 + rax * 8], rcx
	inc	dword [MAPPED]
	pop	rbx
	pop	rcx
	pop	rax
	add	rsp, 8
	iretq
.wrong:
	cli
	hlt

	align	32
indices: times 8 dd 0xfff

; ---- And back to real mode ---------------------------------------------------------------------

	bits	32
compatibility:
	mov	eax, cr0
	and	eax, ~0x80000000
	mov	cr0, eax
	mov	ecx, 0xc0000080
	rdmsr
	and	eax, ~0x100
	wrmsr
	xor	eax, eax
	mov	cr3, eax
	mov	cr4, eax
	jmp	CODE16:leave_protected

	bits	16
leave_protected:
	mov	ax, DATA16
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	fs, ax
	mov	gs, ax
	mov	eax, cr0
	and	al, 0xfe
	mov	cr0, eax
	jmp	0xf000:real_round

	times	0xfff0 - ($ - $$) db 0xff
	jmp	0xf000:start
	times	0x10000 - ($ - $$) db 0xff
