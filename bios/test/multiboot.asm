; A Multiboot kernel that says on COM1 what it was given, and exits through F4h.
;   nasm -f elf32 multiboot.asm -o multiboot.o && ld.lld -m elf_i386 -Ttext 0x100000 -o multiboot multiboot.o
	bits 32
	section .text
	global _start
	align 4
header:	dd 0x1badb002, 3, -(0x1badb002 + 3)

_start:	mov esp, stack
	mov ecx, eax
	mov dx, 0x3fb
	mov al, 3
	out dx, al
	mov eax, ecx
	mov esi, text_bad
	cmp eax, 0x2badb002
	jne finish
	cmp dword [zeroes], 0
	jne finish
	mov ebp, ebx
	mov esi, text_flags
	call puts
	mov eax, [ebp]
	call puthex
	mov esi, text_upper
	call puts
	mov eax, [ebp + 8]
	call puthex
	mov esi, text_line
	call puts
	mov esi, [ebp + 16]
	call puts
	mov esi, text_map
	call puts
	mov ebx, [ebp + 48]
	mov edi, [ebp + 44]
	add edi, ebx
.map:	mov eax, [ebx + 4]
	call puthex
	mov al, '+'
	call putc
	mov eax, [ebx + 12]
	call puthex
	mov al, '='
	call putc
	mov eax, [ebx + 20]
	call puthex
	mov al, ' '
	call putc
	add ebx, [ebx]
	add ebx, 4
	cmp ebx, edi
	jb .map
	mov esi, text_module
	call puts
	mov ecx, [ebp + 20]
	jecxz .none
	mov ebx, [ebp + 24]
	mov esi, [ebx]
	mov ecx, [ebx + 4]
	sub ecx, esi
.bytes:	lodsb
	call putc
	loop .bytes
.none:	mov esi, text_ok
finish:	call puts
	mov dx, 0xf4
	mov al, 0
	out dx, al
	mov dx, 0xb004
	mov ax, 0x2001
	out dx, ax
	cli
	hlt

putc:	push edx
	push eax
	mov edx, 0x3fd
.wait:	in al, dx
	test al, 0x20
	jz .wait
	pop eax
	mov edx, 0x3f8
	out dx, al
	pop edx
	ret

puts:	lodsb
	test al, al
	jz .end
	call putc
	jmp puts
.end:	ret

puthex:	mov ecx, 8
.next:	rol eax, 4
	push eax
	and al, 15
	add al, '0'
	cmp al, '9'
	jbe .digit
	add al, 39
.digit:	call putc
	pop eax
	loop .next
	ret

	section .data
text_bad: db "no Multiboot loader", 13, 10, 0
text_flags: db "flags ", 0
text_upper: db " upper ", 0
text_line: db 13, 10, "command line ", 0
text_map: db 13, 10, "map ", 0
text_module: db 13, 10, "module ", 0
text_ok: db 13, 10, "multiboot: ok", 13, 10, 0

	section .bss
	resb 4096
stack:
zeroes:	resd 1
