/* An emulated Cortex-M4F: the machine mps2-an386 of QEMU.
 *
 * The port is UART 0 and the clock is timer 0 of Arm's CMSDK (Cortex-M System Design Kit, DDI 0479,
 * chapters 4.3 and 4.1; memory map in Application Note 386). Two things come from the host through
 * semihosting, both named on the command line: a file of commands that takes the place of the UART
 * (`bulk IN OUT`), because a test set of thousands of windows would take hours over the emulated
 * UART; and a file of counts that plays the part of the IMU (`imu FILE RATE_MILLIHERTZ`). */
#include "harmcu/board.h"

#include <string.h>

#include "semihost.h"

typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt;
    volatile uint32_t divider;
} cmsdk_uart;

typedef struct {
    volatile uint32_t control;
    volatile uint32_t value;
    volatile uint32_t reload;
    volatile uint32_t interrupt;
} cmsdk_timer;

#define UART0 ((cmsdk_uart *)0x40004000UL)
#define TIMER0 ((cmsdk_timer *)0x40000000UL)
#define TIMER1 ((cmsdk_timer *)0x40001000UL)

/* Interrupt lines, Application Note 386; NVIC registers, ARMv7-M Architecture Reference Manual
 * B3.4. */
#define UART0_RX_LINE (1UL << 0)
#define TIMER1_LINE (1UL << 9)
#define NVIC_ENABLE (*(volatile uint32_t *)0xE000E100UL)
#define NVIC_CLEAR_PENDING (*(volatile uint32_t *)0xE000E280UL)

#define UART_STATE_TX_FULL 1UL
#define UART_STATE_RX_FULL 2UL
#define UART_ENABLE_TX_RX 3UL
#define UART_RX_INTERRUPT 8UL /* in the control register */
#define UART_RX_PENDING 2UL   /* in the interrupt register */
#define TIMER_ENABLE 1UL
#define TIMER_INTERRUPT 8UL
#define CLOCK_HZ 25000000UL

/* The sleep ends a hundred times a second at the least: QEMU looks for input when it is awake. */
#define WAKE_PERIOD (CLOCK_HZ / 100U)

static int bulk_in = SEMIHOST_NO_FILE;
static int bulk_out = SEMIHOST_NO_FILE;
static int imu = SEMIHOST_NO_FILE;
static uint32_t imu_period; /* ticks */
static uint32_t imu_due;
static uint32_t imu_waiting;
static harmcu_imu_track imu_track;

static void start_timer(cmsdk_timer *timer, uint32_t period, uint32_t flags) {
    timer->reload = period;
    timer->value = period;
    timer->control = TIMER_ENABLE | flags;
}

static uint32_t parse_unsigned(const char *text) {
    uint32_t value = 0;
    for (; *text >= '0' && *text <= '9'; ++text) {
        value = value * 10U + (uint32_t)(*text - '0');
    }
    return value;
}

static int open_or_stop(const char *path, semihost_mode mode) {
    const int file = semihost_open(path, mode);
    if (file == SEMIHOST_NO_FILE) {
        semihost_exit(false);
    }
    return file;
}

/* Opens the files that the command line names: words are separated by newlines. */
static void open_files(void) {
    static char command_line[1024];
    if (!semihost_command_line(command_line, sizeof command_line)) {
        semihost_exit(false); /* it does not fit */
    }
    char *words[4] = {"", "", "", ""};
    char *word = command_line;
    for (size_t i = 0; i < 4 && word != NULL; ++i) {
        words[i] = word;
        word = strchr(word, '\n');
        if (word != NULL) {
            *word++ = '\0';
        }
    }
    if (strcmp(words[0], "bulk") == 0) {
        bulk_in = open_or_stop(words[1], SEMIHOST_READ);
        bulk_out = open_or_stop(words[2], SEMIHOST_WRITE);
    } else if (strcmp(words[0], "imu") == 0 && parse_unsigned(words[2]) > 0) {
        imu = open_or_stop(words[1], SEMIHOST_READ);
        imu_period = (uint32_t)((uint64_t)CLOCK_HZ * 1000U / parse_unsigned(words[2]));
        imu_due = harmcu_board_ticks();
        harmcu_imu_track_start(&imu_track, "replay", parse_unsigned(words[2]), CLOCK_HZ, imu_due);
    }
}

void harmcu_board_init(void) {
    UART0->divider = 16; /* the smallest that the UART takes; QEMU does not model the speed */
    UART0->control = UART_ENABLE_TX_RX | UART_RX_INTERRUPT;
    start_timer(TIMER0, UINT32_MAX, 0);
    /* Interrupts only end the sleep in harmcu_board_idle(): masked, they are never taken. */
    __asm__ volatile("cpsid i" ::: "memory");
    NVIC_ENABLE = UART0_RX_LINE | TIMER1_LINE;
    harmcu_imu_track_stop(&imu_track, HARMCU_IMU_ABSENT, "none", NULL, harmcu_board_ticks());
    open_files();
    const bool imu_is_faster = imu != SEMIHOST_NO_FILE && imu_period < WAKE_PERIOD;
    start_timer(TIMER1, imu_is_faster ? imu_period : WAKE_PERIOD, TIMER_INTERRUPT);
}

void harmcu_board_idle(void) {
    if (bulk_in != SEMIHOST_NO_FILE) {
        return;
    }
    __asm__ volatile("wfi" ::: "memory");
    /* What arrives from here on ends the next sleep at once. */
    UART0->interrupt = UART_RX_PENDING;
    TIMER1->interrupt = 1;
    NVIC_CLEAR_PENDING = UART0_RX_LINE | TIMER1_LINE;
}

const char *harmcu_board_name(void) {
    return "mps2_an386";
}

static harmcu_read_result read_bulk(uint8_t *byte) {
    static uint8_t buffer[512];
    static size_t size;
    static size_t next;
    if (next == size) {
        size = semihost_read(bulk_in, buffer, sizeof buffer);
        next = 0;
        if (size == 0) {
            return HARMCU_READ_END;
        }
    }
    *byte = buffer[next++];
    return HARMCU_READ_BYTE;
}

harmcu_read_result harmcu_board_read(uint8_t *byte) {
    if (bulk_in != SEMIHOST_NO_FILE) {
        return read_bulk(byte);
    }
    if ((UART0->state & UART_STATE_RX_FULL) == 0) {
        return HARMCU_READ_EMPTY;
    }
    *byte = (uint8_t)UART0->data;
    return HARMCU_READ_BYTE;
}

void harmcu_board_write(const char *data, size_t size) {
    if (bulk_out != SEMIHOST_NO_FILE) {
        semihost_write(bulk_out, data, size);
        return;
    }
    for (size_t i = 0; i < size; ++i) {
        while ((UART0->state & UART_STATE_TX_FULL) != 0) {
        }
        UART0->data = (uint8_t)data[i];
    }
}

uint32_t harmcu_board_ticks(void) {
    return UINT32_MAX - TIMER0->value; /* the timer counts down */
}

uint32_t harmcu_board_tick_hz(void) {
    return CLOCK_HZ;
}

const harmcu_imu_report *harmcu_board_imu_report(void) {
    return &imu_track.report;
}

void harmcu_board_show(const char *label, uint8_t percent, bool is_new) {
    (void)label;
    (void)percent;
    (void)is_new;
}

/* Begins a burst of the samples that are due. */
static bool look_at_imu(void) {
    const uint32_t ticks = harmcu_board_ticks();
    /* The difference of two wrapping clocks is right as long as it is below half their range. */
    const int32_t late = (int32_t)(ticks - imu_due);
    imu_waiting = late < 0 ? 0U : (uint32_t)late / imu_period + 1U;
    harmcu_imu_track_burst(&imu_track, ticks, imu_waiting, 0, HARMCU_IMU_DROPPED_NONE);
    return imu_waiting > 0;
}

bool harmcu_board_imu_read(harmcu_imu_sample *sample) {
    const size_t size = sizeof sample->counts;
    if (imu == SEMIHOST_NO_FILE || (imu_waiting == 0 && !look_at_imu())) {
        return false;
    }
    imu_waiting--;
    imu_due += imu_period;
    if (semihost_read(imu, sample->counts, size) != size) {
        semihost_rewind(imu); /* the recording plays again and again */
        if (semihost_read(imu, sample->counts, size) != size) {
            return false;
        }
    }
    harmcu_imu_track_sample(&imu_track, sample);
    return true;
}
