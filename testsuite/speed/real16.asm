; 16-bit real-mode work, copied to 0x80000 and entered in a 16-bit protected-mode code segment of
; that base, with the count in ecx.  Returns to the far pointer at offset 8 with a checksum in eax.
bits 16
org 0

	jmp enter
	times 8 - ($ - $$) db 0
back:	dd 0
	dw 8
	times 16 - ($ - $$) db 0

enter:
	mov eax, cr0
	and al, 0xfe
	mov cr0, eax
	jmp 0x8000:real
real:
	mov ax, 0x7000
	mov ds, ax
	mov es, ax
	mov ax, 0x6000
	mov ss, ax
	mov sp, 0xfff0
	xor ebp, ebp			; the checksum
rounds:
	push ecx
	call fill
	call sort
	call text
	call sieve
	call wide
	pop ecx
	dec ecx
	jnz rounds

	mov eax, cr0
	or al, 1
	mov cr0, eax
	mov eax, ebp
	jmp far dword [cs:back]

; 256 words from a shift register
fill:
	mov ax, 0xace1
	xor ax, bp
	or ax, 1
	xor di, di
	mov cx, 256
.next:	shr ax, 1
	jnc .no
	xor ax, 0xb400
.no:	stosw
	loop .next
	ret

; insertion sort of the first 64 of them
sort:
	mov si, 2
.outer:	mov ax, [si]
	mov di, si
.inner:	mov dx, [di - 2]
	cmp dx, ax
	jbe .place
	mov [di], dx
	sub di, 2
	jnz .inner
.place:	mov [di], ax
	add si, 2
	cmp si, 128
	jb .outer
	add bp, [64]
	ret

; upper-cases a text in another segment with byte moves, counts its letters
text:
	push ds
	push es
	push cs
	pop ds
	mov ax, 0x7800
	mov es, ax
	mov si, words
	xor di, di
	xor bx, bx
.next:	lodsb
	test al, al
	jz .done
	cmp al, 'a'
	jb .store
	cmp al, 'z'
	ja .store
	sub al, 32
	inc bx
.store:	stosb
	jmp .next
.done:	les di, [cs:far_place]
	mov cx, 64
	mov al, 'Q'
	cld
	repne scasb
	add bx, cx
	rol ebp, 3
	xor bp, bx
	pop es
	pop ds
	ret

; primes below 512, one byte each
sieve:
	mov di, 1024
	mov cx, 512
	xor al, al
	rep stosb
	mov bx, 2
.next:	cmp byte [bx + 1024], 0
	jne .skip
	mov si, bx
	add si, si
.mark:	cmp si, 512
	jae .marked
	mov byte [si + 1024], 1
	add si, bx
	jmp .mark
.marked:
	inc word [2048]
.skip:	inc bx
	cmp bx, 512
	jb .next
	add bp, [2048]
	ret

; 32-bit arithmetic by 16-bit halves: multiply, divide, shifts
wide:
	mov cx, 40
	mov ax, bp
	mov dx, 1
.next:	mov bx, 0x4e6d
	push dx
	mul bx
	add ax, 12345
	adc dx, 0
	pop bx
	add dx, bx
	push ax
	mov ax, dx
	xor dx, dx
	mov bx, 251
	div bx
	mov bx, ax
	pop ax
	shl dx, 2
	xor ax, bx
	loop .next
	add bp, ax
	adc bp, dx
	ret

words:	db "the quick brown fox jumps over the lazy dog, and the dog does not mind at all", 0
far_place: dw 0, 0x7800
