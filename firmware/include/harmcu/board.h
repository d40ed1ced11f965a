/* What a board gives to the runtime. One folder in firmware/boards/ implements it. */
#ifndef HARMCU_BOARD_H
#define HARMCU_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harmcu/imu.h"

#ifdef __cplusplus
extern "C" {
#endif

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

/* Sends a line; returns when it is handed over. A port that cannot take it drops it whole: a board
 * must not wait for a host that does not listen. */
void harmcu_board_write(const char *data, size_t size);

/* A free-running clock of harmcu_board_tick_hz() ticks a second; it wraps. */
uint32_t harmcu_board_ticks(void);
uint32_t harmcu_board_tick_hz(void);

/* Takes the next sample of the IMU, when there is one. */
bool harmcu_board_imu_read(harmcu_imu_sample *sample);

/* How the IMU does. */
const harmcu_imu_report *harmcu_board_imu_report(void);

/* Shows a decision about what the IMU delivered, as the board can. `is_new` when it is another than
 * the last one. */
void harmcu_board_show(const char *label, uint8_t percent, bool is_new);

#ifdef __cplusplus
}
#endif

#endif
