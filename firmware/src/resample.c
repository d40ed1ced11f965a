#include "harmcu/resample.h"

#include <string.h>

#include "harmcu/integer.h"

static const size_t SAMPLE_BYTES = HARMCU_AXES * sizeof(int16_t);

void harmcu_resample_reset(harmcu_resampler *resampler, const harmcu_resample_table *table,
                           int16_t *history) {
    resampler->table = table;
    resampler->history = history;
    /* Past every output, so that the first pull waits for the first push. */
    resampler->phase = table->denominator;
    resampler->newest = 0;
    resampler->primed = false;
}

void harmcu_resample_push(harmcu_resampler *resampler, const int16_t counts[HARMCU_AXES]) {
    const uint16_t taps = resampler->table->taps;
    if (!resampler->primed) {
        /* The first sample fills the history, so that a stream does not start with a step. */
        for (uint16_t tap = 0; tap < taps; ++tap) {
            memcpy(&resampler->history[tap * HARMCU_AXES], counts, SAMPLE_BYTES);
        }
        resampler->primed = true;
    }
    resampler->newest = (uint16_t)(resampler->newest + 1U == taps ? 0U : resampler->newest + 1U);
    memcpy(&resampler->history[resampler->newest * HARMCU_AXES], counts, SAMPLE_BYTES);
    resampler->phase -= resampler->table->denominator;
}

bool harmcu_resample_pull(harmcu_resampler *resampler, int16_t counts[HARMCU_AXES]) {
    const harmcu_resample_table *table = resampler->table;
    if (resampler->phase >= table->denominator) {
        return false;
    }
    const uint32_t row =
        (uint32_t)((uint64_t)resampler->phase * table->phases / table->denominator);
    const int16_t *coefficient = &table->coefficients[row * table->taps];
    int32_t sums[HARMCU_AXES] = {0};
    uint16_t position = resampler->newest;
    for (uint16_t tap = 0; tap < table->taps; ++tap) {
        /* The sample after the newest one in the ring is the oldest. */
        position = (uint16_t)(position + 1U == table->taps ? 0U : position + 1U);
        const int16_t *sample = &resampler->history[position * HARMCU_AXES];
        for (unsigned axis = 0; axis < HARMCU_AXES; ++axis) {
            sums[axis] += (int32_t)coefficient[tap] * sample[axis];
        }
    }
    for (unsigned axis = 0; axis < HARMCU_AXES; ++axis) {
        counts[axis] = (int16_t)harmcu_clamp(harmcu_round_shift(sums[axis], HARMCU_RESAMPLE_BITS),
                                             INT16_MIN, INT16_MAX);
    }
    resampler->phase += table->step;
    return true;
}
