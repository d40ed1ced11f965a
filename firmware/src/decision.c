#include "harmcu/decision.h"

#include <string.h>

void harmcu_decision_reset(harmcu_decision *decision) {
    decision->next = 0;
    decision->count = 0;
}

static int32_t sum_of(const harmcu_decision *decision, uint8_t label) {
    int32_t sum = 0;
    for (unsigned past = 0; past < decision->count; ++past) {
        sum += decision->past[past * decision->labels + label];
    }
    return sum;
}

/* A division that rounds down, as Python's does; C rounds towards zero. */
static int8_t floored_mean(int32_t sum, uint8_t count) {
    return (int8_t)((sum + 128 * count) / count - 128);
}

harmcu_decided harmcu_decision_push(harmcu_decision *decision, const int8_t *scores) {
    memcpy(&decision->past[decision->next * decision->labels], scores, decision->labels);
    decision->next =
        (uint8_t)(decision->next + 1U == decision->smoothing ? 0U : decision->next + 1U);
    if (decision->count < decision->smoothing) {
        decision->count++;
    }
    uint8_t best = 0;
    int32_t best_sum = sum_of(decision, 0);
    for (uint8_t label = 1; label < decision->labels; ++label) {
        const int32_t sum = sum_of(decision, label);
        if (sum > best_sum) {
            best = label;
            best_sum = sum;
        }
    }
    const int32_t threshold = (int32_t)decision->thresholds[best] * decision->count;
    harmcu_decided decided = {
        .label = best_sum >= threshold ? (int16_t)best : (int16_t)HARMCU_UNKNOWN,
        .score = floored_mean(best_sum, decision->count),
    };
    return decided;
}
