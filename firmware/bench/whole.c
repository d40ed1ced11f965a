/* One inference as a sketch would call it. */
#include "bench.h"
#include "harmcu/engine.h"

int8_t *bench_input(void) {
    return harmcu_engine_input();
}

void bench_run(int8_t *scores) {
    bench_stamp();
    bench_stamp();
    harmcu_engine_invoke(scores);
    bench_stamp();
}
