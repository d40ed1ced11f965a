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
enum { LOWER_BYTE_OFFSET = 128, QUAD_BYTES = HARMCU_QUAD * GATES };

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

/* A table of sigmoid(i / 24) * 2^16 - 2^16 as TensorFlow Lite has it: what is added up to the next
 * entry, and the entry. */
static alignas(4) const int16_t sigmoids[256][2] = {
    /* clang-format off */
    {683, -32768}, {682, -32085}, {680, -31403}, {680, -30723}, {676, -30043}, {674, -29367},
    {670, -28693}, {667, -28023}, {661, -27356}, {657, -26695}, {651, -26038}, {645, -25387},
    {638, -24742}, {632, -24104}, {624, -23472}, {616, -22848}, {608, -22232}, {599, -21624},
    {591, -21025}, {581, -20434}, {572, -19853}, {562, -19281}, {552, -18719}, {542, -18167},
    {532, -17625}, {521, -17093}, {511, -16572}, {500, -16061}, {489, -15561}, {478, -15072},
    {467, -14594}, {456, -14127}, {446, -13671}, {434, -13225}, {424, -12791}, {412, -12367},
    {402, -11955}, {391, -11553}, {381, -11162}, {370, -10781}, {360, -10411}, {349, -10051},
    {340, -9702}, {329, -9362}, {320, -9033}, {310, -8713}, {300, -8403}, {291, -8103},
    {283, -7812}, {273, -7529}, {264, -7256}, {256, -6992}, {248, -6736}, {240, -6488},
    {231, -6248}, {224, -6017}, {216, -5793}, {209, -5577}, {202, -5368}, {195, -5166},
    {188, -4971}, {182, -4783}, {175, -4601}, {169, -4426}, {162, -4257}, {158, -4095},
    {151, -3937}, {146, -3786}, {140, -3640}, {136, -3500}, {130, -3364}, {126, -3234},
    {121, -3108}, {117, -2987}, {112, -2870}, {108, -2758}, {104, -2650}, {100, -2546},
    {96, -2446}, {93, -2350}, {89, -2257}, {86, -2168}, {82, -2082}, {79, -2000},
    {76, -1921}, {74, -1845}, {70, -1771}, {68, -1701}, {65, -1633}, {62, -1568},
    {60, -1506}, {58, -1446}, {56, -1388}, {53, -1332}, {51, -1279}, {49, -1228},
    {48, -1179}, {45, -1131}, {44, -1086}, {42, -1042}, {40, -1000}, {38, -960},
    {38, -922}, {35, -884}, {34, -849}, {33, -815}, {32, -782}, {30, -750},
    {29, -720}, {28, -691}, {27, -663}, {26, -636}, {24, -610}, {24, -586},
    {23, -562}, {22, -539}, {20, -517}, {21, -497}, {19, -476}, {18, -457},
    {18, -439}, {17, -421}, {17, -404}, {15, -387}, {15, -372}, {15, -357},
    {14, -342}, {13, -328}, {13, -315}, {12, -302}, {12, -290}, {11, -278},
    {11, -267}, {11, -256}, {10, -245}, {9, -235}, {9, -226}, {9, -217},
    {9, -208}, {8, -199}, {7, -191}, {8, -184}, {7, -176}, {7, -169},
    {7, -162}, {6, -155}, {6, -149}, {6, -143}, {5, -137}, {6, -132},
    {5, -126}, {5, -121}, {5, -116}, {4, -111}, {4, -107}, {5, -103},
    {4, -98}, {3, -94}, {4, -91}, {4, -87}, {3, -83}, {3, -80},
    {3, -77}, {3, -74}, {3, -71}, {3, -68}, {3, -65}, {2, -62},
    {3, -60}, {2, -57}, {2, -55}, {2, -53}, {3, -51}, {1, -48},
    {2, -47}, {2, -45}, {2, -43}, {2, -41}, {1, -39}, {2, -38},
    {1, -36}, {2, -35}, {1, -33}, {1, -32}, {2, -31}, {1, -29},
    {1, -28}, {1, -27}, {1, -26}, {1, -25}, {1, -24}, {1, -23},
    {1, -22}, {1, -21}, {1, -20}, {0, -19}, {1, -19}, {1, -18},
    {1, -17}, {0, -16}, {1, -16}, {1, -15}, {0, -14}, {1, -14},
    {0, -13}, {1, -13}, {0, -12}, {1, -12}, {0, -11}, {1, -11},
    {0, -10}, {0, -10}, {1, -10}, {0, -9}, {1, -9}, {0, -8},
    {0, -8}, {1, -8}, {0, -7}, {0, -7}, {0, -7}, {1, -7},
    {0, -6}, {0, -6}, {0, -6}, {1, -6}, {0, -5}, {0, -5},
    {0, -5}, {0, -5}, {1, -5}, {0, -4}, {0, -4}, {0, -4},
    {0, -4}, {0, -4}, {1, -4}, {0, -3}, {0, -3}, {0, -3},
    {0, -3}, {0, -3}, {0, -3}, {0, -3}, {1, -3}, {0, -2},
    {0, -2}, {0, -2}, {0, -2}, {0, -2}, {0, -2}, {0, -2},
    {0, -2}, {0, -2}, {1, -2}, {0, -1},
    /* clang-format on */
};

/* The entry for |value| / 2^bits and the fraction behind it, times 2^bits, minus its midpoint. */
static inline int32_t interpolated(int32_t value, uint32_t bits) {
    const uint32_t magnitude = (uint32_t)(value < 0 ? -value : value);
    const uint32_t fraction = magnitude & ((1U << bits) - 1U);
    uint32_t place = magnitude >> bits;
    place = place > 255U ? 255U : place;
    const int32_t middle = INT32_C(1) << (15U + bits);
#if HARMCU_DSP
    int16x2_t entry;
    memcpy(&entry, sigmoids[place], sizeof entry);
    return __smlad(entry, (int16x2_t)(fraction | (1U << (16U + bits))), middle);
#else
    const int32_t base = sigmoids[place][1] * (INT32_C(1) << bits);
    return base + sigmoids[place][0] * (int32_t)fraction + middle;
#endif
}

/* sigmoid(value), Q3.12 to Q0.15. */
static inline int32_t sigmoid(int32_t value) {
    const int32_t sign = value >> 31;
    const int32_t middle = INT32_C(1) << 24;
    return ((interpolated(value * 3, 9) ^ sign) + middle + (INT32_C(1) << 9)) >> 10;
}

/* tanh(value) to Q0.15, from steps of 1 / (3 * 2^12). */
static inline int32_t tangent(int32_t value) {
    const int32_t sign = value >> 31;
    return ((interpolated(value, 8) ^ sign) + (INT32_C(1) << 7)) >> 8;
}

/* The same bits as harmcu_rescale(), given twice the value, for a shift to the right: see
 * harmcu_finish_short(). */
static inline int32_t scale_down(int32_t twice, const harmcu_lstm_scale *scale) {
    const int32_t product = harmcu_upper_half(twice, scale->multiplier, 0);
    return (product + scale->half + (twice >> 31)) >> scale->shift;
}

/* From the gates before their activation to the output of a unit. */
static inline int8_t update(const harmcu_lstm_layer *layer, const int32_t *gates, int16_t *cell) {
    /* 2^-15 in two roundings. */
    const harmcu_lstm_scale forget_scale = {INT32_C(1) << 30, 14, INT32_C(1) << 13};
    const int32_t kept = sigmoid(gates[FORGET]) * *cell;
    const int32_t added = sigmoid(gates[INPUT]) * tangent(gates[CELL] * 3);
    const int32_t sum = scale_down(2 * kept, &forget_scale) +
                        saturate_int16(scale_down(2 * added, &layer->cell_scale));
    const int32_t state = harmcu_clamp(sum, layer->cell_min, layer->cell_max);
    *cell = (int16_t)state;
    const int32_t rounding = (INT32_C(1) << layer->tanh_shift) >> 1;
    const int32_t steps = (state * layer->tanh_multiplier + rounding) >> layer->tanh_shift;
    const int32_t product = tangent(steps) * sigmoid(gates[OUTPUT]);
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
        int32_t gates[GATES];
        for (int32_t gate = 0; gate < GATES; gate++) {
            const int32_t from_input =
                gate_part(columns, weights, inputs, gate, bias[gate], &layer->input_scale[gate]);
            const int32_t from_hidden = gate_part(columns + inputs, weights + inputs * GATES,
                                                  hidden, gate, 0, &layer->hidden_scale[gate]);
            gates[gate] = saturate_int16(from_input + from_hidden);
        }
        output[unit] = update(layer, gates, &cell[unit]);
        weights += (inputs + hidden) * GATES;
        bias += GATES;
    }
}

#if HARMCU_DSP

/* Two words that the CPU loads with one instruction. */
typedef uint64_t __attribute__((may_alias, aligned(4))) two_words;

/* The sums of a unit's gates, doubled. */
typedef struct {
    int32_t of[GATES];
} gate_sums;

/* The lower bytes' sum of a pair of gates starts at `start`. */
static inline __attribute__((always_inline)) gate_sums multiply(const two_words *columns,
                                                                const two_words *end,
                                                                const two_words **weights,
                                                                int32_t start_0, int32_t start_1) {
    int32_t low_0 = start_0;
    int32_t both_0 = start_0;
    int32_t low_1 = start_1;
    int32_t both_1 = start_1;
    const two_words *next = *weights;
    do {
        for (int32_t quad = 0; quad < HARMCU_LSTM_STEP / HARMCU_QUAD; quad++) {
            const uint64_t values = *columns++;
            const int16x2_t even = (int16x2_t)(uint32_t)values;
            const int16x2_t odd = (int16x2_t)(values >> 32);
            const uint64_t first = *next++;
            both_0 = __smlad((int16x2_t)(uint32_t)first, even, both_0);
            low_0 = __smlad((int16x2_t)__uxtb16((uint8x4_t)(uint32_t)first), even, low_0);
            both_1 = __smlad((int16x2_t)(first >> 32), even, both_1);
            low_1 = __smlad((int16x2_t)__uxtb16((uint8x4_t)(first >> 32)), even, low_1);
            const uint64_t second = *next++;
            both_0 = __smlad((int16x2_t)(uint32_t)second, odd, both_0);
            low_0 = __smlad((int16x2_t)__uxtb16((uint8x4_t)(uint32_t)second), odd, low_0);
            both_1 = __smlad((int16x2_t)(second >> 32), odd, both_1);
            low_1 = __smlad((int16x2_t)__uxtb16((uint8x4_t)(second >> 32)), odd, low_1);
        }
    } while (columns != end);
    *weights = next;
    const gate_sums sums = {
        {low_0, (both_0 - low_0) >> 8, low_1, (both_1 - low_1) >> 8},
    };
    return sums;
}

/* One step of all units, for layers with the short form. */
static __attribute__((noinline)) void step_short(const harmcu_lstm_layer *layer,
                                                 const int16_t *columns, int32_t inputs,
                                                 int32_t hidden, int32_t input_sum,
                                                 int32_t hidden_sum, int16_t *cell,
                                                 int8_t *output) {
    const two_words *begin = (const two_words *)(const void *)columns;
    const two_words *middle = begin + inputs / HARMCU_QUAD;
    const two_words *end = middle + hidden / HARMCU_QUAD;
    const two_words *weights = (const two_words *)(const void *)layer->weights;
    const int32_t *bias = layer->bias;
    const int8_t *output_end = output + layer->units;
    const int32_t input_start = input_sum * LOWER_BYTE_OFFSET;
    const int32_t hidden_start = -hidden_sum * LOWER_BYTE_OFFSET;
    while (output != output_end) {
        gate_sums x = multiply(begin, middle, &weights, 2 * bias[INPUT] - input_start,
                               2 * bias[CELL] - input_start);
        x.of[FORGET] += 2 * bias[FORGET];
        x.of[OUTPUT] += 2 * bias[OUTPUT];
        const gate_sums h = multiply(middle, end, &weights, hidden_start, hidden_start);
        int32_t gates[GATES];
        for (int32_t gate = 0; gate < GATES; gate++) {
            const int32_t from_input =
                saturate_int16(scale_down(x.of[gate], &layer->input_scale[gate]));
            const int32_t from_hidden =
                saturate_int16(scale_down(h.of[gate], &layer->hidden_scale[gate]));
            gates[gate] = saturate_int16(from_input + from_hidden);
        }
        *output++ = update(layer, gates, cell++);
        bias += GATES;
    }
}

#endif

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
#if HARMCU_DSP
        if (layer->has_short_rescale) {
            step_short(layer, state, inputs, hidden, input_sum, hidden_sum, cell, output);
        } else {
            step_long(layer, state, inputs, hidden, cell, output);
        }
#else
        (void)input_sum;
        (void)hidden_sum;
        step_long(layer, state, inputs, hidden, cell, output);
#endif
        hidden_sum = fill(state + inputs, output, layer->units, layer->hidden_offset);
        input += layer->inputs;
        output += layer->output_stride;
    }
}
