/* Stamps before and after every operator of TensorFlow Lite Micro's interpreter. */
#ifndef HARMCU_BENCH_TFLM_STAMPS_H
#define HARMCU_BENCH_TFLM_STAMPS_H

#include <cstdint>

#include "tensorflow/lite/micro/micro_profiler_interface.h"

extern "C" {
#include "bench.h"
}

namespace bench {

class Stamps : public tflite::MicroProfilerInterface {
   public:
    uint32_t BeginEvent(const char *) override {
        bench_stamp();
        return 0;
    }

    void EndEvent(uint32_t) override {
        bench_stamp();
    }
};

}  // namespace bench

#endif
