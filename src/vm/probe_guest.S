/*
 * The guest of the accelerator probe (accel.h): a boot sector that goes through real, protected and
 * long mode with paging, and does a little of everything that makes a virtual machine slow: port
 * I/O, instructions that always leave the guest, address space switches, first touches of memory,
 * and plain computing. Then it ends QEMU through isa-debug-exit.
 *
 * probe_guest.inc holds the assembled bytes; tests/golden/probe_guest.sh checks that they are
 * these, and rewrites them with BLESS=1.
 */
#define PML4 0x1000 /* page tables; the PDPT follows at 0x2000, the page directory at 0x3000 */
#define PD32 0x4000 /* page directory of a CPU without long mode */

#define EXIT_PORT  0xf4
#define EXIT_VALUE 0x2a /* QEMU's exit status is 2 * this + 1 = 85 */
#define DELAY_PORT 0x80

#define IO_WRITES   2000
#define SWITCHES    1000
#define CPUIDS      500
#define MEMORY_LOOP 40000000

	.code16
	.globl	_start
_start:
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	movw	$IO_WRITES, %cx
1:	outb	%al, $DELAY_PORT
	loop	1b

	movw	$PML4, %di		/* clear all tables */
	movw	$0x2000, %cx
	rep stosw
	movw	$0x2003, PML4		/* present, writable */
	movw	$0x3003, 0x2000
	movw	$0x0083, PD32		/* first 4 MiB as one large page */
	movw	$0x3000, %di		/* first 4 MiB as two large pages */
	movw	$0x0083, (%di)
	movw	$0x0083, 8(%di)
	movw	$0x0020, 10(%di)

	lgdt	gdt_pointer
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmp	$0x08, $protected

	.code32
protected:
	movw	$0x10, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$CPUIDS, %esi
1:	movl	$0x80000001, %eax
	cpuid
	decl	%esi
	jnz	1b
	btl	$29, %edx		/* is there a long mode? */
	jc	enter_long

	movl	%cr4, %eax
	orb	$0x10, %al		/* PSE */
	movl	%eax, %cr4
	movl	$PD32, %eax
	movl	%eax, %cr3
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	movl	$SWITCHES, %ecx
1:	movl	%cr3, %eax
	movl	%eax, %cr3
	loop	1b
	movl	$MEMORY_LOOP, %ecx
1:	movl	%ecx, %edi
	andl	$0x1ffffc, %edi
	addl	%ecx, 0x100000(%edi)
	loop	1b
	jmp	finish

enter_long:
	movl	%cr4, %eax
	orb	$0x20, %al		/* PAE */
	movl	%eax, %cr4
	movl	$PML4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER */
	rdmsr
	orl	$0x100, %eax		/* LME */
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	ljmp	$0x18, $long_mode

	.code64
long_mode:
	movl	$SWITCHES, %ecx
1:	movq	%cr3, %rax
	movq	%rax, %cr3
	loop	1b
	movl	$MEMORY_LOOP, %ecx
1:	movl	%ecx, %edi
	andl	$0x1ffffc, %edi
	addq	%rcx, 0x100000(%rdi)
	loop	1b

finish:					/* the same bytes in both modes */
	movb	$EXIT_VALUE, %al
	outb	%al, $EXIT_PORT
	hlt
	jmp	finish

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9a000000ffff	/* 0x08: 32 bit code */
	.quad	0x00cf92000000ffff	/* 0x10: data */
	.quad	0x00af9a000000ffff	/* 0x18: 64 bit code */
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	gdt

	.org	510
	.word	0xaa55
