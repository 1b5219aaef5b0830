/* SPDX-License-Identifier: MIT */
#pragma once
#include <quire/errno.h>
extern int errno;
