/* QUANTIZE from int8 to int8. */
#include "harmcu/kernels.h"

void harmcu_requantize(const harmcu_rescaling *scale, int32_t count, const int8_t *input,
                       int8_t *output) {
    for (int32_t i = 0; i < count; i++) {
        const int32_t scaled =
            harmcu_rescale(input[i] + scale->input_offset, scale->multiplier, scale->shift);
        const int32_t value = harmcu_wrapping_add(scaled, scale->output.offset);
        output[i] = (int8_t)harmcu_clamp(value, scale->output.min, scale->output.max);
    }
}
