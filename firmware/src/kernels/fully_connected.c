/* FULLY_CONNECTED: a matrix times each row of the input, four outputs at a time. */
#include "harmcu/optimize.h"

#include "finish.h"

typedef struct {
    int32_t of[HARMCU_BLOCK];
} block_sums;

#if HARMCU_DSP

/* The last values of a row, fewer than four. */
static HARMCU_SMALL uint32_t load_rest(const int8_t *values, int32_t count) {
    uint32_t word = 0;
    while (count > 0) {
        count--;
        word = word << 8 | (uint8_t)values[count];
    }
    return word;
}

#endif

/* The products of one row with the weights of four outputs. */
static __attribute__((noinline)) block_sums multiply(const int8_t *input, int32_t offset,
                                                     const int8_t *weights, int32_t inputs) {
    block_sums s = {{0, 0, 0, 0}};
#if HARMCU_DSP
    const int16x2_t offsets = harmcu_pair_of(offset);
    for (int32_t left = inputs; left > 0; left -= HARMCU_QUAD) {
        const uint32_t values =
            left < HARMCU_QUAD ? load_rest(input, left) : harmcu_load_word(input);
        input += HARMCU_QUAD;
        const int16x2_t pairs[2] = {__sxtab16(offsets, (int8x4_t)values),
                                    harmcu_add_odd_bytes(offsets, values)};
        for (int32_t pair = 0; pair < 2; pair++) {
            const uint32_t low = harmcu_load_word(weights);
            s.of[0] = __smlad(pairs[pair], __sxtb16((int8x4_t)low), s.of[0]);
            s.of[1] = __smlad(pairs[pair], harmcu_odd_bytes(low), s.of[1]);
            const uint32_t high = harmcu_load_word(weights + 4);
            s.of[2] = __smlad(pairs[pair], __sxtb16((int8x4_t)high), s.of[2]);
            s.of[3] = __smlad(pairs[pair], harmcu_odd_bytes(high), s.of[3]);
            weights += HARMCU_BLOCK_QUAD_BYTES / 2;
        }
    }
#else
    for (int32_t i = 0; i < inputs; i++) {
        const int32_t place = i % HARMCU_QUAD;
        const int8_t *word = weights + place % 2 * (HARMCU_BLOCK_QUAD_BYTES / 2) + place / 2 * 2;
        const int32_t value = input[i] + offset;
        s.of[0] = harmcu_wrapping_multiply_add(value, word[0], s.of[0]);
        s.of[1] = harmcu_wrapping_multiply_add(value, word[1], s.of[1]);
        s.of[2] = harmcu_wrapping_multiply_add(value, word[4], s.of[2]);
        s.of[3] = harmcu_wrapping_multiply_add(value, word[5], s.of[3]);
        weights += place == HARMCU_QUAD - 1 ? HARMCU_BLOCK_QUAD_BYTES : 0;
    }
#endif
    return s;
}

HARMCU_SMALL void harmcu_fully_connected(const harmcu_fully_connected_layer *layer,
                                         const harmcu_weights *w, const int8_t *input,
                                         int8_t *output) {
    const int32_t block_bytes = harmcu_quads(layer->inputs) * HARMCU_BLOCK_QUAD_BYTES;
    for (int32_t row = 0; row < layer->rows; row++) {
        const int8_t *weights = w->weights;
        for (int32_t c = 0; c < layer->outputs; c += HARMCU_BLOCK) {
            const block_sums s = multiply(input, layer->input_offset, weights, layer->inputs);
            for (int32_t i = 0; i < HARMCU_BLOCK && c + i < layer->outputs; i++) {
                const int32_t total = harmcu_wrapping_add(s.of[i], w->bias[c + i]);
                *output++ = harmcu_finish(total, w, c + i, &layer->output);
            }
            weights += block_bytes;
        }
        input += layer->inputs;
    }
}
