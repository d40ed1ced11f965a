/* The whole path of a sample: resample, quantise, engine, decision. */
#ifndef HARMCU_PIPELINE_H
#define HARMCU_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "harmcu/decision.h"
#include "harmcu/resample.h"
#include "harmcu/window.h"

typedef struct {
    harmcu_resampler resampler;
    harmcu_window_clock clock;
    harmcu_decision decision;
    uint32_t windows;       /* windows of this stream so far */
    uint32_t ticks;         /* of the board's clock, spent in the engine since the last window */
    uint16_t counts_check;  /* CRC of all resampled counts of this stream */
    uint16_t samples_check; /* CRC of all int8 samples of this stream */
} harmcu_pipeline;

/* What came of one window. */
typedef struct {
    uint32_t window; /* index within the stream */
    bool is_scored;  /* false when the engine failed: neither scores nor decided mean anything */
    harmcu_decided decided;
    uint32_t ticks;         /* of the board's clock, spent in the engine since the last window */
    uint16_t counts_check;  /* CRC of all resampled counts up to this window's end */
    uint16_t samples_check; /* CRC of all int8 samples up to this window's end */
    const int8_t *scores;   /* [labels], until the next window */
} harmcu_result;

/* Starts a new stream from a sensor at the table's rate. */
void harmcu_pipeline_reset(harmcu_pipeline *pipeline, const harmcu_resample_table *table);

/* Forgets all samples, because some were lost after them: no window and no mean of scores may span
 * a gap. The windows count on. */
void harmcu_pipeline_restart(harmcu_pipeline *pipeline);

/* Takes one sample of counts, where the IMU driver would put it. Call harmcu_pipeline_next() until
 * it returns false before the next one. */
void harmcu_pipeline_push(harmcu_pipeline *pipeline, const int16_t counts[HARMCU_AXES]);

/* Works until a window is decided. False when another sample is needed. */
bool harmcu_pipeline_next(harmcu_pipeline *pipeline, harmcu_result *result);

#endif
