; Where the speed guest starts when it is one of 64 bits, and what C cannot say: the way to long mode,
; descriptor tables, interrupt entries, the way to ring 3 and back.
bits 32

extern guest_main, guest_exception, clear_start, clear_end
extern page_fault_fix, irq_count
global _start, idt, boot_pml4, user_run, processes
global interrupt_call_loop, interrupt_call_entry, syscall_loop, syscall_entry, yield_loop, yield_entry
global compatibility_loop, irq_entry, leave_entry, page_fault_entry, exception_entries, segment_loop

CODE	equ 0x08			; SYSCALL and SYSRET want this order
DATA	equ 0x10
UCODE32	equ 0x1b
UDATA	equ 0x23
UCODE	equ 0x2b
TASK	equ 0x30

section .start
_start:
	mov ax, DATA
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov esp, stack_top
	mov edi, clear_start
	mov ecx, clear_end
	sub ecx, edi
	shr ecx, 2
	xor eax, eax
	cld
	rep stosd
	; the first GiB in pages of 2 MiB
	mov dword [boot_pml4], boot_pdpt + 7
	mov dword [boot_pdpt], boot_directory + 7
	mov edi, boot_directory
	mov eax, 0x87
.page:	mov [edi], eax
	add edi, 8
	add eax, 0x200000
	cmp eax, 0x40000000
	jb .page
	mov eax, 0x620			; PAE, FXSR, SSE
	mov cr4, eax
	mov eax, boot_pml4
	mov cr3, eax
	mov ecx, 0xc0000080		; SYSCALL, long mode, no-execute
	rdmsr
	or eax, 0x901
	wrmsr
	mov eax, 0x80010033		; an FPU of our own, with its errors as exceptions
	mov cr0, eax
	lgdt [gdt_pointer]
	jmp CODE:long_mode

bits 64
default rel
long_mode:
	xor eax, eax
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov ss, ax
	mov rsp, stack_top
	mov rax, tss
	mov [gdt + TASK + 2], ax
	shr rax, 16
	mov [gdt + TASK + 4], al
	mov [gdt + TASK + 7], ah
	mov rax, ring0_top
	mov [tss + 4], rax
	mov word [tss + 102], 104
	mov ax, TASK
	ltr ax
	lidt [idt_pointer]
	fninit
	mov eax, 1			; AVX where there is some
	cpuid
	and ecx, 1 << 28 | 1 << 26
	cmp ecx, 1 << 28 | 1 << 26
	jne .no_avx
	mov rax, cr4
	or eax, 0x40000
	mov cr4, rax
	xor ecx, ecx
	xor edx, edx
	mov eax, 7
	xsetbv
.no_avx:
	movzx edi, byte [abs 0x7c00 + 0x1b0]
	call guest_main
.stop:	cli
	hlt
	jmp .stop

section .text
; user_run(entry, count): runs entry(count) in ring 3 until it says int 0x81; returns its eax
user_run:
	push rbp
	push rbx
	push r12
	push r13
	push r14
	push r15
	mov [kernel_stack], rsp
	mov ecx, esi
	push UDATA
	mov rax, user_top
	push rax
	push 2
	push UCODE
	push rdi
	iretq
leave_entry:
	mov rsp, [kernel_stack]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbx
	pop rbp
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
	push rcx
	push rdx
	swapgs
	inc dword [calls]
	lea eax, [rax * 2 + rax + 7]
	swapgs
	pop rdx
	pop rcx
	iretq

; ring 3: ecx system calls by SYSCALL
syscall_loop:
	mov r12d, ecx
	xor ebx, ebx
.next:	mov eax, r12d
	syscall
	add ebx, eax
	rol ebx, 1
	dec r12d
	jnz .next
	mov eax, ebx
	int 0x81

syscall_entry:
	swapgs
	mov [user_stack], rsp
	mov rsp, ring0_top
	push qword [user_stack]
	push rcx
	push r11
	push rdi
	inc dword [calls]
	lea eax, [rax * 4 + rax + 9]
	pop rdi
	pop r11
	pop rcx
	pop rsp
	swapgs
	o64 sysret

; ring 3: two processes that hand the CPU to each other ecx times; the second begins at .second
yield_loop:
	mov r12d, ecx
	xor ebx, ebx
	mov rdx, .second
	mov r8, user_top - 8192
	mov r9, second_kernel
	mov eax, 1
	syscall
.next:	xor eax, eax
	movd xmm0, r12d
	syscall
	movd ecx, xmm0
	add ebx, ecx
	add ebx, [user_word]
	rol ebx, 1
	dec r12d
	jnz .next
	mov eax, ebx
	int 0x81
.second:
	mov r12d, 77
.again:	imul r12d, r12d, 69069
	mov [user_word], r12d
	movd xmm0, r12d
	xor eax, eax
	syscall
	movd r13d, xmm0
	cmp r13d, r12d
	je .again
	ud2

; eax 1: makes the second process, to begin at rdx with stack r8, its kernel's stack ending at r9;
; eax 0: the other process's turn
yield_entry:
	swapgs
	mov [user_stack], rsp
	mov rsp, [current_top]
	push qword [user_stack]
	push rcx
	push r11
	test eax, eax
	jnz .make
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov rsi, [current]
	mov rdi, rsi
	mov rax, processes
	mov rcx, processes + 544
	cmp rdi, rax
	cmove rax, rcx
	mov rdi, rax
	mov [current], rdi
	fxsave64 [rsi + 32]
	mov [rsi], rsp
	mov rsp, [rdi]
	mov rax, [rdi + 8]
	mov cr3, rax
	mov rcx, [rdi + 24]
	mov [current_top], rcx
	mov ecx, 0xc0000100
	mov eax, [rdi + 16]
	mov edx, [rdi + 20]
	wrmsr
	fxrstor64 [rdi + 32]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
.leave:	pop r11
	pop rcx
	pop rsp
	swapgs
	o64 sysret
.make:	mov rax, processes
	mov [current], rax
	mov rcx, [current_top]
	mov [rax + 24], rcx
	add rax, 544
	mov [rax + 24], r9
	fxsave64 [rax + 32]
	mov [r9 - 8], r8		; what the other's turn pops
	mov [r9 - 16], rdx
	mov qword [r9 - 24], 2
	sub r9, 72
	mov [rax], r9
	jmp .leave

; ring 3: ecx calls of 32-bit code
compatibility_loop:
	mov r12d, ecx
	xor ebx, ebx
.next:	mov eax, r12d
	call far dword [pointer32]
	add ebx, eax
	rol ebx, 1
	dec r12d
	jnz .next
	mov eax, ebx
	int 0x81
bits 32
code32:	push ebx
	mov ecx, 4
.next:	lea eax, [eax + eax * 2 + 1]
	dec ecx
	jnz .next
	pop ebx
	retf
bits 64

; segment_loop(count): far returns, IRETQ, segment loads, bases
segment_loop:
	push rbx
	mov r8d, edi
	xor ebx, ebx
.next:	push CODE
	lea rax, [.far]
	push rax
	o64 retf
.far:	mov rdx, rsp
	push 0
	push rdx
	pushfq
	push CODE
	lea rax, [.back]
	push rax
	iretq
.back:	mov edx, DATA
	mov es, edx
	mov fs, edx
	mov ecx, 0xc0000100
	mov eax, r8d
	xor edx, edx
	wrmsr
	rdmsr
	add ebx, eax
	mov rax, cr0
	add ebx, eax
	dec r8d
	jnz .next
	xor edx, edx
	mov es, edx
	mov fs, edx
	mov eax, ebx
	pop rbx
	ret

page_fault_entry:
	push rax
	push rcx
	push rdx
	push rsi
	push rdi
	push r8
	push r9
	push r10
	push r11
	mov rsi, cr2
	mov rdi, [rsp + 72]
	call page_fault_fix
	pop r11
	pop r10
	pop r9
	pop r8
	pop rdi
	pop rsi
	pop rdx
	pop rcx
	pop rax
	add rsp, 8
	iretq

irq_entry:
	push rax
	push rdx
	mov dx, 0x3fa
	in al, dx
	inc dword [irq_count]
	mov al, 0x20
	out 0x20, al
	pop rdx
	pop rax
	iretq

; what nobody expects: number on the stack, then a report
%assign i 0
%rep 32
exception_%+i:
	push i
	jmp unexpected
%assign i i + 1
%endrep
unexpected:
	mov rdi, rsp
	and rsp, -16
	call guest_exception
.stop:	cli
	hlt
	jmp .stop

section .data
align 8
gdt:	dq 0
	dq 0x00af9a000000ffff
	dq 0x00cf92000000ffff
	dq 0x00cffa000000ffff
	dq 0x00cff2000000ffff
	dq 0x00affa000000ffff
	dq 0x0000890000000067, 0
gdt_pointer:
	dw gdt_pointer - gdt - 1
	dq gdt
idt_pointer:
	dw 256 * 16 - 1
	dq idt
align 8
pointer32:
	dd code32
	dw UCODE32
align 8
current_top: dq ring0_top
exception_entries:
%assign i 0
%rep 32
	dq exception_%+i
%assign i i + 1
%endrep

section .bss
alignb 4096
boot_pml4: resb 4096
boot_pdpt: resb 4096
boot_directory: resb 4096
idt:	resb 256 * 16
tss:	resb 112
kernel_stack: resq 1
user_stack: resq 1
current: resq 1
calls:	resd 1
user_word: resd 1
alignb 16
processes: resb 2 * 544
alignb 16
	resb 65536
stack_top:
	resb 16384
ring0_top:
	resb 16384
second_kernel:
	resb 16384
user_top:
