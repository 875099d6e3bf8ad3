; A guest that plays one tone of about a second and ends the run.  One boot sector each:
;
;   nasm -DPLAY_SB8       8-bit mono, single-cycle DMA, rate by time constant: 444.44 Hz, 1 s
;   nasm -DPLAY_SB16      16-bit stereo, auto-init DMA, ten blocks by interrupt: 500 and 750 Hz, 1 s
;   nasm -DPLAY_DIRECT    8-bit samples one by one, at the pace of interrupts (8 kHz): 250 Hz, 1 s
;   nasm -DPLAY_FM        OPL3, one voice, the left side only: 440 Hz, 18 ticks of the clock
;   nasm -DPLAY_SPEAKER   timer 2 in mode 3: 1000.15 Hz, 18 ticks
;   nasm -DPLAY_SB16 -DSTEADY    for ever, and the processor is busy half of the time
;
; 18 ticks are 0.98867 seconds.

	bits 16
	cpu 386
	org 0x7c00

BUFFER equ 0x2000               ; segment of the samples
EXIT equ 0x501
BASE equ 0x220

start:
	cli
	xor ax, ax
	mov ds, ax
	mov ss, ax
	mov sp, 0x7c00
	cld
	finit

%macro set 2                    ; port, value
	mov dx, %1
	mov al, %2
	out dx, al
%endmacro

%macro dsp 1
	mov al, %1
	call dsp_write
%endmacro

%ifdef PLAY_SB8
FRAMES equ 22222
	call dsp_reset
	mov bx, 50                      ; samples in a period
	mov cx, FRAMES
	mov ax, BUFFER
	mov es, ax
	xor di, di
	xor bp, bp
.fill:	mov word [scale], 100
	call sine
	add al, 128
	stosb
	loop .fill
	set 0x0a, 5                     ; mask channel 1
	set 0x0c, 0
	set 0x0b, 0x49                  ; single, from memory
	set 0x02, 0
	set 0x02, 0
	set 0x83, BUFFER >> 12
	set 0x03, (FRAMES - 1) & 0xff
	set 0x03, (FRAMES - 1) >> 8
	set 0x0a, 1
	mov word [0x0d * 4], irq5
	mov word [0x0d * 4 + 2], 0
	call unmask
	dsp 0xd1
	dsp 0x40
	dsp 211                         ; 1000000 / (256 - 211) = 22222
	dsp 0x14
	dsp (FRAMES - 1) & 0xff
	dsp (FRAMES - 1) >> 8
	mov byte [left], 1
%endif

%ifdef PLAY_SB16
FRAMES equ 4410
WORDS equ FRAMES * 2
	call dsp_reset
	mov cx, FRAMES
	mov ax, BUFFER
	mov es, ax
	xor di, di
	xor bp, bp
.fill:	mov word [scale], 20000
	mov bx, 882                     ; ten periods of 500 Hz at 44100
	mov word [turns], 10
	call sine
	stosw
	dec bp
	mov word [turns], 15
	call sine
	stosw
	loop .fill
	set 0xd4, 5                     ; mask channel 5
	set 0xd8, 0
	set 0xd6, 0x59                  ; auto-init, from memory
	set 0xc4, 0
	set 0xc4, 0
	set 0x8b, BUFFER >> 12
	set 0xc6, (WORDS - 1) & 0xff
	set 0xc6, (WORDS - 1) >> 8
	set 0xd4, 1
	mov word [0x0d * 4], irq5
	mov word [0x0d * 4 + 2], 0
	call unmask
	dsp 0x41
	dsp 44100 >> 8
	dsp 44100 & 0xff
	dsp 0xb6
	dsp 0x30                        ; stereo, signed
	dsp (WORDS - 1) & 0xff
	dsp (WORDS - 1) >> 8
	mov byte [left], 10
%endif

%ifdef PLAY_DIRECT
	call dsp_reset
	mov word [0x08 * 4], irq0
	mov word [0x08 * 4 + 2], 0
	set 0x43, 0x34
	set 0x40, 149                   ; 1193182 / 149 = 8008 Hz
	set 0x40, 0
	mov word [left], 8008
	xor bp, bp
%endif

%ifdef PLAY_FM
	mov si, fm
.next:	lodsw
	test ax, ax
	jz .on
	mov dx, BASE
	out dx, al
	inc dx
	mov al, ah
	out dx, al
	jmp .next
.on:	set BASE + 2, 0x05              ; of the second bank: OPL3
	set BASE + 3, 1
	call ticks                      ; to the beginning of a tick
	set BASE, 0xb0
	set BASE + 1, 0x32              ; key on, block 4, the note's upper bits
	mov byte [left], 18
.wait:	call ticks
	dec byte [left]
	jnz .wait
	set BASE, 0xb0
	set BASE + 1, 0x12
	call ticks
	jmp done
%endif

%ifdef PLAY_SPEAKER
	set 0x43, 0xb6
	set 0x42, 1193 & 0xff
	set 0x42, 1193 >> 8
	call ticks
	in al, 0x61
	or al, 3
	out 0x61, al
	mov byte [left], 18
.wait:	call ticks
	dec byte [left]
	jnz .wait
	in al, 0x61
	and al, 0xfc
	out 0x61, al
	call ticks
	jmp done
%endif

; the interrupts count down
	sti
idle:
%ifdef STEADY
	mov ecx, 1400000                ; some 28 ms; half of the clock's tick
.busy:	dec ecx
	jnz .busy
%endif
	hlt
	cmp word [left], 0
	jne idle
; let the last samples out
	call ticks
	call ticks
done:
%ifdef ENDLESS
	jmp start
%endif
	set EXIT, 0
	cli
	hlt

; Until the clock's next tick.
ticks:
	sti
	mov al, [0x46c]
.same:	hlt
	cmp al, [0x46c]
	je .same
	ret

; AX = scale * sin(2 pi * turns * bp / bx); bp goes up.
sine:
	mov [period], bx
	mov [angle], bp
	fild word [angle]
	fimul word [turns]
	fidiv word [period]
	fldpi
	fmulp
	fadd st0
	fsin
	fimul word [scale]
	fistp word [angle]
	mov ax, [angle]
	inc bp
	ret

dsp_reset:
	set BASE + 6, 1
	set BASE + 6, 0
	mov dx, BASE + 0xe
.wait:	in al, dx
	test al, al
	jns .wait
	mov dx, BASE + 0xa
	in al, dx
	ret

dsp_write:
	mov ah, al
	mov dx, BASE + 0xc
.busy:	in al, dx
	test al, al
	js .busy
	mov al, ah
	out dx, al
	ret

unmask:
	in al, 0x21
	and al, ~0x20
	out 0x21, al
	ret

irq5:
	push ax
	push dx
	mov dx, BASE + 0xe
	in al, dx
	inc dx
	in al, dx
%ifdef STEADY
	inc byte [left]
%endif
	dec byte [left]
	cmp byte [left], 1
	jne .more
	mov dx, BASE + 0xc
	mov al, 0xd9                    ; the block under way is the last
	out dx, al
.more:	mov al, 0x20
	out 0x20, al
	pop dx
	pop ax
	iret

%ifdef PLAY_DIRECT
irq0:
	push ax
	push bx
	push dx
	mov al, 0x20
	out 0x20, al
	cmp word [left], 0
	je .out
	dec word [left]
	mov bx, 32
	mov word [scale], 100
	call sine
	add al, 128
	mov bl, al
	dsp 0x10
	mov al, bl
	call dsp_write
.out:	inc word [0x46c]
	pop dx
	pop bx
	pop ax
	iret
%endif

fm:	db 0x20, 0x21, 0x40, 0x3f, 0x60, 0x00, 0x80, 0x0f   ; the modulator: never begins
	db 0x23, 0x21, 0x43, 0x00, 0x63, 0xf0, 0x83, 0x0f   ; the carrier: sustained, full, at once
	db 0xe0, 0x00, 0xe3, 0x00, 0xc0, 0x10, 0xa0, 0x44   ; sine; to the left; note 244h
	dw 0

turns:	dw 1
left:	dw 0

	times 510 - ($ - $$) db 0
	dw 0xaa55
%ifdef ENDLESS                  ; again and again; the file is a disk of a megabyte
	times (1 << 20) - ($ - $$) db 0
%endif

	absolute 0x600
scale:	resw 1
period:	resw 1
angle:	resw 1
