/* From reset to main(), and what happens when the core faults. */
#include <stdint.h>
#include <string.h>

#include "semihost.h"

extern uint32_t linker_stack_top[];
extern uint8_t linker_data_load[];
extern uint8_t linker_data_start[];
extern uint8_t linker_data_end[];
extern uint8_t linker_bss_start[];
extern uint8_t linker_bss_end[];

int main(void);

/* Coprocessor Access Control Register, ARMv7-M Architecture Reference Manual B3.2.20: full access
 * to CP10 and CP11, the FPU. */
#define CPACR (*(volatile uint32_t *)0xE000ED88UL)
#define CPACR_FPU (0xFUL << 20)

static _Noreturn void fault(void) {
    semihost_exit(false);
}

static _Noreturn void reset(void) {
    CPACR |= CPACR_FPU;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    memcpy(linker_data_start, linker_data_load, (size_t)(linker_data_end - linker_data_start));
    memset(linker_bss_start, 0, (size_t)(linker_bss_end - linker_bss_start));
    semihost_exit(main() == 0);
}

typedef void (*vector)(void);

/* The initial stack pointer and the fifteen system exceptions; no interrupt is used. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    vector exception[15];
} VECTORS = {
    linker_stack_top,
    {reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     fault, fault},
};
