/* SOFTMAX without floating point.
 *
 * Qm.n below is an int32 with m integer and n fraction bits; the value 1 does not fit Q0.31 and is
 * stored as INT32_MAX there. The steps and their roundings are those of TFLM's reference kernel:
 * the exponential from a Taylor polynomial and a product of constants, the division by Newton's
 * method. */
#include "harmcu/kernels.h"
#include "harmcu/optimize.h"

#define ONE_Q0_31 INT32_MAX
#define ONE_Q2_29 (INT32_C(1) << 29)
#define QUARTER_Q5_26 (INT32_C(1) << 24)
#define SUM_INTEGER_BITS 12 /* the sum of exponentials is Q12.19 */

/* Called, not repeated: a row has few values, and twelve copies would be as large as a convolution.
 */
static HARMCU_SMALL int32_t high_multiply(int32_t a, int32_t b) {
    return harmcu_high_multiply(a, b);
}

/* value * 2^exponent, saturated; exponent is 1 to 30. */
static int32_t saturating_left_shift(int32_t value, int32_t exponent) {
    const int32_t limit = (INT32_C(1) << (31 - exponent)) - 1;
    if (value > limit) {
        return INT32_MAX;
    }
    if (value < -limit) {
        return INT32_MIN;
    }
    return value * (INT32_C(1) << exponent);
}

/* exp(a) for a in [-1/4, 0), Q0.31 to Q0.31: with x = a + 1/8, the Taylor polynomial
 * exp(-1/8) * (1 + x + x^2/2 + x^3/6 + x^4/24). */
static int32_t exp_within_a_quarter(int32_t a) {
    const int32_t exp_minus_one_eighth = 1895147668;
    const int32_t one_third = 715827883;
    const int32_t x = a + (INT32_C(1) << 28);
    const int32_t x2 = high_multiply(x, x);
    const int32_t x3 = high_multiply(x2, x);
    const int32_t x4 = high_multiply(x2, x2);
    const int32_t cubic = high_multiply(harmcu_rounding_shift(x4, 2) + x3, one_third);
    const int32_t tail = harmcu_rounding_shift(cubic + x2, 1);
    return exp_minus_one_eighth + high_multiply(exp_minus_one_eighth, x + tail);
}

/* exp(a) for a <= 0, Q5.26 to Q0.31: the fraction below a quarter by the polynomial, then one
 * factor exp(-2^k) for each bit k that remains. */
static HARMCU_SMALL int32_t exp_of_negative(int32_t a) {
    static const int32_t factors[] = {
        1672461947, /* exp(-1/4) */
        1302514674, /* exp(-1/2) */
        790015084,  /* exp(-1) */
        290630308,  /* exp(-2) */
        39332535,   /* exp(-4) */
        720401,     /* exp(-8) */
        242,        /* exp(-16) */
    };
    if (a == 0) {
        return ONE_Q0_31;
    }
    const int32_t fraction = (a & (QUARTER_Q5_26 - 1)) - QUARTER_Q5_26;
    int32_t result = exp_within_a_quarter(fraction * 32);
    uint32_t quarters = (uint32_t)(fraction - a) / (uint32_t)QUARTER_Q5_26;
    for (uint32_t bit = 0; bit < sizeof factors / sizeof factors[0]; bit++) {
        if ((quarters >> bit) & 1u) {
            result = high_multiply(result, factors[bit]);
        }
    }
    return result;
}

/* 1 / (1 + a) for a in [0, 1], Q0.31 to Q0.31: three Newton steps for the reciprocal of the
 * halved denominator, from the linear start 48/17 - 32/17 * d, in Q2.29. */
static int32_t one_over_one_plus(int32_t a) {
    const int32_t half_denominator = (int32_t)(((int64_t)a + ONE_Q0_31 + 1) / 2);
    int32_t x = 1515870810 + high_multiply(half_denominator, -1010580540);
    for (int step = 0; step < 3; step++) {
        const int32_t error = ONE_Q2_29 - high_multiply(half_denominator, x);
        x += saturating_left_shift(high_multiply(x, error), 2);
    }
    /* x is twice the result, so Q2.29 read as Q1.30 is the result itself. */
    return saturating_left_shift(x, 1);
}

static int32_t leading_zeros(uint32_t value) {
    int32_t count = 0;
    while ((value & UINT32_C(0x80000000)) == 0) {
        value <<= 1;
        count++;
    }
    return count;
}

static int32_t max_of(const int8_t *values, int32_t count) {
    int32_t max = INT8_MIN;
    for (int32_t i = 0; i < count; i++) {
        max = values[i] > max ? values[i] : max;
    }
    return max;
}

/* exp(value - max) in Q0.31. */
static HARMCU_SMALL int32_t exp_of_difference(const harmcu_softmax_layer *layer,
                                              int32_t difference) {
    const int32_t shifted = (int32_t)((uint32_t)difference << layer->shift);
    return exp_of_negative(high_multiply(shifted, layer->multiplier));
}

static HARMCU_SMALL void softmax_row(const harmcu_softmax_layer *layer, const int8_t *input,
                                     int8_t *output) {
    const int32_t max = max_of(input, layer->depth);
    int32_t sum = 0;
    for (int32_t i = 0; i < layer->depth; i++) {
        const int32_t difference = input[i] - max;
        if (difference >= layer->diff_min) {
            sum += harmcu_rounding_shift(exp_of_difference(layer, difference), SUM_INTEGER_BITS);
        }
    }
    /* The maximum itself contributes 1, so the sum is at least 1 and its leading zeros are at most
     * as many as its integer bits. Normalised to [1, 2), its reciprocal comes from 1 / (1 + a). */
    const int32_t zeros = leading_zeros((uint32_t)sum);
    const int32_t above_one = (int32_t)(((uint32_t)sum << zeros) - UINT32_C(0x80000000));
    const int32_t reciprocal = one_over_one_plus(above_one);
    const int32_t exponent = SUM_INTEGER_BITS - zeros + 31 - 8;
    for (int32_t i = 0; i < layer->depth; i++) {
        const int32_t difference = input[i] - max;
        int32_t value = INT8_MIN;
        if (difference >= layer->diff_min) {
            const int32_t share = high_multiply(reciprocal, exp_of_difference(layer, difference));
            value += harmcu_rounding_shift(share, exponent);
        }
        output[i] = (int8_t)harmcu_clamp(value, INT8_MIN, INT8_MAX);
    }
}

void harmcu_softmax(const harmcu_softmax_layer *layer, const int8_t *input, int8_t *output) {
    for (int32_t row = 0; row < layer->rows; row++) {
        softmax_row(layer, input, output);
        input += layer->depth;
        output += layer->depth;
    }
}
