/* SPDX-License-Identifier: MIT */
/* The serial port COM1: a 16550A at I/O port 0x3f8 (PC16550D data sheet). Output is polled. */
#include <arch-generic/machine.h>
#include "platform.h"

#define UART                      0x3f8
#define UART_DATA                 (UART + 0)
#define UART_IER                  (UART + 1)
#define UART_IER_RX               0x01
#define UART_DIVISOR_LOW          (UART + 0) /* while LCR.DLAB is set */
#define UART_DIVISOR_HIGH         (UART + 1)
#define UART_FCR                  (UART + 2)
#define UART_FCR_CLEAR_AND_ENABLE 0x07
#define UART_FIFO_SIZE            16
#define UART_LCR                  (UART + 3)
#define UART_LCR_8N1              0x03
#define UART_LCR_DLAB             0x80
#define UART_MCR                  (UART + 4)
#define UART_MCR_DTR_RTS_OUT2     0x0b /* on PCs, OUT2 lets the interrupt line out of the card */
#define UART_LSR                  (UART + 5)
#define UART_LSR_RX               0x01
#define UART_LSR_TX_EMPTY         0x20

void uart_init(void)
{
    port_write8(UART_IER, 0);
    port_write8(UART_LCR, UART_LCR_DLAB);
    port_write8(UART_DIVISOR_LOW, 1); /* 115200 baud */
    port_write8(UART_DIVISOR_HIGH, 0);
    port_write8(UART_LCR, UART_LCR_8N1);
    port_write8(UART_FCR, UART_FCR_CLEAR_AND_ENABLE);
    port_write8(UART_MCR, UART_MCR_DTR_RTS_OUT2);
}

/* "Empty" means that the whole FIFO is empty: so many bytes fit without another check. */
void arch_console_write(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (i % UART_FIFO_SIZE == 0)
            while (!(port_read8(UART_LSR) & UART_LSR_TX_EMPTY))
                cpu_relax();
        port_write8(UART_DATA, (u8)text[i]);
    }
}

int arch_console_getc(void)
{
    return port_read8(UART_LSR) & UART_LSR_RX ? port_read8(UART_DATA) : -1;
}

void arch_console_rx_enable(bool on)
{
    port_write8(UART_IER, on ? UART_IER_RX : 0);
}
