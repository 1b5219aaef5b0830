# SPDX-License-Identifier: MIT
# Builds one kernel with its programs: make -f build.mk ARCH=riscv [BUILD=release] [VARIANT=name] [ICACHE=stale]. The top
# Makefile calls this for every machine; all output goes to build/<arch>/ (build/<arch>-release/), that of a
# variant (the same kernel with other EXTRA_TESTS) to build/<arch>-<variant>/; with O=dir below dir instead of build.

ARCH  ?= riscv
BUILD ?= debug
include tools/outdir.mk
OUT   := $(O)/$(ARCH)$(if $(filter-out debug,$(BUILD)),-$(BUILD))$(if $(VARIANT),-$(VARIANT))$(if $(ICACHE),-$(ICACHE))

include arch/$(ARCH)/arch.mk

override CROSS_COMPILE := $(or $(CROSS_COMPILE),$(ARCH_TRIPLE))
CC      := $(CROSS_COMPILE)gcc
LD      := $(CROSS_COMPILE)ld
NM      := $(CROSS_COMPILE)nm
READELF := $(CROSS_COMPILE)readelf
AR      := $(CROSS_COMPILE)ar
OBJCOPY := $(CROSS_COMPILE)objcopy
OBJDUMP := $(CROSS_COMPILE)objdump

# V=1 shows every command, QUIET=1 only warnings.
Q := $(if $(V),,@)
say = $(if $(V)$(QUIET),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

# --- flags ---------------------------------------------------------------------------------------
COMMON_CFLAGS := -std=gnu11 -O2 -g -fno-pic -fno-pie -fno-stack-protector -fno-common \
    -fno-strict-aliasing -fno-delete-null-pointer-checks -fno-asynchronous-unwind-tables \
    -fno-tree-loop-distribute-patterns -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes \
    -Wstrict-prototypes -Wvla -Wundef $(if $(WERROR),-Werror) -MMD -MP

# FASTPATH=0: messages take the long way always, kernel/ipc/fast.c. A test program asks which way is to be expected.
COMMON_CFLAGS += -DQUIRE_FASTPATH=$(if $(filter 0,$(FASTPATH)),0,1)
KERNEL_CFLAGS := $(COMMON_CFLAGS) -ffreestanding $(ARCH_CFLAGS) -D__QUIRE_KERNEL__ -Iinclude -Iinclude/uapi \
    -Iarch/$(ARCH)/include -I$(OUT)/gen -ffunction-sections -fdata-sections
# Frame pointers, for backtraces of the kernel and of programs. A program's functions make their frame first of all:
# the way back from a crash begins at the frame pointer.
FRAME_CFLAGS := -fno-omit-frame-pointer $(ARCH_FRAME_CFLAGS)
ifeq ($(BUILD),release)
KERNEL_CFLAGS += -DQUIRE_DEBUG=0 -fomit-frame-pointer
else
KERNEL_CFLAGS += -DQUIRE_DEBUG=1 -DQUIRE_CHECKS=1 $(FRAME_CFLAGS) $(ARCH_DEBUG_CFLAGS)
endif
# ICACHE=stale: shadows play the instruction cache, include/quire/exec_pfn.h.
ifeq ($(ICACHE),stale)
KERNEL_CFLAGS += -DICACHE_STALE=1
endif
# (The compiler is asked only when something is built: it may not be there.)
# Programs have a C library, so main() may end without a return. Headers are ours and the compiler's, no other library's.
USER_CFLAGS = $(COMMON_CFLAGS) -fno-builtin -nostdinc -isystem $(shell $(CC) -print-file-name=include) $(ARCH_USER_CFLAGS) -Iuser/include -Iinclude/uapi -Iarch/$(ARCH)/user \
    -Iinclude -Iarch/$(ARCH)/include -ffunction-sections -fdata-sections $(if $(filter debug,$(BUILD)),$(FRAME_CFLAGS) -fno-shrink-wrap)
LDFLAGS := $(ARCH_LDFLAGS) -z noexecstack --no-warn-rwx-segments --build-id=none -z max-page-size=4096

# --- sources -------------------------------------------------------------------------------------
EXTRA_FILES := $(foreach d,$(EXTRA_TESTS),$(wildcard $(d)/*_test.c))
# A test file from outside belongs to the kernel or to user space: its folder kernel/ or user/ decides, else its
# includes.
EXTRA_KERNEL := $(foreach f,$(EXTRA_FILES),$(shell grep -lE '^ *\# *include *<quire/(memdesc|folio|hole|poison|pgtable|cacheflush|mm)\.h>' $(f)))
EXTRA_KERNEL += $(foreach d,$(EXTRA_TESTS),$(wildcard $(d)/kernel/*_test.c))
EXTRA_USER   := $(filter-out $(EXTRA_KERNEL),$(EXTRA_FILES)) $(foreach d,$(EXTRA_TESTS),$(wildcard $(d)/user/*_test.c))

BOOT_SRC   := $(filter-out $(patsubst arch/%/,boot/%.c,$(wildcard arch/*/)),$(wildcard boot/*.c)) boot/$(ARCH).c
KERNEL_SRC := $(foreach room,base mm uv kernel look lib,$(wildcard $(room)/*.c $(room)/*/*.c)) $(BOOT_SRC) tests/machine/sys_test.c \
    $(filter-out arch/$(ARCH)/asm_offsets.c,$(wildcard arch/$(ARCH)/*.c)) $(wildcard arch/$(ARCH)/*.S)
ifeq ($(BUILD),debug)
KERNEL_SRC += $(wildcard tests/kernel/*.c) $(filter-out tests/machine/sys_test.c,$(wildcard tests/machine/*.c))
endif
ifeq ($(ICACHE),stale)
KERNEL_SRC += $(wildcard tests/icache/*.c)
else
KERNEL_SRC := $(filter-out tests/kernel/stale_test.c,$(KERNEL_SRC))
endif
KERNEL_OBJ := $(patsubst %,$(OUT)/obj/%.o,$(KERNEL_SRC))
ifeq ($(BUILD),debug)
KERNEL_OBJ += $(foreach f,$(EXTRA_KERNEL),$(OUT)/extra/kernel/$(basename $(notdir $(f))).o)
endif

# The main() of tests is no part of the library: a program without a main() must not get that one.
TEST_MAIN := user/lib/test.c
LIBC_SRC := $(filter-out $(TEST_MAIN),$(wildcard user/lib/*.c)) $(wildcard arch/$(ARCH)/user/*.S) lib/string.c lib/printf.c lib/bits.c lib/glob.c lib/places.c lib/crash.c \
    lib/archive.c lib/elf.c lib/program_layout.c
LIBC_OBJ := $(patsubst %,$(OUT)/user/%.o,$(LIBC_SRC))
# What the compiler calls for long double and other work without an instruction.
LIBGCC    = $(shell $(CC) $(ARCH_USER_CFLAGS) -print-libgcc-file-name)
PROGRAMS := $(patsubst user/programs/%.c,$(OUT)/root/bin/%,$(wildcard user/programs/*.c))
GUESTS   := $(patsubst user/guest/%.c,$(OUT)/root/guest/%,$(wildcard user/guest/*.c))
USER_TESTS :=
ifeq ($(BUILD),debug)
USER_TESTS := $(patsubst tests/user/%.c,$(OUT)/root/tests/%,$(wildcard tests/user/*_test.c)) \
    $(foreach f,$(EXTRA_USER),$(OUT)/root/tests/$(basename $(notdir $(f))))
# Programs that the kernel must refuse.
BROKEN := $(addprefix $(OUT)/root/broken/,$(shell $(or $(PYTHON),python3) tools/broken_elf.py --list 2>/dev/null))
endif

# --- targets -------------------------------------------------------------------------------------
.PHONY: all
all: $(OUT)/$(ARCH_BOOT_FILE) $(OUT)/initrd.cpio $(OUT)/kernel.asm $(OUT)/kernel.sym
.SECONDARY:
.DELETE_ON_ERROR:

# The machine's values as `NAME='value'` lines, for the scripts that check tools and start QEMU.
.PHONY: describe
describe:
	@printf "%s='%s'\n" ARCH '$(ARCH)' ARCH_PACKAGES '$(ARCH_PACKAGES)' ARCH_GDB '$(ARCH_GDB)' ARCH_EXIT '$(ARCH_EXIT)' \
	    CC '$(CC)' NM '$(NM)' CROSS_COMPILE '$(CROSS_COMPILE)' QEMU '$(or $(QEMU),$(ARCH_QEMU))' QEMU_ARGS '$(ARCH_QEMU_ARGS)' \
	    OTHER_CPU '$(ARCH_OTHER_CPU)' OTHER_CPU_SUITES '$(ARCH_OTHER_CPU_SUITES)' CACHESAN_SUITES '$(ARCH_CACHESAN_SUITES)' \
	    FIRMWARE '$(ARCH_FIRMWARE)' FIRMWARE_LAST '$(ARCH_FIRMWARE_LAST)' \
	    OUT '$(OUT)' BOOT_FILE '$(OUT)/$(ARCH_BOOT_FILE)' INITRD '$(OUT)/initrd.cpio'

# The kernel's flags that sparse needs, and the cross compiler's macros for its machine.
.PHONY: sparse-flags
sparse-flags:
	@echo -m64 -ffreestanding -nostdinc -isystem $$($(CC) -print-file-name=include) \
	    $(filter -D% -I% -std=%,$(KERNEL_CFLAGS)) $$($(CC) $(ARCH_CFLAGS) -dM -E - </dev/null | \
	    grep -E '^#define __(riscv|aarch64|s390x?|x86_64)[a-z_0-9]* ' | sed 's/#define \([^ ]*\) \(.*\)/-D\1=\2/')

# Rebuild everything when the flags change.
$(OUT)/flags: FORCE
	@mkdir -p $(OUT)
	@echo '$(CC) $(KERNEL_CFLAGS) $(USER_CFLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(KERNEL_CFLAGS) $(USER_CFLAGS) $(LDFLAGS)' > $@
# Which objects belong to the kernel: a removed test file must go from the image too.
$(OUT)/objects: FORCE
	@mkdir -p $(OUT)
	@echo '$(KERNEL_OBJ) $(EXTRA_KERNEL)' | cmp -s - $@ || echo '$(KERNEL_OBJ) $(EXTRA_KERNEL)' > $@
.PHONY: FORCE
FORCE:

$(OUT)/gen/asm_offsets.h: arch/$(ARCH)/asm_offsets.c $(OUT)/flags
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -g -MMD -MP,$(KERNEL_CFLAGS)) -MD -MP -MT $@ -MF $@.d -S -o $@.s $<
	$(Q){ echo '/* Generated from $<. */'; sed -nE 's/^.*"->([A-Z0-9_]+) [#$$]*(-?[0-9]+)".*/#define \1 \2/p' $@.s; } > $@
-include $(OUT)/gen/asm_offsets.h.d

$(OUT)/gen/%.lds: linker/%.lds.S arch/$(ARCH)/include/arch/layout.h $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -x assembler-with-cpp -undef -D__ASSEMBLER__ $(LDS_DEFINES) -Iarch/$(ARCH)/include -o $@ $<

# Called by trap.S alone, which has stored all registers: these functions keep none, and don't touch those with the words of
# a message: <quire/upcalls.h>.
$(OUT)/obj/kernel/ipc/fast.c.o: KERNEL_CFLAGS += $(ARCH_KEPT_REGISTERS:%=-fcall-used-%) \
    $(patsubst %,-ffixed-%,$(ARCH_WORD_REGISTERS) $(if $(filter release,$(BUILD)),$(ARCH_FRAME_POINTER)))
$(OUT)/obj/%.c.o: %.c $(OUT)/flags | $(OUT)/gen/asm_offsets.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -c -o $@ $<
$(OUT)/obj/%.S.o: %.S $(OUT)/flags $(OUT)/gen/asm_offsets.h
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -D__ASSEMBLER__ -c -o $@ $<

define extra_kernel_rule
$(OUT)/extra/kernel/$(basename $(notdir $(1))).o: $(1) $(OUT)/flags | $(OUT)/gen/asm_offsets.h
	@mkdir -p $$(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -Itests/kernel -fmacro-prefix-map=$(dir $(1))=extra/ -c -o $$@ $$<
endef
$(foreach f,$(EXTRA_KERNEL),$(eval $(call extra_kernel_rule,$(f))))

# A table of names and, in debug builds, source lines: <quire/places.h>.
places_of = $(NM) -n $(1) | sh tools/ksyms.sh && \
    $(if $(filter debug,$(BUILD)),$(READELF) --debug-dump=decodedline -W $(1) | sh tools/klines.sh,sh tools/klines.sh </dev/null)
PLACES_TOOLS := tools/ksyms.sh tools/klines.sh

# The first link gives the addresses for the second link's table of places. If the linker shortens calls, code may move
# with the table's size; so it links again until the table is right for the kernel that holds it.
$(OUT)/quire.pre.elf: $(KERNEL_OBJ) $(OUT)/gen/kernel.lds $(OUT)/objects
	$(Q)$(LD) $(LDFLAGS) --gc-sections -T $(OUT)/gen/kernel.lds -o $@ $(KERNEL_OBJ)
KSYMS := $(OUT)/gen/ksyms
$(OUT)/quire.elf: $(OUT)/quire.pre.elf $(PLACES_TOOLS)
	$(call say,LD,$@)
	$(Q)rm -f $(KSYMS).S; last=$<; for round in 1 2 3 4 5 6; do \
	    { $(call places_of,$$last); } > $(KSYMS).new || exit 1; \
	    if cmp -s $(KSYMS).new $(KSYMS).S; then mv $$last $@ && exit 0; fi; \
	    mv $(KSYMS).new $(KSYMS).S && $(CC) $(ARCH_CFLAGS) -c -o $(KSYMS).o $(KSYMS).S && \
	    $(LD) $(LDFLAGS) --gc-sections -T $(OUT)/gen/kernel.lds -o $@.next $(KERNEL_OBJ) $(KSYMS).o || exit 1; \
	    last=$@.next; done; \
	echo "the symbol table of $@ doesn't come to rest" >&2; exit 1
$(OUT)/Image: $(OUT)/quire.elf
	$(Q)$(OBJCOPY) -O binary $< $@
$(OUT)/kernel.asm: $(OUT)/quire.elf
	$(Q)$(OBJDUMP) -d $< > $@
$(OUT)/kernel.sym: $(OUT)/quire.elf
	$(Q)$(NM) -n $< > $@

# --- user space ----------------------------------------------------------------------------------
$(OUT)/user/%.c.o: %.c $(OUT)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -c -o $@ $<
$(OUT)/user/%.S.o: %.S $(OUT)/flags
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_CFLAGS) -Iinclude -D__ASSEMBLER__ -c -o $@ $<
# Names are weak: a program may have a function of its own whose name isn't reserved for the library.
$(OUT)/user/libc.a: $(LIBC_OBJ)
	$(Q)rm -rf $@ $(OUT)/user/weak && mkdir -p $(OUT)/user/weak
	$(Q)for object in $^; do \
	    to=$(OUT)/user/weak/$$(echo $${object#$(OUT)/user/} | tr / _) && \
	    $(NM) -g --defined-only --format=posix $$object | cut -d ' ' -f 1 > $$to.names && \
	    $(OBJCOPY) --weaken-symbols=$$to.names $$object $$to || exit 1; \
	done
	$(Q)$(AR) rcs $@ $(OUT)/user/weak/*.o

# Linked programs are in full/, with all that gdb wants to know. In the archive are copies without it; those of debug
# builds have a table of places, which explains a crash. Guests and broken programs have none.
link_user = $(LD) $(LDFLAGS) --gc-sections -T $(OUT)/gen/user.lds -o $@
libraries = $(OUT)/user/libc.a $(LIBGCC) $(OUT)/user/libc.a
$(OUT)/full/bin/%: $(OUT)/user/user/programs/%.c.o $(OUT)/user/libc.a $(OUT)/gen/user.lds
	$(Q)mkdir -p $(@D)
	$(Q)$(link_user) $< $(libraries)
$(OUT)/full/tests/%: $(OUT)/user/tests/user/%.c.o $(OUT)/user/$(TEST_MAIN).o $(OUT)/user/libc.a $(OUT)/gen/user.lds
	$(Q)mkdir -p $(@D)
	$(Q)$(link_user) $< $(OUT)/user/$(TEST_MAIN).o $(libraries)
define extra_user_rule
$(OUT)/user/tests/user/$(basename $(notdir $(1))).c.o: $(1) $(OUT)/flags
	@mkdir -p $$(@D)
	$(Q)$(CC) $(USER_CFLAGS) -c -o $$@ $$<
endef
$(foreach f,$(EXTRA_USER),$(eval $(call extra_user_rule,$(f))))
$(OUT)/full/guest/%: $(OUT)/user/user/guest/%.c.o $(OUT)/user/libc.a $(OUT)/gen/user.lds
	$(Q)mkdir -p $(@D)
	$(Q)$(link_user) $< $(libraries)

$(OUT)/root/guest/%: $(OUT)/full/guest/%
	$(Q)mkdir -p $(@D)
	$(Q)$(OBJCOPY) --strip-debug $< $@
ifeq ($(BUILD),debug)
$(OUT)/root/%: $(OUT)/full/% $(PLACES_TOOLS)
	$(Q)mkdir -p $(@D)
	$(Q){ $(call places_of,$<); } > $<.places.S
	$(Q)$(CC) $(ARCH_USER_CFLAGS) -c -o $<.places.o $<.places.S
	$(Q)$(OBJCOPY) -O binary -j .ksyms $<.places.o $<.places
	$(Q)$(OBJCOPY) --strip-all --add-section .places=$<.places $< $@
else
$(OUT)/root/%: $(OUT)/full/%
	$(Q)mkdir -p $(@D)
	$(Q)$(OBJCOPY) --strip-all $< $@
endif

$(BROKEN) &: $(OUT)/root/bin/hello tools/broken_elf.py
	$(Q)$(or $(PYTHON),python3) tools/broken_elf.py $< $(OUT)/root/broken

# The boot archive holds only these files, even if an older build has left others in the folder.
ROOT_FILES := $(shell find user/root -type f 2>/dev/null)
ARCHIVED   := $(patsubst $(OUT)/root/%,%,$(PROGRAMS) $(GUESTS) $(USER_TESTS) $(if $(USER_TESTS),$(OUT)/root/broken/*)) $(ROOT_FILES:user/root/%=%)
$(OUT)/initrd.list: FORCE
	@mkdir -p $(OUT)
	@echo '$(ARCHIVED)' | cmp -s - $@ || echo '$(ARCHIVED)' > $@
$(OUT)/initrd.cpio: $(OUT)/initrd.list $(PROGRAMS) $(GUESTS) $(USER_TESTS) $(BROKEN) $(ROOT_FILES) tools/archive.py
	$(call say,CPIO,$@)
	$(Q)cp -r user/root/. $(OUT)/root/
	$(Q)cd $(OUT)/root && printf '%s\n' $(ARCHIVED) | $(or $(PYTHON),python3) -B $(CURDIR)/tools/archive.py . > ../initrd.cpio

-include $(KERNEL_OBJ:.o=.d) $(LIBC_OBJ:.o=.d)
-include $(wildcard $(OUT)/user/user/*/*.d $(OUT)/user/tests/user/*.d)
