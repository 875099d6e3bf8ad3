; A boot disk whose guest tells on COM1 what happens to it: "boot" at each start, "power" when the
; power button is pressed, "delete" at Ctrl-Alt-Delete; and what it is asked by a key: c counts,
; f reads the floppy's first sector, d the CD's, and says the text that begins it.
	bits	16
	org	0x7c00
	cli
	xor	ax, ax
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	sp, 0x7c00
	mov	bx, hook		; INT 15h AH=4Fh: a scan code comes in
	xchg	bx, [4 * 0x15]
	mov	[before], bx
	xchg	ax, [4 * 0x15 + 2]
	mov	[before + 2], ax
	mov	dx, 0x3fb		; eight bits a character
	mov	al, 3
	out	dx, al
	sti
	mov	si, booted
	call	say
next:	mov	dx, 0x600		; PM1 status of the PIIX4: the power button
	in	ax, dx
	test	ah, 1
	jz	.key
	out	dx, ax
	mov	si, power
	call	say
.key:	mov	ah, 1
	int	0x16
	jz	next
	mov	ah, 0
	int	0x16
	cmp	al, 'c'
	je	count
	cmp	al, 'f'
	je	floppy
	cmp	al, 'd'
	jne	next
	mov	di, 6			; the first try tells that the medium is new
.cd:	mov	byte [packet + 2], 1	; how many: it says how many it read there
	mov	ah, 0x42
	mov	dl, 0xe0
	mov	si, packet
	int	0x13
	jnc	.read
	dec	di
	jnz	.cd
	jmp	none
.read:	mov	si, cd
	jmp	tell
floppy:	mov	di, 2
.again:	mov	ah, 0
	mov	dl, 0
	int	0x13
	mov	ax, 0x0201
	mov	bx, 0x8000
	mov	cx, 1
	mov	dx, 0
	int	0x13
	mov	si, disk
	jnc	tell
	dec	di
	jnz	.again
none:	mov	si, nothing
	call	say
	jmp	next
tell:	call	say
	mov	si, 0x8000
	mov	byte [0x8020], 0
	call	say
	mov	si, line
	call	say
	jmp	next
count:	inc	byte [number]
	mov	si, counted
	call	say
	jmp	next
; A scan code in AL; what is pressed besides is at 0040:0017.
hook:	cmp	ah, 0x4f
	jne	.on
	cmp	al, 0x53
	jne	.on
	pusha
	push	ds
	xor	ax, ax
	mov	ds, ax
	mov	al, [0x417]
	and	al, 0x0c
	cmp	al, 0x0c
	jne	.not
	mov	si, delete
	call	say
.not:	pop	ds
	popa
.on:	jmp	far [cs:before]
say:	lodsb
	test	al, al
	jz	.end
	mov	ah, al
	mov	dx, 0x3fd
.wait:	in	al, dx
	test	al, 0x20
	jz	.wait
	mov	al, ah
	mov	dx, 0x3f8
	out	dx, al
	jmp	say
.end:	ret
booted:	db	"boot"
line:	db	10, 0
power:	db	"power", 10, 0
delete:	db	"delete", 10, 0
cd:	db	"cd: ", 0
disk:	db	"floppy: ", 0
nothing: db	"nothing", 10, 0
counted: db	"count "
number:	db	"0", 10, 0
packet:	db	16, 0
	dw	1, 0x8000, 0
	dq	0
before:	dw	0, 0
	times 510 - ($ - $$) db 0
	dw	0xaa55
	times 1048576 - ($ - $$) db 0
