/* From a sum of products to an output value, whatever the scale. */
#include "finish.h"

#include "harmcu/optimize.h"

int8_t harmcu_finish(int32_t total, const harmcu_weights *w, int32_t c,
                     const harmcu_output_range *output) {
    const int32_t shift = w->has_short_rescale ? -w->shift[c] : w->shift[c];
    const int32_t scaled = harmcu_rescale(total, w->multiplier[c], shift);
    const int32_t value = harmcu_wrapping_add(scaled, output->offset);
    return (int8_t)harmcu_clamp(value, output->min, output->max);
}
