/* What a board gives to the runtime. One folder in firmware/boards/ implements it. */
#ifndef HARMCU_BOARD_H
#define HARMCU_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harmcu/resample.h"

typedef enum {
    HARMCU_READ_BYTE,  /* a byte was read */
    HARMCU_READ_EMPTY, /* nothing there yet */
    HARMCU_READ_END,   /* nothing will come any more; only boards without a real port say so */
} harmcu_read_result;

/* Brings up clocks and the serial port. Called once, first. */
void harmcu_board_init(void);

/* The name of the board's folder. */
const char *harmcu_board_name(void);

/* Waits until a byte or a sample may have arrived. May return at once. */
void harmcu_board_idle(void);

/* Takes the next received byte, without waiting. */
harmcu_read_result harmcu_board_read(uint8_t *byte);

/* Sends bytes; returns when they are handed over. */
void harmcu_board_write(const char *data, size_t size);

/* A free-running clock of harmcu_board_tick_hz() ticks a second; it wraps. */
uint32_t harmcu_board_ticks(void);
uint32_t harmcu_board_tick_hz(void);

/* Takes the next sample of the IMU in counts, when there is one. */
bool harmcu_board_imu_read(int16_t counts[HARMCU_AXES]);

#endif
