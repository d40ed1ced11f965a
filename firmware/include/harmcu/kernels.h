/* The layers of int8 networks, exact to the kernels of TensorFlow Lite Micro.
 *
 * What every function here shares:
 * - Tensors are int8, batch 1, channels last: element (y, x, c) of a map lies at
 *   (y * width + x) * channels + c. A signal in time has its time axis in `height` and width 1.
 * - Quantisation is affine: real = scale * (value - zero point). The scales are folded into
 *   multiplier and shift by codegen/kernels/, in the way TFLM's prepare functions do it.
 * - `input_offset` is the negated zero point of the input, `output.offset` the zero point of the
 *   output, and `output.min` and `output.max` are the fused activation in quantised values.
 * - Sizes come from the generator, which has checked them against each other; nothing is checked
 *   again here. Inputs and outputs do not overlap unless a function says that they may. */
#ifndef HARMCU_KERNELS_H
#define HARMCU_KERNELS_H

#include <stdint.h>

#include "harmcu/fixed_point.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t height;
    int32_t width;
    int32_t channels;
} harmcu_feature_map;

typedef struct {
    int32_t height;
    int32_t width;
} harmcu_extent;

/* How a filter walks over a map. `pad` is the height above and the width left of the map; what lies
 * below and to the right follows from the sizes. */
typedef struct {
    harmcu_extent size;
    harmcu_extent stride;
    harmcu_extent dilation;
    harmcu_extent pad;
} harmcu_filter_window;

typedef struct {
    int32_t offset;
    int32_t min;
    int32_t max;
} harmcu_output_range;

/* CONV_2D and DEPTHWISE_CONV_2D. */
typedef struct {
    harmcu_feature_map input_map;
    harmcu_feature_map output_map;
    harmcu_filter_window window;
    int32_t groups; /* of a CONV_2D; 1 unless the convolution is grouped */
    int32_t input_offset;
    harmcu_output_range output;
} harmcu_conv_layer;

/* What belongs to each output channel of a layer with weights.
 * weights: DEPTHWISE_CONV_2D [y][x][output channel]; CONV_2D and FULLY_CONNECTED packed as
 *          src/kernels/pairs.h says, each group by itself.
 * bias: in units of input scale * weight scale; zeros where the model has none.
 * multiplier, shift: of input scale * weight scale / output scale; with `has_short_rescale` the
 *          shift is one to the right, else one to the left.
 * has_short_rescale: no sum with its bias reaches 2^30, and every shift is 1 to 22 to the right. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t has_short_rescale;
} harmcu_weights;

/* columns: room for four times the values under one filter, their number rounded up to a multiple
 * of eight; aligned to eight bytes. */
void harmcu_conv2d(const harmcu_conv_layer *layer, const harmcu_weights *w, const int8_t *input,
                   int8_t *output, int16_t *columns);

/* The same for a filter of height 1 and width 3 or 5 that moves in single steps, is not dilated and
 * has no groups, on maps of height 1 whose input channels are a multiple of eight.
 * columns: room for the width of the filter + 3 times the input channels; aligned to eight bytes.
 */
void harmcu_conv1d_3(const harmcu_conv_layer *layer, const harmcu_weights *w, const int8_t *input,
                     int8_t *output, int16_t *columns);
void harmcu_conv1d_5(const harmcu_conv_layer *layer, const harmcu_weights *w, const int8_t *input,
                     int8_t *output, int16_t *columns);

/* Output channel c reads input channel c / (output channels / input channels). */
void harmcu_depthwise_conv2d(const harmcu_conv_layer *layer, const harmcu_weights *w,
                             const int8_t *input, int8_t *output);

/* The same along one axis: maps and filter of height 1, not dilated, as many output as input
 * channels. input and output may be the same.
 * workspace: room for the taps and for the input under a whole row of outputs, padding included,
 * as codegen/packing.py counts it; aligned to eight bytes. */
void harmcu_depthwise_conv1d(const harmcu_conv_layer *layer, const harmcu_weights *w,
                             const int8_t *input, int8_t *output, int16_t *workspace);

/* FULLY_CONNECTED on `rows` vectors of `inputs` values each. */
typedef struct {
    int32_t rows;
    int32_t inputs;
    int32_t outputs;
    int32_t input_offset;
    harmcu_output_range output;
} harmcu_fully_connected_layer;

void harmcu_fully_connected(const harmcu_fully_connected_layer *layer, const harmcu_weights *w,
                            const int8_t *input, int8_t *output);

/* MAX_POOL_2D and AVERAGE_POOL_2D. The average counts only values inside the map and rounds
 * halves away from zero. */
typedef struct {
    harmcu_feature_map input_map;
    harmcu_feature_map output_map;
    harmcu_filter_window window;
    harmcu_output_range output; /* the offset is unused: input and output are quantised alike */
} harmcu_pool_layer;

void harmcu_max_pool2d(const harmcu_pool_layer *layer, const int8_t *input, int8_t *output);
void harmcu_average_pool2d(const harmcu_pool_layer *layer, const int8_t *input, int8_t *output);

/* MEAN, SUM and REDUCE_MAX over any axes of a tensor of rank four or less: after neighbouring axes
 * of the same kind are merged, the input has the shape
 * [outer][reduced_outer][middle][reduced_inner][inner] and the output [outer][middle][inner]. */
typedef struct {
    int32_t outer;
    int32_t reduced_outer;
    int32_t middle;
    int32_t reduced_inner;
    int32_t inner;
} harmcu_reduce_layer;

/* multiplier and shift hold input scale / output scale; for a MEAN, / number of reduced values. */
typedef struct {
    int32_t input_offset;
    int32_t multiplier;
    int32_t shift;
    harmcu_output_range output;
} harmcu_rescaling;

/* MEAN and SUM: which of them is a matter of the scale. */
void harmcu_mean(const harmcu_reduce_layer *layer, const harmcu_rescaling *scale,
                 const int8_t *input, int8_t *output);
void harmcu_reduce_max(const harmcu_reduce_layer *layer, const int8_t *input, int8_t *output);

/* One input of a CONCATENATION: `count` blocks of `size` values, which lie one after the other in
 * the input and `stride` values apart in the output. */
typedef struct {
    int32_t count;
    int32_t size;
    int32_t stride;
} harmcu_blocks;

void harmcu_copy_blocks(const harmcu_blocks *layer, const int8_t *input, int8_t *output);

/* Nested loops over two arrays, outermost first: how often, and how far one turn moves in the first
 * and in the second array. */
enum { HARMCU_AXES = 4 };

typedef struct {
    int32_t size[HARMCU_AXES];
    int32_t first[HARMCU_AXES];
    int32_t second[HARMCU_AXES];
} harmcu_walk;

/* STRIDED_SLICE and the inner part of a PAD: copies values from the first array to the second. */
void harmcu_copy(const harmcu_walk *walk, const int8_t *input, int8_t *output);

/* ADD and MUL with broadcasting: the walk goes over both inputs, and the output is written value
 * after value. The output may be an input that is not repeated. */
typedef struct {
    int32_t offset;
    int32_t multiplier;
    int32_t shift;
} harmcu_addend;

/* Each input, offset and times 2^20, is scaled to a common scale, and their sum to the output's;
 * all shifts are to the right. */
typedef struct {
    harmcu_walk walk;
    harmcu_addend first;
    harmcu_addend second;
    int32_t multiplier;
    int32_t shift;
    harmcu_output_range output;
} harmcu_add_layer;

void harmcu_add(const harmcu_add_layer *layer, const int8_t *first, const int8_t *second,
                int8_t *output);

typedef struct {
    harmcu_walk walk;
    int32_t first_offset;
    int32_t second_offset;
    int32_t multiplier;
    int32_t shift;
    harmcu_output_range output;
} harmcu_mul_layer;

void harmcu_mul(const harmcu_mul_layer *layer, const int8_t *first, const int8_t *second,
                int8_t *output);

/* LOGISTIC: `results` holds the result of every int8 from -128 up. input and output may be the
 * same. */
void harmcu_look_up(const int8_t *results, int32_t count, const int8_t *input, int8_t *output);

/* SOFTMAX on `rows` vectors of `depth` values; the output has scale 1/256 and zero point -128.
 * multiplier and shift turn a difference of two inputs into Q5.26; a difference below `diff_min`
 * counts as zero. */
typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t multiplier;
    int32_t shift;
    int32_t diff_min;
} harmcu_softmax_layer;

void harmcu_softmax(const harmcu_softmax_layer *layer, const int8_t *input, int8_t *output);

/* UNIDIRECTIONAL_SEQUENCE_LSTM with an int16 cell state, without peephole, projection and layer
 * normalisation. The state begins at zero in every call. */
enum { HARMCU_LSTM_GATES = 4, HARMCU_LSTM_STEP = 8 };

/* value * multiplier / 2^31 / 2^shift; `half` is half of 2^shift, or 0 where the shift is not to
 * the right. */
typedef struct {
    int32_t multiplier;
    int32_t half;
    int32_t shift;
} harmcu_lstm_scale;

/* weights: [unit][input, then hidden state][quad of values], each row of values padded up to a
 *          multiple of HARMCU_LSTM_STEP; a quad is laid out as src/kernels/lstm.c says.
 * bias: [unit][gate]; the gates are input, forget, cell and output, here and below.
 * input_scale, hidden_scale: from a gate's sums over the input and over the hidden state to Q3.12.
 * has_short_rescale: those shift by one or more to the right, no sum with its bias reaches 2^30,
 * and none of the forget and output gates' sums reaches 2^22. cell_scale: from input gate * cell
 * gate in Q0.30 to the cell state; to the right. cell_min, cell_max: limits of the cell state.
 * tanh_multiplier, tanh_rounding, tanh_shift: turn the cell state into steps of 1 / (3 * 2^12).
 * output_scale: from output gate * tanh in Q0.30 to the hidden state; to the right.
 * output_stride: values from one step's output to that of the next; 0 keeps the last step only. */
typedef struct {
    int32_t steps;
    int32_t inputs;
    int32_t units;
    int32_t input_offset;
    int32_t hidden_offset;
    const int8_t *weights;
    const int32_t *bias;
    int32_t has_short_rescale;
    harmcu_lstm_scale input_scale[HARMCU_LSTM_GATES];
    harmcu_lstm_scale hidden_scale[HARMCU_LSTM_GATES];
    harmcu_lstm_scale cell_scale;
    int32_t cell_min;
    int32_t cell_max;
    int32_t tanh_multiplier;
    int32_t tanh_rounding;
    int32_t tanh_shift;
    harmcu_lstm_scale output_scale;
    int32_t output_stride;
} harmcu_lstm_layer;

/* state: room for the values of one step and for twice the units, each but the last padded up to a
 * multiple of HARMCU_LSTM_STEP; aligned to eight bytes. */
void harmcu_lstm(const harmcu_lstm_layer *layer, const int8_t *input, int8_t *output,
                 int16_t *state);

/* QUANTIZE from int8 to int8: `count` values get the scale and the zero point of the output.
 * input and output may be the same. */
void harmcu_requantize(const harmcu_rescaling *scale, int32_t count, const int8_t *input,
                       int8_t *output);

/* Of the columns of a layer: puts those of earlier steps before those of this one, which begin at
 * columns + kept_bytes, and keeps the last ones for the next step. */
void harmcu_keep_columns(int8_t *kept, int8_t *columns, int32_t kept_bytes, int32_t new_bytes);

/* harmcu_depthwise_conv1d() for stride 1 without padding, at a few positions. */
void harmcu_depthwise_columns(const harmcu_conv_layer *layer, const harmcu_weights *w,
                              const int8_t *input, int8_t *output);

/* MEAN and REDUCE_MAX over the time of windows that overlap, of which the stream brings some
 * columns with every step. What came since the start of a window, up to the start of the next, is
 * one block; a window that ends now is the union of all blocks. docs/streaming.md explains why.
 * channels: values of a column
 * columns: that come with a step
 * before: those of them that come before the start of a window, in a step in which one starts
 * blocks: windows that are open at a time
 * steps: from the start of a window to the start of the next
 * first_start: the step of a stream, from 1, in which its first window starts */
typedef struct {
    int32_t channels;
    int32_t columns;
    int32_t before;
    int32_t blocks;
    int32_t steps;
    int32_t first_start;
} harmcu_stream_pool_layer;

/* sums and maxima are [blocks][channels]; NULL for those that the model does not need. A block has
 * at most 256 columns, so that its sums fit int16. */
typedef struct {
    int16_t *sums;
    int8_t *maxima;
    int32_t newest;
    int32_t until_start; /* steps until a window starts */
} harmcu_stream_pool;

void harmcu_stream_pool_reset(const harmcu_stream_pool_layer *layer, harmcu_stream_pool *pool);
void harmcu_stream_pool_push(const harmcu_stream_pool_layer *layer, harmcu_stream_pool *pool,
                             const int8_t *columns);

/* Of the window that ends now. count: its values for each output. */
void harmcu_stream_mean(const harmcu_stream_pool_layer *layer, const harmcu_stream_pool *pool,
                        const harmcu_rescaling *scale, int32_t count, int8_t *output);
void harmcu_stream_max(const harmcu_stream_pool_layer *layer, const harmcu_stream_pool *pool,
                       int8_t *output);

/* From here on: what the kernels share among themselves. */

/* The taps of a filter, [first, end), that fall inside a map along one axis. */
typedef struct {
    int32_t first;
    int32_t end;
} harmcu_taps;

/* origin: where tap 0 lies, negative inside the padding; size: of the map along this axis.
 * Counting steps instead of dividing: inside the map neither loop runs, and a Cortex-M0 has no
 * division. */
static inline harmcu_taps harmcu_taps_inside(int32_t origin, int32_t size, int32_t taps,
                                             int32_t dilation) {
    harmcu_taps inside = {0, taps};
    while (inside.first < taps && origin + inside.first * dilation < 0) {
        inside.first++;
    }
    while (inside.end > inside.first && origin + (inside.end - 1) * dilation >= size) {
        inside.end--;
    }
    return inside;
}

#ifdef __cplusplus
}
#endif

#endif
