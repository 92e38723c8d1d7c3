/*
 * The guest of the screen tests, a boot sector. Says a word, then shows what is typed; Ctrl-D turns
 * it off, ~ plays a film (320x200, 256 colours) until a key is pressed. test_pane_screen.py has its
 * bytes: gcc -c -m32 guest.S -o guest.o && objcopy -O binary guest.o guest.bin
 */
.code16
.globl _start
_start:
    xorw %ax,%ax
    movw %ax,%ds
    movw $0x0003,%ax
    int $0x10
    movw $(0x7c00+msg-_start),%si
say:
    lodsb
    orb %al,%al
    jz key
    movb $0x0e,%ah
    int $0x10
    jmp say
key:
    xorb %ah,%ah
    int $0x16
    cmpb $4,%al
    je off
    cmpb $'~',%al
    je film
    orb %al,%al
    jnz put
    movb $'*',%al
put:
    movb $0x0e,%ah
    int $0x10
    jmp key
film:
    movw $0x0013,%ax
    int $0x10
    movw $0xa000,%ax
    movw %ax,%es
    xorw %bx,%bx
frame:
    xorw %di,%di
    movw $64000,%cx
dot:
    movw %di,%ax
    addw %bx,%ax
    shrw $3,%ax
    stosb
    loop dot
    incw %bx
    movb $1,%ah
    int $0x16
    jz frame
    jmp _start
off:                /* ACPI, as SeaBIOS sets it up */
    movw $0x604,%dx
    movw $0x2000,%ax
    outw %ax,%dx
    jmp off
msg:
    .asciz "kiln screen test\r\n> "
