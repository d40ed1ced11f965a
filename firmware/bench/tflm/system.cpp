/* What TensorFlow Lite Micro and the C++ library want from a system. Here nobody reads messages,
 * nothing is destroyed, and there is no heap. */
#include <cstdarg>
#include <cstddef>

extern "C" {

extern void *__dso_handle;
void *__dso_handle = nullptr;

int __aeabi_atexit(void *, void (*)(void *), void *) {
    return 0;
}

void *_sbrk(ptrdiff_t) {
    return reinterpret_cast<void *>(-1);
}

void DebugLog(const char *) {
}

int DebugVsnprintf(char *buffer, size_t size, const char *, va_list) {
    if (size > 0) {
        buffer[0] = 0;
    }
    return 0;
}
}
