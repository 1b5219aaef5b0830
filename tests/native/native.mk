# SPDX-License-Identifier: MIT
# Builds the native test program: make -f tests/native/native.mk FORM=native. All output goes to build/<form>/ (O=dir:
# dir/<form>/).
#
#   native         gcc of the build machine, AddressSanitizer and UndefinedBehaviorSanitizer
#   native-on-A    for machine A, run by user-mode QEMU: the other byte order
#   native-as-A    on the build machine, with the page-table entries of machine A
#   native-fuzz    clang with libFuzzer
#   native-uv      uv/core alone, with a machine of its own (uv/): no header and no object of arch/, base/ or mm/ is there
#   native-ipc     kernel/ipc/ alone, with threads that are coroutines (ipc/)
#   native-libc    the C library beside that of the build machine (libc/)
#
# mm/ is compiled as it is. Each of its objects has .data and .bss renamed, so that worlds can put its state back to
# what it was at the start (machine/ram.c).

FORM ?= native
include tools/outdir.mk
OUT  := $(O)/$(FORM)
HERE := tests/native

CC      := gcc
LD      := ld
NM      := nm
OBJCOPY := objcopy
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
RUN_WITH :=

ifneq ($(filter native-on-%,$(FORM)),)
include arch/$(FORM:native-on-%=%)/arch.mk
CC       := $(ARCH_TRIPLE)gcc
OBJCOPY  := $(ARCH_TRIPLE)objcopy
# AddressSanitizer's shadow doesn't fit below user-mode QEMU; undefined behaviour ends the program without a message.
SANITIZE := -fsanitize=undefined -fsanitize-undefined-trap-on-error
STATIC   := -static
DEFINES  := -DLESS_WORK=1
RUN_WITH := $(ARCH_NATIVE_RUN)
endif
Q := $(if $(V),,@)

ifeq ($(FORM),native-fuzz)
CC       := clang
SANITIZE := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
DEFINES  := -DFUZZING=1 -Wno-unknown-warning-option
endif

# The real arch/pgtable.h, with the headers that it includes; RAM at the native machine's addresses; constants from the
# real headers.
ifneq ($(filter native-as-%,$(FORM)),)
REAL     := arch/$(FORM:native-as-%=%)
FORMAT   := $(OUT)/include
FORMAT_H := pgtable.h $(filter-out layout.h,$(shell sed -n 's,.*<arch/\([a-z]*\.h\)>.*,\1,p' $(REAL)/include/arch/pgtable.h))
FORMAT_SRC := $(wildcard $(REAL)/native/*.c)
DEFINES  := -DFORMAT_ONLY=1 -DLESS_WORK=1
endif

WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes -Wstrict-prototypes -Wvla -DICACHE_STALE=0 -Wundef -Werror
CFLAGS   := -std=gnu11 -O1 -g -fno-pic -fno-pie -fno-common -fno-strict-aliasing -fno-delete-null-pointer-checks \
    -fno-omit-frame-pointer -ffreestanding $(WARNINGS) $(SANITIZE) -D__QUIRE_KERNEL__ -DQUIRE_DEBUG=1 -DQUIRE_NATIVE=1 -MMD -MP $(DEFINES) \
    $(if $(FORMAT),-I$(FORMAT)) -I$(HERE)/include -Iinclude -Iinclude/uapi
LDFLAGS   := -no-pie $(STATIC) $(SANITIZE) -Wl,--wrap=frame_cache_alloc,--wrap=frame_cache_free,--wrap=frame_cache_free_run,--wrap=buddy_free_range,--wrap=slab_free

# mm/, and those files of base/ that the native machine doesn't replace.
MM_OBJ   := $(patsubst %.c,$(OUT)/%.o,$(wildcard mm/*.c mm/*/*.c) base/fail.c base/fence.c base/tlb_local.c)
TEST_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard $(HERE)/machine/*.c $(HERE)/model/*.c $(HERE)/play/*.c $(HERE)/tests/*.c) $(FORMAT_SRC) lib/tree.c)

ifeq ($(FORM),native-uv)
CFLAGS   := $(filter-out -Iinclude -Iinclude/uapi -I$(HERE)/include,$(CFLAGS)) -Iinclude/uapi -Iinclude
LDFLAGS  := -no-pie $(SANITIZE)
MM_OBJ   :=
TEST_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard uv/core/*.c $(HERE)/uv/*.c) lib/sha256.c \
    $(patsubst %,$(HERE)/play/%.c,main child every process check error_name play))
endif

# Messages: the files of kernel/ipc/ that a call goes through, with what they need of threads and objects.
ifeq ($(FORM),native-ipc)
LDFLAGS  := -no-pie $(SANITIZE)
MM_OBJ   :=
TEST_OBJ := $(patsubst %.c,$(OUT)/%.o,$(patsubst %,kernel/%.c,ipc/endpoint ipc/notification ipc/priority sched/sleep sched/thread \
    objects/object) $(wildcard $(HERE)/ipc/*.c) $(patsubst %,$(HERE)/play/%.c,main child every process check error_name play))
endif

# Quire's files see no header of the build machine, and the tests see only the build machine's.
ifeq ($(FORM),native-libc)
LIBC_OBJ := $(patsubst %.c,$(OUT)/%.o,lib/printf.c lib/string.c $(patsubst %,user/lib/%.c,decimal printf_float sort string strtod strtol))
LIBC_CFLAGS := $(CFLAGS) -U__QUIRE_KERNEL__ -fno-builtin -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
    -Iuser/include
CFLAGS   := $(filter-out -ffreestanding -I% -D__QUIRE_KERNEL__,$(CFLAGS)) -fno-builtin
LDFLAGS  := -no-pie $(SANITIZE)
MM_OBJ   :=
TEST_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard $(HERE)/libc/*.c))
LIBS     := -lm
endif

.PHONY: all
all: $(OUT)/test $(OUT)/run
.DELETE_ON_ERROR:

# The needs of a program for another machine, as `NAME='value'` lines for tools/need.sh.
.PHONY: describe
describe:
	@printf "%s='%s'\n" NATIVE_CC '$(CC)' NATIVE_RUN '$(RUN_WITH)' \
	    NATIVE_PACKAGES '$(filter gcc%,$(ARCH_PACKAGES)) $(ARCH_NATIVE_PACKAGES)'

$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(LDFLAGS) $(MM_OBJ) $(TEST_OBJ) $(LIBC_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(LDFLAGS) $(MM_OBJ) $(TEST_OBJ) $(LIBC_CFLAGS)' > $@
.PHONY: FORCE
FORCE:

ifneq ($(FORMAT),)
$(FORMAT)/made: $(wildcard $(REAL)/include/arch/*.h) $(HERE)/include/arch/layout.h
	@mkdir -p $(FORMAT)/arch
	@cp $(FORMAT_H:%=$(REAL)/include/arch/%) $(FORMAT)/arch/
	@# Two entries in one instruction: of that machine. The generic two stores stand in.
	@sed -i '/^#define ARCH_HAS_STORE_PAIR/,/^}/d' $(FORMAT)/arch/pgtable.h
	@{ echo '#pragma once'; grep -hE '^#define (USER_TOP|USER_TEXT_BASE|KVMAP_BASE|KVMAP_SIZE|KERNEL_LOAD_PA) ' $(REAL)/include/arch/layout.h; \
	    grep -hE '^#define (KERNEL_VA_OFFSET|DIRECT_MAP_BASE|DIRECT_MAP_SIZE) ' $(HERE)/include/arch/layout.h; } > $(FORMAT)/arch/layout.h
	@{ echo '#pragma once'; grep -hE '^#define ARCH_[A-Z_]+ +[0-9]+' $(REAL)/include/arch/tlb.h $(REAL)/include/arch/cacheflush.h; } \
	    > $(FORMAT)/arch/constants.h
	@touch $@
$(MM_OBJ) $(TEST_OBJ): | $(FORMAT)/made
endif

$(MM_OBJ): $(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<
	$(Q)$(OBJCOPY) --rename-section .data=mm_data --rename-section .bss=mm_bss,alloc,load,data,contents \
	    $(if $(filter %/slab.o,$@),--redefine-sym memset=slab_memset) $@
$(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<
# In front of every name that these objects define: quire_.
$(LIBC_OBJ): $(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(LIBC_CFLAGS) -c -o $@ $<
$(OUT)/libc.o: $(LIBC_OBJ)
	$(Q)$(LD) -r -o $@.own $^
	$(Q)$(NM) -g --defined-only --format=posix $@.own | awk '{ print $$1, "quire_" $$1 }' > $@.names
	$(Q)$(OBJCOPY) --redefine-syms=$@.names $@.own $@
$(OUT)/test: $(MM_OBJ) $(TEST_OBJ) $(if $(LIBC_OBJ),$(OUT)/libc.o)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
# The command that the program is started with.
$(OUT)/run: $(OUT)/flags
	@echo '$(RUN_WITH)' > $@

-include $(MM_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(LIBC_OBJ:.o=.d)
