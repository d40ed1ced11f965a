/* What every fuzz target needs. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Ends the run, which libFuzzer reports with the input that led here. */
static inline void expect(int holds) {
    if (!holds) {
        abort();
    }
}

/* CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF), bit by bit. */
static inline unsigned slow_crc(const char *data, size_t size) {
    unsigned crc = 0xFFFF;
    for (size_t i = 0; i < size; ++i) {
        crc ^= (unsigned)(uint8_t)data[i] << 8;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
        }
        crc &= 0xFFFFU;
    }
    return crc;
}

#endif
