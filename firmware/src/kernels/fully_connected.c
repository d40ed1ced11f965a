/* FULLY_CONNECTED: a matrix times each row of the input. */
#include "harmcu/kernels.h"

void harmcu_fully_connected(const harmcu_fully_connected_layer *layer, const harmcu_weights *w,
                            const int8_t *input, int8_t *output) {
    for (int32_t row = 0; row < layer->rows; row++) {
        const int8_t *weights = w->weights;
        for (int32_t c = 0; c < layer->outputs; c++) {
            int32_t sum = 0;
            for (int32_t i = 0; i < layer->inputs; i++) {
                sum += weights[i] * (input[i] + layer->input_offset);
            }
            *output++ = harmcu_finish(sum, w, c, &layer->output);
            weights += layer->inputs;
        }
        input += layer->inputs;
    }
}
