/* What takes the place of a model in a firmware that only records. */
#include <stddef.h>

#include "harmcu/engine.h"
#include "harmcu/model.h"

const harmcu_model_config harmcu_model = {.name = "", .sha256 = ""};

const char *harmcu_engine_name(void) {
    return "none";
}

bool harmcu_engine_init(void) {
    return false;
}

int8_t *harmcu_engine_input(void) {
    return NULL;
}

bool harmcu_engine_invoke(int8_t *scores) {
    (void)scores;
    return false;
}
