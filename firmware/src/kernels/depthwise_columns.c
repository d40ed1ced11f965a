/* DEPTHWISE_CONV_2D over time at a few positions, as many as a step of a stream brings.
 *
 * harmcu_depthwise_conv1d() prepares every channel for a long run; here four neighbouring channels
 * share what little there is to prepare, and two positions the inputs that both see. */
#include "harmcu/optimize.h"

#include <stdbool.h>

#include "finish.h"

#if HARMCU_DSP

enum { FEW_TAPS = 3, MANY_TAPS = 5, PAIR = 2 };

/* Channels 0 and 2, or 1 and 3, of a word. */
static inline __attribute__((always_inline)) int16x2_t widen(uint32_t word, int16x2_t offset,
                                                             bool is_odd) {
    return is_odd ? harmcu_add_odd_bytes(offset, word) : __sxtab16(offset, (int8x4_t)word);
}

/* Channels a = c + is_odd and b = a + 2 at all positions, two by two; the last ones are computed
 * twice when their number is odd. */
static inline __attribute__((always_inline)) void half_quad(const harmcu_conv_layer *layer,
                                                            const harmcu_weights *w, int32_t c,
                                                            bool is_odd, int32_t taps,
                                                            const int8_t *input, int8_t *output) {
    const int32_t step = layer->output_map.channels;
    const int32_t a = c + is_odd;
    const int32_t b = a + 2;
    const int32_t offset = layer->output.offset;
    const harmcu_short_scale scale_a = harmcu_short_scale_of(w->multiplier[a], w->shift[a], offset);
    const harmcu_short_scale scale_b = harmcu_short_scale_of(w->multiplier[b], w->shift[b], offset);
    const int16x2_t offsets = harmcu_pair_of(layer->input_offset);
    const int32_t bias_a = w->bias[a];
    const int32_t bias_b = w->bias[b];
    int16x2_t factors[MANY_TAPS];
#pragma GCC unroll 5
    for (int32_t tap = 0; tap < taps; tap++) {
        factors[tap] = widen(harmcu_load_word(w->weights + c + tap * step), 0, is_odd);
    }
    input += c;
    output += a;
    for (int32_t left = layer->output_map.width; left > 0; left -= PAIR) {
        if (left < PAIR) {
            input -= step;
            output -= step;
        }
        int32_t a0 = bias_a;
        int32_t a1 = bias_a;
        int32_t b0 = bias_b;
        int32_t b1 = bias_b;
        const int8_t *column = input;
        int16x2_t first = widen(harmcu_load_word(column), offsets, is_odd);
#pragma GCC unroll 5
        for (int32_t tap = 0; tap < taps; tap++) {
            column += step;
            const int16x2_t second = widen(harmcu_load_word(column), offsets, is_odd);
            a0 = __smlabb(first, factors[tap], a0);
            b0 = __smlatt(first, factors[tap], b0);
            a1 = __smlabb(second, factors[tap], a1);
            b1 = __smlatt(second, factors[tap], b1);
            first = second;
        }
        output[0] = harmcu_finish_short(a0, &scale_a);
        output[2] = harmcu_finish_short(b0, &scale_b);
        output[step] = harmcu_finish_short(a1, &scale_a);
        output[step + 2] = harmcu_finish_short(b1, &scale_b);
        input += PAIR * step;
        output += PAIR * step;
    }
}

static __attribute__((noinline)) void quad_of_few_taps(const harmcu_conv_layer *layer,
                                                       const harmcu_weights *w, int32_t c,
                                                       const int8_t *input, int8_t *output) {
    half_quad(layer, w, c, false, FEW_TAPS, input, output);
    half_quad(layer, w, c, true, FEW_TAPS, input, output);
}

static __attribute__((noinline)) void quad_of_many_taps(const harmcu_conv_layer *layer,
                                                        const harmcu_weights *w, int32_t c,
                                                        const int8_t *input, int8_t *output) {
    half_quad(layer, w, c, false, MANY_TAPS, input, output);
    half_quad(layer, w, c, true, MANY_TAPS, input, output);
}

#endif

/* One channel at all positions, whatever it is scaled by. */
static __attribute__((noinline)) void compute_one(const harmcu_conv_layer *layer,
                                                  const harmcu_weights *w, int32_t c,
                                                  const int8_t *input, int8_t *output) {
    const int32_t step = layer->output_map.channels;
    const int32_t values = layer->window.size.width * step;
    for (int32_t left = layer->output_map.width; left > 0; left--) {
        int32_t total = w->bias[c];
        for (int32_t i = c; i < values; i += step) {
            total =
                harmcu_wrapping_multiply_add(input[i] + layer->input_offset, w->weights[i], total);
        }
        output[c] = harmcu_finish(total, w, c, &layer->output);
        input += step;
        output += step;
    }
}

void harmcu_depthwise_columns(const harmcu_conv_layer *layer, const harmcu_weights *w,
                              const int8_t *input, int8_t *output) {
    const int32_t channels = layer->output_map.channels;
    int32_t c = 0;
#if HARMCU_DSP
    const int32_t taps = layer->window.size.width;
    if (w->has_short_rescale && layer->output_map.width >= PAIR &&
        (taps == FEW_TAPS || taps == MANY_TAPS)) {
        for (; c <= channels - HARMCU_QUAD; c += HARMCU_QUAD) {
            if (taps == FEW_TAPS) {
                quad_of_few_taps(layer, w, c, input, output);
            } else {
                quad_of_many_taps(layer, w, c, input, output);
            }
        }
        if (harmcu_is_narrow(&layer->output)) {
            harmcu_clamp_all(output, layer->output_map.width * channels, &layer->output);
        }
    }
#endif
    for (; c < channels; c++) {
        compute_one(layer, w, c, input, output);
    }
}
