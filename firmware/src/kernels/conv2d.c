/* CONV_2D: every output channel sees all input channels of its group.
 *
 * The inputs of four neighbouring output positions are laid side by side as columns of int16, then
 * all output channels are computed from them, two at a time: a weight that is loaded and widened
 * serves four positions, an input two channels. harmcu_conv2d() gives every position a column of
 * all that is under the filter. Where the filter moves along one axis in single steps, the
 * positions share most of their inputs: harmcu_conv1d_3() and harmcu_conv1d_5() make a column of
 * every input position instead, and a tap is a step of one column. */
#include "harmcu/optimize.h"

#include <stdbool.h>

#include "finish.h"

/* How many values of a column one turn of the inner loop takes. */
enum { STEP = 2 * HARMCU_QUAD };

/* How many columns there are where each tap has its own. */
#define PITCH_3 6
#define PITCH_5 8

/* The sums of two channels at four positions each. */
typedef struct {
    int32_t of[2][HARMCU_POSITIONS];
} pair_sums;

/* Adds the products of four neighbouring columns and `bytes` of weights, a multiple of 16. */
typedef void multiply(const int16_t *columns, const int8_t *weights, int32_t bytes,
                      pair_sums *sums);

#if HARMCU_DSP

/* In assembly, because most of the time goes here and the loop takes all fourteen registers: a
 * compiler would push sums out to the stack. Each turn takes four pairs of inputs. LDRD asks for
 * multiples of four only, and STACK[0] is where the weights end.
 *
 * r0 columns, r1 weights, r2 and r3 a word of weights widened, r4 to r7 sums of channel a, r8 to
 * r11 of channel b, r12 and lr inputs. */
#define TEXT(number) #number
#define MULTIPLY(name, pitch)                                                                        \
    static __attribute__((naked, noinline)) void name(                                               \
        __attribute__((unused)) const int16_t *columns,                                              \
        __attribute__((unused)) const int8_t *weights, __attribute__((unused)) int32_t bytes,        \
        __attribute__((unused)) pair_sums *sums) {                                                   \
        __asm__("push {r3-r11, lr}\n"                                                              \
                "ldm r3, {r4-r11}\n"                                                               \
                "add r2, r1, r2\n"                                                                 \
                "push {r2}\n"                                                                      \
                "1:\n"                                                                             \
                ".rept 4\n"                                                                        \
                "ldr r2, [r1], #4\n"                                                               \
                "ldrd r12, lr, [r0], #8\n"                                                         \
                "sxtb16 r3, r2, ror #8\n"                                                          \
                "sxtb16 r2, r2\n"                                                                  \
                "smlad r4, r12, r2, r4\n"                                                          \
                "smlad r8, r12, r3, r8\n"                                                          \
                "smlad r5, lr, r2, r5\n"                                                           \
                "smlad r9, lr, r3, r9\n"                                                           \
                "ldrd r12, lr, [r0], #4*" TEXT(pitch) "-8\n"                                       \
                "smlad r6, r12, r2, r6\n"                                                          \
                "smlad r10, r12, r3, r10\n"                                                        \
                "smlad r7, lr, r2, r7\n"                                                           \
                "smlad r11, lr, r3, r11\n"                                                         \
                ".endr\n"                                                                          \
                "ldr r2, [sp]\n"                                                                   \
                "cmp r1, r2\n"                                                                     \
                "bne 1b\n"                                                                         \
                "pop {r2, r3}\n"                                                                   \
                "stm r3, {r4-r11}\n"                                                               \
                "pop {r4-r11, pc}"); \
    }

#else

static void multiply_portable(const int16_t *columns, int32_t pitch, const int8_t *weights,
                              int32_t bytes, pair_sums *sums) {
    for (const int8_t *end = weights + bytes; weights != end; weights += 2) {
        for (int32_t p = 0; p < HARMCU_POSITIONS; p++) {
            const int32_t x = columns[2 * p];
            sums->of[0][p] = harmcu_wrapping_multiply_add(x, weights[0], sums->of[0][p]);
            sums->of[1][p] = harmcu_wrapping_multiply_add(x, weights[1], sums->of[1][p]);
        }
        /* From the first value of a pair to the second, and on to the next pair. */
        columns += (end - weights) % 4 == 0 ? 1 : 2 * pitch - 1;
    }
}

#define MULTIPLY(name, pitch)                                                      \
    static void name(const int16_t *columns, const int8_t *weights, int32_t bytes, \
                     pair_sums *sums) {                                            \
        multiply_portable(columns, pitch, weights, bytes, sums);                   \
    }

#endif

MULTIPLY(multiply_4, 4)
MULTIPLY(multiply_6, 6)
MULTIPLY(multiply_8, 8)

/* Where the second, third and fourth position go in the output; the first goes to 0. Beyond the
 * last position they go where that one goes, and are written before it. */
typedef struct {
    int32_t second;
    int32_t third;
    int32_t fourth;
} places;

/* What is computed from columns: the output channels of one group. */
typedef struct {
    const harmcu_conv_layer *layer;
    const harmcu_weights *w;
    const int16_t *columns;
    multiply *multiply;
    int32_t taps;      /* each begins one column after the one before */
    int32_t tap_bytes; /* of the weights of two channels */
    places to;
} column_layer;

/* The sums of two channels, the first of which is c. */
static inline __attribute__((always_inline)) void sum_up(const column_layer *g, int32_t c,
                                                         bool is_pair, const int8_t *weights,
                                                         pair_sums *sums) {
    const int32_t *bias = g->w->bias + c;
    const int32_t a = bias[0];
    const int32_t b = is_pair ? bias[1] : 0;
    for (int32_t p = 0; p < HARMCU_POSITIONS; p++) {
        sums->of[0][p] = a;
        sums->of[1][p] = b;
    }
    const int16_t *columns = g->columns;
    const int16_t *end = columns + 2 * g->taps;
    do {
        g->multiply(columns, weights, g->tap_bytes, sums);
        weights += g->tap_bytes;
        columns += 2;
    } while (columns != end);
}

/* One channel at four positions, the first of which is at `output`. */
static inline __attribute__((always_inline)) void finish(const int32_t *sums, int32_t multiplier,
                                                         int32_t shift, int32_t offset, places to,
                                                         int8_t *output) {
    const harmcu_short_scale scale = harmcu_short_scale_of(multiplier, shift, offset);
    output[to.fourth] = harmcu_finish_short(sums[3], &scale);
    output[to.third] = harmcu_finish_short(sums[2], &scale);
    output[to.second] = harmcu_finish_short(sums[1], &scale);
    output[0] = harmcu_finish_short(sums[0], &scale);
}

/* Channels [c, end) at four positions for layers without the short form, or one channel without a
 * partner. */
static HARMCU_SMALL void compute_rest(const column_layer *g, int32_t c, int32_t end,
                                      const int8_t *weights, int8_t *output) {
    const int32_t offsets[HARMCU_POSITIONS] = {0, g->to.second, g->to.third, g->to.fourth};
    for (; c < end; c += 2) {
        pair_sums sums;
        sum_up(g, c, c + 1 < end, weights, &sums);
        weights += g->taps * g->tap_bytes;
        for (int32_t i = c; i < c + 2 && i < end; i++) {
            for (int32_t p = HARMCU_POSITIONS - 1; p >= 0; p--) {
                output[offsets[p]] = harmcu_finish(sums.of[i - c][p], g->w, i, &g->layer->output);
            }
            output++;
        }
    }
}

/* Channels [c, end) at four positions, the first of which is at `output`. */
static __attribute__((noinline)) void compute(const column_layer *g, int32_t c, int32_t end,
                                              const int8_t *weights, int8_t *output) {
    const int32_t *multiplier = g->w->multiplier;
    const int8_t *shift = g->w->shift;
    const int32_t offset = g->layer->output.offset;
    const int32_t last = g->w->has_short_rescale ? end - 1 : c;
    const places to = g->to;
    for (; c < last; c += 2) {
        pair_sums sums;
        sum_up(g, c, true, weights, &sums);
        weights += g->taps * g->tap_bytes;
        finish(sums.of[0], multiplier[c], shift[c], offset, to, output);
        finish(sums.of[1], multiplier[c + 1], shift[c + 1], offset, to, output + 1);
        output += 2;
    }
    if (c < end) {
        compute_rest(g, c, end, weights, output);
    }
}

/* Widens `count` values, a multiple of four, into one of `pitch` columns. */
static inline void fill(const int8_t *values, int32_t count, int32_t offset, int32_t pitch,
                        int16_t *column) {
#if HARMCU_DSP
    const int16x2_t offsets = harmcu_pair_of(offset);
    harmcu_pair *pair = (harmcu_pair *)(void *)column;
    for (; count > 0; count -= HARMCU_QUAD) {
        const uint32_t word = harmcu_load_word(values);
        values += sizeof word;
        pair[0] = __sxtab16(offsets, (int8x4_t)word);
        pair[pitch] = harmcu_add_odd_bytes(offsets, word);
        pair += 2 * pitch;
    }
#else
    for (; count > 0; count -= HARMCU_QUAD) {
        column[0] = (int16_t)(values[0] + offset);
        column[1] = (int16_t)(values[2] + offset);
        column[2 * pitch] = (int16_t)(values[1] + offset);
        column[2 * pitch + 1] = (int16_t)(values[3] + offset);
        values += HARMCU_QUAD;
        column += HARMCU_QUAD * pitch;
    }
#endif
}

/* The same outside the map, where the input is its zero point. */
static void clear(int32_t count, int32_t pitch, int16_t *column) {
    for (; count > 0; count -= 2) {
        column[0] = 0;
        column[1] = 0;
        column += 2 * pitch;
    }
}

/* One column under construction: `next` values of position `position` are there. */
typedef struct {
    int16_t *columns;
    uint32_t position;
    uint32_t next;
    int32_t offset; /* added to every value */
} column;

static HARMCU_SMALL void put(column *c, int32_t value) {
    const uint32_t place = c->next % HARMCU_QUAD;
    const uint32_t pair = c->next / HARMCU_QUAD * 2 + place % 2;
    c->columns[(pair * HARMCU_POSITIONS + c->position) * 2 + place / 2] = (int16_t)value;
    c->next++;
}

/* Appends `count` values of the input, or as many zeros: outside the map, where `values` is null,
 * the input is its zero point, which the offset turns into zero. */
static HARMCU_SMALL void append(column *c, const int8_t *values, int32_t count) {
    while (count > 0) {
        if (values != NULL && count >= HARMCU_QUAD && c->next % HARMCU_QUAD == 0) {
            const int32_t whole = count / HARMCU_QUAD * HARMCU_QUAD;
            fill(values, whole, c->offset, HARMCU_POSITIONS,
                 c->columns + 2 * (c->next / 2 * HARMCU_POSITIONS + c->position));
            c->next += (uint32_t)whole;
            values += whole;
            count -= whole;
            continue;
        }
        put(c, values != NULL ? *values++ + c->offset : 0);
        count--;
    }
}

/* The part of the input under one output position and in one group of channels. */
static HARMCU_SMALL void append_receptive_field(column *c, const harmcu_conv_layer *layer,
                                                const int8_t *input, int32_t y, int32_t x) {
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

/* Widens four runs of `count` values, `step` bytes apart, into the first four of `pitch` columns.
 * Up to three values more are read; the weights make nothing of them. */
static __attribute__((noinline, hot)) void fill_four(const int8_t *values, int32_t step,
                                                     int32_t count, int32_t offset, int32_t pitch,
                                                     int16_t *columns) {
#if HARMCU_DSP
    const int16x2_t offsets = harmcu_pair_of(offset);
    const int32_t two_steps = 2 * step;
    const int32_t three_steps = 3 * step;
    harmcu_pair *even = (harmcu_pair *)(void *)columns;
    for (; count > 0; count -= HARMCU_QUAD) {
        harmcu_pair *odd = even + pitch;
        const uint32_t word0 = harmcu_load_word(values);
        const uint32_t word1 = harmcu_load_word(values + step);
        even[0] = __sxtab16(offsets, (int8x4_t)word0);
        even[1] = __sxtab16(offsets, (int8x4_t)word1);
        odd[0] = harmcu_add_odd_bytes(offsets, word0);
        odd[1] = harmcu_add_odd_bytes(offsets, word1);
        const uint32_t word2 = harmcu_load_word(values + two_steps);
        const uint32_t word3 = harmcu_load_word(values + three_steps);
        even[2] = __sxtab16(offsets, (int8x4_t)word2);
        even[3] = __sxtab16(offsets, (int8x4_t)word3);
        odd[2] = harmcu_add_odd_bytes(offsets, word2);
        odd[3] = harmcu_add_odd_bytes(offsets, word3);
        values += HARMCU_QUAD;
        even = odd + pitch;
    }
#else
    for (int32_t p = 0; p < HARMCU_POSITIONS; p++) {
        fill(values, (count + HARMCU_QUAD - 1) / HARMCU_QUAD * HARMCU_QUAD, offset, pitch,
             columns + 2 * p);
        values += step;
    }
#endif
}

/* Columns of four positions from (y, x) on, wherever they are; those beyond the last one repeat it,
 * as arrange() says. */
static HARMCU_SMALL void fill_anywhere(const column_layer *g, const int8_t *input, int16_t *columns,
                                       int32_t y, int32_t x) {
    const int32_t width = g->layer->output_map.width;
    const int32_t channels = g->layer->output_map.channels;
    const int32_t steps[HARMCU_POSITIONS] = {0, g->to.second, g->to.third, g->to.fourth};
    for (uint32_t p = 0; p < HARMCU_POSITIONS; p++) {
        int32_t py = y;
        int32_t px = x + steps[p] / channels;
        for (; px >= width; px -= width) {
            py++;
        }
        column c = {columns, p, 0, g->layer->input_offset};
        append_receptive_field(&c, g->layer, input, py, px);
    }
}

/* Where the next four of `left` positions go. */
static places arrange(int32_t left, int32_t channels) {
    const places to = {
        .second = (left > 1 ? 1 : 0) * channels,
        .third = (left > 2 ? 2 : left - 1) * channels,
        .fourth = (left > 3 ? 3 : left - 1) * channels,
    };
    return to;
}

static void clamp_block(const column_layer *g, int32_t left, int8_t *output) {
    if (g->w->has_short_rescale && harmcu_is_narrow(&g->layer->output)) {
        const int32_t count = left < HARMCU_POSITIONS ? left : HARMCU_POSITIONS;
        harmcu_clamp_all(output, count * g->layer->output_map.channels, &g->layer->output);
    }
}

HARMCU_SMALL void harmcu_conv2d(const harmcu_conv_layer *layer, const harmcu_weights *w,
                                const int8_t *input, int8_t *output, int16_t *columns) {
    const harmcu_filter_window *window = &layer->window;
    const int32_t width = layer->output_map.width;
    const int32_t inputs = layer->input_map.channels;
    const int32_t depth = inputs / layer->groups;
    const int32_t channels = layer->output_map.channels / layer->groups;
    const int32_t values = window->size.height * window->size.width * depth;
    column_layer g = {.layer = layer,
                      .w = w,
                      .columns = columns,
                      .multiply = multiply_4,
                      .taps = 1,
                      .tap_bytes = (values + STEP - 1) / STEP * STEP * 2};
    const int32_t group_bytes = (channels + 1) / 2 * g.tap_bytes;
    /* Where a receptive field is one run of bytes, most positions need no look at the border. */
    const bool is_row =
        window->size.height == 1 && window->dilation.width == 1 && layer->groups == 1;
    /* The first of four positions may be so far to the right, if none of them is to read beyond the
     * input, where the filter is no multiple of four values. */
    const int32_t spare = values % HARMCU_QUAD == 0 ? 0 : (HARMCU_QUAD - 2) / inputs + 1;
    const int32_t last_x0 = layer->input_map.width - window->size.width -
                            (HARMCU_POSITIONS - 1) * window->stride.width - spare;
    int32_t y = 0;
    int32_t x = 0;
    for (int32_t left = layer->output_map.height * width; left > 0; left -= HARMCU_POSITIONS) {
        g.to = arrange(left, layer->output_map.channels);
        const int32_t x0 = x * window->stride.width - window->pad.width;
        if (is_row && x0 >= 0 && x0 <= last_x0 && x + HARMCU_POSITIONS <= width) {
            const int32_t row = y * window->stride.height * layer->input_map.width;
            fill_four(input + (row + x0) * inputs, window->stride.width * inputs, values,
                      layer->input_offset, HARMCU_POSITIONS, columns);
            compute(&g, 0, channels, w->weights, output);
        } else {
            for (int32_t group = 0; group < layer->groups; group++) {
                fill_anywhere(&g, input + group * depth, columns, y, x);
                compute(&g, group * channels, (group + 1) * channels,
                        w->weights + group * group_bytes, output + group * channels);
            }
        }
        clamp_block(&g, left, output);
        output += HARMCU_POSITIONS * layer->output_map.channels;
        for (x += HARMCU_POSITIONS; x >= width; x -= width) {
            y++;
        }
    }
}

/* Columns of the input positions from x on, zeros outside the map. */
static HARMCU_SMALL void fill_at_border(const harmcu_conv_layer *layer, const int8_t *input,
                                        int32_t x, int32_t pitch, int16_t *columns) {
    const int32_t depth = layer->input_map.channels;
    for (int32_t i = 0; i < pitch; i++) {
        if (x + i >= 0 && x + i < layer->input_map.width) {
            fill(input + (x + i) * depth, depth, layer->input_offset, pitch, columns + 2 * i);
        } else {
            clear(depth, pitch, columns + 2 * i);
        }
    }
}

static HARMCU_SMALL void conv1d(column_layer *g, int32_t pitch, const int8_t *input, int8_t *output,
                                int16_t *columns) {
    const harmcu_conv_layer *layer = g->layer;
    const int32_t depth = layer->input_map.channels;
    const int32_t channels = layer->output_map.channels;
    g->columns = columns;
    g->tap_bytes = 2 * depth;
    int32_t x = -layer->window.pad.width;
    for (int32_t left = layer->output_map.width; left > 0; left -= HARMCU_POSITIONS) {
        g->to = arrange(left, channels);
        if (x >= 0 && x + pitch <= layer->input_map.width) {
            const int8_t *values = input + x * depth;
            const int32_t rest = pitch - HARMCU_POSITIONS;
            fill_four(values, depth, depth, layer->input_offset, pitch, columns);
            fill_four(values + rest * depth, depth, depth, layer->input_offset, pitch,
                      columns + 2 * rest);
        } else {
            fill_at_border(layer, input, x, pitch, columns);
        }
        compute(g, 0, channels, g->w->weights, output);
        clamp_block(g, left, output);
        output += HARMCU_POSITIONS * channels;
        x += HARMCU_POSITIONS;
    }
}

void harmcu_conv1d_3(const harmcu_conv_layer *layer, const harmcu_weights *w, const int8_t *input,
                     int8_t *output, int16_t *columns) {
    column_layer g = {.layer = layer, .w = w, .multiply = multiply_6, .taps = 3};
    conv1d(&g, PITCH_3, input, output, columns);
}

void harmcu_conv1d_5(const harmcu_conv_layer *layer, const harmcu_weights *w, const int8_t *input,
                     int8_t *output, int16_t *columns) {
    column_layer g = {.layer = layer, .w = w, .multiply = multiply_8, .taps = 5};
    conv1d(&g, PITCH_5, input, output, columns);
}
