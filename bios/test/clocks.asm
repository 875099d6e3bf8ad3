; Reads all clocks of the machine at two moments, and writes to COM1 how far each went:
;   tsc H hpet H apic H pm H pit H rtc H		(hexadecimal; rtc: TSC ticks in a second of it)
; run.sh says whether they agree. Ends the run through isa-debug-exit at F4h with 0.
;
; Needs: a processor with local APIC, and the HPET at FED00000h.
;   nasm -f bin clocks.asm -o clocks.img
	cpu 586
	bits 16
	org 0x7c00

APIC equ 0xfee00000
HPET equ 0xfed00000
SPAN equ 50000000		; TSC ticks; less than the interval timer's 55 ms
BEFORE equ 0x8000
AFTER equ 0x8020

start:	xor ax, ax
	mov ds, ax
	mov ss, ax
	mov sp, 0x7c00
	cli
	lgdt [gdt]		; DS with a limit of 4 GiB
	mov eax, cr0
	inc ax
	mov cr0, eax
	mov bx, 8
	mov ds, bx
	dec ax
	mov cr0, eax
	xor ax, ax
	mov ds, ax

	mov ebx, APIC
	or dword [ebx + 0xf0], 0x100
	mov dword [ebx + 0x320], 0x10000
	mov dword [ebx + 0x3e0], 0xb
	mov dword [ebx + 0x380], 0xffffffff
	mov dword [dword HPET + 0x10], 1
	in al, 0x61		; counter 2 runs down from FFFFh, in silence
	and al, 0xfc
	or al, 1
	out 0x61, al
	mov al, 0xb0
	out 0x43, al
	mov al, 0xff
	out 0x42, al
	out 0x42, al
	mov cx, 1000		; it is loaded with the next tick
	loop $

	mov di, BEFORE
	call clocks
.wait:	rdtsc
	sub eax, [BEFORE]
	cmp eax, SPAN
	jb .wait
	mov di, AFTER
	call clocks

	mov ax, 0x00e3		; 9600 baud, 8 bits
	xor dx, dx
	int 0x14
	mov si, names
	xor di, di
.print:	call word_out
	mov eax, [di + AFTER]
	sub eax, [di + BEFORE]
	cmp di, 8		; these count down
	je .down
	cmp di, 16
	jne .up
.down:	neg eax
.up:	call hex
	add di, 4
	cmp di, 20
	jne .print
	call second		; from the beginning of one to that of the next
	rdtsc
	mov ebp, eax
	call second
	rdtsc
	sub eax, ebp
	call word_out
	call hex
	mov al, 10
	call char
	mov al, 0
	out 0xf4, al
	hlt

; all clocks to DI; they are in the order of names
clocks:	rdtsc
	mov [di], eax
	mov eax, [dword HPET + 0xf0]
	mov [di + 4], eax
	mov eax, [dword APIC + 0x390]
	mov [di + 8], eax
	mov dx, 0x608
	in eax, dx
	mov [di + 12], eax
	mov al, 0x80
	out 0x43, al
	in al, 0x42
	mov ah, al
	in al, 0x42
	xchg al, ah
	movzx eax, ax
	mov [di + 16], eax
	ret

; waits for the real-time clock's seconds to change
second:	call rtc
	mov bl, al
.same:	call rtc
	cmp al, bl
	je .same
	ret
rtc:	mov al, 0
	out 0x70, al
	in al, 0x71
	ret

word_out: lodsb
	or al, al
	jz .done
	call char
	jmp word_out
.done:	ret
hex:	mov cx, 8
.digit:	rol eax, 4
	push ax
	and al, 15
	cmp al, 10
	sbb al, 0x69
	das
	call char
	pop ax
	loop .digit
	mov al, ' '
char:	push ax
	mov dx, 0x3fd
.full:	in al, dx
	test al, 0x20
	jz .full
	pop ax
	mov dx, 0x3f8
	out dx, al
	ret

names:	db 'tsc ', 0, 'hpet ', 0, 'apic ', 0, 'pm ', 0, 'pit ', 0, 'rtc ', 0
	align 8
gdt:	dw 15			; the null descriptor says where the table is
	dd gdt
	dw 0
	dq 0x00cf92000000ffff
	times 510 - ($ - $$) db 0
	dw 0xaa55
