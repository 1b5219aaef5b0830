# SPDX-License-Identifier: MIT
# Builds cachesan with the build machine's gcc, once for each version of QEMU's plugin interface that Debian's QEMUs
# speak (api.h): make -f tests/plugin/cachesan/cachesan.mk

include tools/outdir.mk
OUT  := $(O)/plugin
HERE := tests/plugin/cachesan
APIS := 1 4 7
Q    := $(if $(V),,@)

all: $(APIS:%=$(OUT)/cachesan-api%.so)

$(OUT)/cachesan-api%.so: $(wildcard $(HERE)/*.[ch]) $(HERE)/cachesan.mk
	$(Q)mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 -g -Wall -Wextra -Wno-unused-parameter $(if $(WERROR),-Werror) -fPIC -shared -fvisibility=hidden \
	    -DAPI=$* -o $@ $(filter %.c,$^) -lpthread
