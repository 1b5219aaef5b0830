/* SPDX-License-Identifier: MIT */
/*
 * The serial port: a PL011 (Arm DDI 0183, 3.3). Output is polled. Its FIFOs stay as they are: switching them on would
 * drop a character that was typed before the kernel started.
 */
#include <arch-generic/machine.h>
#include <arch/devices.h>
#include <arch/layout.h>

#define UART_DR 0x00
#define UART_FR 0x18
#define UART_FR_RX_EMPTY (1u << 4)
#define UART_FR_TX_FULL (1u << 5)
#define UART_LCRH 0x2c
#define UART_LCRH_8BIT (3u << 5)
#define UART_CR 0x30
#define UART_CR_ON (1u << 0 | 1u << 8 | 1u << 9) /* the port, transmit, receive */
#define UART_IMSC 0x38
#define UART_ICR 0x44
#define UART_INT_RX (1u << 4 | 1u << 6) /* the FIFO's level is reached, or input is there and a pause follows */

static volatile u32 *uart(unsigned reg)
{
    return (volatile u32 *)(DIRECT_MAP_BASE + arm64_devices.uart + reg);
}

void arm64_console_init(void)
{
    if (!arm64_devices.uart)
        return;
    *uart(UART_IMSC) = 0;
    *uart(UART_LCRH) |= UART_LCRH_8BIT;
    *uart(UART_CR) |= UART_CR_ON;
}

void arch_console_write(const char *text, size_t len)
{
    if (!arm64_devices.uart)
        return;
    for (size_t i = 0; i < len; i++) {
        while (*uart(UART_FR) & UART_FR_TX_FULL)
            ;
        *uart(UART_DR) = (u8)text[i];
    }
}

int arch_console_getc(void)
{
    return arm64_devices.uart && !(*uart(UART_FR) & UART_FR_RX_EMPTY) ? (u8)*uart(UART_DR) : -1;
}

void arch_console_rx_enable(bool on)
{
    if (arm64_devices.uart)
        *uart(UART_IMSC) = on ? UART_INT_RX : 0;
}
