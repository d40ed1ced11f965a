/* Fixed-point arithmetic with the rounding of TensorFlow Lite Micro, bit for bit.
 *
 * TFLM's int8 kernels scale an int32 accumulator by a real number that is stored as
 * multiplier * 2^(shift - 31) and round twice on the way: once after the multiplication, once
 * after the shift. Both roundings are visible in the output, so they are kept apart here too.
 *
 * The code relies on two things that C11 leaves to the implementation and that every compiler for
 * these CPUs does: a right shift of a negative number keeps its sign, and a conversion to a
 * narrower signed type wraps. */
#ifndef HARMCU_FIXED_POINT_H
#define HARMCU_FIXED_POINT_H

#include <stdint.h>

/* a + b modulo 2^32: TFLM's accumulators wrap when a model's scales are absurd, and so do ours. */
static inline int32_t harmcu_wrapping_add(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* a * b / 2^31, rounded to nearest, halves upwards. a and b must not both be INT32_MIN. */
static inline int32_t harmcu_high_multiply(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* value / 2^exponent, rounded to nearest, halves away from zero. exponent is 0 to 31. */
static inline int32_t harmcu_rounding_shift(int32_t value, int32_t exponent) {
    const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1u);
    const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
    return (value >> exponent) + ((value & mask) > threshold ? 1 : 0);
}

/* value * multiplier * 2^(shift - 31). multiplier is not negative, shift is -31 to 30. */
static inline int32_t harmcu_rescale(int32_t value, int32_t multiplier, int32_t shift) {
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t scaled = harmcu_high_multiply((int32_t)((uint32_t)value << left), multiplier);
    return harmcu_rounding_shift(scaled, left - shift);
}

static inline int32_t harmcu_clamp(int32_t value, int32_t low, int32_t high) {
    if (value < low) {
        return low;
    }
    return value > high ? high : value;
}

#endif
