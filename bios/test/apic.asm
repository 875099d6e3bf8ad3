; The APICs as a guest without an operating system meets them, in real mode: an interrupt by each
; way there is, then x2APIC mode, then without a local APIC. Ends the run through isa-debug-exit at
; F4h with 0, or with the number of the step that failed.
;
; Needs: a processor with local APIC, x2APIC mode and TSC deadline; the I/O APIC at FEC00000h.
;   nasm -f bin apic.asm -o apic.img
	cpu 586
	bits 16
	org 0x7c00

APIC equ 0xfee00000
IOAPIC equ 0xfec00000
VECTOR equ 0x60
LIMIT equ 300000000		; turns of a loop that an interrupt may take

%macro STEP 1
	mov byte [step], %1
%endmacro

start:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7c00
	mov ax, 0x0202		; the next two sectors
	mov bx, 0x7e00
	mov cx, 2
	mov dh, 0
	int 0x13
	jmp more
	times 510 - ($ - $$) db 0
	dw 0xaa55

more:	cli
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
	mov word [VECTOR * 4], handler
	mov word [VECTOR * 4 + 2], 0
	mov word [2 * 4], nmi
	mov word [2 * 4 + 2], 0
	mov al, 0xff		; the 8259s are silent
	out 0x21, al
	out 0xa1, al
	mov ebx, APIC

	STEP 1			; to itself
	mov dword [ebx + 0x300], 0x40000 + VECTOR
	call expect
	STEP 2			; NMI to itself
	mov dword [ebx + 0x310], 0
	mov dword [ebx + 0x300], 0x400
	call expect_now
	STEP 3			; a message
	mov dword [dword APIC + 0xff000], VECTOR
	call expect
	STEP 4			; the timer, awaited in a halt
	mov dword [ebx + 0x3e0], 0xb
	mov dword [ebx + 0x320], VECTOR
	mov dword [ebx + 0x380], 100000
	sti
	hlt
	cli
	call expect_now
	STEP 5			; the interval timer through the I/O APIC, twice
	mov dword [dword IOAPIC], 0x14
	mov dword [dword IOAPIC + 0x10], VECTOR
	call expect
	call expect
	mov dword [dword IOAPIC + 0x10], 0x10000
	STEP 6			; a task priority that holds it back
	mov dword [ebx + 0x80], VECTOR
	mov dword [ebx + 0x300], 0x40000 + VECTOR
	sti
	mov cx, 1000
	loop $
	cli
	cmp byte [count], 0
	jne fail
	mov dword [ebx + 0x80], 0
	call expect

	STEP 7			; x2APIC mode: its registers are MSRs
	mov ecx, 0x1b
	rdmsr
	or ah, 4
	wrmsr
	mov byte [x2apic], 1
	cmp dword [ebx + 0x30], -1
	jne fail
	mov ecx, 0x803
	rdmsr
	cmp al, 0x14
	jb fail
	STEP 8
	mov ecx, 0x83f
	mov eax, VECTOR
	xor edx, edx
	wrmsr
	call expect
	STEP 9			; a TSC deadline
	mov ecx, 0x832
	mov eax, 0x40000 + VECTOR
	xor edx, edx
	wrmsr
	rdtsc
	add eax, 100000
	adc edx, 0
	mov ecx, 0x6e0
	wrmsr
	rdmsr
	or eax, edx
	jz fail
	call expect
	mov ecx, 0x6e0
	rdmsr
	or eax, edx
	jnz fail
	STEP 10			; without a local APIC the 8259s have the processor to themselves
	mov ecx, 0x1b
	rdmsr
	and ah, 0xf3
	wrmsr
	mov eax, 1
	cpuid
	test dh, 2
	jnz fail
	mov word [8 * 4], old_timer
	mov word [8 * 4 + 2], 0
	mov al, 0xfe
	out 0x21, al
	call expect
	mov byte [step], 0

fail:	mov al, [step]
	out 0xf4, al
	hlt

; an interrupt comes, soon
expect:	sti
	mov ecx, LIMIT
.wait:	cmp byte [count], 0
	jne .came
	dec ecx
	jnz .wait
.came:	cli
expect_now:
	cmp byte [count], 1
	jne fail
	mov byte [count], 0
	ret

handler: push eax
	push ecx
	push edx
	inc byte [count]
	cmp byte [x2apic], 0
	jne .msr
	mov dword [ebx + 0xb0], 0
	jmp .done
.msr:	mov ecx, 0x80b
	xor eax, eax
	xor edx, edx
	wrmsr
.done:	pop edx
	pop ecx
	pop eax
	iret
nmi:	inc byte [count]
	iret
old_timer:
	push ax
	inc byte [count]
	mov al, 0xff		; no second one
	out 0x21, al
	mov al, 0x20
	out 0x20, al
	pop ax
	iret

	align 8
gdt:	dw 15			; the null descriptor says where the table is
	dd gdt
	dw 0
	dq 0x00cf92000000ffff
step:	db 0
count:	db 0
x2apic:	db 0
