#include "harmcu/quantize.h"

#include "harmcu/integer.h"

int8_t harmcu_quantize(const harmcu_channel *channel, int16_t count) {
    const int32_t product = (int32_t)count * channel->multiplier;
    const int32_t value = harmcu_round_shift(product, channel->shift) + channel->zero_point;
    return (int8_t)harmcu_clamp(value, INT8_MIN, INT8_MAX);
}
