/* DEPTHWISE_CONV_2D: every output channel sees one input channel. */
#include "harmcu/optimize.h"

#include <stdbool.h>

#include "finish.h"

/* The taps over the map at one output position, in the layer's first channel. */
typedef struct {
    const int8_t *input;   /* under the first tap inside the map */
    const int8_t *weights; /* of that tap */
    int32_t rows;
    int32_t columns;
} taps;

/* Distances in bytes from one row of taps to the next, and from one tap of a row to the next. */
typedef struct {
    int32_t input_row;
    int32_t input_tap;
    int32_t weights_row;
    int32_t weights_tap;
} strides;

static __attribute__((noinline)) taps taps_at(const harmcu_conv_layer *layer, const int8_t *input,
                                              const int8_t *weights, harmcu_taps ys, int32_t y0,
                                              int32_t x0) {
    const harmcu_filter_window *window = &layer->window;
    const int32_t inputs = layer->input_map.channels;
    const int32_t reach = (window->size.width - 1) * window->dilation.width;
    harmcu_taps xs = {0, window->size.width};
    if (x0 < 0 || x0 + reach >= layer->input_map.width) {
        xs = harmcu_taps_inside(x0, layer->input_map.width, window->size.width,
                                window->dilation.width);
    }
    const int32_t top = y0 + ys.first * window->dilation.height;
    const int32_t left = x0 + xs.first * window->dilation.width;
    const int32_t first = ys.first * window->size.width + xs.first;
    const taps t = {
        .input = input + (top * layer->input_map.width + left) * inputs,
        .weights = weights + first * layer->output_map.channels,
        .rows = ys.end - ys.first,
        .columns = xs.end - xs.first,
    };
    return t;
}

static __attribute__((noinline)) strides strides_of(const harmcu_conv_layer *layer) {
    const harmcu_filter_window *window = &layer->window;
    const int32_t inputs = layer->input_map.channels;
    const strides s = {
        .input_row = window->dilation.height * layer->input_map.width * inputs,
        .input_tap = window->dilation.width * inputs,
        .weights_row = window->size.width * layer->output_map.channels,
        .weights_tap = layer->output_map.channels,
    };
    return s;
}

#if HARMCU_DSP

/* What four neighbouring channels share at every position, so that it is worked out once. */
typedef struct {
    int32_t bias[HARMCU_QUAD];
    harmcu_short_scale scale[HARMCU_QUAD];
    int16x2_t input_offsets;
    strides step;
    int32_t input_advance; /* bytes from one position to the next */
    int32_t outputs;       /* channels */
} quad_constants;

/* Four channels at `count` positions, all with the taps of the first. A function of its own, so
 * that its loops have all registers. */
static __attribute__((noinline)) void compute_run(const quad_constants *q, const taps *t,
                                                  int32_t count, int8_t *output) {
    const int16x2_t offsets = q->input_offsets;
    const int32_t input_tap = q->step.input_tap;
    const int32_t weights_tap = q->step.weights_tap;
    const int32_t row_bytes = t->columns * weights_tap;
    const int8_t *first = t->input;
    for (; count > 0; count--) {
        int32_t s0 = q->bias[0];
        int32_t s1 = q->bias[1];
        int32_t s2 = q->bias[2];
        int32_t s3 = q->bias[3];
        const int8_t *input = first;
        const int8_t *weights = t->weights;
        /* Where a dilated filter hangs over both borders, no tap may be inside. */
        int32_t rows = row_bytes > 0 ? t->rows : 0;
        while (rows > 0) {
            const int8_t *end = weights + row_bytes;
            do {
                const uint32_t values = harmcu_load_word(input);
                const uint32_t factors = harmcu_load_word(weights);
                const int16x2_t even = __sxtab16(offsets, (int8x4_t)values);
                const int16x2_t even_factors = __sxtb16((int8x4_t)factors);
                s0 = __smlabb(even, even_factors, s0);
                s2 = __smlatt(even, even_factors, s2);
                const int16x2_t odd = harmcu_add_odd_bytes(offsets, values);
                const int16x2_t odd_factors = harmcu_odd_bytes(factors);
                s1 = __smlabb(odd, odd_factors, s1);
                s3 = __smlatt(odd, odd_factors, s3);
                input += input_tap;
                weights += weights_tap;
            } while (weights != end);
            rows--;
            input += q->step.input_row - t->columns * input_tap;
            weights += q->step.weights_row - row_bytes;
        }
        output[0] = harmcu_finish_short(s0, &q->scale[0]);
        output[1] = harmcu_finish_short(s1, &q->scale[1]);
        output[2] = harmcu_finish_short(s2, &q->scale[2]);
        output[3] = harmcu_finish_short(s3, &q->scale[3]);
        first += q->input_advance;
        output += q->outputs;
    }
}

/* Channels c to c + 3 at every position. */
static void compute_quad(const harmcu_conv_layer *layer, const harmcu_weights *w, int32_t c,
                         const int8_t *input, int8_t *output) {
    const harmcu_filter_window *window = &layer->window;
    quad_constants q = {.input_offsets = harmcu_pair_of(layer->input_offset),
                        .step = strides_of(layer),
                        .input_advance = window->stride.width * layer->input_map.channels,
                        .outputs = layer->output_map.channels};
    for (int32_t i = 0; i < HARMCU_QUAD; i++) {
        q.bias[i] = w->bias[c + i];
        q.scale[i] =
            harmcu_short_scale_of(w->multiplier[c + i], w->shift[c + i], layer->output.offset);
    }
    const int32_t width = layer->output_map.width;
    const int32_t last_x0 =
        layer->input_map.width - 1 - (window->size.width - 1) * window->dilation.width;
    output += c;
    int32_t y0 = -window->pad.height;
    for (int32_t y = layer->output_map.height; y > 0; y--) {
        const harmcu_taps ys = harmcu_taps_inside(y0, layer->input_map.height, window->size.height,
                                                  window->dilation.height);
        int32_t x0 = -window->pad.width;
        for (int32_t x = 0; x < width;) {
            /* Inside the map, neighbours form a run; at its borders, each position is its own. */
            int32_t count = 1;
            if (x0 >= 0 && x0 <= last_x0) {
                count = (last_x0 - x0) / window->stride.width + 1;
                count = count < width - x ? count : width - x;
            }
            const taps t = taps_at(layer, input + c, w->weights + c, ys, y0, x0);
            compute_run(&q, &t, count, output);
            output += count * q.outputs;
            x0 += count * window->stride.width;
            x += count;
        }
        y0 += window->stride.height;
    }
}

#endif

/* Output channel c at every position, whatever it is scaled by. */
static HARMCU_SMALL void compute_one(const harmcu_conv_layer *layer, const harmcu_weights *w,
                                     int32_t c, const int8_t *input, int8_t *output) {
    const harmcu_filter_window *window = &layer->window;
    const strides step = strides_of(layer);
    const int32_t outputs = layer->output_map.channels;
    output += c;
    input += c / (outputs / layer->input_map.channels);
    for (int32_t y = 0; y < layer->output_map.height; y++) {
        const int32_t y0 = y * window->stride.height - window->pad.height;
        const harmcu_taps ys = harmcu_taps_inside(y0, layer->input_map.height, window->size.height,
                                                  window->dilation.height);
        for (int32_t x = 0; x < layer->output_map.width; x++) {
            const int32_t x0 = x * window->stride.width - window->pad.width;
            const taps t = taps_at(layer, input, w->weights + c, ys, y0, x0);
            int32_t sum = 0;
            for (int32_t row = 0; row < t.rows; row++) {
                const int8_t *value = t.input + row * step.input_row;
                const int8_t *weight = t.weights + row * step.weights_row;
                for (int32_t i = 0; i < t.columns; i++) {
                    sum += (value[i * step.input_tap] + layer->input_offset) *
                           weight[i * step.weights_tap];
                }
            }
            *output = harmcu_finish(harmcu_wrapping_add(sum, w->bias[c]), w, c, &layer->output);
            output += outputs;
        }
    }
}

void harmcu_depthwise_conv2d(const harmcu_conv_layer *layer, const harmcu_weights *w,
                             const int8_t *input, int8_t *output) {
    const harmcu_feature_map *map = &layer->output_map;
    int32_t c = 0;
#if HARMCU_DSP
    if (map->channels == layer->input_map.channels && w->has_short_rescale) {
        for (; c <= map->channels - HARMCU_QUAD; c += HARMCU_QUAD) {
            compute_quad(layer, w, c, input, output);
        }
        if (harmcu_is_narrow(&layer->output)) {
            harmcu_clamp_all(output, map->height * map->width * map->channels, &layer->output);
        }
    }
#endif
    for (; c < map->channels; c++) {
        compute_one(layer, w, c, input, output);
    }
}
