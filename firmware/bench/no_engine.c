/* An engine that does nothing: what the measuring program costs by itself. */
#include "harmcu/engine.h"

static int8_t input[1];

const char *harmcu_engine_name(void) {
    return "none";
}

bool harmcu_engine_init(void) {
    return true;
}

void harmcu_engine_reset(void) {
}

void harmcu_engine_push(const int8_t *sample) {
    (void)sample;
}

bool harmcu_engine_scores(int8_t *scores) {
    scores[0] = 0;
    return true;
}

int8_t *harmcu_engine_input(void) {
    return input;
}

bool harmcu_engine_invoke(int8_t *scores) {
    scores[0] = 0;
    return true;
}
