# SPDX-License-Identifier: MIT
# Builds the program that searches the model of a call: make -f tests/model/model.mk. All output goes to build/model/
# (O=dir: dir/model/). Spin writes the program in C; SAFETY: it looks for wrong states and not for endless loops;
# COLLAPSE: states take less memory, and none is forgotten.

include tools/outdir.mk
OUT  := $(O)/model
HERE := $(CURDIR)/tests/model
Q    := $(if $(V),,@)

.PHONY: all
all: $(OUT)/test $(OUT)/run
.DELETE_ON_ERROR:

$(OUT)/pan.c: $(HERE)/call.pml $(HERE)/model.mk
	@mkdir -p $(@D)
	$(Q)cd $(OUT) && spin -a $(HERE)/call.pml
# Spin's C isn't ours: without warnings.
$(OUT)/test: $(OUT)/pan.c
	$(Q)gcc -w -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=2000 -o $@ $<
# The command that the program is started with.
$(OUT)/run: $(HERE)/model.mk
	@mkdir -p $(@D)
	@echo '$(or $(PYTHON),python3) -B tests/model/check.py' > $@
