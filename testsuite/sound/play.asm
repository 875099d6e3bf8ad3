; A Linux program (nasm -f bin, for i386) that plays standard input: 16 bits, stereo, 44100 Hz, by the
; OSS devices /dev/mixer and /dev/dsp.  Its exit status is the number of the step that failed.

	bits 32
	org 0x08048000

	db 0x7f, "ELF", 1, 1, 1, 0
	dq 0
	dw 2, 3                         ; an executable for i386
	dd 1, start, header - $$, 0, 0
	dw 52, 32, 1, 0, 0, 0
header:	dd 1, 0, $$, $$, end - $$, memory_end - $$, 7, 4096

%define O_WRONLY 1
%define O_RDWR 2

; call_kernel NUMBER, EBX, ECX, EDX; a failure ends the program
%macro call_kernel 4
	inc dword [step]
	mov eax, %1
	mov ebx, %2
	mov ecx, %3
	mov edx, %4
	int 0x80
	test eax, eax
	js failed
%endmacro

; control FILE, REQUEST, VALUE
%macro control 3
	mov dword [value], %3
	call_kernel 54, %1, %2, value
%endmacro

start:
	call_kernel 5, mixer, O_RDWR, 0                 ; open
	mov esi, eax
	control esi, 0xc0044d00, 100 | 100 << 8         ; SOUND_MIXER_WRITE_VOLUME
	control esi, 0xc0044d04, 100 | 100 << 8         ; SOUND_MIXER_WRITE_PCM
	call_kernel 5, dsp, O_WRONLY, 0
	mov esi, eax
	control esi, 0xc0045005, 0x10                   ; SNDCTL_DSP_SETFMT, AFMT_S16_LE
	control esi, 0xc0045006, 2                      ; SNDCTL_DSP_CHANNELS
	control esi, 0xc0045002, 44100                  ; SNDCTL_DSP_SPEED
.more:	call_kernel 3, 0, buffer, 4096                  ; read
	test eax, eax
	jz .end
	mov edi, eax
	call_kernel 4, esi, buffer, edi                 ; write
	sub dword [step], 2
	jmp .more
.end:	call_kernel 6, esi, 0, 0                        ; close, when all has been played
	mov dword [step], 0
failed:	mov eax, 1
	mov ebx, [step]
	int 0x80

mixer:	db "/dev/mixer", 0
dsp:	db "/dev/dsp", 0
	align 4, db 0
step:	dd 0
end:
value equ end
buffer equ end + 4
memory_end equ buffer + 4096
