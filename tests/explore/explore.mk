# SPDX-License-Identifier: MIT
# Builds the program of `make explore`: make -f tests/explore/explore.mk. All output goes to build/explore/
# (O=dir: dir/explore/).
#
# mm/, uv/ (but for what enforces its table, see enforce.c), the scheduler and calls are compiled as they are, with gcc's
# -fsanitize=thread, so that they call tests/explore/instrument.c before each access; libtsan isn't linked. The machine under
# them is that of the native tests, but for its locks. As there, .data and .bss of mm's objects are renamed, so that worlds can
# put its state back (tests/native/machine/ram.c).

include tools/outdir.mk
OUT     := $(O)/explore
HERE    := tests/explore
PLAYED  := tests/native
CC      := gcc
OBJCOPY := objcopy
Q       := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef -Werror
CFLAGS   := -std=gnu11 -O1 -g -fno-pic -fno-pie -fno-common -fno-strict-aliasing -fno-delete-null-pointer-checks \
    -fno-omit-frame-pointer -ffreestanding $(WARNINGS) -D__QUIRE_KERNEL__ -DQUIRE_DEBUG=1 -DQUIRE_NATIVE=1 -DICACHE_STALE=0 -DEXPLORE=1 \
    -MMD -MP -I$(PLAYED)/include -Iinclude -Iinclude/uapi
INSTRUMENT := -fsanitize=thread --param tsan-distinguish-volatile=1 -Wno-tsan # fences call instrument.c as well
LDFLAGS  := -no-pie -Wl,--wrap=frame_cache_alloc,--wrap=frame_cache_free,--wrap=frame_cache_free_run,--wrap=buddy_free_range,--wrap=slab_free

# The objects whose accesses are watched; and those of them that have state of their own.
MM_OBJ    := $(patsubst %.c,$(OUT)/%.o,$(wildcard mm/*.c mm/*/*.c) base/fail.c base/fence.c base/tlb_local.c)
UV_OBJ    := $(patsubst %.c,$(OUT)/%.o,$(filter-out uv/soft/soft.c uv/soft/inspect.c,$(wildcard uv/*/*.c)))
# The scheduler with the real sleeping locks, under other names: mm's are in locks.c.
SCHED_OBJ := $(patsubst %,$(OUT)/%.o,kernel/sched/sched kernel/sched/place kernel/sched/timer kernel/sched/thread kernel/sched/sleep kernel/sched/alarm base/sync base/spin base/turns)
IPC_OBJ   := $(patsubst %,$(OUT)/%.o,kernel/ipc/endpoint kernel/ipc/notification kernel/ipc/priority kernel/objects/object)
STATEFUL  := $(MM_OBJ) $(SCHED_OBJ) $(IPC_OBJ)
OTHER_NAMES := $(patsubst %,--redefine-sym %,spin_wait=sched_spin_wait rwsem_init=sched_rwsem_init rwsem_wake=sched_rwsem_wake \
    rwsem_read_contended=sched_rwsem_read_contended rwsem_write_lock=sched_rwsem_write_lock rwsem_write_unlock=sched_rwsem_write_unlock \
    preempt_point=sched_preempt_point kstack_alloc=explore_stack_alloc kstack_free=explore_stack_free)
WATCHED   := $(MM_OBJ) $(UV_OBJ) $(SCHED_OBJ) $(IPC_OBJ) $(OUT)/$(HERE)/threads.o $(OUT)/$(HERE)/calls.o $(OUT)/lib/tree.o $(OUT)/$(HERE)/locks.o $(OUT)/$(HERE)/inlines.o
OTHER     := $(patsubst %.c,$(OUT)/%.o,$(filter-out $(HERE)/locks.c $(HERE)/inlines.c $(HERE)/threads.c $(HERE)/calls.c,$(wildcard $(HERE)/*.c)) \
    $(filter-out $(PLAYED)/machine/locks.c,$(wildcard $(PLAYED)/machine/*.c)) \
    lib/sha256.c $(PLAYED)/play/check.c $(PLAYED)/play/error_name.c $(PLAYED)/play/process.c)

.PHONY: all
all: $(OUT)/test $(OUT)/run
.DELETE_ON_ERROR:

$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(INSTRUMENT) $(LDFLAGS) $(WATCHED) $(OTHER)' | cmp -s - $@ || \
	    echo '$(CC) $(CFLAGS) $(INSTRUMENT) $(LDFLAGS) $(WATCHED) $(OTHER)' > $@
.PHONY: FORCE
FORCE:

$(WATCHED): $(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(INSTRUMENT) -c -o $@ $<
	$(Q)$(OBJCOPY) $(if $(filter $(SCHED_OBJ) $(OUT)/$(HERE)/threads.o,$@),$(OTHER_NAMES)) $(if $(filter $(STATEFUL),$@),--rename-section .data=mm_data --rename-section .bss=mm_bss$(,)alloc$(,)load$(,)data$(,)contents) \
	    --redefine-sym memset=$(if $(filter %/slab.o,$@),slab_memset,explore_memset) --redefine-sym memcpy=explore_memcpy $@
$(OTHER): $(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<
$(OUT)/test: $(WATCHED) $(OTHER)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
# The command that the program is started with: none.
$(OUT)/run: $(OUT)/flags
	@echo > $@

, := ,
-include $(WATCHED:.o=.d) $(OTHER:.o=.d)
