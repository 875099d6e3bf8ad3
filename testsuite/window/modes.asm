; A boot floppy that goes through all video modes: each of INT 10h's, 80 x 50 text, mode X and its
; relations by the VGA's registers, each of the VBE list.  In each it draws a pattern, says the mode's
; name on the debug console (port E9h), and waits for a byte from COM1.
	bits	16
	org	0x7c00
sectors	equ	(end - $$ + 511) / 512

start:	cli
	xor	ax, ax
	mov	ds, ax
	mov	ss, ax
	mov	sp, 0x7c00
	sti
	mov	[drive], dl
	mov	cx, 2			; the rest, sector by sector: all on the first two tracks
	mov	bx, 0x7e00
	xor	dh, dh
.load:	push	ds
	pop	es
	mov	ax, 0x0201
	mov	dl, [drive]
	int	0x13
	jc	.load
	add	bx, 512
	inc	cl
	cmp	cl, sectors
	jbe	.load
	jmp	main
drive:	db	0
	times 510 - ($ - $$) db 0
	dw	0xaa55

main:	cld
	mov	si, bios_modes
.next:	lodsb
	cmp	al, 0xff
	je	.more
	push	si
	mov	[mode], al
	xor	ah, ah
	int	0x10
	mov	al, [mode]
	call	say_byte
	mov	al, [mode]
	mov	bx, graphics
	xlatb
	test	al, al
	jz	.text
	mov	[colours], al
	dec	al			; the last colour of 256 is black
	cmp	al, 15
	jbe	.frame
	mov	al, 15
.frame:	mov	[frame], al
	call	size
	call	bios_pattern
	jmp	.drawn
.text:	call	text_pattern
.drawn:	call	ready
	pop	si
	jmp	.next

.more:	mov	ax, 3			; 80 x 50
	int	0x10
	mov	ax, 0x1112
	xor	bl, bl
	int	0x10
	mov	si, name_80x50
	call	say
	call	text_pattern
	call	ready
	mov	ax, 1			; 40 x 28: the 8 x 14 font
	int	0x10
	mov	ax, 0x1111
	xor	bl, bl
	int	0x10
	mov	si, name_14
	call	say
	call	text_pattern
	call	ready

	mov	si, tweaks
.tweak:	lodsw				; the name, 0: no more
	test	ax, ax
	jz	vbe
	push	ax
	lodsw				; width / 4
	mov	[width], ax
	lodsw
	mov	[height], ax
	mov	ax, 0x13
	int	0x10
	call	unchain
	lodsb				; miscellaneous output
	mov	dx, 0x3c2
	out	dx, al
	mov	dx, 0x3d4		; registers 0-7 are not protected any more
	mov	ax, 0x0011
	out	dx, ax
.crtc:	lodsw				; index and value, FFFF: no more
	cmp	ax, 0xffff
	je	.set
	mov	dx, 0x3d4
	out	dx, ax
	jmp	.crtc
.set:	call	planes_pattern
	mov	ax, si
	pop	si
	push	ax
	call	say
	call	ready
	pop	si
	jmp	.tweak

; ---- VBE --------------------------------------------------------------------------------------

vbe:	push	ds
	pop	es
	mov	di, vbe_info
	mov	dword [di], "VBE2"
	mov	ax, 0x4f00
	int	0x10
	lds	si, [vbe_info + 14]
.next:	lodsw
	cmp	ax, 0xffff
	je	.end
	push	ds
	push	si
	xor	bx, bx
	mov	ds, bx
	mov	es, bx
	mov	[mode], ax
	mov	cx, ax
	mov	di, mode_info
	mov	ax, 0x4f01
	int	0x10
	mov	ax, 0x4f02
	mov	bx, [mode]
	int	0x10
	cmp	ax, 0x004f
	jne	.skip
	mov	al, [mode + 1]
	call	say_byte
	mov	al, [mode]
	call	say_byte
	call	vbe_pattern
	call	ready
.skip:	pop	si
	pop	ds
	jmp	.next
.end:	xor	ax, ax
	mov	ds, ax
	mov	si, name_end
	call	say
	call	ready
.halt:	hlt
	jmp	.halt

; Lines, of which seven in eight are left out below the first sixteen and above the last.
vbe_pattern:
	mov	ax, 0xa000
	mov	es, ax
	mov	word [bank], 0xffff
	mov	ax, [mode_info + 18]
	mov	[width], ax
	mov	ax, [mode_info + 20]
	mov	[height], ax
	xor	bp, bp			; y
.line:	mov	ax, [height]
	sub	ax, 16
	cmp	bp, 16
	jb	.draw
	cmp	bp, ax
	jae	.draw
	test	bp, 7
	jnz	.over
.draw:	movzx	eax, bp
	movzx	ecx, word [mode_info + 16]
	mul	ecx
	mov	edi, eax
	shr	eax, 16
	call	set_bank
	xor	cx, cx			; x
.pixel:	call	colour
	mov	bl, [mode_info + 25]
	add	bl, 7
	shr	bl, 3
.byte:	mov	[es:di], al
	shr	eax, 8
	inc	di
	jnz	.same
	push	eax
	mov	ax, [bank]
	inc	ax
	call	set_bank
	pop	eax
.same:	dec	bl
	jnz	.byte
	inc	cx
	cmp	cx, [width]
	jb	.pixel
.over:	inc	bp
	cmp	bp, [height]
	jb	.line
	ret

set_bank:
	cmp	ax, [bank]
	je	.ret
	mov	[bank], ax
	push	bx
	push	cx
	mov	dx, ax
	mov	ax, 0x4f05
	xor	bx, bx
	int	0x10
	pop	cx
	pop	bx
.ret:	ret

; EAX = the colour of x CX, y BP: a white frame, else grades of the depth's colours.
colour:	mov	eax, 0xffffffff
	jcxz	.ret
	test	bp, bp
	jz	.ret
	mov	dx, [width]
	dec	dx
	cmp	cx, dx
	je	.ret
	mov	dx, [height]
	dec	dx
	cmp	bp, dx
	je	.ret
	mov	al, [mode_info + 25]
	cmp	al, 8
	je	.index
	cmp	al, 16
	jbe	.high
	movzx	eax, cx			; red in x, green in y, blue by their high bits
	mov	dl, ah
	shl	dl, 5
	shl	eax, 16
	mov	dx, bp
	mov	ah, dl
	mov	al, ch
	shl	al, 5
	add	al, dh
	ret
.index:	mov	eax, ecx
	add	ax, bp
	ret
.high:	mov	ax, cx
	and	ax, 31
	mov	dx, bp
	and	dx, 31
	cmp	byte [mode_info + 25], 16
	je	.565
	shl	ax, 10
	shl	dx, 5
	jmp	.blue
.565:	shl	ax, 11
	shl	dx, 6
.blue:	or	ax, dx
	mov	dx, cx
	shr	dx, 5
	and	dx, 31
	or	ax, dx
.ret:	ret

; ---- INT 10h ------------------------------------------------------------------------------------

; [width] and [height] of the BIOS's graphics mode.
size:	movzx	bx, byte [mode]
	shl	bx, 2
	mov	ax, [sizes + bx]
	mov	[width], ax
	mov	ax, [sizes + bx + 2]
	mov	[height], ax
	ret

; A frame, two diagonals, a band of all colours, and a line of text, all by the BIOS.
bios_pattern:
	mov	dx, 0x0102		; the text: row 1, column 2
	mov	ah, 2
	xor	bh, bh
	int	0x10
	mov	si, words
.text:	lodsb
	test	al, al
	jz	.lines
	mov	ah, 0x0e
	mov	bl, [frame]
	xor	bh, bh
	int	0x10
	jmp	.text
.lines:	xor	dx, dx			; y
.row:	xor	cx, cx			; x
.point:	call	bios_colour
	js	.none
	mov	ah, 0x0c
	xor	bh, bh
	int	0x10
.none:	inc	cx
	cmp	cx, [width]
	jb	.point
	inc	dx
	cmp	dx, [height]
	jb	.row
	ret

; AL = the colour at CX, DX; sign: none.
bios_colour:
	mov	al, [frame]
	jcxz	.yes
	test	dx, dx
	jz	.yes
	mov	bx, [width]
	dec	bx
	cmp	cx, bx
	je	.yes
	mov	bx, [height]
	dec	bx
	cmp	dx, bx
	je	.yes
	cmp	cx, dx
	je	.yes
	mov	bx, cx
	add	bx, dx
	cmp	bx, [width]
	je	.yes
	mov	ax, dx			; the band: lines 64 to 127
	shr	ax, 6
	dec	ax
	jnz	.no
	push	dx
	movzx	ax, byte [colours]
	test	al, al
	jnz	.few
	mov	ax, 256
.few:	mul	cx
	div	word [width]
	pop	dx
.yes:	xor	ah, ah
	ret
.no:	or	ah, -1
	ret

; All characters with all attributes, by their places; no blinking, no cursor.
text_pattern:
	mov	ax, 0x1003
	xor	bx, bx
	int	0x10
	mov	ah, 1
	mov	cx, 0x2000
	int	0x10
	mov	ax, 0xb800
	cmp	byte [mode], 7
	jne	.colour
	mov	ax, 0xb000
.colour:
	mov	es, ax
	xor	ax, ax
	mov	ds, ax
	mov	al, [0x44a]
	mov	bl, [0x484]
	inc	bl
	mul	bl
	mov	cx, ax
	xor	di, di
	xor	bx, bx
.cell:	mov	al, bl
	mov	ah, bl
	rol	ah, 3
	add	ah, bh
	stosw
	inc	bx
	loop	.cell
	ret

; ---- Mode X ---------------------------------------------------------------------------------------

; Planes instead of chains of four, and bytes instead of doublewords; all memory cleared.
unchain:
	mov	dx, 0x3c4
	mov	ax, 0x0604
	out	dx, ax
	mov	ax, 0x0f02
	out	dx, ax
	mov	ax, 0xa000
	mov	es, ax
	xor	di, di
	xor	ax, ax
	mov	cx, 0x8000
	rep stosw
	mov	dx, 0x3d4
	mov	ax, 0x0014
	out	dx, ax
	mov	ax, 0xe317
	out	dx, ax
	ret

planes_pattern:
	mov	bl, 0			; plane
.plane:	mov	cl, bl
	mov	ah, 1
	shl	ah, cl
	mov	al, 2
	mov	dx, 0x3c4
	out	dx, ax
	xor	di, di
	xor	dx, dx			; y
.row:	xor	cx, cx			; x / 4
.byte:	mov	ax, cx
	shl	ax, 2
	add	al, bl
	adc	ah, 0
	mov	bp, ax			; x
	xor	al, dl			; x ^ y
	test	dx, dx
	jz	.frame
	test	bp, bp
	jz	.frame
	push	bx
	mov	bx, [width]
	shl	bx, 2
	dec	bx
	cmp	bp, bx
	pop	bx
	je	.frame
	push	bx
	mov	bx, [height]
	dec	bx
	cmp	dx, bx
	pop	bx
	jne	.put
.frame:	mov	al, 15
.put:	stosb
	inc	cx
	cmp	cx, [width]
	jb	.byte
	inc	dx
	cmp	dx, [height]
	jb	.row
	inc	bl
	cmp	bl, 4
	jb	.plane
	ret

; ---- Talking --------------------------------------------------------------------------------------

say_byte:
	push	ax
	shr	al, 4
	call	.digit
	pop	ax
	and	al, 15
.digit:	add	al, '0'
	cmp	al, '9'
	jbe	.out
	add	al, 'a' - '9' - 1
.out:	out	0xe9, al
	ret

say:	lodsb
	test	al, al
	jz	.ret
	out	0xe9, al
	jmp	say
.ret:	ret

ready:	mov	al, 10
	out	0xe9, al
.wait:	mov	dx, 0x3fd
	in	al, dx
	test	al, 1
	jz	.wait
	mov	dx, 0x3f8
	in	al, dx
	ret

bios_modes:
	db	0, 1, 2, 3, 4, 5, 6, 7, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0xff
; How many colours, by mode; 0: text.  Mode 13h has 256, of which a byte says 255.
graphics:
	db	0, 0, 0, 0, 4, 4, 2, 0, 0, 0, 0, 0, 0, 16, 16, 4, 16, 2, 16, 255
sizes:	times 4 dw 0, 0
	dw	320, 200, 320, 200, 640, 200
	times 6 dw 0, 0
	dw	320, 200, 640, 200, 640, 350, 640, 350, 640, 480, 640, 480, 320, 200
words:	db	"Clearbox: all modes", 0
name_80x50:
	db	"80x50", 0
name_14:
	db	"40x28", 0
name_x:	db	"x 320x240", 0
name_400:
	db	"x 320x400", 0
name_360:
	db	"x 360x480", 0
name_end:
	db	"end", 0

; Timings: name, width / 4, height, miscellaneous output, CRTC registers.
tweaks:	dw	name_x, 80, 240
	db	0xe3
	dw	0x0d06, 0x3e07, 0x4109, 0xea10, 0xac11, 0xdf12, 0xe715, 0x0616, 0xffff
	dw	name_400, 80, 400
	db	0x63
	dw	0x4009, 0xffff
	dw	name_360, 90, 480
	db	0xe7
	dw	0x6b00, 0x5901, 0x5a02, 0x8e03, 0x5e04, 0x8a05, 0x0d06, 0x3e07, 0x4009, 0xea10, 0xac11
	dw	0xdf12, 0x2d13, 0xe715, 0x0616, 0xffff
	dw	0
end:
	times (sectors * 512) - ($ - $$) db 0
	times 1474560 - ($ - $$) db 0

	absolute 0x600
mode:	resw	1
colours:
	resb	1
frame:	resb	1
width:	resw	1
height:	resw	1
bank:	resw	1
mode_info:
	resb	256
vbe_info:
	resb	512
