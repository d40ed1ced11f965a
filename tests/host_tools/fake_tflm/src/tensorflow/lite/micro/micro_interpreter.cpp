#include "tensorflow/lite/micro/micro_interpreter.h"

TfLiteStatus tflite::MicroInterpreter::Invoke() {
    const uint32_t event = profiler_ == nullptr ? 0 : profiler_->BeginEvent("copy");
    copy_values(input_, &output_);
    if (profiler_ != nullptr) {
        profiler_->EndEvent(event);
    }
    return kTfLiteOk;
}
