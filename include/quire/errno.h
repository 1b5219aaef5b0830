/* SPDX-License-Identifier: MIT */
#pragma once
#include <uapi/quire/errno.h>
