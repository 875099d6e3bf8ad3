; An option ROM whose initialisation reads the top of 4 GiB, as the PCI Firmware Specification lets it:
; data segments reach everywhere then. It ends the machine with 1 (exit code 3) if the bytes there
; are the jump of the reset vector and AX is a PCI function, with 0 (exit code 1) if not.
bits 16
org 0
	db 0x55, 0xaa, 1
	jmp short start
	times 0x18 - ($ - $$) db 0
	dw 0
start:
	xor bx, bx
	mov ds, bx
	mov es, bx
	mov esi, 0xfffffff0
	cmp byte [esi], 0xea
	jne done
	cmp byte [es:esi], 0xea
	jne done
	push esp		; the stack is a real-mode one still
	pop ecx
	cmp ecx, 0x10000
	jae done
	test ax, 0xff07
	jnz done
	mov bl, 1
done:
	mov al, bl
	out 0xf4, al
	hlt
	times 511 - ($ - $$) db 0
	db 0			; the checksum
