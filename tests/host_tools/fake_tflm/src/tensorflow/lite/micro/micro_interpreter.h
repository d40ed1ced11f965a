/* A double: an interpreter for models of 16 values in and out, which copies them. */
#ifndef FAKE_MICRO_INTERPRETER_H
#define FAKE_MICRO_INTERPRETER_H

#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"

enum TfLiteStatus { kTfLiteOk, kTfLiteError };
enum TfLiteType { kTfLiteInt8 };

struct TfLiteTensor {
    TfLiteType type;
    size_t bytes;
    struct {
        int8_t *int8;
    } data;
};

/* In kernels/, once for every core and once for those with CMSIS-NN. */
void copy_values(const TfLiteTensor &source, TfLiteTensor *target);

namespace tflite {

class MicroInterpreter {
   public:
    template <typename Resolver>
    MicroInterpreter(const Model *, const Resolver &, uint8_t *arena, size_t, void * = nullptr,
                     MicroProfilerInterface *profiler = nullptr)
        : input_{kTfLiteInt8, 16, {reinterpret_cast<int8_t *>(arena)}},
          output_{kTfLiteInt8, 16, {reinterpret_cast<int8_t *>(arena) + 16}},
          profiler_(profiler) {
    }
    TfLiteStatus AllocateTensors() {
        return kTfLiteOk;
    }
    TfLiteTensor *input(size_t) {
        return &input_;
    }
    TfLiteTensor *output(size_t) {
        return &output_;
    }
    TfLiteStatus Invoke();

   private:
    TfLiteTensor input_;
    TfLiteTensor output_;
    MicroProfilerInterface *profiler_;
};

}  // namespace tflite

#endif
