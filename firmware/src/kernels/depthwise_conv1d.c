/* DEPTHWISE_CONV_2D along one axis: every output channel sees one input channel over time.
 *
 * One channel at a time is gathered into a row of int16, padding included, so that neighbours in
 * time lie side by side and one instruction multiplies two of them. The row is complete before the
 * first output of its channel is written, and no other channel is touched: input and output may be
 * the same. */
#include "harmcu/optimize.h"

#include "finish.h"

/* Up to so many taps, stride 1, slide() keeps its inputs in registers. */
enum { SLIDING_TAPS = 6, SLIDING_OUTPUTS = 4 };

/* One channel. The zero point of the input is folded into the bias. */
typedef struct {
    const harmcu_weights *w;
    int32_t number;
    int32_t bias;
    const int16_t *weights;
    int32_t taps; /* rounded up to a multiple of two, with zeros */
    const int16_t *row;
    int32_t stride;
    int32_t count;
    int32_t step; /* bytes from one output to the next */
    const harmcu_output_range *range;
} channel;

/* Every `step`th of `count` values; returns where the next ones go. */
static __attribute__((noinline, hot)) int16_t *gather(const int8_t *values, int32_t step,
                                                      int32_t count, int16_t *row) {
    for (; count >= 4; count -= 4) {
        const int8_t *third = values + 2 * step;
        row[0] = values[0];
        row[1] = values[step];
        row[2] = third[0];
        row[3] = third[step];
        values = third + 2 * step;
        row += 4;
    }
    for (; count > 0; count--) {
        *row++ = *values;
        values += step;
    }
    return row;
}

static __attribute__((noinline)) int16_t *repeat(int32_t value, int32_t count, int16_t *row) {
    for (; count > 0; count--) {
        *row++ = (int16_t)value;
    }
    return row;
}

#if HARMCU_DSP

/* Outputs four by four, at least four; the last ones are computed twice when their number is no
 * multiple. A pair of inputs is loaded once and kept for the outputs that see it next. */
static __attribute__((noinline, hot)) void slide(const channel *c, int8_t *output) {
    const harmcu_weights *w = c->w;
    const harmcu_short_scale scale =
        harmcu_short_scale_of(w->multiplier[c->number], w->shift[c->number], c->range->offset);
    const int32_t step = c->step;
    /* Twice the weights make twice the total, which is what the rescaling multiplies. */
    const int32_t bias = 2 * c->bias;
    const int16x2_t w01 = harmcu_twice(harmcu_load_pair(c->weights));
    const int16x2_t w23 = harmcu_twice(harmcu_load_pair(c->weights + 2));
    const int16x2_t w45 = harmcu_twice(harmcu_load_pair(c->weights + 4));
    const int16_t *row = c->row;
    int32_t left = c->count;
    while (left > 0) {
        if (left < SLIDING_OUTPUTS) {
            row -= SLIDING_OUTPUTS - left;
            output -= (SLIDING_OUTPUTS - left) * step;
            left = SLIDING_OUTPUTS;
        }
        int16x2_t x0 = harmcu_load_pair(row);
        int16x2_t x1 = harmcu_load_pair(row + 1);
        int16x2_t x2 = harmcu_load_pair(row + 2);
        int16x2_t x3 = harmcu_load_pair(row + 3);
        do {
            int32_t total = __smlad(x2, w23, __smlad(x0, w01, bias));
            x0 = harmcu_load_pair(row + 4);
            *output = harmcu_finish_twice(__smlad(x0, w45, total), &scale);
            output += step;
            total = __smlad(x3, w23, __smlad(x1, w01, bias));
            x1 = harmcu_load_pair(row + 5);
            *output = harmcu_finish_twice(__smlad(x1, w45, total), &scale);
            output += step;
            total = __smlad(x0, w23, __smlad(x2, w01, bias));
            x2 = harmcu_load_pair(row + 6);
            *output = harmcu_finish_twice(__smlad(x2, w45, total), &scale);
            output += step;
            total = __smlad(x1, w23, __smlad(x3, w01, bias));
            x3 = harmcu_load_pair(row + 7);
            *output = harmcu_finish_twice(__smlad(x3, w45, total), &scale);
            output += step;
            row += SLIDING_OUTPUTS;
            left -= SLIDING_OUTPUTS;
        } while (left >= SLIDING_OUTPUTS);
    }
}

#endif

/* Any number of taps and outputs, any stride and scale. */
static HARMCU_SMALL void walk(const channel *c, int8_t *output) {
    const int16_t *row = c->row;
    for (int32_t count = c->count; count > 0; count--) {
        int32_t total = c->bias;
        for (int32_t tap = 0; tap < c->taps; tap += 2) {
#if HARMCU_DSP
            total = __smlad(harmcu_load_pair(row + tap), harmcu_load_pair(c->weights + tap), total);
#else
            total = harmcu_wrapping_multiply_add(row[tap], c->weights[tap], total);
            total = harmcu_wrapping_multiply_add(row[tap + 1], c->weights[tap + 1], total);
#endif
        }
        *output = harmcu_finish(total, c->w, c->number, c->range);
        row += c->stride;
        output += c->step;
    }
}

HARMCU_SMALL void harmcu_depthwise_conv1d(const harmcu_conv_layer *layer, const harmcu_weights *w,
                                          const int8_t *input, int8_t *output, int16_t *workspace) {
    const int32_t channels = layer->output_map.channels;
    const int32_t taps = layer->window.size.width;
    const int32_t count = layer->output_map.width;
    const int32_t stride = layer->window.stride.width;
    const int32_t pad = layer->window.pad.width;
    const int32_t length = (count - 1) * stride + taps;
    const int32_t size = layer->input_map.width;
    const int32_t inside = length - pad < size ? length - pad : size;
    const int32_t reach = taps < SLIDING_TAPS ? SLIDING_TAPS : taps + taps % 2;
    int16_t *row = workspace + reach;
    channel c = {.w = w,
                 .weights = workspace,
                 .taps = taps + taps % 2,
                 .row = row,
                 .stride = stride,
                 .count = count,
                 .step = channels,
                 .range = &layer->output};
    repeat(0, reach - taps, workspace + taps);
    int16_t *first = repeat(-layer->input_offset, pad, row);
    repeat(-layer->input_offset, length - pad - inside + reach - taps, first + inside);
    for (int32_t i = 0; i < channels; i++) {
        gather(w->weights + i, channels, taps, workspace);
        gather(input + i, channels, inside, first);
        int32_t sum = 0;
        for (int32_t tap = 0; tap < taps; tap++) {
            sum += workspace[tap];
        }
        c.number = i;
        c.bias = harmcu_wrapping_multiply_add(sum, layer->input_offset, w->bias[i]);
#if HARMCU_DSP
        if (w->has_short_rescale && stride == 1 && taps <= SLIDING_TAPS &&
            count >= SLIDING_OUTPUTS) {
            slide(&c, output + i);
            continue;
        }
#endif
        walk(&c, output + i);
    }
    if (harmcu_is_narrow(&layer->output)) {
        harmcu_clamp_all(output, count * channels, &layer->output);
    }
}
