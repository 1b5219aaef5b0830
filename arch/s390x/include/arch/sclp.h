/* SPDX-License-Identifier: MIT */
/*
 * Calls of the service processor: SERVICE CALL with a command word and a control block (SCCB), which is 8-byte aligned,
 * below 2 GiB and within a page. Command words and block layouts are from QEMU's hw/s390x/sclp.h; IBM doesn't publish
 * them.
 */
#pragma once

#include <quire/types.h>
#include <arch/cpu.h>

#define SCLP_READ_SCP_INFO    0x00020001u
#define SCLP_WRITE_EVENT_DATA 0x00760005u
#define SCLP_READ_EVENT_DATA  0x00770005u
#define SCLP_WRITE_EVENT_MASK 0x00780005u

#define SCLP_RESPONSE_INFO 0x0010 /* READ SCP INFO: done */
#define SCLP_RESPONSE_DONE 0x0020 /* event data: done */

struct sccb {
    u16 length; /* with this header */
    u8 function;
    u8 control[3];
    u16 response;
};

/* Returns the response code, 0 if there is no service processor. Any context, DAT on or off. */
static inline u16 sclp_call(u32 command, struct sccb *sccb)
{
    int busy;

    sccb->response = 0;
    do {
        int cc;
        __asm__ volatile(".insn rre,0xb2200000,%1,%2\n\t" /* servc */
                         "ipm %0\n\tsrl %0,28"
                         : "=d"(cc)
                         : "d"(command), "a"(sccb)
                         : "cc", "memory");
        if (cc == 3)
            return 0;
        busy = cc == 2; /* busy with another CPU's call */
    } while (busy);
    while (!READ_ONCE(sccb->response)) /* the answer comes at any time after the call was accepted */
        cpu_relax();
    return sccb->response;
}
