/* SPDX-License-Identifier: MIT */
/* Error numbers in words. */
#include "check.h"
#include <quire/errno.h>
#include <stdio.h>

const char *error_name(long err)
{
    static char number[24];

    switch (err) {
    case 0:
        return "0";
    case -EINVAL:
        return "-EINVAL";
    case -ENOMEM:
        return "-ENOMEM";
    case -EBUSY:
        return "-EBUSY";
    case -EAGAIN:
        return "-EAGAIN";
    case -EFAULT:
        return "-EFAULT";
    case -EACCES:
        return "-EACCES";
    case -EEXIST:
        return "-EEXIST";
    case -EPERM:
        return "-EPERM";
    case -EHWPOISON:
        return "-EHWPOISON";
    default:
        snprintf(number, sizeof(number), "%ld", err);
        return number;
    }
}
