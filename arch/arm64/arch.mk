# arm64: compiler, flags and machine. Read by build.mk and by the top Makefile.
# Atomics are inline and use only instructions of Armv8.0: cortex-a72 has no LSE (the newer atomic instructions).
ARCH_TRIPLE      := aarch64-linux-gnu-
ARCH_PACKAGES    := gcc-aarch64-linux-gnu qemu-system-arm
ARCH_CFLAGS      := -march=armv8-a -mgeneral-regs-only -mno-outline-atomics -mcmodel=small
# The registers that functions keep: the frame pointer, those with the words of a message, and the others.
ARCH_FRAME_POINTER  := x29
ARCH_KEPT_REGISTERS := x25 x26 x27 x28
ARCH_WORD_REGISTERS := x19 x20 x21 x22 x23 x24
ARCH_USER_CFLAGS := -march=armv8-a -mno-outline-atomics -mcmodel=small
# Backtraces through leaf functions too.
ARCH_FRAME_CFLAGS := -mno-omit-leaf-frame-pointer
ARCH_LDFLAGS     := -maarch64elf
ARCH_QEMU        := qemu-system-aarch64
ARCH_QEMU_ARGS   := -M virt,gic-version=3 -cpu cortex-a76 -display none -serial mon:stdio -semihosting
ARCH_BOOT_FILE   := Image
ARCH_GDB         := aarch64
# QEMU's exit status is the kernel's status.
ARCH_EXIT        := plain
# Instructions are cached apart from data: cachesan watches the suites that load and write code.
ARCH_CACHESAN_SUITES := cache cacheflush elf guest jit process smoke
