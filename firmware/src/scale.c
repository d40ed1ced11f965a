#include "harmcu/scale.h"

#include "harmcu/integer.h"

int16_t harmcu_scale_apply(const harmcu_scale *scale, int16_t raw) {
    const int32_t product = (int32_t)raw * scale->multiplier;
    return (int16_t)harmcu_clamp(harmcu_round_shift(product, scale->shift), INT16_MIN, INT16_MAX);
}
