; Calls the BIOS's services from real mode and checks what comes back. Boots from a floppy; writes
; one line a failure to COM1, then "services: N checks, M failures", and ends the run through
; isa-debug-exit at F4h with 0 or 1, or by switching off where that is not there.
;
; Needs: the floppy this is on (writable, 1.44 MiB), a hard disk of any size as 80h.
;   nasm -f bin services.asm -o services.img
	cpu 386
	bits 16
	org 0x7c00

SECTORS equ 35
BUFFER equ 0x2000		; segment for data

start:	jmp 0:.here
.here:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7c00
	mov [boot_drive], dl
	mov si, 3
.retry:	mov ax, 0x0200 | 17	; the rest of track 0, head 0
	mov bx, 0x7e00
	mov cx, 0x0002
	mov dh, 0
	mov dl, [boot_drive]
	int 0x13
	jnc .more
	dec si
	jnz .retry
	jmp $
.more:	mov ax, 0x0200 | (SECTORS - 18)
	mov bx, 0x7e00 + 17 * 512
	mov cx, 0x0001
	mov dh, 1
	mov dl, [boot_drive]
	int 0x13
	jc $
	jmp main
boot_drive: db 0
	times 510 - ($ - $$) db 0
	dw 0xaa55

; ---- saying what happened ----

checks:	dw 0
failures: dw 0

; putc: AL to COM1
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

puts:	lodsb
	test al, al
	jz .end
	call putc
	jmp puts
.end:	ret

puthex:	push cx
	mov cx, 4
.next:	rol ax, 4
	push ax
	and al, 15
	add al, '0'
	cmp al, '9'
	jbe .digit
	add al, 39
.digit:	call putc
	pop ax
	loop .next
	pop cx
	ret

putdec:	push bx
	push dx
	xor dx, dx
	mov bx, 10
	div bx
	test ax, ax
	jz .last
	call putdec
.last:	mov al, dl
	add al, '0'
	call putc
	pop dx
	pop bx
	ret

; AX = got, BX = wanted, SI = name
compare:
	inc word [cs:checks]
	cmp ax, bx
	je .good
	inc word [cs:failures]
	push ds
	push ax
	xor ax, ax
	mov ds, ax
	call puts
	mov al, ':'
	call putc
	mov al, ' '
	call putc
	pop ax
	call puthex
	mov al, ' '
	call putc
	mov ax, bx
	call puthex
	mov al, 13
	call putc
	mov al, 10
	call putc
	pop ds
.good:	ret

%macro EXPECT 3			; name, got (16 bit), wanted
	pushf
	pusha
%ifidn %2, cf
	mov ax, 0
	adc ax, 0
%elifidn %2, zf
	mov ax, 0
	jnz %%clear
	inc ax
%%clear:
%else
	mov ax, %2
%endif
	mov bx, %3
	mov si, %%name
	call compare
	popa
	popf
	jmp %%over
%%name:	db %1, 0
%%over:
%endmacro

%macro EXPECT8 3		; name, got (8-bit register or memory), wanted
	pushf
	pusha
	mov al, %2
	mov ah, 0
	mov bl, %3
	mov bh, 0
	mov si, %%name
	call compare
	popa
	popf
	jmp %%over
%%name:	db %1, 0
%%over:
%endmacro

main:	mov dx, 0x3fb
	mov al, 0x83
	out dx, al
	mov dx, 0x3f8
	mov al, 1
	out dx, al
	inc dx
	mov al, 0
	out dx, al
	mov dx, 0x3fb
	mov al, 3
	out dx, al

; ---- registers survive, flags come back through the frame ----
	mov eax, 0x12340200
	mov ebx, 0x11111111
	mov ecx, 0x22222222
	mov edx, 0x33330000
	mov esi, 0x44444444
	mov edi, 0x55555555
	mov ebp, 0x66666666
	mov bh, 0
	int 0x10
	EXPECT "EBX high", bx, 0x0011
	shr ecx, 16
	EXPECT "ECX high", cx, 0x2222
	EXPECT "ESI", si, 0x4444
	EXPECT "EBP", bp, 0x6666
	shr eax, 16
	EXPECT "EAX high", ax, 0x1234
	std
	mov ah, 0x12
	int 0x16
	pushf
	pop ax
	and ax, 0x0400
	cld
	EXPECT "DF kept", ax, 0x0400
	cli
	mov ah, 0x02
	int 0x16
	pushf
	pop ax
	sti
	and ax, 0x0200
	EXPECT "IF kept", ax, 0

; ---- INT 11h, 12h, 15h ----
	int 0x12
	EXPECT "INT 12h", ax, [0x413]
	int 0x11
	and ax, 0x0037
	EXPECT "INT 11h", ax, 0x0027
	mov ah, 0x88
	int 0x15
	EXPECT "1588 cf", cf, 0
	mov bx, ax
	cmp bx, 1024
	mov ax, 0
	adc ax, 0
	EXPECT "1588 more than 1 MiB", ax, 0
	mov ax, 0xe801
	int 0x15
	EXPECT "E801 cf", cf, 0
	EXPECT "E801 cx", cx, ax
	mov ah, 0xc0
	int 0x15
	EXPECT "15C0 cf", cf, 0
	EXPECT "15C0 model", [es:bx + 2], 0x00fc
	push ds
	pop es
	mov ah, 0xc1
	int 0x15
	EXPECT "15C1 cf", cf, 0
	mov bx, es
	EXPECT "15C1 es", bx, [0x40e]
	push ds
	pop es
	mov ah, 0x4f
	mov al, 0x1e
	stc
	int 0x15
	EXPECT "154F cf", cf, 1
	EXPECT "154F al", ax, 0x4f1e
	mov ah, 0x99
	int 0x15
	EXPECT "15 unknown cf", cf, 1
	EXPECT8 "15 unknown ah", ah, 0x86
	; memory map: walk it, adding up the usable part below 1 MiB
	xor ebx, ebx
	mov word [total], 0
	mov word [entries], 0
.e820:	mov eax, 0xe820
	mov edx, 0x534d4150
	mov ecx, 20
	mov di, mapentry
	int 0x15
	jc .e820_end
	inc word [entries]
	cmp eax, 0x534d4150
	jne .e820_end
	cmp dword [mapentry + 16], 1
	jne .e820_next
	cmp dword [mapentry], 0
	jne .e820_next
	mov eax, [mapentry + 8]
	shr eax, 10
	mov [total], ax
.e820_next:
	test ebx, ebx
	jz .e820_end
	cmp word [entries], 40
	jb .e820
.e820_end:
	EXPECT "E820 low RAM", [total], [0x413]
	mov ax, [entries]
	cmp ax, 4
	mov ax, 0
	adc ax, 0
	EXPECT "E820 entries", ax, 0
	; A20
	mov ax, 0x2403
	int 0x15
	EXPECT "2403 cf", cf, 0
	mov ax, 0x2402
	int 0x15
	EXPECT8 "2402 al", al, 1
	mov ax, 0x2400
	int 0x15
	mov ax, 0xffff
	mov es, ax
	mov word [0x500], 0x1234
	mov word [es:0x510], 0x4321
	EXPECT "A20 off", [0x500], 0x4321
	mov ax, 0x2401
	int 0x15
	mov word [es:0x510], 0x5678
	EXPECT "A20 on", [0x500], 0x4321
	push ds
	pop es
	; block move to 2 MiB and back
	mov si, pattern
	mov dword [gdt + 0x12], pattern
	mov byte [gdt + 0x15], 0x93
	mov dword [gdt + 0x1a], 0x00200000
	mov byte [gdt + 0x1d], 0x93
	mov word [gdt + 0x10], 0xffff
	mov word [gdt + 0x18], 0xffff
	mov si, gdt
	mov cx, 8
	mov ah, 0x87
	int 0x15
	EXPECT "1587 cf", cf, 0
	EXPECT8 "1587 ah", ah, 0
	mov dword [gdt + 0x12], 0x00200000
	mov byte [gdt + 0x15], 0x93
	mov dword [gdt + 0x1a], copied
	mov byte [gdt + 0x1d], 0x93
	mov si, gdt
	mov cx, 8
	mov ah, 0x87
	int 0x15
	mov si, pattern
	mov di, copied
	mov cx, 16
	repe cmpsb
	EXPECT "1587 there and back", cx, 0
	; to protected mode and back
	in al, 0x21
	mov [masks], al
	in al, 0xa1
	mov [masks + 1], al
	mov si, table89
	mov bx, 0x0870
	mov ah, 0x89
	int 0x15
	setc [flag]
	smsw cx
	mov dx, cs
	mov eax, cr0
	and al, 0xfe
	mov cr0, eax
	jmp 0:.real
.real:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	lidt [real_idt]
	mov al, [masks]
	out 0x21, al
	mov al, [masks + 1]
	out 0xa1, al
	sti
	and cx, 1
	EXPECT8 "1589 cf", [flag], 0
	EXPECT "1589 protected", cx, 1
	EXPECT "1589 cs", dx, 0x30
	; ROM is not to be written
	mov ax, 0xf000
	mov es, ax
	mov ax, [es:0xfff0]
	not word [es:0xfff0]
	EXPECT "BIOS is read-only", [es:0xfff0], ax
	mov ax, 0xc000
	mov es, ax
	not word [es:0]
	EXPECT "VGA BIOS is read-only", [es:0], 0xaa55
	push ds
	pop es
	; waits: 86h for 20 ms by the tick count's order, 83h sets a flag
	mov byte [flag], 0
	mov ax, 0x8300
	mov bx, flag
	mov cx, 0
	mov dx, 10000
	int 0x15
	EXPECT "1583 cf", cf, 0
	mov cx, 0
	mov dx, 30000
	mov ah, 0x86
	int 0x15
	EXPECT "1586 while waiting", cf, 1
	mov cx, 0
.wait83: hlt
	test byte [flag], 0x80
	jnz .got83
	loop .wait83
.got83:	EXPECT8 "1583 flag", [flag], 0x80
	mov eax, [0x46c]
	mov [tick0], eax
	mov cx, 3
	mov dx, 0
	mov ah, 0x86
	int 0x15
	EXPECT "1586 cf", cf, 0
	mov eax, [0x46c]
	sub eax, [tick0]
	cmp ax, 3
	mov bx, 0
	adc bx, 0
	EXPECT "1586 long enough", bx, 0

; ---- INT 1Ah ----
	mov ah, 0
	int 0x1a
	mov [tick0], dx
	mov cx, 0
.tick:	hlt
	mov ah, 0
	push cx
	int 0x1a
	pop cx
	cmp dx, [tick0]
	jne .ticked
	loop .tick
.ticked:
	mov ax, 0
	cmp dx, [tick0]
	EXPECT "1A00 moves", zf, 0
	mov ah, 0x02
	int 0x1a
	EXPECT "1A02 cf", cf, 0
	mov ah, 0x04
	int 0x1a
	EXPECT "1A04 cf", cf, 0
	EXPECT8 "1A04 century", ch, 0x20
	mov ah, 0x03
	mov cx, 0x1234
	mov dx, 0x5600
	int 0x1a
	mov ah, 0x02
	int 0x1a
	EXPECT "1A03 time", cx, 0x1234
	mov ax, 0xb101
	mov edi, 0
	int 0x1a
	EXPECT "B101 cf", cf, 0
	EXPECT "B101 'PC'", dx, 0x4350
	mov ax, 0xb102
	mov cx, 0x7000
	mov dx, 0x8086
	mov si, 0
	int 0x1a
	EXPECT "B102 cf", cf, 0
	EXPECT "B102 PIIX3", bx, 0x0008
	mov ax, 0xb103
	mov ecx, 0x060000
	mov si, 0
	int 0x1a
	EXPECT "B103 host bridge", bx, 0
	mov ax, 0xb109
	mov bx, 0
	mov di, 2
	int 0x1a
	EXPECT "B109", cx, 0x1237
	mov ax, 0xb10a
	mov bx, 0
	mov di, 1
	int 0x1a
	EXPECT8 "B10A bad register", ah, 0x87
	mov ax, 0xb102
	mov cx, 0x1111
	mov dx, 0x2222
	mov si, 0
	int 0x1a
	EXPECT8 "B102 none", ah, 0x86

; ---- INT 16h ----
	mov cx, 0x1e61
	mov ah, 0x05
	int 0x16
	EXPECT8 "1605 al", al, 0
	mov ah, 0x01
	int 0x16
	EXPECT "1601 zf", zf, 0
	EXPECT "1601 ax", ax, 0x1e61
	mov ah, 0x00
	int 0x16
	EXPECT "1600 ax", ax, 0x1e61
	mov ah, 0x01
	int 0x16
	EXPECT "1601 empty", zf, 1
	mov cx, 0x4be0		; a grey key: plain calls see 4B00h
	mov ah, 0x05
	int 0x16
	mov ah, 0x11
	int 0x16
	EXPECT "1611 grey", ax, 0x4be0
	mov ah, 0x00
	int 0x16
	EXPECT "1600 grey", ax, 0x4b00
	mov cx, 0x8500		; F11: only for 10h
	mov ah, 0x05
	int 0x16
	mov cx, 0x3920
	mov ah, 0x05
	int 0x16
	mov ah, 0x00
	int 0x16
	EXPECT "1600 drops F11", ax, 0x3920
	; sixteen places, fifteen usable
	mov bp, 0
.fill:	mov cx, 0x1e61
	mov ah, 0x05
	int 0x16
	test al, al
	jnz .full
	inc bp
	cmp bp, 40
	jb .fill
.full:	EXPECT "1605 capacity", bp, 15
.drain:	mov ah, 0x01
	int 0x16
	jz .drained
	mov ah, 0
	int 0x16
	jmp .drain
.drained:
	mov ah, 0x09
	int 0x16
	and al, 0x20
	EXPECT8 "1609", al, 0x20

; ---- INT 10h, text ----
	mov ax, 0x0003
	int 0x10
	mov ah, 0x0f
	int 0x10
	EXPECT "0F ax", ax, 0x5003
	EXPECT8 "0F page", bh, 0
	mov ax, 0x0200
	mov bx, 0
	mov dx, 0x0510
	int 0x10
	mov ax, 0x0941
	mov bx, 0x001e
	mov cx, 3
	int 0x10
	mov ax, 0xb800
	mov es, ax
	EXPECT "09 cell", [es:(5 * 80 + 16) * 2], 0x1e41
	EXPECT "09 third", [es:(5 * 80 + 18) * 2], 0x1e41
	EXPECT "09 fourth", [es:(5 * 80 + 19) * 2], 0x0720
	mov ah, 0x08
	mov bh, 0
	int 0x10
	EXPECT "08", ax, 0x1e41
	mov ax, 0x0a42
	mov bx, 0x0000
	mov cx, 1
	int 0x10
	EXPECT "0A", [es:(5 * 80 + 16) * 2], 0x1e42
	mov ax, 0x0e43
	mov bx, 0
	int 0x10
	mov ah, 0x03
	mov bh, 0
	int 0x10
	EXPECT "0E moves", dx, 0x0511
	EXPECT "0E writes", [es:(5 * 80 + 16) * 2], 0x1e43
	; scroll a window up by one
	mov ax, 0x0601
	mov bh, 0x2f
	mov cx, 0x0410
	mov dx, 0x0520
	int 0x10
	EXPECT "06 moved", [es:(4 * 80 + 16) * 2], 0x1e43
	EXPECT "06 blank", [es:(5 * 80 + 16) * 2], 0x2f20
	EXPECT "06 outside", [es:(5 * 80 + 15) * 2], 0x0720
	mov ax, 0x0702
	mov bh, 0x30
	mov cx, 0x0000
	mov dx, 0x184f
	int 0x10
	EXPECT "07 moved", [es:(6 * 80 + 16) * 2], 0x1e43
	EXPECT "07 blank", [es:0], 0x3020
	; line feed at the bottom scrolls
	mov ax, 0x0200
	mov bx, 0
	mov dx, 0x1800
	int 0x10
	mov ax, 0x0e0a
	int 0x10
	EXPECT "0E scrolls", [es:(5 * 80 + 16) * 2], 0x1e43
	; pages
	mov ax, 0x0501
	int 0x10
	EXPECT "05 start", [0x44e], 0x1000
	mov ax, 0x0200
	mov bx, 0x0100
	mov dx, 0
	int 0x10
	mov ax, 0x0958
	mov bx, 0x0107
	mov cx, 1
	int 0x10
	EXPECT "09 page 1", [es:0x1000], 0x0758
	mov ax, 0x0500
	int 0x10
	; strings
	push es
	push ds
	pop es
	mov ax, 0x1301
	mov bx, 0x004e
	mov cx, 4
	mov dx, 0x0a00
	mov bp, string
	int 0x10
	pop es
	EXPECT "13 first", [es:10 * 160], 0x4e54
	mov ah, 3
	mov bh, 0
	int 0x10
	EXPECT "13 cursor", dx, 0x0a04
	; cursor shape, in the register as the 8-line cell is scaled
	mov ah, 1
	mov cx, 0x0607
	int 0x10
	mov dx, 0x3d4
	mov al, 0x0a
	out dx, al
	inc dx
	in al, dx
	EXPECT8 "01 start", al, 0x0d
	; character generator
	mov ax, 0x1130
	mov bh, 6
	int 0x10
	EXPECT "1130 height", cx, 16
	EXPECT8 "1130 rows", dl, 24
	EXPECT8 "1130 full block", [es:bp + 0xdb * 16], 0xff
	mov ax, 0x1112
	mov bl, 0
	int 0x10
	EXPECT8 "1112 rows", [0x484], 49
	EXPECT "1112 height", [0x485], 8
	mov ax, 0x0003
	int 0x10
	mov ax, 0x1a00
	int 0x10
	EXPECT "1A", bx, 0x0008
	push ds
	pop es
	mov ah, 0x1b
	mov bx, 0
	mov di, mapentry
	int 0x10
	EXPECT8 "1B al", al, 0x1b
	EXPECT8 "1B mode", [mapentry + 4], 3
	EXPECT8 "1B rows", [mapentry + 0x22], 24
	mov ah, 0x12
	mov bl, 0x10
	int 0x10
	EXPECT "12/10", bx, 0x0003
	; DAC and palette
	mov ax, 0x1010
	mov bx, 77
	mov cx, 0x1122
	mov dh, 0x33
	int 0x10
	mov cx, 0
	mov dx, 0
	mov ax, 0x1015
	mov bx, 77
	int 0x10
	EXPECT "1015 green, blue", cx, 0x1122
	EXPECT8 "1015 red", dh, 0x33
	mov ax, 0x1007
	mov bx, 0x0006
	int 0x10
	EXPECT8 "1007", bh, 0x14
	mov ax, 0x1c00
	mov cx, 7
	int 0x10
	EXPECT8 "1C00 al", al, 0x1c

	; blocks of the DAC, and saving and restoring the whole card
	mov ax, BUFFER
	mov es, ax
	mov dword [es:0], 0x04030201
	mov word [es:4], 0x0605
	mov ax, 0x1012
	mov bx, 100
	mov cx, 2
	mov dx, 0
	int 0x10
	mov ax, 0x1017
	mov bx, 100
	mov cx, 2
	mov dx, 16
	int 0x10
	EXPECT "1017 first", [es:16], 0x0201
	EXPECT "1017 last", [es:20], 0x0605
	mov ax, 0x0200
	mov bx, 0
	mov dx, 0x0709
	int 0x10
	mov ax, 0x1c01
	mov cx, 7
	mov bx, 0x100
	int 0x10
	EXPECT8 "1C01 al", al, 0x1c
	mov ax, 0x0013
	int 0x10
	mov ax, 0x1c02
	mov cx, 7
	mov bx, 0x100
	int 0x10
	EXPECT8 "1C02 al", al, 0x1c
	mov ah, 0x0f
	int 0x10
	EXPECT "1C02 mode", ax, 0x5003
	mov ah, 3
	mov bh, 0
	int 0x10
	EXPECT "1C02 cursor", dx, 0x0709
	mov ax, 0x1015
	mov bx, 101
	int 0x10
	EXPECT "1C02 DAC", cx, 0x0506
	mov dx, 0x3d4
	mov al, 0x0e
	out dx, al
	inc dx
	in al, dx
	mov ah, al
	dec dx
	mov al, 0x0f
	out dx, al
	inc dx
	in al, dx
	EXPECT "1C02 cursor registers", ax, 7 * 80 + 9
	push ds
	pop es

; ---- INT 10h, graphics: a pixel and a character in each mode ----
	mov si, gfx_modes
.mode:	lodsb
	test al, al
	jz .modes_done
	push si
	mov ah, 0
	mov [mode], al
	int 0x10
	mov ah, 0x0f
	int 0x10
	EXPECT8 "graphics mode set", al, [mode]
	mov ax, 0x0c01
	mov bx, 0
	mov cx, 101
	mov dx, 57
	int 0x10
	mov ah, 0x0d
	mov bh, 0
	mov cx, 101
	mov dx, 57
	int 0x10
	EXPECT8 "pixel", al, 1
	mov ah, 0x0d
	mov bh, 0
	mov cx, 102
	mov dx, 57
	int 0x10
	EXPECT8 "pixel beside", al, 0
	mov ax, 0x0c81
	mov bx, 0
	mov cx, 101
	mov dx, 57
	cmp byte [mode], 0x13
	je .no_xor
	int 0x10
	mov ah, 0x0d
	mov bh, 0
	mov cx, 101
	mov dx, 57
	int 0x10
	EXPECT8 "pixel xor", al, 0
.no_xor:
	mov ax, 0x0200
	mov bx, 0
	mov dx, 0x0302
	int 0x10
	mov ax, 0x0951
	mov bx, 1
	mov cx, 1
	int 0x10
	mov ah, 8
	mov bh, 0
	int 0x10
	EXPECT8 "character", al, 'Q'
	mov ax, 0x0601
	mov bh, 0
	mov cx, 0
	mov dx, 0x1827
	int 0x10
	mov ax, 0x0200
	mov bx, 0
	mov dx, 0x0202
	int 0x10
	mov ah, 8
	mov bh, 0
	int 0x10
	EXPECT8 "character scrolled up", al, 'Q'
	mov ax, 0x0702
	mov bh, 0
	mov cx, 0
	mov dx, 0x1827
	int 0x10
	mov ax, 0x0200
	mov bx, 0
	mov dx, 0x0402
	int 0x10
	mov ah, 8
	mov bh, 0
	int 0x10
	EXPECT8 "character scrolled down", al, 'Q'
	pop si
	jmp .mode
.modes_done:

; ---- VBE ----
	push ds
	pop es
	mov ax, BUFFER
	mov es, ax
	mov dword [es:0], 'VBE2'
	mov di, 0
	mov ax, 0x4f00
	int 0x10
	EXPECT "4F00", ax, 0x004f
	EXPECT "4F00 'VE'", [es:0], 'VE'
	EXPECT "4F00 version", [es:4], 0x0300
	mov di, 0x400
	mov cx, 0x111
	mov ax, 0x4f01
	int 0x10
	EXPECT "4F01", ax, 0x004f
	EXPECT "4F01 width", [es:0x412], 640
	EXPECT8 "4F01 bpp", [es:0x419], 16
	EXPECT "4F01 pitch", [es:0x410], 1280
	mov cx, 0x1ff
	mov ax, 0x4f01
	int 0x10
	EXPECT8 "4F01 no such mode", ah, 1
	mov ax, 0x4f02
	mov bx, 0x4111
	int 0x10
	EXPECT "4F02", ax, 0x004f
	mov ax, 0x4f03
	int 0x10
	EXPECT "4F03", bx, 0x4111
	mov ax, 0x4f06
	mov bx, 0
	mov cx, 1024
	int 0x10
	EXPECT "4F06", ax, 0x004f
	EXPECT "4F06 bytes", bx, 2048
	mov ax, 0x4f07
	mov bx, 0
	mov cx, 16
	mov dx, 100
	int 0x10
	EXPECT "4F07", ax, 0x004f
	mov ax, 0x4f07
	mov bx, 1
	int 0x10
	EXPECT "4F07 x", cx, 16
	EXPECT "4F07 y", dx, 100
	mov ax, 0x4f02
	mov bx, 0x0101		; banked, 256 colours
	int 0x10
	EXPECT "4F02 banked", ax, 0x004f
	mov ax, 0x4f05
	mov bx, 0
	mov dx, 3
	int 0x10
	EXPECT "4F05", ax, 0x004f
	mov ax, 0xa000
	mov fs, ax
	mov word [fs:0], 0x5aa5
	mov ax, 0x4f05
	mov bx, 0
	mov dx, 0
	int 0x10
	mov word [fs:0], 0
	mov ax, 0x4f05
	mov bx, 0
	mov dx, 3
	int 0x10
	EXPECT "4F05 banks differ", [fs:0], 0x5aa5
	mov ax, 0x4f05
	mov bx, 0x0100
	mov dx, 0
	int 0x10
	EXPECT "4F05 read", dx, 3
	mov ax, 0x4f09
	mov bx, 0
	mov cx, 1
	mov dx, 9
	push es
	push ds
	pop es
	mov di, vbe_colour
	int 0x10
	EXPECT "4F09", ax, 0x004f
	pop es
	mov ax, 0x4f08
	mov bx, 0x0800
	int 0x10
	EXPECT8 "4F08 8 bits", bh, 8
	mov ax, 0x4f15
	mov bx, 1
	mov cx, 0
	mov dx, 0
	mov di, 0x800
	int 0x10
	EXPECT "4F15", ax, 0x004f
	mov cx, 128
	mov al, 0
.edid:	add al, [es:di]
	inc di
	loop .edid
	EXPECT8 "EDID checksum", al, 0
	; the VBE state, out of and back into a mode
	mov ax, 0x4f02
	mov bx, 0x4114
	int 0x10
	mov ax, 0x4f04
	mov dx, 1
	mov cx, 15
	mov bx, 0x1000
	int 0x10
	EXPECT "4F04 save", ax, 0x004f
	mov ax, 0x0003
	int 0x10
	mov ax, 0x4f04
	mov dx, 2
	mov cx, 15
	mov bx, 0x1000
	int 0x10
	EXPECT "4F04 restore", ax, 0x004f
	mov ax, 0x4f03
	int 0x10
	EXPECT "4F04 mode", bx, 0x4114
	mov ax, 0x4f06
	mov bx, 1
	int 0x10
	EXPECT "4F04 line", bx, 1600
	mov ax, 0x0003
	int 0x10
	mov ah, 0x0f
	int 0x10
	EXPECT "back to text", ax, 0x5003
	mov ax, 0x4f03
	int 0x10
	EXPECT "4F03 in text", bx, 3

; ---- INT 13h, hard disk ----
	mov ax, BUFFER
	mov es, ax
	mov ah, 0x08
	mov dl, 0x80
	int 0x13
	EXPECT "1308 cf", cf, 0
	EXPECT8 "1308 drives", dl, [0x475]
	mov ah, 0x15
	mov dl, 0x80
	int 0x13
	EXPECT8 "1315", ah, 3
	mov ax, BUFFER
	mov es, ax
	; write two sectors, read them back by both ways
	mov cx, 1024
	mov di, 0
.dpat:	mov ax, di
	xor al, ah
	stosb
	loop .dpat
	mov ax, 0x0302
	mov bx, 0
	mov cx, 0x0003
	mov dx, 0x0080
	int 0x13
	EXPECT "1303 cf", cf, 0
	EXPECT "1303 ax", ax, 0x0002
	mov ax, 0x0202
	mov bx, 0x4000
	mov cx, 0x0003
	mov dx, 0x0080
	int 0x13
	EXPECT "1302 cf", cf, 0
	EXPECT "1302 ax", ax, 0x0002
	push ds
	push es
	pop ds
	mov si, 0
	mov di, 0x4000
	mov cx, 1024
	repe cmpsb
	pop ds
	EXPECT "1302 data", cx, 0
	mov ah, 0x41
	mov bx, 0x55aa
	mov dl, 0x80
	int 0x13
	EXPECT "1341 cf", cf, 0
	EXPECT "1341 bx", bx, 0xaa55
	mov word [dap + 2], 2
	mov word [dap + 4], 0x6000
	mov word [dap + 6], BUFFER
	mov dword [dap + 8], 2
	mov ah, 0x42
	mov dl, 0x80
	mov si, dap
	int 0x13
	EXPECT "1342 cf", cf, 0
	push ds
	push es
	pop ds
	mov si, 0
	mov di, 0x6000
	mov cx, 1024
	repe cmpsb
	pop ds
	EXPECT "1342 data", cx, 0
	; where segments end: across 1 MiB, and behind it, as DOS has its buffers there
	mov ax, 0x2401
	int 0x15
	mov word [dap + 2], 2
	mov dword [dap + 4], 0xffff0010
	mov ah, 0x42
	mov dl, 0x80
	mov si, dap
	int 0x13
	EXPECT "1342 high cf", cf, 0
	call high_differs
	EXPECT "1342 high data", cx, 0
	push es
	mov ax, 0xffff
	mov es, ax
	mov ax, 0x0202
	mov bx, 0x0410
	mov cx, 0x0003
	mov dx, 0x0080
	int 0x13
	pop es
	EXPECT "1302 high cf", cf, 0
	push es
	mov ax, 0xffff
	mov ds, ax
	mov es, ax
	mov si, 0x0010
	mov di, 0x0410
	mov cx, 1024
	repe cmpsb
	pop es
	mov ax, 0
	mov ds, ax
	EXPECT "1302 high data", cx, 0
	mov dword [dap + 8], 0xfffffff0
	mov ah, 0x42
	mov dl, 0x80
	mov si, dap
	int 0x13
	EXPECT "1342 beyond cf", cf, 1
	EXPECT "1342 beyond count", [dap + 2], 0
	mov word [mapentry], 0x1a
	mov ah, 0x48
	mov dl, 0x80
	mov si, mapentry
	int 0x13
	EXPECT "1348 cf", cf, 0
	EXPECT "1348 bytes", [mapentry + 24], 512
	mov ah, 0x02
	mov al, 1
	mov bx, 0
	mov cx, 0x0000		; sector 0 does not exist
	mov dx, 0x0080
	int 0x13
	EXPECT "1302 sector 0", cf, 1
	mov ah, 0x02
	mov al, 1
	mov cx, 0x0001
	mov dx, 0x008f
	int 0x13
	EXPECT "1302 no drive", cf, 1
	mov ah, 0x04
	mov al, 1
	mov cx, 0x0001
	mov dx, 0x0080
	int 0x13
	EXPECT "1304 cf", cf, 0
	mov ah, 0x00
	mov dl, 0x80
	int 0x13
	EXPECT "1300 cf", cf, 0

	jmp floppy_tests

; CX = 0 if the 1 KiB at FFFF:0010 is that at BUFFER:0
high_differs:
	push ds
	push es
	mov ax, BUFFER
	mov ds, ax
	mov ax, 0xffff
	mov es, ax
	mov si, 0
	mov di, 0x0010
	mov cx, 1024
	repe cmpsb
	pop es
	pop ds
	ret

floppy_tests:
; ---- INT 13h, floppy: write, read, verify, format a track ----
	mov ah, 0x08
	mov dl, 0
	int 0x13
	EXPECT "floppy 08 type", bx, 4
	EXPECT "floppy 08 geometry", cx, 0x4f12
	EXPECT8 "floppy 08 heads", dh, 1
	mov ah, 0x15
	mov dl, 0
	int 0x13
	EXPECT8 "floppy 15", ah, 2
	mov ax, BUFFER
	mov es, ax
	mov ax, 0x0302
	mov bx, 0
	mov cx, 0x2805
	mov dx, 0x0100
	int 0x13
	EXPECT "floppy 03 cf", cf, 0
	mov ax, 0x0202
	mov bx, 0x5000
	mov cx, 0x2805
	mov dx, 0x0100
	int 0x13
	EXPECT "floppy 02 ax", ax, 0x0002
	push ds
	push es
	pop ds
	mov si, 0
	mov di, 0x5000
	mov cx, 1024
	repe cmpsb
	pop ds
	EXPECT "floppy data", cx, 0
	mov ax, 0x0402
	mov cx, 0x2805
	mov dx, 0x0100
	int 0x13
	EXPECT "floppy 04 cf", cf, 0
	mov ax, 0x0201
	mov bx, 0xfff0		; over the 64 KiB line
	mov cx, 0x0001
	mov dx, 0
	int 0x13
	EXPECT8 "floppy DMA boundary", ah, 9
	mov ax, 0x0201
	mov bx, 0
	mov cx, 0x0013		; sector 19 of 18
	mov dx, 0
	int 0x13
	EXPECT "floppy no such sector", cf, 1
	; format cylinder 79 head 1
	mov cx, 18
	mov di, 0x7000
	mov al, 1
.fmt:	mov word [es:di], 0x014f
	mov [es:di + 2], al
	mov byte [es:di + 3], 2
	add di, 4
	inc al
	loop .fmt
	mov ax, 0x1800
	mov cx, 0x4f12
	mov dl, 0
	push es
	int 0x13
	pop es
	EXPECT "floppy 18 cf", cf, 0
	mov ax, 0x0512
	mov bx, 0x7000
	mov cx, 0x4f01
	mov dx, 0x0100
	int 0x13
	EXPECT "floppy 05 cf", cf, 0
	mov ax, 0x0201
	mov bx, 0x5000
	mov cx, 0x4f12
	mov dx, 0x0100
	int 0x13
	EXPECT "formatted read", cf, 0
	EXPECT "formatted filler", [es:0x5000], 0xf6f6
	mov ax, 0x0201
	mov cx, 0x0001
	mov dx, 0x0002		; drive C is no floppy
	int 0x13
	EXPECT "floppy no drive", cf, 1

; ---- INT 14h, 17h ----
	mov ah, 0x03
	mov dx, 0
	int 0x14
	and ah, 0x60
	EXPECT8 "1403", ah, 0x60
	mov ah, 0x02
	mov dx, 0
	int 0x17
	and ah, 1
	EXPECT8 "1702", ah, 0

; ---- mouse ----
	mov ax, 0xc201
	int 0x15
	EXPECT "C201 cf", cf, 0
	EXPECT8 "C201 bl", bl, 0xaa
	mov ax, 0xc205
	mov bh, 3
	int 0x15
	EXPECT "C205 cf", cf, 0
	mov ax, 0xc204
	int 0x15
	EXPECT8 "C204 id", bh, 0
	mov ax, 0xc203
	mov bh, 3
	int 0x15
	EXPECT "C203 cf", cf, 0
	mov ax, 0xc206
	mov bh, 0
	int 0x15
	EXPECT8 "C206 resolution", cl, 3
	push ds
	pop es
	mov ax, 0xc207
	mov bx, mouse
	int 0x15
	EXPECT "C207 cf", cf, 0
	mov ax, 0xc200
	mov bh, 1
	int 0x15
	EXPECT "C200 cf", cf, 0
	; a packet, put into the controller as if the mouse had sent it
	mov si, packet
	mov cx, 3
	mov bl, 0xd3
	call inject
	EXPECT "mouse driver status", [mouse_got], 0x0008
	EXPECT "mouse driver x", [mouse_got + 2], 5
	EXPECT "mouse driver y", [mouse_got + 4], 3
	EXPECT "mouse driver z", [mouse_got + 6], 0

; ---- scan codes, put into the controller as if the keyboard had sent them ----
	mov di, key_tests
.key:	cmp byte [di], 0
	je .keys_done
	movzx cx, byte [di]
	lea si, [di + 1]
	mov bl, 0xd2
	call inject
	add di, 1
	add di, cx
	mov ah, 0x11
	int 0x16
	mov bx, [di]
	jz .no_key
	mov ah, 0x10
	int 0x16
	EXPECT "key", ax, bx
	jmp .next_key
.no_key:
	EXPECT "key missing", 0, bx
.next_key:
	add di, 2
	jmp .key
.keys_done:
	; the keyboard still works after all that
	mov ah, 0x02
	int 0x16
	and al, 0x0f
	EXPECT8 "1602", al, 0

; ---- APM ----
	mov ax, 0x5300
	mov bx, 0
	int 0x15
	EXPECT "5300 bx", bx, 0x504d
	mov ax, 0x5301
	mov bx, 0
	int 0x15
	EXPECT "5301 cf", cf, 0

; ---- stack: DOS gives INT 13h less than 384 bytes ----
%macro STACK_USE 2		; name, most bytes; registers as for the interrupt in %3
	call stack_end
	mov bx, %2
	cmp ax, bx
	jbe %%fine
	mov si, %%name
	call compare
	jmp %%over
%%fine:	inc word [checks]
	jmp %%over
%%name:	db %1, 0
%%over:
%endmacro
	mov ax, BUFFER
	mov es, ax
	call stack_begin
	mov ax, 0x0201
	mov bx, 0
	mov cx, 1
	mov dx, 0x0080
	int 0x13
	STACK_USE "stack, disk read", 300
	call stack_begin
	mov ax, 0x0201
	mov bx, 0
	mov cx, 1
	mov dx, 0x0000
	int 0x13
	STACK_USE "stack, floppy read", 300
	call stack_begin
	mov ax, 0x0e0a
	mov bx, 0
	int 0x10
	STACK_USE "stack, teletype", 200
	call stack_begin
	mov ah, 1
	int 0x16
	STACK_USE "stack, key test", 100

; ---- done ----
	mov ax, [checks]
	mov si, text_services
	push ax
	call puts
	pop ax
	call putdec
	mov si, text_checks
	call puts
	mov ax, [failures]
	call putdec
	mov si, text_failures
	call puts
	mov dx, 0xf4
	mov al, 0
	cmp word [failures], 0
	je .exit
	inc al
.exit:	out dx, al
	mov ax, 0x5307
	mov bx, 1
	mov cx, 3
	int 0x15
	cli
	hlt
	jmp $

mouse:	push bp
	mov bp, sp
	push ax
	mov ax, [bp + 12]
	mov [cs:mouse_got], ax
	mov ax, [bp + 10]
	mov [cs:mouse_got + 2], ax
	mov ax, [bp + 8]
	mov [cs:mouse_got + 4], ax
	mov ax, [bp + 6]
	mov [cs:mouse_got + 6], ax
	pop ax
	pop bp
	retf
mouse_got: dw -1, -1, -1, -1
packet:	db 0x08, 5, 3

; CX bytes from SI through 8042 command BL, each with time for its interrupt
inject:	push cx
	push dx
.byte:	in al, 0x64
	test al, 3
	jnz .byte
	mov al, bl
	out 0x64, al
.data:	in al, 0x64
	test al, 2
	jnz .data
	lodsb
	out 0x60, al
	mov dx, 2000
.pause:	in al, 0x64
	dec dx
	jnz .pause
	loop .byte
	pop dx
	pop cx
	ret

; count, scan codes, what INT 16h AH=10h gives
key_tests:
	db 2, 0x1e, 0x9e
	dw 0x1e61
	db 4, 0x2a, 0x1e, 0x9e, 0xaa
	dw 0x1e41
	db 4, 0x1d, 0x1e, 0x9e, 0x9d
	dw 0x1e01
	db 4, 0x38, 0x1e, 0x9e, 0xb8
	dw 0x1e00
	db 4, 0xe0, 0x48, 0xe0, 0xc8
	dw 0x48e0
	db 2, 0x48, 0xc8
	dw 0x4800
	db 2, 0x3b, 0xbb
	dw 0x3b00
	db 4, 0x38, 0x3b, 0xbb, 0xb8
	dw 0x6800
	db 2, 0x58, 0xd8
	dw 0x8600
	db 4, 0xe0, 0x1c, 0xe0, 0x9c
	dw 0xe00d
	db 6, 0x1d, 0xe0, 0x4b, 0xe0, 0xcb, 0x9d
	dw 0x73e0
	db 8, 0x38, 0x4d, 0xcd, 0x4c, 0xcc, 0xb8, 0xe0, 0xaa	; Alt and 65 on the keypad
	dw 0x0041
	db 6, 0x3a, 0xba, 0x30, 0xb0, 0x3a, 0xba		; Caps Lock, b
	dw 0x3042
	db 2, 0x0e, 0x8e
	dw 0x0e08
	db 0


; The stack moves to an area filled with a pattern; what is left of that afterwards tells its use.
stack_begin:
	pop ax
	mov [back], sp
	push es
	push ds
	pop es
	mov di, 0x6000
	mov cx, 0x800
	push ax
	mov al, 0x5c
	cld
	rep stosb
	pop ax
	pop es
	mov sp, 0x6800
	sti
	jmp ax

stack_end:
	pop dx
	mov sp, [back]
	mov si, 0x6000
	cld
.next:	lodsb
	cmp al, 0x5c
	je .next
	mov ax, 0x6801
	sub ax, si
	jmp dx
back:	dw 0

text_services: db "services: ", 0
text_checks: db " checks, ", 0
text_failures: db " failures", 13, 10, 0
string:	db "Text"
pattern: db "sixteen letters!"
copied:	times 16 db 0
gfx_modes: db 0x04, 0x05, 0x06, 0x0d, 0x0e, 0x10, 0x11, 0x12, 0x13, 0
vbe_colour: db 1, 2, 3, 0
mode:	db 0
flag:	db 0
total:	dw 0
entries: dw 0
tick0:	dd 0
dap:	db 16, 0
	dw 0, 0, 0
	dd 0, 0
gdt:	times 48 db 0
masks:	dw 0
real_idt: dw 0x3ff
	dd 0
table89: dq 0
	dw 63, table89, 0x9300, 0
	dw 0x3ff, 0, 0, 0
	dw 0xffff, 0, 0x9300, 0
	dw 0xffff, 0, 0x9300, 0
	dw 0xffff, 0, 0x9300, 0
	dw 0xffff, 0, 0x9b00, 0
	dq 0
mapentry: times 80 db 0

	times SECTORS * 512 - ($ - $$) db 0
	times 1474560 - ($ - $$) db 0
