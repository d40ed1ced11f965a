/* Runs a generated engine on windows from stdin and writes the scores to stdout. */
#include <stdio.h>

#include "harmcu/engine.h"
#include "model_aot.h"

int main(void) {
    int8_t scores[MODEL_AOT_OUTPUT_BYTES];
    if (!harmcu_engine_init()) {
        return 2;
    }
    while (fread(harmcu_engine_input(), MODEL_AOT_INPUT_BYTES, 1, stdin) == 1) {
        if (!harmcu_engine_invoke(scores)) {
            return 3;
        }
        fwrite(scores, sizeof scores, 1, stdout);
    }
    return 0;
}
