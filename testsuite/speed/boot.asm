; The boot sector of the speed guest's disk: loads what follows it to 0x10000, goes to 32-bit
; protected mode and jumps there.  Byte 0x1b0 of the sector says which workload to run.
bits 16
org 0x7c00

	jmp 0:start
start:
	cli
	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7c00
	sti
	mov [drive], dl
	mov cx, SECTORS
next:
	mov si, packet
	mov ah, 0x42
	mov dl, [drive]
	push cx
	int 0x13
	pop cx
	jc failed
	add word [where], 0x20
	inc dword [block]
	loop next

	cli
	in al, 0x92
	or al, 2
	and al, 0xfe
	out 0x92, al
	lgdt [gdt_pointer]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword 8:0x10000

failed:
	mov al, '!'
	out 0xe9, al
	hlt
	jmp failed

align 4
packet:	db 16, 0
	dw 1
	dw 0
where:	dw 0x1000
block:	dd 1, 0
drive:	db 0

align 8
gdt:	dq 0
	dq 0x00cf9a000000ffff
	dq 0x00cf92000000ffff
gdt_pointer:
	dw gdt_pointer - gdt - 1
	dd gdt

	times 0x1b0 - ($ - $$) db 0
	db 0				; the workload
	times 510 - ($ - $$) db 0
	dw 0xaa55
