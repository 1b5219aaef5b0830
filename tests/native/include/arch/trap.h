/* SPDX-License-Identifier: MIT */
/* Nothing traps natively. */
#pragma once
