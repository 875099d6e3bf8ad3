; A guest that never ends and that everything is seen in: memory, disk, keyboard, serial port, timer
; interrupts and halts all go into one number, and that goes back into all of them.
; Boots from a floppy; writes to the hard disk 80h.
	cpu 386
	bits 16
	org 0x7c00

start:	jmp 0:.here
.here:	xor ax, ax
	mov ds, ax
	mov ss, ax
	mov sp, 0x7c00
	mov ax, 0x2000
	mov es, ax
	sti
	mov ebp, 12345

again:	imul ebp, ebp, 1664525
	add ebp, 1013904223
	mov eax, ebp
	shr eax, 12
	mov di, ax
	and di, -4			; anywhere in 64 KiB ...
	and eax, 0x00060000
	shr eax, 4
	add ax, 0x2000			; ... of four
	mov es, ax
	add [es:di], ebp
marker:	inc dword [counter]
	mov eax, [counter]
	test ax, 0xff
	jnz again
	add ebp, [0x46c]		; ticks of the timer
	mov ah, 1			; a key?
	int 0x16
	jz .serial
	mov ah, 0
	int 0x16
	add ebp, eax
	call putc
	inc dword [keys]
.serial:
	mov dx, 0x3fd
	in al, dx
	test al, 1
	jz .disk
	mov dx, 0x3f8
	in al, dx
	movzx eax, al
	add ebp, eax
	add [bytes], eax
	inc al
	call putc
.disk:	test word [counter], 0x3fff
	jnz again
	mov al, '.'
	call putc
	mov ax, 0x0301			; a sector from memory to disk ...
	call disk
	mov ax, 0x0201			; ... and another one the other way
	call disk
	add ebp, [es:bx + 16]
	hlt
	jmp again

; AX: function and sectors.  The place in memory and on disk follow from EBP.
disk:	imul ebp, ebp, 1664525
	add ebp, 1013904223
	mov ecx, ebp
	shr ecx, 20
	and cx, 31
	inc cx
	mov ebx, ebp
	shr ebx, 8
	and bx, 0x7e00
	push ax
	mov ax, 0x2000
	mov es, ax
	pop ax
	mov dx, 0x80
	int 0x13
	ret

putc:	push dx
	push ax
	mov dx, 0x3fd
.wait:	in al, dx
	test al, 0x20
	jz .wait
	pop ax
	mov dx, 0x3f8
	out dx, al
	pop dx
	ret

	align 4
counter: dd 0
keys:	dd 0
bytes:	dd 0
	times 510 - ($ - $$) db 0
	dw 0xaa55
