/* The bus of the board's sensors. */
#ifndef ARDUINO_CORE_WIRE_H
#define ARDUINO_CORE_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* Like the core's, it holds 256 bytes in either direction. */
struct TwoWire {
    void begin();
    void end();
    void setClock(uint32_t hertz);
    void beginTransmission(uint8_t address);
    size_t write(uint8_t byte);
    size_t write(const uint8_t *data, size_t size);
    uint8_t endTransmission(bool stop = true);
    size_t requestFrom(uint8_t address, size_t size);
    int read();

    uint8_t address;
    uint8_t sent[256];
    size_t sent_size;
    uint8_t received[256];
    size_t received_size;
    size_t received_next;
};

extern TwoWire Wire;
extern TwoWire Wire1;

#endif
