/* The two integer operations that every stage of the sample path shares. */
#ifndef HARMCU_INTEGER_H
#define HARMCU_INTEGER_H

#include <stdint.h>

/* C11 leaves the right shift of a negative number to the compiler. Every compiler for our boards
 * shifts in the sign, as NumPy does; one that does not must not build this runtime. */
_Static_assert((-3 >> 1) == -2, "harmcu needs an arithmetic right shift");

/* Returns value / 2^shift, rounded to nearest, halves towards plus infinity. 1 <= shift <= 30, and
 * value + 2^(shift-1) must fit an int32. */
static inline int32_t harmcu_round_shift(int32_t value, unsigned shift) {
    return (value + ((int32_t)1 << (shift - 1U))) >> shift;
}

static inline int32_t harmcu_clamp(int32_t value, int32_t low, int32_t high) {
    if (value < low) {
        return low;
    }
    return value > high ? high : value;
}

#endif
