/* When windows are complete, and the ring of int8 samples from which whole windows are taken. */
#ifndef HARMCU_WINDOW_H
#define HARMCU_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* Counts the samples of a stream. Start with until = window. */
typedef struct {
    uint16_t hop;
    uint16_t until; /* samples until a window is complete */
} harmcu_window_clock;

/* Counts one sample. True when a window is complete: the first after `window` samples, then one
 * every `hop`. */
bool harmcu_window_tick(harmcu_window_clock *clock);

/* Samples are written once and never moved; a window is read out oldest first. Start with next = 0.
 */
typedef struct {
    int8_t *ring; /* [window][channels] */
    uint16_t window;
    uint8_t channels;
    uint16_t next; /* where the next sample goes */
} harmcu_window;

/* Takes one sample of `channels` values. */
void harmcu_window_push(harmcu_window *window, const int8_t *sample);

/* Copies the last `window` samples to out, oldest first. */
void harmcu_window_copy(const harmcu_window *window, int8_t *out);

#endif
