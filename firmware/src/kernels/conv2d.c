/* CONV_2D: every output channel sees all input channels of its group. */
#include "harmcu/kernels.h"

/* The sum of products over the taps that lie inside the map. `input` is the map at the first
 * channel of the group and `filter` the filter of one output channel. */
static int32_t accumulate(const harmcu_conv_layer *layer, const int8_t *input, const int8_t *filter,
                          int32_t y0, int32_t x0, harmcu_taps ys, harmcu_taps xs) {
    const harmcu_filter_window *window = &layer->window;
    const int32_t channels = layer->input_map.channels;
    const int32_t group_channels = channels / layer->groups;
    const int32_t input_offset = layer->input_offset;
    int32_t sum = 0;
    for (int32_t ky = ys.first; ky < ys.end; ky++) {
        const int32_t row = (y0 + ky * window->dilation.height) * layer->input_map.width;
        for (int32_t kx = xs.first; kx < xs.end; kx++) {
            const int8_t *values = input + (row + x0 + kx * window->dilation.width) * channels;
            const int8_t *weights = filter + (ky * window->size.width + kx) * group_channels;
            for (int32_t c = 0; c < group_channels; c++) {
                sum += weights[c] * (values[c] + input_offset);
            }
        }
    }
    return sum;
}

void harmcu_conv2d(const harmcu_conv_layer *layer, const harmcu_weights *w, const int8_t *input,
                   int8_t *output) {
    const harmcu_filter_window *window = &layer->window;
    const int32_t group_inputs = layer->input_map.channels / layer->groups;
    const int32_t group_outputs = layer->output_map.channels / layer->groups;
    const int32_t filter_size = window->size.height * window->size.width * group_inputs;
    for (int32_t y = 0; y < layer->output_map.height; y++) {
        const int32_t y0 = y * window->stride.height - window->pad.height;
        const harmcu_taps ys = harmcu_taps_inside(y0, layer->input_map.height, window->size.height,
                                                  window->dilation.height);
        for (int32_t x = 0; x < layer->output_map.width; x++) {
            const int32_t x0 = x * window->stride.width - window->pad.width;
            const harmcu_taps xs = harmcu_taps_inside(x0, layer->input_map.width,
                                                      window->size.width, window->dilation.width);
            for (int32_t c = 0; c < layer->output_map.channels; c++) {
                const int8_t *group_input = input + (c / group_outputs) * group_inputs;
                const int32_t sum =
                    accumulate(layer, group_input, w->weights + c * filter_size, y0, x0, ys, xs);
                *output++ = harmcu_finish(sum, w, c, &layer->output);
            }
        }
    }
}
