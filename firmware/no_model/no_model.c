/* What takes the place of a model in a firmware that only records. */
#include "harmcu/engine.h"
#include "harmcu/model.h"

const harmcu_model_config harmcu_model = {.name = "", .sha256 = ""};

const char *harmcu_engine_name(void) {
    return "none";
}

bool harmcu_engine_init(void) {
    return false;
}

void harmcu_engine_reset(void) {
}

void harmcu_engine_push(const int8_t *sample) {
    (void)sample;
}

bool harmcu_engine_scores(int8_t *scores) {
    (void)scores;
    return false;
}
