# x86_64: compiler, flags and machine. Read by build.mk and by the top Makefile.
ARCH_TRIPLE      := x86_64-linux-gnu-
# A PC has this compiler as its own; elsewhere it is a cross compiler like the others.
ARCH_PACKAGES    := $(if $(filter x86_64,$(shell uname -m)),gcc binutils,gcc-x86-64-linux-gnu) qemu-system-x86
ARCH_CFLAGS      := -m64 -fno-pic -march=x86-64 -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fcf-protection=none
# The registers that functions keep: the frame pointer, and those with the words of a message.
ARCH_FRAME_POINTER  := rbp
ARCH_WORD_REGISTERS := rbx r12 r13 r14 r15
# Words stay out of vector registers: a program that computes with integers alone never needs them, <arch/trap.h>.
ARCH_USER_CFLAGS := -fno-tree-vectorize -m64 -march=x86-64 -fcf-protection=none
ARCH_LDFLAGS     := -melf_x86_64
ARCH_QEMU        := qemu-system-x86_64
ARCH_QEMU_ARGS   := -M q35 -cpu max -nodefaults -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 \
    -display none -serial mon:stdio
ARCH_BOOT_FILE   := quire.elf
ARCH_GDB         := i386:x86-64
# QEMU's exit status is 33 for the kernel's status 0 and 65 + 2 * (status & 31) for every other.
ARCH_EXIT        := isa-debug-exit
