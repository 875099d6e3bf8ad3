/*
 * Option ROM that boots the Linux kernel given to the machine, for system BIOSes that know
 * option ROMs but not the kernel items of the firmware configuration device (SeaBIOS). It offers
 * itself as a bootstrap entry vector (BIOS Boot Specification, Plug and Play BIOS specification)
 * and copies all by the device's DMA interface, which reaches memory above 1 MiB from real mode.
 */
	.code16
	.section .header16, "ax", @progbits
	.byte 0x55, 0xaa
	.byte 0			/* length in 512-byte blocks: mkrom.py */
	jmp initialise
	.org 0x18
	.word 0			/* not a PCI ROM */
	.word pnp
	.balign 16
pnp:
	.ascii "$PnP"
	.byte 0x01, 2		/* version, length in 16-byte units */
	.word 0			/* no further header */
	.byte 0
	.byte 0			/* checksum: mkrom.py */
	.long 0
	.word 0
	.word product
	.byte 0, 0, 0
	.byte 0x64		/* may be read once, can be shadowed, is an initial load device */
	.word 0, 0
	.word bootstrap
	.word 0, 0
product:
	.asciz "Linux kernel given to the machine"
failed_text:
	.asciz "The kernel given to the machine is no Linux bzImage.\r\n"

	.section .text16, "ax", @progbits

#define SCRATCH 0x7c00		/* where boot sectors go: free now. DMA descriptor, then a number */
#define NUMBER 0x7c10
#define STACK 0x7c00
#define PORT_DMA_HIGH 0x514
#define PORT_DMA_LOW 0x518
#define SELECT_AND_READ 0x0a

#define KERNEL_ADDR 0x07
#define KERNEL_SIZE 0x08
#define INITRD_ADDR 0x0a
#define INITRD_SIZE 0x0b
#define KERNEL_DATA 0x11
#define INITRD_DATA 0x12
#define CMDLINE_ADDR 0x13
#define CMDLINE_SIZE 0x14
#define CMDLINE_DATA 0x15
#define SETUP_ADDR 0x16
#define SETUP_SIZE 0x17
#define SETUP_DATA 0x18

initialise:
	movw $0x0020, %ax	/* an initial load device is attached */
	lret

/* item AX: ECX bytes of it to linear address EBX; DS is 0. Changes EAX, EDX. */
copy:
	jecxz 1f
	shll $16, %eax
	movb $SELECT_AND_READ, %al
	bswap %eax
	movl %eax, SCRATCH
	movl %ecx, %eax
	bswap %eax
	movl %eax, SCRATCH + 4
	movl $0, SCRATCH + 8
	movl %ebx, %eax
	bswap %eax
	movl %eax, SCRATCH + 12
	xorl %eax, %eax
	movw $PORT_DMA_HIGH, %dx
	outl %eax, %dx
	movl $SCRATCH, %eax
	bswap %eax
	movw $PORT_DMA_LOW, %dx
	outl %eax, %dx
2:	cmpl $0, SCRATCH	/* the control word is 0 when all is there */
	jne 2b
1:	ret

/* EAX = the number that is item AX. Changes EBX, ECX, EDX. */
number:
	movl $0, NUMBER
	movl $NUMBER, %ebx
	movl $4, %ecx
	call copy
	movl NUMBER, %eax
	ret

.macro LOAD address, size, data
	movw $\size, %ax
	call number
	movl %eax, %esi
	movw $\address, %ax
	call number
	movl %eax, %ebx
	movl %esi, %ecx
	movw $\data, %ax
	call copy
.endm

bootstrap:
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %ss
	movw $STACK, %sp
	movw $SETUP_SIZE, %ax
	call number
	testl %eax, %eax
	jz failed
	LOAD SETUP_ADDR, SETUP_SIZE, SETUP_DATA
	LOAD KERNEL_ADDR, KERNEL_SIZE, KERNEL_DATA
	LOAD CMDLINE_ADDR, CMDLINE_SIZE, CMDLINE_DATA
	LOAD INITRD_ADDR, INITRD_SIZE, INITRD_DATA
	movw $SETUP_ADDR, %ax
	call number
	shrl $4, %eax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %fs
	movw %ax, %gs
	movw %ax, %ss
	movw $0xe000, %sp
	addw $0x20, %ax		/* the entry is 512 bytes into the setup code */
	pushw %ax
	pushw $0
	lret

failed:
	movw $failed_text, %si
1:	movb %cs:(%si), %al
	incw %si
	testb %al, %al
	jz 2f
	movb $0x0e, %ah
	movw $7, %bx
	int $0x10
	jmp 1b
2:	sti
	int $0x18
