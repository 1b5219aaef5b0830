# s390x: compiler, flags and machine. Read by build.mk and by the top Makefile.
ARCH_TRIPLE       := s390x-linux-gnu-
ARCH_PACKAGES     := gcc-s390x-linux-gnu qemu-system-misc
ARCH_CFLAGS       := -m64 -march=z13 -mzarch -msoft-float -mno-vx -mno-htm
ARCH_FRAME_CFLAGS := -mbackchain
# A null pointer is no fault here: null.c.
ARCH_DEBUG_CFLAGS := -fsanitize=null -fno-sanitize-recover=null
# The registers that functions keep: the frame pointer, and the others. Not r6, although functions keep it: the fifth
# argument is there, and a call at a function's end would lose it with what the function gives back.
ARCH_FRAME_POINTER  := r11
ARCH_KEPT_REGISTERS := r7 r8 r9 r10 r12
ARCH_USER_CFLAGS  := -m64 -march=z13 -mzarch -mno-htm
ARCH_LDFLAGS      := -melf64_s390
ARCH_QEMU         := qemu-system-s390x
ARCH_QEMU_ARGS    := -M s390-ccw-virtio -cpu max -display none -serial mon:stdio -action panic=exit-failure
ARCH_BOOT_FILE    := quire.elf
ARCH_GDB          := s390:64-bit
# QEMU's exit status is 0 or 1; the kernel's last line carries the number.
ARCH_EXIT         := bit
# The native tests run on this machine too, for its byte order: tests/native/native.mk.
ARCH_NATIVE_RUN      := qemu-s390x
ARCH_NATIVE_PACKAGES := libc6-dev-s390x-cross qemu-user
