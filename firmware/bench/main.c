/* Measures an engine on the emulated Cortex-M4F: instructions, stack, and the scores.
 *
 * The command line names two files, separated by a newline. One window after the other, or the
 * samples of one hop after the other, is read from the first; for each, a record is written to the
 * second: the scores, then uint32 values: the bytes of stack, the number of stamps, and the timer's
 * ticks at each stamp. Under QEMU's -icount the ticks are an exact count of instructions;
 * host_tools/bench.py turns them back. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "bench.h"
#include "harmcu/engine.h"
#include "semihost.h"

#ifndef BENCH_INPUT_BYTES
#error "BENCH_INPUT_BYTES and BENCH_OUTPUT_BYTES come from the command line of the compiler"
#endif

#define MOST_STAMPS 1100
#define PAINT 0xA5U
/* The caller's own frame and what the painting itself uses. */
#define UNPAINTED 64U

/* Timer 0 of Arm's CMSDK, DDI 0479, chapter 4.3; memory map in Application Note 386. */
typedef struct {
    volatile uint32_t control;
    volatile uint32_t value;
    volatile uint32_t reload;
    volatile uint32_t interrupt;
} cmsdk_timer;

#define TIMER0 ((cmsdk_timer *)0x40000000UL)
#define TIMER_ENABLE 1UL

extern uint8_t linker_bss_end[];

static uint32_t stamps[MOST_STAMPS];
static uint32_t stamp_count;

__attribute__((noinline)) void bench_stamp(void) {
    const uint32_t value = TIMER0->value;
    if (stamp_count < MOST_STAMPS) {
        stamps[stamp_count++] = UINT32_MAX - value;
    }
}

static uint8_t *stack_pointer(void) {
    uint8_t *pointer;
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
}

static void restart_timer(void) {
    TIMER0->control = 0;
    TIMER0->reload = UINT32_MAX;
    TIMER0->value = UINT32_MAX;
    TIMER0->control = TIMER_ENABLE;
}

/* Runs one inference and returns how far down the stack went. */
__attribute__((noinline)) static uint32_t measure(int8_t *scores) {
    uint8_t *top = stack_pointer();
    volatile uint8_t *byte = linker_bss_end;
    while (byte < top - UNPAINTED) {
        *byte++ = PAINT;
    }
    stamp_count = 0;
    restart_timer();
    bench_run(scores);
    byte = linker_bss_end;
    while (byte < top - UNPAINTED && *byte == PAINT) {
        byte++;
    }
    return (uint32_t)(top - byte);
}

static bool open_files(int *windows, int *records) {
    static char names[1024];
    if (!semihost_command_line(names, sizeof names)) {
        return false;
    }
    char *second = strchr(names, '\n');
    if (second == NULL) {
        return false;
    }
    *second++ = '\0';
    *windows = semihost_open(names, SEMIHOST_READ);
    *records = semihost_open(second, SEMIHOST_WRITE);
    return *windows != SEMIHOST_NO_FILE && *records != SEMIHOST_NO_FILE;
}

int main(void) {
    static int8_t scores[BENCH_OUTPUT_BYTES];
    int windows;
    int records;
    if (!open_files(&windows, &records) || !harmcu_engine_init()) {
        return 1;
    }
    while (semihost_read(windows, bench_input(), BENCH_INPUT_BYTES) == BENCH_INPUT_BYTES) {
        const uint32_t head[2] = {measure(scores), stamp_count};
        semihost_write(records, scores, sizeof scores);
        semihost_write(records, head, sizeof head);
        semihost_write(records, stamps, stamp_count * sizeof stamps[0]);
    }
    return 0;
}
