# riscv64: compiler, flags and machine. Read by build.mk and by the top Makefile.
ARCH_TRIPLE      := riscv64-linux-gnu-
ARCH_PACKAGES    := gcc-riscv64-linux-gnu qemu-system-misc
ARCH_CFLAGS      := -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany
# The registers that functions keep: the frame pointer, those with the words of a message, and the others.
ARCH_FRAME_POINTER  := s0
ARCH_KEPT_REGISTERS := s1 s8 s9 s10 s11
ARCH_WORD_REGISTERS := s2 s3 s4 s5 s6 s7
ARCH_USER_CFLAGS := -march=rv64gc -mabi=lp64d -mcmodel=medany
ARCH_LDFLAGS     := -melf64lriscv
ARCH_QEMU        := qemu-system-riscv64
ARCH_QEMU_ARGS   := -M virt -cpu rv64 -display none -serial mon:stdio
ARCH_BOOT_FILE   := quire.elf
ARCH_GDB         := riscv:rv64
# Before the kernel the firmware speaks: how the line with its name, and the last line of its banner, begin.
ARCH_FIRMWARE      := OpenSBI
ARCH_FIRMWARE_LAST := Boot HART MEDELEG
# QEMU's exit status is the kernel's status.
ARCH_EXIT        := plain
# The suites that notice the feature that this CPU has and the usual CPU hasn't: 64 KiB translations.
ARCH_OTHER_CPU        := rv64,svnapot=on
ARCH_OTHER_CPU_SUITES := contig pgtable mm hole poison rmap tlb mmap
# Instructions are cached apart from data: cachesan watches the suites that load and write code.
ARCH_CACHESAN_SUITES := cache cacheflush elf guest jit process smoke
