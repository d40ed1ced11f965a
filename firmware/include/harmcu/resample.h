/* From the sensor's rate to the model's: a polyphase low-pass filter in integers.
 *
 * trainer/resample.py is the other implementation, designs the tables and explains the rule. */
#ifndef HARMCU_RESAMPLE_H
#define HARMCU_RESAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/* Axes of a sample: acceleration x, y, z and angular rate x, y, z, in that order. */
#define HARMCU_AXES 6

/* Coefficients are Q14: 16384 is 1.0. Every row of a table sums to it. */
#define HARMCU_RESAMPLE_BITS 14

/* The filter between two rates. One output every step / denominator input samples; the phase of
 * an output is counted in 1 / denominator of an input sample. */
typedef struct {
    uint32_t source_millihertz;
    uint32_t step;
    uint32_t denominator;
    uint16_t phases;
    uint16_t taps;
    const int16_t *coefficients; /* [phases][taps], oldest sample first */
} harmcu_resample_table;

/* A stream on its way through a table. history holds taps * HARMCU_AXES counts. */
typedef struct {
    const harmcu_resample_table *table;
    int16_t *history;
    uint32_t phase;
    uint16_t newest;
    bool primed;
} harmcu_resampler;

/* Starts a new stream. history must hold the table's taps * HARMCU_AXES counts. */
void harmcu_resample_reset(harmcu_resampler *resampler, const harmcu_resample_table *table,
                           int16_t *history);

/* Takes one sample of counts. Call harmcu_resample_pull() until it returns false before the next
 * one. */
void harmcu_resample_push(harmcu_resampler *resampler, const int16_t counts[HARMCU_AXES]);

/* Gives the next output at the model's rate. False when another input sample is needed. */
bool harmcu_resample_pull(harmcu_resampler *resampler, int16_t counts[HARMCU_AXES]);

#endif
