# SPDX-License-Identifier: MIT
# O=dir: everything that is built or measured goes below this folder, and nothing into the source tree. All makefiles
# include this file; scripts and Python (tools/outdir.py) find the folder in the environment.
override O := $(or $(filter /,$(O)),$(patsubst %/,%,$(O)),build)
export O
