/* SPDX-License-Identifier: MIT */
/* Between the files of this folder: what trap.S calls. */
#pragma once

struct trapframe;

void arm64_sync(struct trapframe *tf);
void arm64_irq(struct trapframe *tf);
void arm64_serror(struct trapframe *tf);
void arm64_aarch32(struct trapframe *tf);
void arm64_unexpected(struct trapframe *tf);
