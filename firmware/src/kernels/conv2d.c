/* CONV_2D: every output channel sees all input channels of its group.
 *
 * The inputs of four neighbouring output positions are laid side by side as columns of int16, then
 * all output channels are computed from them, two at a time: a weight that is loaded and widened
 * serves four positions, an input two channels. */
#include "harmcu/optimize.h"

#include <stdbool.h>

#include "finish.h"

/* How many values of a column one turn of the inner loop takes. */
enum { STEP = 2 * HARMCU_QUAD };

/* One column under construction: `next` values of position `position` are there. */
typedef struct {
    int16_t *columns;
    uint32_t position;
    uint32_t next;
    int32_t offset; /* added to every value */
} column;

static __attribute__((noinline)) void put(column *c, int32_t value) {
    const uint32_t place = c->next % HARMCU_QUAD;
    const uint32_t pair = c->next / HARMCU_QUAD * 2 + place % 2;
    c->columns[(pair * HARMCU_POSITIONS + c->position) * 2 + place / 2] = (int16_t)value;
    c->next++;
}

/* Appends `count` values of the input, or as many zeros: outside the map, where `values` is null,
 * the input is its zero point, which the offset turns into zero. */
static __attribute__((noinline)) void append(column *c, const int8_t *values, int32_t count) {
    while (count > 0) {
#if HARMCU_DSP
        if (values != NULL && count >= HARMCU_QUAD && c->next % HARMCU_QUAD == 0) {
            const int16x2_t offset = harmcu_pair_of(c->offset);
            harmcu_pair *pair = (harmcu_pair *)(void *)c->columns;
            pair += c->next / 2 * HARMCU_POSITIONS + c->position;
            c->next += (uint32_t)count / HARMCU_QUAD * HARMCU_QUAD;
            do {
                const uint32_t word = harmcu_load_word(values);
                pair[0] = __sxtab16(offset, (int8x4_t)word);
                pair[HARMCU_POSITIONS] = harmcu_add_odd_bytes(offset, word);
                pair += 2 * HARMCU_POSITIONS;
                values += HARMCU_QUAD;
                count -= HARMCU_QUAD;
            } while (count >= HARMCU_QUAD);
            continue;
        }
#endif
        put(c, values != NULL ? *values++ + c->offset : 0);
        count--;
    }
}

/* The part of the input under one output position and in one group of channels. */
static __attribute__((noinline, cold)) void append_receptive_field(column *c,
                                                                   const harmcu_conv_layer *layer,
                                                                   const int8_t *input, int32_t y,
                                                                   int32_t x) {
    const harmcu_filter_window *window = &layer->window;
    const int32_t channels = layer->input_map.channels;
    const int32_t depth = channels / layer->groups;
    const int32_t y0 = y * window->stride.height - window->pad.height;
    const int32_t x0 = x * window->stride.width - window->pad.width;
    const harmcu_taps xs =
        harmcu_taps_inside(x0, layer->input_map.width, window->size.width, window->dilation.width);
    for (int32_t ky = 0; ky < window->size.height; ky++) {
        const int32_t row = y0 + ky * window->dilation.height;
        if (row < 0 || row >= layer->input_map.height) {
            append(c, NULL, window->size.width * depth);
            continue;
        }
        const int8_t *values = input + (row * layer->input_map.width + x0) * channels;
        append(c, NULL, xs.first * depth);
        if (window->dilation.width == 1 && layer->groups == 1) {
            append(c, values + xs.first * channels, (xs.end - xs.first) * channels);
        } else {
            for (int32_t kx = xs.first; kx < xs.end; kx++) {
                append(c, values + kx * window->dilation.width * channels, depth);
            }
        }
        append(c, NULL, (window->size.width - xs.end) * depth);
    }
}

/* The sums of channels a and b at four positions. */
typedef struct {
    int32_t a0, a1, a2, a3;
    int32_t b0, b1, b2, b3;
} sums_4x2;

#if HARMCU_DSP

/* One pair of inputs at four positions, which begin at `*columns`, and one word of weights. */
static inline __attribute__((always_inline)) void multiply_pair(const harmcu_two_columns **columns,
                                                                const int8_t **weights,
                                                                sums_4x2 *s) {
    const uint32_t word = harmcu_load_aligned_word(*weights);
    *weights += sizeof word;
    const int16x2_t a = __sxtb16((int8x4_t)word);
    const int16x2_t b = harmcu_odd_bytes(word);
    const uint64_t first = *(*columns)++;
    s->a0 = __smlad((int16x2_t)(uint32_t)first, a, s->a0);
    s->b0 = __smlad((int16x2_t)(uint32_t)first, b, s->b0);
    s->a1 = __smlad((int16x2_t)(first >> 32), a, s->a1);
    s->b1 = __smlad((int16x2_t)(first >> 32), b, s->b1);
    const uint64_t second = *(*columns)++;
    s->a2 = __smlad((int16x2_t)(uint32_t)second, a, s->a2);
    s->b2 = __smlad((int16x2_t)(uint32_t)second, b, s->b2);
    s->a3 = __smlad((int16x2_t)(second >> 32), a, s->a3);
    s->b3 = __smlad((int16x2_t)(second >> 32), b, s->b3);
}

#else

static inline void multiply_pair(const int16_t **columns, const int8_t **weights, sums_4x2 *s) {
    const int8_t *w = *weights;
    for (int32_t value = 0; value < 2; value++) {
        const int16_t *x = *columns + value;
        const int32_t a = w[2 * value];
        const int32_t b = w[2 * value + 1];
        s->a0 = harmcu_wrapping_multiply_add(x[0], a, s->a0);
        s->a1 = harmcu_wrapping_multiply_add(x[2], a, s->a1);
        s->a2 = harmcu_wrapping_multiply_add(x[4], a, s->a2);
        s->a3 = harmcu_wrapping_multiply_add(x[6], a, s->a3);
        s->b0 = harmcu_wrapping_multiply_add(x[0], b, s->b0);
        s->b1 = harmcu_wrapping_multiply_add(x[2], b, s->b1);
        s->b2 = harmcu_wrapping_multiply_add(x[4], b, s->b2);
        s->b3 = harmcu_wrapping_multiply_add(x[6], b, s->b3);
    }
    *columns += 2 * HARMCU_POSITIONS;
    *weights += 4;
}

#endif

/* Where the four positions go in the output: at 0, right, below and below + right. When fewer than
 * four are left, some are computed twice; see arrange(). */
typedef struct {
    int32_t right;
    int32_t below;
} places;

/* One channel at four positions, the first of which is at `output`. */
static inline void finish(int32_t s0, int32_t s1, int32_t s2, int32_t s3, harmcu_short_scale scale,
                          int8_t *output, places to) {
    int8_t *low = output + to.below;
    output[0] = harmcu_finish_short(s0, &scale);
    output[to.right] = harmcu_finish_short(s1, &scale);
    low[0] = harmcu_finish_short(s2, &scale);
    low[to.right] = harmcu_finish_short(s3, &scale);
}

/* The same for layers without the short form, and for a last channel without a partner. */
static __attribute__((noinline, cold)) void finish_long(const harmcu_conv_layer *layer,
                                                        const harmcu_weights *w, int32_t c,
                                                        const int32_t *sums, int8_t *output,
                                                        places to) {
    const int32_t offsets[HARMCU_POSITIONS] = {0, to.right, to.below, to.below + to.right};
    for (int32_t p = 0; p < HARMCU_POSITIONS; p++) {
        output[offsets[p]] = harmcu_finish(sums[p], w, c, &layer->output);
    }
}

/* All output channels of one group at four positions. The constants are copied from the structs,
 * because the compiler must assume that any int8 written may change those. */
static __attribute__((noinline)) void compute(const harmcu_conv_layer *layer,
                                              const harmcu_weights *w, int32_t group,
                                              const int16_t *columns, int8_t *output, places to) {
    const int32_t depth = layer->input_map.channels / layer->groups;
    const int32_t channels = layer->output_map.channels / layer->groups;
    const int32_t values = layer->window.size.height * layer->window.size.width * depth;
    const int32_t pair_bytes = (values + STEP - 1) / STEP * STEP * 2;
    const int8_t *weights = w->weights + group * ((channels + 1) / 2) * pair_bytes;
    const int32_t first = group * channels;
    const int32_t *bias = w->bias + first;
    const int32_t *multiplier = w->multiplier + first;
    const int8_t *shift = w->shift + first;
    const int32_t offset = layer->output.offset;
    const int32_t has_short_rescale = w->has_short_rescale;
    output += first;
    for (int32_t a = 0; a < channels; a += 2) {
        const bool is_pair = a + 1 < channels;
        const int32_t bias_a = bias[a];
        const int32_t bias_b = is_pair ? bias[a + 1] : 0;
        sums_4x2 s = {bias_a, bias_a, bias_a, bias_a, bias_b, bias_b, bias_b, bias_b};
        const int8_t *end = weights + pair_bytes;
#if HARMCU_DSP
        const harmcu_two_columns *next = (const harmcu_two_columns *)(const void *)columns;
#else
        const int16_t *next = columns;
#endif
        do {
            multiply_pair(&next, &weights, &s);
            multiply_pair(&next, &weights, &s);
            multiply_pair(&next, &weights, &s);
            multiply_pair(&next, &weights, &s);
        } while (weights != end);
        if (has_short_rescale && is_pair) {
            finish(s.a0, s.a1, s.a2, s.a3, harmcu_short_scale_of(multiplier[a], shift[a], offset),
                   output, to);
            finish(s.b0, s.b1, s.b2, s.b3,
                   harmcu_short_scale_of(multiplier[a + 1], shift[a + 1], offset), output + 1, to);
        } else {
            const int32_t sums[2][HARMCU_POSITIONS] = {{s.a0, s.a1, s.a2, s.a3},
                                                       {s.b0, s.b1, s.b2, s.b3}};
            for (int32_t i = 0; i <= (int32_t)is_pair; i++) {
                finish_long(layer, w, first + a + i, sums[i], output + i, to);
            }
        }
        output += 2;
    }
}

/* Four positions, `left` of which are still to be computed: fewer than four are computed more than
 * once, in the columns whose place in the output is theirs. */
static places arrange(int32_t left, int32_t channels, int32_t *columns) {
    const int32_t right = left > 1 ? 1 : 0;
    const int32_t below = left > 3 ? 2 : left > 2 ? 1 : 0;
    columns[0] = 0;
    columns[1] = right;
    columns[2] = below;
    columns[3] = below + right;
    const places to = {right * channels, below * channels};
    return to;
}

void harmcu_conv2d(const harmcu_conv_layer *layer, const harmcu_weights *w, const int8_t *input,
                   int8_t *output, int16_t *columns) {
    const int32_t width = layer->output_map.width;
    const int32_t channels = layer->output_map.channels;
    const int32_t inputs = layer->input_map.channels;
    const int32_t group_depth = inputs / layer->groups;
    /* Where a receptive field is one run of bytes, most positions need no look at the border. */
    const harmcu_filter_window *window = &layer->window;
    const bool is_row =
        window->size.height == 1 && window->dilation.width == 1 && layer->groups == 1;
    const int32_t last_x0 = layer->input_map.width - window->size.width;
    const int32_t row_values = window->size.width * inputs;
    int32_t y = 0;
    int32_t x = 0;
    for (int32_t left = layer->output_map.height * width; left > 0; left -= HARMCU_POSITIONS) {
        int32_t position[HARMCU_POSITIONS];
        const places to = arrange(left, channels, position);
        for (int32_t group = 0; group < layer->groups; group++) {
            for (uint32_t p = 0; p < HARMCU_POSITIONS; p++) {
                int32_t py = y;
                int32_t px = x + position[p];
                for (; px >= width; px -= width) {
                    py++;
                }
                column c = {columns, p, 0, layer->input_offset};
                const int32_t x0 = px * window->stride.width - window->pad.width;
                if (is_row && x0 >= 0 && x0 <= last_x0) {
                    const int32_t row = py * window->stride.height * layer->input_map.width;
                    append(&c, input + (row + x0) * inputs, row_values);
                } else {
                    append_receptive_field(&c, layer, input + group * group_depth, py, px);
                }
            }
            compute(layer, w, group, columns, output, to);
        }
        if (w->has_short_rescale && harmcu_is_narrow(&layer->output)) {
            const int32_t count = left < HARMCU_POSITIONS ? left : HARMCU_POSITIONS;
            harmcu_clamp_all(output, count * channels, &layer->output);
        }
        output += HARMCU_POSITIONS * channels;
        for (x += HARMCU_POSITIONS; x >= width; x -= width) {
            y++;
        }
    }
}
