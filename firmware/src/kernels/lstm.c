/* UNIDIRECTIONAL_SEQUENCE_LSTM, one unit after the other: its four gates, its cell, its output.
 *
 * Each gate is a sum over the input and one over the hidden state, which are rescaled to int16 by
 * themselves and then added. For sums of products two at a time, the values of a step are laid out
 * as columns of int16, doubled (as the rescaling wants its sums doubled):
 *
 * - columns: [quad of four values][values 0 and 2, or 1 and 3];
 * - weights: [quad][values 0 and 2, or 1 and 3][input and forget, or cell and output gate]
 *   [value of the pair][gate of the pair], the first gate of a pair plus 128, as an uint8.
 *
 * So the bytes of two gates, read as one int16, are 256 * second + (first + 128). A sum of products
 * with this and one with the lower byte alone give both gates' sums, with a single instruction to
 * widen four weights; the latter sum is too large by 128 times that of the values. */
#include "harmcu/optimize.h"

#include <stdalign.h>
#include <stdbool.h>

#include "finish.h"

enum { INPUT, FORGET, CELL, OUTPUT, GATES = HARMCU_LSTM_GATES };
enum { LOWER_BYTE_OFFSET = 128 };

static inline int32_t saturate_int16(int32_t value) {
#if HARMCU_DSP
    int32_t saturated;
    __asm__("ssat %0, #16, %1" : "=r"(saturated) : "r"(value));
    return saturated;
#else
    return harmcu_clamp(value, INT16_MIN, INT16_MAX);
#endif
}

/* Values in the form of columns, padded with zeros; gives the sum of what it wrote. */
static int32_t fill(int16_t *columns, const int8_t *values, int32_t count, int32_t offset) {
    int32_t sum = 0;
    int32_t left = count;
#if HARMCU_DSP
    const int16x2_t offsets = harmcu_pair_of(offset);
    harmcu_pair *pair = (harmcu_pair *)(void *)columns;
    for (; left >= HARMCU_QUAD; left -= HARMCU_QUAD) {
        const uint32_t word = harmcu_load_word(values);
        const int16x2_t even = __sxtab16(offsets, (int8x4_t)word);
        const int16x2_t odd = harmcu_add_odd_bytes(offsets, word);
        pair[0] = __sadd16(even, even);
        pair[1] = __sadd16(odd, odd);
        sum = __smlad(pair[0], harmcu_pair_of(1), sum);
        sum = __smlad(pair[1], harmcu_pair_of(1), sum);
        pair += 2;
        values += HARMCU_QUAD;
    }
    columns += count - left;
#endif
    while (left > 0) {
        for (int32_t i = 0; i < HARMCU_QUAD; i++) {
            const int32_t value = i < left ? 2 * (values[i] + offset) : 0;
            columns[i % 2 * 2 + i / 2] = (int16_t)value;
            sum += value;
        }
        columns += HARMCU_QUAD;
        values += HARMCU_QUAD;
        left -= HARMCU_QUAD;
    }
    return sum;
}

/* (sigmoid(i / 24) - 1/2) * 2^16 for i from -256 to 255, as TensorFlow Lite has it: what is added
 * up to the next entry, and the entry. */
enum { ENTRIES = 512 };

static alignas(4) const int16_t sigmoids[ENTRIES][2] = {
    /* clang-format off */
    {0, -32767}, {1, -32767}, {0, -32766}, {0, -32766}, {0, -32766}, {0, -32766}, {0, -32766},
    {0, -32766}, {0, -32766}, {0, -32766}, {0, -32766}, {1, -32766}, {0, -32765}, {0, -32765},
    {0, -32765}, {0, -32765}, {0, -32765}, {0, -32765}, {0, -32765}, {1, -32765}, {0, -32764},
    {0, -32764}, {0, -32764}, {0, -32764}, {0, -32764}, {1, -32764}, {0, -32763}, {0, -32763},
    {0, -32763}, {0, -32763}, {1, -32763}, {0, -32762}, {0, -32762}, {0, -32762}, {1, -32762},
    {0, -32761}, {0, -32761}, {0, -32761}, {1, -32761}, {0, -32760}, {0, -32760}, {1, -32760},
    {0, -32759}, {1, -32759}, {0, -32758}, {0, -32758}, {1, -32758}, {0, -32757}, {1, -32757},
    {0, -32756}, {1, -32756}, {0, -32755}, {1, -32755}, {0, -32754}, {1, -32754}, {1, -32753},
    {0, -32752}, {1, -32752}, {1, -32751}, {1, -32750}, {0, -32749}, {1, -32749}, {1, -32748},
    {1, -32747}, {1, -32746}, {1, -32745}, {1, -32744}, {1, -32743}, {1, -32742}, {1, -32741},
    {1, -32740}, {2, -32739}, {1, -32737}, {1, -32736}, {2, -32735}, {1, -32733}, {2, -32732},
    {1, -32730}, {2, -32729}, {2, -32727}, {2, -32725}, {2, -32723}, {1, -32721}, {3, -32720},
    {2, -32717}, {2, -32715}, {2, -32713}, {3, -32711}, {2, -32708}, {3, -32706}, {3, -32703},
    {3, -32700}, {3, -32697}, {3, -32694}, {3, -32691}, {3, -32688}, {4, -32685}, {4, -32681},
    {3, -32677}, {4, -32674}, {5, -32670}, {4, -32665}, {4, -32661}, {5, -32657}, {5, -32652},
    {5, -32647}, {6, -32642}, {5, -32636}, {6, -32631}, {6, -32625}, {6, -32619}, {7, -32613},
    {7, -32606}, {7, -32599}, {8, -32592}, {7, -32584}, {8, -32577}, {9, -32569}, {9, -32560},
    {9, -32551}, {9, -32542}, {10, -32533}, {11, -32523}, {11, -32512}, {11, -32501}, {12, -32490},
    {12, -32478}, {13, -32466}, {13, -32453}, {14, -32440}, {15, -32426}, {15, -32411},
    {15, -32396}, {17, -32381}, {17, -32364}, {18, -32347}, {18, -32329}, {19, -32311},
    {21, -32292}, {20, -32271}, {22, -32251}, {23, -32229}, {24, -32206}, {24, -32182},
    {26, -32158}, {27, -32132}, {28, -32105}, {29, -32077}, {30, -32048}, {32, -32018},
    {33, -31986}, {34, -31953}, {35, -31919}, {38, -31884}, {38, -31846}, {40, -31808},
    {42, -31768}, {44, -31726}, {45, -31682}, {48, -31637}, {49, -31589}, {51, -31540},
    {53, -31489}, {56, -31436}, {58, -31380}, {60, -31322}, {62, -31262}, {65, -31200},
    {68, -31135}, {70, -31067}, {74, -30997}, {76, -30923}, {79, -30847}, {82, -30768},
    {86, -30686}, {89, -30600}, {93, -30511}, {96, -30418}, {100, -30322}, {104, -30222},
    {108, -30118}, {112, -30010}, {117, -29898}, {121, -29781}, {126, -29660}, {130, -29534},
    {136, -29404}, {140, -29268}, {146, -29128}, {151, -28982}, {158, -28831}, {162, -28673},
    {169, -28511}, {175, -28342}, {182, -28167}, {188, -27985}, {195, -27797}, {202, -27602},
    {209, -27400}, {216, -27191}, {224, -26975}, {231, -26751}, {240, -26520}, {248, -26280},
    {256, -26032}, {264, -25776}, {273, -25512}, {283, -25239}, {291, -24956}, {300, -24665},
    {310, -24365}, {320, -24055}, {329, -23735}, {340, -23406}, {349, -23066}, {360, -22717},
    {370, -22357}, {381, -21987}, {391, -21606}, {402, -21215}, {412, -20813}, {424, -20401},
    {434, -19977}, {446, -19543}, {456, -19097}, {467, -18641}, {478, -18174}, {489, -17696},
    {500, -17207}, {511, -16707}, {521, -16196}, {532, -15675}, {542, -15143}, {552, -14601},
    {562, -14049}, {572, -13487}, {581, -12915}, {591, -12334}, {599, -11743}, {608, -11144},
    {616, -10536}, {624, -9920}, {632, -9296}, {638, -8664}, {645, -8026}, {651, -7381},
    {657, -6730}, {661, -6073}, {667, -5412}, {670, -4745}, {674, -4075}, {676, -3401},
    {680, -2725}, {680, -2045}, {682, -1365}, {683, -683}, {683, 0}, {682, 683}, {680, 1365},
    {680, 2045}, {676, 2725}, {674, 3401}, {670, 4075}, {667, 4745}, {661, 5412}, {657, 6073},
    {651, 6730}, {645, 7381}, {638, 8026}, {632, 8664}, {624, 9296}, {616, 9920}, {608, 10536},
    {599, 11144}, {591, 11743}, {581, 12334}, {572, 12915}, {562, 13487}, {552, 14049},
    {542, 14601}, {532, 15143}, {521, 15675}, {511, 16196}, {500, 16707}, {489, 17207},
    {478, 17696}, {467, 18174}, {456, 18641}, {446, 19097}, {434, 19543}, {424, 19977},
    {412, 20401}, {402, 20813}, {391, 21215}, {381, 21606}, {370, 21987}, {360, 22357},
    {349, 22717}, {340, 23066}, {329, 23406}, {320, 23735}, {310, 24055}, {300, 24365},
    {291, 24665}, {283, 24956}, {273, 25239}, {264, 25512}, {256, 25776}, {248, 26032},
    {240, 26280}, {231, 26520}, {224, 26751}, {216, 26975}, {209, 27191}, {202, 27400},
    {195, 27602}, {188, 27797}, {182, 27985}, {175, 28167}, {169, 28342}, {162, 28511},
    {158, 28673}, {151, 28831}, {146, 28982}, {140, 29128}, {136, 29268}, {130, 29404},
    {126, 29534}, {121, 29660}, {117, 29781}, {112, 29898}, {108, 30010}, {104, 30118},
    {100, 30222}, {96, 30322}, {93, 30418}, {89, 30511}, {86, 30600}, {82, 30686}, {79, 30768},
    {76, 30847}, {74, 30923}, {70, 30997}, {68, 31067}, {65, 31135}, {62, 31200}, {60, 31262},
    {58, 31322}, {56, 31380}, {53, 31436}, {51, 31489}, {49, 31540}, {48, 31589}, {45, 31637},
    {44, 31682}, {42, 31726}, {40, 31768}, {38, 31808}, {38, 31846}, {35, 31884}, {34, 31919},
    {33, 31953}, {32, 31986}, {30, 32018}, {29, 32048}, {28, 32077}, {27, 32105}, {26, 32132},
    {24, 32158}, {24, 32182}, {23, 32206}, {22, 32229}, {20, 32251}, {21, 32271}, {19, 32292},
    {18, 32311}, {18, 32329}, {17, 32347}, {17, 32364}, {15, 32381}, {15, 32396}, {15, 32411},
    {14, 32426}, {13, 32440}, {13, 32453}, {12, 32466}, {12, 32478}, {11, 32490}, {11, 32501},
    {11, 32512}, {10, 32523}, {9, 32533}, {9, 32542}, {9, 32551}, {9, 32560}, {8, 32569},
    {7, 32577}, {8, 32584}, {7, 32592}, {7, 32599}, {7, 32606}, {6, 32613}, {6, 32619}, {6, 32625},
    {5, 32631}, {6, 32636}, {5, 32642}, {5, 32647}, {5, 32652}, {4, 32657}, {4, 32661}, {5, 32665},
    {4, 32670}, {3, 32674}, {4, 32677}, {4, 32681}, {3, 32685}, {3, 32688}, {3, 32691}, {3, 32694},
    {3, 32697}, {3, 32700}, {3, 32703}, {2, 32706}, {3, 32708}, {2, 32711}, {2, 32713}, {2, 32715},
    {3, 32717}, {1, 32720}, {2, 32721}, {2, 32723}, {2, 32725}, {2, 32727}, {1, 32729}, {2, 32730},
    {1, 32732}, {2, 32733}, {1, 32735}, {1, 32736}, {2, 32737}, {1, 32739}, {1, 32740}, {1, 32741},
    {1, 32742}, {1, 32743}, {1, 32744}, {1, 32745}, {1, 32746}, {1, 32747}, {1, 32748}, {0, 32749},
    {1, 32749}, {1, 32750}, {1, 32751}, {0, 32752}, {1, 32752}, {1, 32753}, {0, 32754}, {1, 32754},
    {0, 32755}, {1, 32755}, {0, 32756}, {1, 32756}, {0, 32757}, {1, 32757}, {0, 32758}, {0, 32758},
    {1, 32758}, {0, 32759}, {1, 32759}, {0, 32760}, {0, 32760}, {1, 32760}, {0, 32761}, {0, 32761},
    {0, 32761}, {1, 32761}, {0, 32762}, {0, 32762}, {0, 32762}, {1, 32762}, {0, 32763}, {0, 32763},
    {0, 32763}, {0, 32763}, {1, 32763}, {0, 32764}, {0, 32764}, {0, 32764}, {0, 32764}, {0, 32764},
    {1, 32764}, {0, 32765}, {0, 32765}, {0, 32765}, {0, 32765}, {0, 32765}, {0, 32765}, {0, 32765},
    {1, 32765}, {0, 32766}, {0, 32766}, {0, 32766}, {0, 32766}, {0, 32766}, {0, 32766}, {0, 32766},
    {0, 32766}, {0, 32766}, {1, 32766}, {0, 32767},
    /* clang-format on */
};

/* The entry at value / 2^bits, within the table, plus the fraction behind it, times 2^bits, plus
 * `start`. Halves of the negative branch round downwards. */
static inline int32_t interpolate(int32_t value, int32_t place, uint32_t bits, int32_t start) {
    const uint32_t fraction = (uint32_t)value & ((1U << bits) - 1U);
    const int16_t *entry = sigmoids[ENTRIES / 2] + 2 * place;
#if HARMCU_DSP
    int16x2_t pair;
    memcpy(&pair, __builtin_assume_aligned(entry, sizeof pair), sizeof pair);
    const int32_t sum = __smlad(pair, (int16x2_t)(fraction | (1U << (16U + bits))), start);
#else
    /* NOLINTNEXTLINE(clang-analyzer-core.*): the place is within the table, of either sign. */
    const int32_t sum = entry[0] * (int32_t)fraction + entry[1] * (INT32_C(1) << bits) + start;
#endif
    return sum + (value >> 31);
}

/* sigmoid(value), Q3.12 to Q0.15. */
static inline int32_t sigmoid(int32_t value) {
    const int32_t middle = INT32_C(1) << 24;
    const int32_t half = INT32_C(1) << 9;
    return interpolate(value * 3, value * 3 >> 9, 9, middle + half) >> 10;
}

/* tanh(value) to Q0.15, from steps of 1 / (3 * 2^12). */
static inline int32_t tangent(int32_t value) {
    const int32_t half = INT32_C(1) << 7;
#if HARMCU_DSP
    int32_t place;
    __asm__("ssat %0, #9, %1, asr #8" : "=r"(place) : "r"(value));
#else
    const int32_t place = harmcu_clamp(value >> 8, -ENTRIES / 2, ENTRIES / 2 - 1);
#endif
    return interpolate(value, place, 8, half) >> 8;
}

/* The same bits as harmcu_rescale(), given twice the value, for a shift to the right: see
 * harmcu_finish_short(). */
static inline int32_t scale_down(int32_t twice, const harmcu_lstm_scale *scale) {
    const int32_t scaled = harmcu_upper_half(twice, scale->multiplier, scale->half);
    return (scaled + (twice >> 31)) >> scale->shift;
}

/* A unit's gates before their activation, Q3.12. */
typedef struct {
    int32_t input;
    int32_t forget;
    int32_t cell;
    int32_t output;
} gates;

/* From its gates to the output of a unit. */
static inline __attribute__((always_inline)) int8_t update(const harmcu_lstm_layer *layer,
                                                           gates before, int16_t *cell) {
    /* 2^-15 in two roundings. */
    const harmcu_lstm_scale forget_scale = {
        .multiplier = INT32_C(1) << 30, .half = INT32_C(1) << 13, .shift = 14};
    const int32_t kept = sigmoid(before.forget) * *cell;
    const int32_t added = sigmoid(before.input) * tangent(before.cell * 3);
    const int32_t sum = scale_down(2 * kept, &forget_scale) +
                        saturate_int16(scale_down(2 * added, &layer->cell_scale));
    const int32_t state = harmcu_clamp(sum, layer->cell_min, layer->cell_max);
    *cell = (int16_t)state;
    const int32_t steps =
        (state * layer->tanh_multiplier + layer->tanh_rounding) >> layer->tanh_shift;
    const int32_t product = tangent(steps) * sigmoid(before.output);
    const int32_t hidden = scale_down(2 * product, &layer->output_scale);
    return (int8_t)harmcu_saturate_int8(hidden - layer->hidden_offset);
}

/* One gate's sums over `values` columns; any scale. */
static int32_t gate_part(const int16_t *columns, const int8_t *weights, int32_t values,
                         int32_t gate, int32_t bias, const harmcu_lstm_scale *scale) {
    int32_t sum = bias;
    const int8_t *byte = weights + gate / 2 * 4 + gate % 2;
    for (int32_t i = 0; i < values; i += 2) {
        for (int32_t place = 0; place < 2; place++) {
            const int32_t raw = byte[2 * place];
            const int32_t weight = gate % 2 == 0 ? (uint8_t)raw - LOWER_BYTE_OFFSET : raw;
            sum = harmcu_wrapping_multiply_add(columns[i + place] / 2, weight, sum);
        }
        byte += 2 * GATES;
    }
    return saturate_int16(harmcu_rescale(sum, scale->multiplier, -scale->shift));
}

/* One step of all units; any scale. */
static __attribute__((noinline)) void step_long(const harmcu_lstm_layer *layer,
                                                const int16_t *columns, int32_t inputs,
                                                int32_t hidden, int16_t *cell, int8_t *output) {
    const int8_t *weights = layer->weights;
    const int32_t *bias = layer->bias;
    for (int32_t unit = 0; unit < layer->units; unit++) {
        int32_t before[GATES];
        for (int32_t gate = 0; gate < GATES; gate++) {
            const int32_t from_input =
                gate_part(columns, weights, inputs, gate, bias[gate], &layer->input_scale[gate]);
            const int32_t from_hidden = gate_part(columns + inputs, weights + inputs * GATES,
                                                  hidden, gate, 0, &layer->hidden_scale[gate]);
            before[gate] = saturate_int16(from_input + from_hidden);
        }
        const gates all = {before[INPUT], before[FORGET], before[CELL], before[OUTPUT]};
        output[unit] = update(layer, all, &cell[unit]);
        weights += (inputs + hidden) * GATES;
        bias += GATES;
    }
}

#if HARMCU_DSP

/* The sums of a unit's gates, doubled. In the making, the second and the last are 256 times the
 * gate's plus the one before; see the head of this file. */
typedef struct {
    int32_t input;
    int32_t forget;
    int32_t cell;
    int32_t output;
} gate_sums;

/* One pair of values, times the weights of all gates for it in two registers. */
#define MULTIPLY_PAIR(values, first, second) \
    "smlad %[forget], " first ", " values    \
    ", %[forget]\n"                          \
    "uxtb16 " first ", " first               \
    "\n"                                     \
    "smlad %[input], " first ", " values     \
    ", %[input]\n"                           \
    "smlad %[output], " second ", " values   \
    ", %[output]\n"                          \
    "uxtb16 " second ", " second             \
    "\n"                                     \
    "smlad %[cell], " second ", " values ", %[cell]\n"

/* The sums over all values from `columns` to `end`; those of the input and cell gate begin at the
 * given values. The compiler would not load four words with one instruction. */
static inline __attribute__((always_inline)) gate_sums multiply(const int16_t *columns,
                                                                const int16_t *end,
                                                                const int8_t **weights,
                                                                int32_t input, int32_t cell) {
    gate_sums s = {input, input, cell, cell};
    uint32_t even;
    uint32_t odd;
    __asm__ volatile("1:\n"
                     ".rept 2\n"
                     "ldrd %[even], %[odd], [%[columns]], #8\n"
                     "ldm %[weights]!, {r4, r5, r6, r8}\n"
                     MULTIPLY_PAIR("%[even]", "r4", "r5")
                     MULTIPLY_PAIR("%[odd]", "r6", "r8")
                     ".endr\n"
                     "cmp %[columns], %[end]\n"
                     "bne 1b\n"
                     : [input] "+r"(s.input), [forget] "+r"(s.forget), [cell] "+r"(s.cell),
                       [output] "+r"(s.output), [columns] "+r"(columns), [weights] "+r"(*weights),
                       [even] "=&r"(even), [odd] "=&r"(odd)
                     : [end] "r"(end)
                     : "r4", "r5", "r6", "r8", "cc", "memory");
    s.forget = (s.forget - s.input) >> 8;
    s.output = (s.output - s.cell) >> 8;
    return s;
}

/* One gate before its activation. */
static inline __attribute__((always_inline)) int32_t gate_of(int32_t input_sum, int32_t hidden_sum,
                                                             const harmcu_lstm_layer *layer,
                                                             int32_t gate) {
    const int32_t from_input = saturate_int16(scale_down(input_sum, &layer->input_scale[gate]));
    const int32_t from_hidden = saturate_int16(scale_down(hidden_sum, &layer->hidden_scale[gate]));
    return saturate_int16(from_input + from_hidden);
}

/* One step of all units, for layers with the short form. */
static __attribute__((noinline)) void step_short(const harmcu_lstm_layer *layer,
                                                 const int16_t *columns, int32_t inputs,
                                                 int32_t hidden, int32_t input_sum,
                                                 int32_t hidden_sum, int16_t *cell,
                                                 int8_t *output) {
    const int16_t *middle = columns + inputs;
    const int16_t *end = middle + hidden;
    const int8_t *weights = layer->weights;
    const int32_t *bias = layer->bias;
    const int8_t *output_end = output + layer->units;
    const int32_t input_start = input_sum * LOWER_BYTE_OFFSET;
    const int32_t hidden_start = -hidden_sum * LOWER_BYTE_OFFSET;
    while (output != output_end) {
        const gate_sums x = multiply(columns, middle, &weights, 2 * bias[INPUT] - input_start,
                                     2 * bias[CELL] - input_start);
        const gate_sums h = multiply(middle, end, &weights, hidden_start, hidden_start);
        const gates all = {
            .input = gate_of(x.input, h.input, layer, INPUT),
            .forget = gate_of(x.forget + 2 * bias[FORGET], h.forget, layer, FORGET),
            .cell = gate_of(x.cell, h.cell, layer, CELL),
            .output = gate_of(x.output + 2 * bias[OUTPUT], h.output, layer, OUTPUT),
        };
        *output++ = update(layer, all, cell++);
        bias += GATES;
    }
}

#endif

/* One step of all units. */
static void advance(const harmcu_lstm_layer *layer, const int16_t *columns, int32_t inputs,
                    int32_t hidden, int32_t input_sum, int32_t hidden_sum, int16_t *cell,
                    int8_t *output) {
#if HARMCU_DSP
    if (layer->has_short_rescale) {
        step_short(layer, columns, inputs, hidden, input_sum, hidden_sum, cell, output);
        return;
    }
#else
    (void)input_sum;
    (void)hidden_sum;
#endif
    step_long(layer, columns, inputs, hidden, cell, output);
}

static int32_t rounded_up(int32_t values) {
    return (values + HARMCU_LSTM_STEP - 1) / HARMCU_LSTM_STEP * HARMCU_LSTM_STEP;
}

void harmcu_lstm(const harmcu_lstm_layer *layer, const int8_t *input, int8_t *output,
                 int16_t *state) {
    const int32_t inputs = rounded_up(layer->inputs);
    const int32_t hidden = rounded_up(layer->units);
    int16_t *cell = state + inputs + hidden;
    memset(state, 0, (size_t)(inputs + hidden + layer->units) * sizeof *state);
    int32_t hidden_sum = 0;
    for (int32_t step = 0; step < layer->steps; step++) {
        const int32_t input_sum = fill(state, input, layer->inputs, layer->input_offset);
        advance(layer, state, inputs, hidden, input_sum, hidden_sum, cell, output);
        hidden_sum = fill(state + inputs, output, layer->units, layer->hidden_offset);
        input += layer->inputs;
        output += layer->output_stride;
    }
}
