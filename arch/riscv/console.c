/* SPDX-License-Identifier: MIT */
/*
 * The serial port: a 16550 with one byte per register. Output is polled; before the device tree is read, output goes
 * through the firmware.
 */
#include <arch-generic/machine.h>
#include <arch/devices.h>
#include <arch/layout.h>
#include <arch/sbi.h>

#define UART_DATA 0
#define UART_IER 1
#define UART_IER_RX 1
#define UART_LSR 5
#define UART_LSR_RX 0x01
#define UART_LSR_TX_EMPTY 0x20

static volatile u8 *uart(unsigned reg)
{
    return (volatile u8 *)(DIRECT_MAP_BASE + riscv_devices.uart + reg);
}

void arch_console_write(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!riscv_devices.uart) {
            sbi_call(SBI_LEGACY_PUTCHAR, 0, (u8)text[i], 0, 0);
            continue;
        }
        while (!(*uart(UART_LSR) & UART_LSR_TX_EMPTY))
            ;
        *uart(UART_DATA) = (u8)text[i];
    }
}

int arch_console_getc(void)
{
    return riscv_devices.uart && *uart(UART_LSR) & UART_LSR_RX ? *uart(UART_DATA) : -1;
}

void arch_console_rx_enable(bool on)
{
    if (riscv_devices.uart)
        *uart(UART_IER) = on ? UART_IER_RX : 0;
}
