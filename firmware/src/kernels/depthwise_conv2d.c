/* DEPTHWISE_CONV_2D: every output channel sees one input channel. */
#include "harmcu/kernels.h"

void harmcu_depthwise_conv2d(const harmcu_conv_layer *layer, const harmcu_weights *w,
                             const int8_t *input, int8_t *output) {
    const harmcu_filter_window *window = &layer->window;
    const int32_t inputs = layer->input_map.channels;
    const int32_t outputs = layer->output_map.channels;
    const int32_t multiplier = outputs / inputs;
    for (int32_t y = 0; y < layer->output_map.height; y++) {
        const int32_t y0 = y * window->stride.height - window->pad.height;
        const harmcu_taps ys = harmcu_taps_inside(y0, layer->input_map.height, window->size.height,
                                                  window->dilation.height);
        for (int32_t x = 0; x < layer->output_map.width; x++) {
            const int32_t x0 = x * window->stride.width - window->pad.width;
            const harmcu_taps xs = harmcu_taps_inside(x0, layer->input_map.width,
                                                      window->size.width, window->dilation.width);
            for (int32_t c = 0; c < outputs; c++) {
                const int8_t *channel = input + c / multiplier;
                int32_t sum = 0;
                for (int32_t ky = ys.first; ky < ys.end; ky++) {
                    const int32_t row =
                        (y0 + ky * window->dilation.height) * layer->input_map.width + x0;
                    for (int32_t kx = xs.first; kx < xs.end; kx++) {
                        const int32_t value = channel[(row + kx * window->dilation.width) * inputs];
                        const int32_t weight =
                            w->weights[(ky * window->size.width + kx) * outputs + c];
                        sum += weight * (value + layer->input_offset);
                    }
                }
                *output++ = harmcu_finish(sum, w, c, &layer->output);
            }
        }
    }
}
