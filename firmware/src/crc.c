#include "harmcu/crc.h"

/* The CRC of each upper nibble: two look-ups a byte need 32 bytes of flash, not 512. */
static const uint16_t NIBBLE[16] = {
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
    0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF,
};

static uint16_t take_nibble(uint16_t crc, uint8_t nibble) {
    return (uint16_t)((uint32_t)crc << 4) ^ NIBBLE[(crc >> 12) ^ nibble];
}

uint16_t harmcu_crc_byte(uint16_t crc, uint8_t byte) {
    return take_nibble(take_nibble(crc, byte >> 4), byte & 0x0FU);
}

uint16_t harmcu_crc(uint16_t crc, const void *data, size_t size) {
    const uint8_t *bytes = (const uint8_t *)data;
    for (size_t i = 0; i < size; ++i) {
        crc = harmcu_crc_byte(crc, bytes[i]);
    }
    return crc;
}
