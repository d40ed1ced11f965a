/* Sums of products, two at a time where the CPU has the DSP extension.
 *
 * Such a CPU multiplies two pairs of int16 and adds both products in one instruction (SMLAD), and
 * widens bytes 0 and 2, or 1 and 3, of a word to a pair of int16 in one more (SXTB16). So that no
 * byte ever has to be moved, a vector is cut into quads of four values, of which values 0 and 2
 * make one pair and values 1 and 3 the other:
 *
 * - packed weights of CONV_2D, int8: [two channels][quad][pair][value of the pair][channel], zeros
 *   beyond the last channel, and beyond the last value up to a multiple of eight;
 * - packed weights of FULLY_CONNECTED, int8: [block of four channels][quad][pair][half of the
 * block] [value of the pair][channel of the half], zeros likewise, up to a multiple of four;
 * - columns, int16: [quad][pair][position][value of the pair], the inputs of four positions.
 * codegen/packing.py writes the weights.
 *
 * The portable forms below compute the same sums from the same tables. Sums wrap around modulo
 * 2^32, as those of TensorFlow Lite Micro do. */
#ifndef HARMCU_KERNELS_PAIRS_H
#define HARMCU_KERNELS_PAIRS_H

#include <stdint.h>
#include <string.h>

/* HARMCU_PORTABLE lets the tests run the portable forms on any CPU. */
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN) && \
    !defined(HARMCU_PORTABLE)
#define HARMCU_DSP 1
#include <arm_acle.h>
#else
#define HARMCU_DSP 0
#endif

enum {
    HARMCU_QUAD = 4,      /* values that are handled together */
    HARMCU_BLOCK = 4,     /* channels that are packed together */
    HARMCU_POSITIONS = 4, /* columns that are multiplied together */
    HARMCU_BLOCK_QUAD_BYTES = HARMCU_QUAD * HARMCU_BLOCK,
    HARMCU_COLUMN_QUAD = HARMCU_QUAD * HARMCU_POSITIONS,
};

static inline int32_t harmcu_quads(int32_t values) {
    return (values + HARMCU_QUAD - 1) / HARMCU_QUAD;
}

static inline int32_t harmcu_wrapping_multiply_add(int32_t a, int32_t b, int32_t sum) {
    return (int32_t)((uint32_t)sum + (uint32_t)(a * b));
}

#if HARMCU_DSP

/* Four bytes from any address. */
static inline uint32_t harmcu_load_word(const int8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Four bytes whose address is a multiple of four. */
static inline uint32_t harmcu_load_aligned_word(const int8_t *bytes) {
    uint32_t word;
    memcpy(&word, __builtin_assume_aligned(bytes, sizeof word), sizeof word);
    return word;
}

/* Bytes 1 and 3 of a word as int16; ACLE has no name for this form of SXTB16, nor for that of
 * SXTAB16. */
static inline int16x2_t harmcu_odd_bytes(uint32_t word) {
    int16x2_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}

static inline int16x2_t harmcu_add_odd_bytes(int16x2_t addend, uint32_t word) {
    int16x2_t pair;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(pair) : "r"(addend), "r"(word));
    return pair;
}

/* The largest of `largest` and `count` quads that are `step` bytes apart, value by value. */
static inline int8x4_t harmcu_max_of_quads(int8x4_t largest, const int8_t *quad, int32_t count,
                                           int32_t step) {
    for (; count > 0; count--) {
        const int8x4_t word = (int8x4_t)harmcu_load_word(quad);
        /* The difference only sets the flags by which the bytes are selected. */
        (void)__ssub8(largest, word);
        largest = (int8x4_t)__sel((uint8x4_t)largest, (uint8x4_t)word);
        quad += step;
    }
    return largest;
}

/* Two int16 from any even address. */
static inline int16x2_t harmcu_load_pair(const int16_t *values) {
    int16x2_t pair;
    memcpy(&pair, values, sizeof pair);
    return pair;
}

static inline int16x2_t harmcu_twice(int16x2_t pair) {
    return __sadd16(pair, pair);
}

/* One value twice. */
static inline int16x2_t harmcu_pair_of(int32_t value) {
    return (int16x2_t)(((uint32_t)value << 16) | ((uint32_t)value & 0xFFFFU));
}

/* One pair; all are int16 to the portable code. */
typedef int16x2_t __attribute__((may_alias)) harmcu_pair;

#endif

#endif
