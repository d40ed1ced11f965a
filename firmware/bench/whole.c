/* One inference as a sketch would call it. */
#include "bench.h"
#include "harmcu/engine.h"

void bench_run(int8_t *scores) {
    bench_stamp();
    bench_stamp();
    harmcu_engine_invoke(scores);
    bench_stamp();
}
