/* The two IMUs at their registers, with queues that fill by the clock whether anybody reads them or
 * not, and drop the oldest sample when they are full.
 *
 * Register maps: LSM9DS1 data sheet (ST, DocID025715), BMI270 data sheet (Bosch, BST-BMI270-DS000).
 * The recording holds raw register values, angular rate first, as both sensors' queues do. */
#include <string.h>

#include "Wire.h"
#include "scene.h"

static const size_t SAMPLE_BYTES = 12;
static const size_t DEEPEST = 170; /* the BMI270's 2 KiB */

TwoWire Wire;
TwoWire Wire1;

static struct {
    uint8_t registers[256];
    uint8_t pointer;
    uint8_t queue[DEEPEST][SAMPLE_BYTES];
    size_t oldest;
    size_t held;
    size_t taken_bytes; /* of the oldest sample */
    bool overrun;
    uint64_t made; /* samples since power-on */
    uint64_t start;
    bool runs;
    int16_t values[6];
} sensor;

/* For a time, the sensor of the other revision answers. */
static bool is_other_yet() {
    static bool is_over;
    is_over = is_over || machine_micros() / 1000 >= scene_number("other_until", 0);
    return !is_over;
}

static bool is_lsm9ds1() {
    return scene_has("LSM9DS1") != is_other_yet();
}

static uint8_t bus_address() {
    return is_lsm9ds1() ? 0x6B : 0x68;
}

static bool is_on_bus() {
    const uint64_t milliseconds = machine_micros() / 1000;
    const bool is_away = milliseconds >= scene_number("away_from", UINT32_MAX) &&
                         milliseconds < scene_number("away_until", UINT32_MAX);
    return (scene_has("LSM9DS1") || scene_has("BMI270")) && !is_away;
}

static bool is_configured() {
    const uint8_t *r = sensor.registers;
    if (is_lsm9ds1()) {
        return r[0x10] == 0x78 && r[0x20] == 0x70 && r[0x23] == 0x02 && (r[0x2E] & 0xE0) == 0xC0;
    }
    return (r[0x40] & 0x0F) == 8 && (r[0x42] & 0x0F) == 8 && (r[0x41] & 3) == 1 && r[0x43] == 0 &&
           (r[0x7D] & 6) == 6 && r[0x48] == 0 && r[0x49] == 0xC0;
}

static void make_sample() {
    const size_t depth = is_lsm9ds1() ? 32 : DEEPEST;
    if (sensor.made < scene_number("stuck_from", UINT32_MAX)) {
        scene_sample(sensor.values);
    }
    if (sensor.held == depth) {
        sensor.oldest = (sensor.oldest + 1) % depth;
        sensor.held--;
        sensor.taken_bytes = 0;
        sensor.overrun = true;
    }
    uint8_t *bytes = sensor.queue[(sensor.oldest + sensor.held++) % depth];
    for (size_t axis = 0; axis < 6; ++axis) {
        bytes[2 * axis] = (uint8_t)sensor.values[axis];
        bytes[2 * axis + 1] = (uint8_t)((uint16_t)sensor.values[axis] >> 8);
    }
    sensor.made++;
}

/* Makes the samples that are due. */
static void advance() {
    const uint64_t now = machine_micros();
    const uint64_t millihertz = scene_number("rate", is_lsm9ds1() ? 119000 : 99800);
    if (sensor.runs != is_configured()) {
        sensor.runs = is_configured();
        sensor.start = now;
        sensor.made = 0;
        sensor.held = 0;
        sensor.overrun = false;
    }
    const uint64_t silent_from = scene_number("silent_from", UINT32_MAX);
    while (sensor.runs && sensor.made < silent_from &&
           sensor.start + (sensor.made + 1) * 1000000000ULL / millihertz <= now) {
        make_sample();
    }
}

static uint8_t next_of_queue() {
    const size_t depth = is_lsm9ds1() ? 32 : DEEPEST;
    if (sensor.held == 0) {
        return 0x80;
    }
    const uint8_t byte = sensor.queue[sensor.oldest][sensor.taken_bytes++];
    if (sensor.taken_bytes == SAMPLE_BYTES) {
        sensor.taken_bytes = 0;
        sensor.oldest = (sensor.oldest + 1) % depth;
        sensor.held--;
        sensor.overrun = false;
    }
    return byte;
}

static uint8_t read_lsm9ds1(uint8_t reg) {
    switch (reg) {
        case 0x0F:
            return 0x68;
        case 0x2F:
            return (uint8_t)(sensor.held | (sensor.overrun ? 0x40U : 0U));
        default:
            return reg >= 0x18 && reg <= 0x2D ? next_of_queue() : sensor.registers[reg];
    }
}

static uint8_t read_bmi270(uint8_t reg) {
    const size_t bytes = sensor.held * SAMPLE_BYTES;
    switch (reg) {
        case 0x00:
            return 0x24;
        case 0x21:
            return 1; /* INTERNAL_STATUS: initialised */
        case 0x24:
            return (uint8_t)bytes;
        case 0x25:
            return (uint8_t)(bytes >> 8);
        case 0x26:
            return next_of_queue();
        default:
            return sensor.registers[reg];
    }
}

static uint8_t read_next() {
    if (is_lsm9ds1()) {
        const uint8_t reg = sensor.pointer & 0x7F;
        /* A burst over the outputs goes round: gyroscope, accelerometer, gyroscope, ... */
        const uint8_t following = reg == 0x1D ? 0x28 : reg == 0x2D ? 0x18 : (uint8_t)(reg + 1);
        sensor.pointer = (uint8_t)((sensor.pointer & 0x80) | following);
        return read_lsm9ds1(reg);
    }
    const uint8_t reg = sensor.pointer;
    if (reg != 0x26) {
        sensor.pointer++;
    }
    return read_bmi270(reg);
}

static void write_register(uint8_t reg, uint8_t value) {
    const bool is_reset = is_lsm9ds1() ? reg == 0x22 && (value & 1) : reg == 0x7E && value == 0xB6;
    if (is_reset) {
        memset(sensor.registers, 0, sizeof sensor.registers);
        return;
    }
    sensor.registers[reg] = value;
    if (!is_lsm9ds1() && reg == 0x7E && value == 0xB0) {
        sensor.held = 0;
        sensor.taken_bytes = 0;
    }
}

void TwoWire::begin() {
}

void TwoWire::end() {
}

void TwoWire::setClock(uint32_t) {
}

void TwoWire::beginTransmission(uint8_t to) {
    address = to;
    sent_size = 0;
}

size_t TwoWire::write(uint8_t byte) {
    if (sent_size == sizeof sent) {
        return 0;
    }
    sent[sent_size++] = byte;
    return 1;
}

size_t TwoWire::write(const uint8_t *data, size_t size) {
    size_t written = 0;
    while (written < size && write(data[written]) == 1) {
        written++;
    }
    return written;
}

uint8_t TwoWire::endTransmission(bool) {
    if (this != &Wire1 || address != bus_address() || !is_on_bus()) {
        return 2;
    }
    advance();
    sensor.pointer = sent[0];
    for (size_t i = 1; i < sent_size; ++i) {
        write_register((uint8_t)(sent[0] + i - 1), sent[i]);
    }
    advance();
    return 0;
}

size_t TwoWire::requestFrom(uint8_t from, size_t size) {
    received_size = received_next = 0;
    if (this != &Wire1 || from != bus_address() || !is_on_bus()) {
        return 0;
    }
    advance();
    while (received_size < size && received_size < sizeof received) {
        received[received_size++] = read_next();
    }
    return received_size;
}

int TwoWire::read() {
    return received_next < received_size ? received[received_next++] : -1;
}
