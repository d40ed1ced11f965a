#include "tensorflow/lite/micro/micro_interpreter.h"

#include <cstdarg>

extern "C" int DebugVsnprintf(char *, size_t, const char *, va_list);

static int print(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = DebugVsnprintf(text, size, format, arguments);
    va_end(arguments);
    return length;
}

TfLiteStatus tflite::MicroInterpreter::Invoke() {
    const uint32_t event = profiler_ == nullptr ? 0 : profiler_->BeginEvent("copy");
    copy_values(input_, &output_);
    char text[8];
    if (print(text, sizeof text, "%d", 1) < 0) {
        return kTfLiteError;
    }
    if (profiler_ != nullptr) {
        profiler_->EndEvent(event);
    }
    return kTfLiteOk;
}
