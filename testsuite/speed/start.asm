; Where the speed guest starts in 32-bit mode, and what C cannot say: descriptor tables, interrupt
; entries, the way to ring 3 and back, the way to real mode and back.
bits 32

extern guest_main, guest_exception, clear_start, clear_end
extern page_fault_fix, irq_count
global _start, gdt_load, idt, user_run, real16_run, real16_image, real16_end, tss
global interrupt_call_loop, sysenter_loop, sysenter_entry, irq_entry, interrupt_call_entry, leave_entry
global page_fault_entry, exception_entries, segment_loop

CODE	equ 0x08
DATA	equ 0x10
UCODE	equ 0x1b
UDATA	equ 0x23
TASK	equ 0x28
CODE16	equ 0x30

section .start
_start:
	mov ax, DATA
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov fs, ax
	mov gs, ax
	mov esp, stack_top
	mov edi, clear_start
	mov ecx, clear_end
	sub ecx, edi
	shr ecx, 2
	xor eax, eax
	cld
	rep stosd
	lgdt [gdt_pointer]
	jmp CODE:.reload
.reload:
	mov eax, tss
	mov [gdt + TASK + 2], ax
	shr eax, 16
	mov [gdt + TASK + 4], al
	mov [gdt + TASK + 7], ah
	mov dword [tss + 4], ring0_top
	mov dword [tss + 8], DATA
	mov word [tss + 102], 104
	mov ax, TASK
	ltr ax
	lidt [idt_pointer]
	mov eax, cr0
	and eax, ~0x4			; an FPU of our own,
	or eax, 0x22			; with its errors as exceptions
	mov cr0, eax
	fninit
	mov eax, 1			; SSE where there is some
	cpuid
	test edx, 1 << 25
	jz .no_sse
	mov eax, cr4
	or eax, 0x600
	mov cr4, eax
.no_sse:
	movzx eax, byte [0x7c00 + 0x1b0]
	push eax
	call guest_main
.stop:	cli
	hlt
	jmp .stop

section .text
; user_run(entry, count): runs entry(count) in ring 3 until it says int 0x81; returns its eax
user_run:
	push ebp
	push ebx
	push esi
	push edi
	mov [kernel_stack], esp
	mov edx, [esp + 20]
	mov ecx, [esp + 24]
	mov ax, UDATA
	mov ds, ax
	mov es, ax
	push dword UDATA
	push dword user_top
	push dword 2
	push dword UCODE
	push edx
	iretd
leave_entry:
	mov dx, DATA
	mov ds, dx
	mov es, dx
	mov esp, [kernel_stack]
	pop edi
	pop esi
	pop ebx
	pop ebp
	ret

; ring 3: ecx system calls by interrupt
interrupt_call_loop:
	xor ebx, ebx
.next:	mov eax, ecx
	int 0x80
	add ebx, eax
	rol ebx, 1
	dec ecx
	jnz .next
	mov eax, ebx
	int 0x81

interrupt_call_entry:
	push ecx
	push edx
	push ds
	mov dx, DATA
	mov ds, dx
	inc dword [calls]
	lea eax, [eax * 2 + eax + 7]
	pop ds
	pop edx
	pop ecx
	iretd

; ring 3: ecx system calls by SYSENTER
sysenter_loop:
	xor ebx, ebx
	mov edi, ecx
	mov esi, esp
.next:	mov eax, edi
	mov edx, .back
	mov ecx, esi
	sysenter
.back:	add ebx, eax
	rol ebx, 1
	dec edi
	jnz .next
	mov eax, ebx
	int 0x81

sysenter_entry:
	inc dword [calls]
	lea eax, [eax * 4 + eax + 9]
	sysexit

; segment_loop(count): far calls, segment loads and pushes
segment_loop:
	push ebx
	mov ecx, [esp + 8]
	xor eax, eax
.next:	call CODE:.far
	push ds
	pop es
	mov dx, DATA
	mov fs, dx
	lds ebx, [pointer]
	add eax, ebx
	dec ecx
	jnz .next
	pop ebx
	ret
.far:	add eax, ecx
	retf

page_fault_entry:
	pushad
	mov eax, cr2
	push eax
	push dword [esp + 36]
	call page_fault_fix
	add esp, 8
	popad
	add esp, 4
	iretd

irq_entry:
	push eax
	push edx
	mov dx, 0x3fa
	in al, dx
	inc dword [irq_count]
	mov al, 0x20
	out 0x20, al
	pop edx
	pop eax
	iretd

; what nobody expects: number on the stack, then a report
%assign i 0
%rep 32
exception_%+i:
	push dword i
	jmp unexpected
%assign i i + 1
%endrep
unexpected:
	mov ax, DATA
	mov ds, ax
	mov es, ax
	push esp
	call guest_exception
.stop:	cli
	hlt
	jmp .stop

; real16_run(count)
real16_run:
	pushad
	mov ecx, [esp + 36]
	mov edi, 0x80000
	mov [real_stack], esp
	mov dword [edi + 8], .back
	sidt [idt_saved]
	lidt [idt_real]
	jmp CODE16:0
.back:	mov edx, eax
	mov ax, DATA
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov fs, ax
	mov gs, ax
	mov esp, [real_stack]
	lidt [idt_saved]
	mov [esp + 28], edx
	popad
	ret

section .data
align 8
gdt:	dq 0
	dq 0x00cf9a000000ffff
	dq 0x00cf92000000ffff
	dq 0x00cffa000000ffff
	dq 0x00cff2000000ffff
	dq 0x0000890000000067
	dq 0x00009a080000ffff
gdt_pointer:
	dw gdt_pointer - gdt - 1
	dd gdt
idt_pointer:
	dw 256 * 8 - 1
	dd idt
idt_real:
	dw 0x3ff
	dd 0
idt_saved:
	dw 0
	dd 0
align 4
pointer: dd 0x1234
	dw DATA
align 4
exception_entries:
%assign i 0
%rep 32
	dd exception_%+i
%assign i i + 1
%endrep
real16_image:
	incbin REAL16
real16_end:

section .bss
alignb 16
idt:	resb 256 * 8
tss:	resb 112
calls:	resd 1
kernel_stack: resd 1
real_stack: resd 1
alignb 16
	resb 65536
stack_top:
	resb 16384
ring0_top:
	resb 16384
user_top:
