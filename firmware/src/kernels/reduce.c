/* MEAN and REDUCE_MAX over any axes. */
#include "harmcu/kernels.h"

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

static int32_t sum_of(const harmcu_reduce_layer *layer, const int8_t *group) {
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

void harmcu_mean(const harmcu_reduce_layer *layer, const harmcu_rescaling *scale,
                 const int8_t *input, int8_t *output) {
    const int32_t count = layer->reduced_outer * layer->reduced_inner;
    const int32_t total_offset = count * scale->input_offset;
    for (int32_t o = 0; o < layer->outer; o++) {
        for (int32_t m = 0; m < layer->middle; m++) {
            for (int32_t i = 0; i < layer->inner; i++) {
                const int32_t sum = sum_of(layer, group_of(layer, input, o, m, i)) + total_offset;
                const int32_t mean = harmcu_rescale(sum, scale->multiplier, scale->shift);
                const int32_t value = harmcu_wrapping_add(mean, scale->output.offset);
                *output++ = (int8_t)harmcu_clamp(value, scale->output.min, scale->output.max);
            }
        }
    }
}

void harmcu_reduce_max(const harmcu_reduce_layer *layer, const int8_t *input, int8_t *output) {
    for (int32_t o = 0; o < layer->outer; o++) {
        for (int32_t m = 0; m < layer->middle; m++) {
            for (int32_t i = 0; i < layer->inner; i++) {
                *output++ = max_of(layer, group_of(layer, input, o, m, i));
            }
        }
    }
}
