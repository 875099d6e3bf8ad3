; A boot sector that has itself loaded again by INT 19h until it has said "again" three times.
;   nasm -f bin again.asm -o again.img
	bits 16
	org 0x7c00
	xor ax, ax
	mov ds, ax
	cld
	mov dx, 0x3fb
	mov al, 3
	out dx, al
	mov si, text
.next:	mov dx, 0x3fd
.wait:	in al, dx
	test al, 0x40		; all sent: what follows may end the run
	jz .wait
	lodsb
	mov dx, 0x3f8
	test al, al
	jz .said
	out dx, al
	jmp .next
.said:	inc byte [0x4f0]	; the area for talk between programs
	cmp byte [0x4f0], 3
	je .end
	int 0x19
.end:	mov dx, 0xf4
	out dx, al
	hlt
text:	db "again", 10, 0
	times 510 - ($ - $$) db 0
	dw 0xaa55
	times 1474560 - ($ - $$) db 0
