# A boot sector that asks for a name, a password that it does not show, and a command; then the
# machine is off. Each question comes late and forgets what was typed before it, and a wrong
# password begins anew: who does not wait for the questions never comes to the end.
# as --32 login.S -o login.o && objcopy -O binary -j .text login.o login.bin; the bytes are in kit.py
	.code16
	.org	0
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$0x7c00, %sp
	cld
again:	mov	$0x7c00 + name, %si
	mov	$1, %bp
	call	ask
	mov	$0x7c00 + word, %si
	xor	%bp, %bp
	call	ask
	mov	$0x7e00, %di
	mov	$0x7c00 + right, %si
	mov	$8, %cx
	repe	cmpsb
	jne	again
	mov	$0x7c00 + prompt, %si
	mov	$1, %bp
	call	ask
	mov	$0x604, %dx
	mov	$0x2000, %ax
	out	%ax, %dx
1:	hlt
	jmp	1b

# %si: the question; %bp: show what is typed. The line goes to 0x7e00.
ask:	mov	$0x8600, %ax		# 0.3 s
	mov	$0x0004, %cx
	mov	$0x93e0, %dx
	int	$0x15
1:	mov	$1, %ah
	int	$0x16
	jz	2f
	xor	%ax, %ax
	int	$0x16
	jmp	1b
2:	lodsb
	or	%al, %al
	jz	3f
	call	put
	jmp	2b
3:	mov	$0x7e00, %di
4:	xor	%ax, %ax
	int	$0x16
	or	%al, %al
	jz	4b
	cmp	$13, %al
	je	6f
	stosb
	or	%bp, %bp
	jz	4b
	call	put
	jmp	4b
6:	xor	%al, %al
	stosb
	mov	$13, %al
	call	put
	mov	$10, %al
put:	mov	$0x0e, %ah
	mov	$7, %bx
	int	$0x10
	ret

name:	.asciz	"kiln login: "
word:	.asciz	"Password: "
prompt:	.asciz	"vagrant@kiln:~$ "
right:	.asciz	"vagrant"
