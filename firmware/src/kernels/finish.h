/* From a sum of products to an output value. */
#ifndef HARMCU_KERNELS_FINISH_H
#define HARMCU_KERNELS_FINISH_H

#include "harmcu/kernels.h"
#include "pairs.h"

/* The output value of channel `c` whose sum, bias included, is `total`; any multiplier and shift.
 */
int8_t harmcu_finish(int32_t total, const harmcu_weights *w, int32_t c,
                     const harmcu_output_range *output);

/* What rescales the totals of one channel when `has_short_rescale`. */
typedef struct {
    int32_t multiplier;
    int32_t shift;  /* to the right */
    int32_t addend; /* half a step of the result, and its offset, before the shift */
} harmcu_short_scale;

static inline harmcu_short_scale harmcu_short_scale_of(int32_t multiplier, int32_t shift,
                                                       int32_t offset) {
    const harmcu_short_scale scale = {
        .multiplier = multiplier,
        .shift = shift,
        .addend = (int32_t)((uint32_t)(2 * offset + 1) << (shift - 1)),
    };
    return scale;
}

/* a * b / 2^32, rounded to nearest, halves upwards, plus c. */
static inline int32_t harmcu_upper_half(int32_t a, int32_t b, int32_t c) {
#if HARMCU_DSP
    int32_t sum;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(sum) : "r"(a), "r"(b), "r"(c)); /* no name in ACLE */
    return sum;
#else
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32) + c;
#endif
}

/* value * multiplier / 2^31 / 2^shift, rounded after either division as harmcu_rescale() does,
 * given twice the value; that must fit an int32, and shift is 0 to 31. */
static inline int32_t harmcu_scale_down(int32_t twice, int32_t multiplier, int32_t shift) {
    const int32_t half = (int32_t)((UINT32_C(1) << shift) >> 1);
    const int32_t is_shifted = shift > 0 ? -1 : 0;
    const int32_t scaled = harmcu_upper_half(twice, multiplier, half);
    return (scaled + ((twice >> 31) & is_shifted)) >> shift;
}

static inline int32_t harmcu_saturate_int8(int32_t value) {
#if HARMCU_DSP
    int32_t saturated;
    __asm__("ssat %0, #8, %1" : "=r"(saturated) : "r"(value));
    return saturated;
#else
    return harmcu_clamp(value, INT8_MIN, INT8_MAX);
#endif
}

/* The same bits as harmcu_finish(), without its clamp, from twice the total; for totals within
 * +-2^30 and shifts of at least one to the right.
 * - total * multiplier / 2^31 is the upper half of twice the total times the multiplier.
 * - The second rounding, halves away from zero, is an addition of half a step before the shift,
 * less one for negative values. Where the first rounding made zero of a negative total, the one
 * less changes nothing: half a step is at least one.
 * - The output's offset, scaled up by the shift, rides along. */
static inline int8_t harmcu_finish_twice(int32_t twice, const harmcu_short_scale *scale) {
    const int32_t scaled = harmcu_upper_half(twice, scale->multiplier, scale->addend);
    return (int8_t)harmcu_saturate_int8((scaled + (twice >> 31)) >> scale->shift);
}

static inline int8_t harmcu_finish_short(int32_t total, const harmcu_short_scale *scale) {
    return harmcu_finish_twice(total * 2, scale);
}

static inline int harmcu_is_narrow(const harmcu_output_range *output) {
    return output->min > INT8_MIN || output->max < INT8_MAX;
}

/* Applies an activation that harmcu_finish_short() leaves out. */
static inline void harmcu_clamp_all(int8_t *values, int32_t count,
                                    const harmcu_output_range *output) {
    for (int32_t i = 0; i < count; i++) {
        values[i] = (int8_t)harmcu_clamp(values[i], output->min, output->max);
    }
}

#endif
