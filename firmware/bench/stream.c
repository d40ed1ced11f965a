/* One hop of a stream, as the pipeline pushes it, with a stamp after every sample. */
#include "bench.h"
#include "harmcu/engine.h"

#ifndef BENCH_HOP
#error "BENCH_HOP and BENCH_SKIP come from the command line of the compiler"
#endif

enum { SAMPLE_BYTES = BENCH_INPUT_BYTES / BENCH_HOP };

static int8_t samples[BENCH_INPUT_BYTES];

int8_t *bench_input(void) {
    return samples;
}

/* The stream begins BENCH_SKIP samples into the first record, so that windows end with records. */
void bench_run(int8_t *scores) {
    static int32_t first = -1;
    if (first < 0) {
        first = BENCH_SKIP;
        harmcu_engine_reset();
    }
    bench_stamp();
    bench_stamp();
    for (int32_t sample = first; sample < BENCH_HOP; sample++) {
        harmcu_engine_push(&samples[sample * SAMPLE_BYTES]);
        if (sample == BENCH_HOP - 1) {
            harmcu_engine_scores(scores);
        }
        bench_stamp();
    }
    first = 0;
}
