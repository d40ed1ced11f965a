/* From a sensor's raw readings to canonical counts: 8192 a g, 16.384 a degree a second.
 *
 * trainer/units.py is the other implementation and derives the factors. */
#ifndef HARMCU_SCALE_H
#define HARMCU_SCALE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A fixed-point factor: multiplier / 2^shift, with multiplier below 2^15 and 1 <= shift <= 30. */
typedef struct {
    int16_t multiplier;
    uint8_t shift;
} harmcu_scale;

/* Returns (raw * multiplier + 2^(shift-1)) >> shift, saturated to int16. */
int16_t harmcu_scale_apply(const harmcu_scale *scale, int16_t raw);

#ifdef __cplusplus
}
#endif

#endif
