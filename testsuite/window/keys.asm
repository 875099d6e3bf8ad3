; A boot floppy that says every byte of the keyboard controller on COM1, in hexadecimal.
	bits	16
	org	0x7c00
	cli
	xor	ax, ax
	mov	ds, ax
	mov	ss, ax
	mov	sp, 0x7c00
	mov	dx, 0x3fb		; eight bits a character
	mov	al, 3
	out	dx, al
	mov	si, ready
	mov	cx, 6
hello:	lodsb
	call	say
	loop	hello
next:	in	al, 0x64
	test	al, 1
	jz	next
	in	al, 0x60
	push	ax
	shr	al, 4
	call	digit
	pop	ax
	and	al, 15
	call	digit
	mov	al, ' '
	call	say
	jmp	next
digit:	add	al, '0'
	cmp	al, '9'
	jbe	say
	add	al, 'a' - '9' - 1
say:	mov	ah, al
	mov	dx, 0x3fd
.wait:	in	al, dx
	test	al, 0x20
	jz	.wait
	mov	al, ah
	mov	dx, 0x3f8
	out	dx, al
	ret
ready:	db	"ready", 10
	times 510 - ($ - $$) db 0
	dw	0xaa55
	times 1474560 - ($ - $$) db 0
