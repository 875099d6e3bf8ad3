; A boot sector whose stack has a base: near, far and indirect calls, interrupts, functions with and without
; BP, and a halt, for gdb's nexti, finish and backtraces (run.py).
	org	0x7c00
	bits	16
start:
	jmp	0x07c0:entry - start
entry:
	cli
	mov	ax, 0x2000
	mov	ss, ax
	mov	sp, 0x1000
	xor	ax, ax
	mov	es, ax
	mov	word [es:0x80 * 4], service - start
	mov	word [es:0x80 * 4 + 2], 0x07c0
calls:
	call	near_one
after_near:
	call	0x07c0:far_one - start
after_far:
	mov	bx, near_one - start
	call	bx
after_indirect:
	int	0x80
after_int:
	push	ax
pushed:
	pop	ax
	call	with_bp
after_bp:
	hlt
halted:
	mov	dx, 0x1234
woken:
	jmp	woken

near_one:
	push	cx
	inc	cx
	call	inner
after_inner:
	pop	cx
	ret
inner:
	inc	dx
inner_middle:
	push	dx
	pop	dx
	ret
far_one:
	inc	si
	retf
service:
	inc	di
	iret
with_bp:
	push	bp
	mov	bp, sp
	sub	sp, 8
	call	inner
after_inner_bp:
	mov	sp, bp
	pop	bp
	ret

	times	510 - ($ - $$) db 0
	dw	0xaa55
