/* Boots an emulated Cortex-M, runs main() and hands its result to the host by semihosting. Tests
 * only: the product's boards are in firmware/boards/. */
#include <stdint.h>

#include "semihosting.h"

extern char stack_top;
int main(void);
void start(void);

static uintptr_t semihost(uintptr_t operation, uintptr_t argument) {
    register uintptr_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void host_write(const char *text) {
    semihost(0x04, (uintptr_t)text); /* SYS_WRITE0 */
}

static void host_exit(int is_success) {
    /* SYS_EXIT with ADP_Stopped_ApplicationExit, or ADP_Stopped_RunTimeErrorUnknown. */
    semihost(0x18, is_success ? 0x20026u : 0x20023u);
}

static void fault(void) {
    host_exit(0);
    for (;;) {
    }
}

void start(void) {
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: full access to the FPU */
    __asm__ volatile("dsb\n\tisb");
#endif
    host_exit(main() == 0);
    fault();
}

typedef union {
    void (*handler)(void);
    void *stack;
} vector;

__attribute__((section(".vectors"), used)) static const vector VECTORS[16] = {
    {.stack = &stack_top}, {start}, {fault}, {fault}, {fault}, {fault}, {fault},
};
