/* MEAN and REDUCE_MAX over any axes. */
#include "harmcu/optimize.h"

#include "finish.h"

/* The distances between neighbours along the two reduced axes. */
typedef struct {
    int32_t outer_step;
    int32_t inner_step;
} reduce_steps;

static reduce_steps steps_of(const harmcu_reduce_layer *layer) {
    const reduce_steps steps = {
        .outer_step = layer->middle * layer->reduced_inner * layer->inner,
        .inner_step = layer->inner,
    };
    return steps;
}

/* Where the values of output (outer o, middle m, inner i) begin. */
static const int8_t *group_of(const harmcu_reduce_layer *layer, const int8_t *input, int32_t o,
                              int32_t m, int32_t i) {
    const int32_t row = o * layer->reduced_outer * layer->middle + m;
    return input + row * layer->reduced_inner * layer->inner + i;
}

static HARMCU_SMALL int32_t sum_of(const harmcu_reduce_layer *layer, const int8_t *group) {
    const reduce_steps steps = steps_of(layer);
    int32_t sum = 0;
    for (int32_t r = 0; r < layer->reduced_outer; r++) {
        const int8_t *value = group + r * steps.outer_step;
        for (int32_t s = 0; s < layer->reduced_inner; s++) {
            sum += value[s * steps.inner_step];
        }
    }
    return sum;
}

static int8_t max_of(const harmcu_reduce_layer *layer, const int8_t *group) {
    const reduce_steps steps = steps_of(layer);
    int8_t max = INT8_MIN;
    for (int32_t r = 0; r < layer->reduced_outer; r++) {
        const int8_t *value = group + r * steps.outer_step;
        for (int32_t s = 0; s < layer->reduced_inner; s++) {
            max = value[s * steps.inner_step] > max ? value[s * steps.inner_step] : max;
        }
    }
    return max;
}

static HARMCU_SMALL int8_t finish(int32_t sum, const harmcu_rescaling *scale) {
    const int32_t mean = harmcu_rescale(sum, scale->multiplier, scale->shift);
    const int32_t value = harmcu_wrapping_add(mean, scale->output.offset);
    return (int8_t)harmcu_clamp(value, scale->output.min, scale->output.max);
}

#if HARMCU_DSP

/* So many int8 with their largest offset can be added in an int16. */
enum { MOST_SUMMANDS = INT16_MAX / 255 };

/* The sums of four neighbouring outputs, whose values are `step` bytes apart. */
static inline void sums_of_four(const int8_t *values, int32_t count, int32_t step, int32_t *sums) {
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    while (count > 0) {
        const int32_t some = count < MOST_SUMMANDS ? count : MOST_SUMMANDS;
        uint32_t even = 0;
        uint32_t odd = 0;
        for (int32_t i = some; i > 0; i--) {
            const uint32_t word = harmcu_load_word(values);
            even = (uint32_t)__sxtab16((int16x2_t)even, (int8x4_t)word);
            odd = (uint32_t)harmcu_add_odd_bytes((int16x2_t)odd, word);
            values += step;
        }
        sums[0] += (int16_t)even;
        sums[1] += (int16_t)odd;
        sums[2] += (int32_t)even >> 16;
        sums[3] += (int32_t)odd >> 16;
        count -= some;
    }
}

#endif

HARMCU_SMALL void harmcu_mean(const harmcu_reduce_layer *layer, const harmcu_rescaling *scale,
                              const int8_t *input, int8_t *output) {
    const int32_t count = layer->reduced_outer * layer->reduced_inner;
    const int32_t total_offset = count * scale->input_offset;
    for (int32_t o = 0; o < layer->outer; o++) {
        for (int32_t m = 0; m < layer->middle; m++) {
            int32_t i = 0;
#if HARMCU_DSP
            for (; layer->reduced_outer == 1 && i <= layer->inner - HARMCU_QUAD; i += HARMCU_QUAD) {
                int32_t sums[HARMCU_QUAD];
                sums_of_four(group_of(layer, input, o, m, i), count, layer->inner, sums);
                for (int32_t k = 0; k < HARMCU_QUAD; k++) {
                    *output++ = finish(sums[k] + total_offset, scale);
                }
            }
#endif
            for (; i < layer->inner; i++) {
                const int32_t sum = sum_of(layer, group_of(layer, input, o, m, i));
                *output++ = finish(sum + total_offset, scale);
            }
        }
    }
}

HARMCU_SMALL void harmcu_reduce_max(const harmcu_reduce_layer *layer, const int8_t *input,
                                    int8_t *output) {
    for (int32_t o = 0; o < layer->outer; o++) {
        for (int32_t m = 0; m < layer->middle; m++) {
            int32_t i = 0;
#if HARMCU_DSP
            for (; layer->reduced_outer == 1 && i <= layer->inner - HARMCU_QUAD; i += HARMCU_QUAD) {
                const int8_t *first = group_of(layer, input, o, m, i);
                const int8x4_t max =
                    harmcu_max_of_quads((int8x4_t)harmcu_load_word(first), first + layer->inner,
                                        layer->reduced_inner - 1, layer->inner);
                memcpy(output, &max, sizeof max);
                output += HARMCU_QUAD;
            }
#endif
            for (; i < layer->inner; i++) {
                *output++ = max_of(layer, group_of(layer, input, o, m, i));
            }
        }
    }
}
