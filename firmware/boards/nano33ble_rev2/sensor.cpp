/* BMI270: 99.8 Hz, +-4 g, +-2000 degrees a second, as the library Arduino_BMI270_BMM150 sets it up.
 *
 * Numbers are from the data sheet of the BMI270 (Bosch, BST-BMI270-DS000). */
#include "sensor.h"

#include <Arduino.h>
#include <Arduino_BMI270_BMM150.h>

static const uint8_t FIFO_LENGTH = 0x24;
static const uint8_t FIFO_DATA = 0x26;
static const uint8_t FIFO_CONFIG_0 = 0x48;
static const uint8_t FIFO_CONFIG_1 = 0x49;
static const uint8_t PWR_CONF = 0x7C;
static const uint8_t CMD = 0x7E;

static const uint8_t FIFO_KEEPS_NEWEST = 0x00; /* FIFO_CONFIG_0: overwrite when full, no time */
static const uint8_t FIFO_BOTH_NO_HEADER = 0xC0;
static const uint8_t PWR_CONF_FIFO_AWAKE = 0x02; /* no advanced power save, FIFO wakes itself */
static const uint8_t CMD_FIFO_FLUSH = 0xB0;

/* The gyroscope starts in 45 ms (table 4). Before, the queue holds placeholders. */
static const unsigned long START_MILLIS = 60;

/* 2 KiB of whole samples. A full queue drops its oldest sample with the next new one, not before,
 * and without headers nothing tells whether it has: Bosch's data sheets, FIFO overflow. */
static const uint32_t FIFO_SAMPLES = 2048 / SENSOR_SAMPLE_BYTES;

static bool write(uint8_t reg, uint8_t value) {
    return sensor_write(BMI270.address, reg, value);
}

static bool begin() {
    if (!IMU.begin(BOSCH_ACCELEROMETER_ONLY)) { /* and the gyroscope, but no magnetometer */
        return false;
    }
    const bool configured = write(PWR_CONF, PWR_CONF_FIFO_AWAKE) &&
                            write(FIFO_CONFIG_0, FIFO_KEEPS_NEWEST) &&
                            write(FIFO_CONFIG_1, FIFO_BOTH_NO_HEADER);
    delay(START_MILLIS);
    return configured && write(CMD, CMD_FIFO_FLUSH);
}

static bool look(uint32_t *waiting, harmcu_imu_dropped *dropped) {
    uint8_t length[2] = {0, 0};
    if (!sensor_read(BMI270.address, FIFO_LENGTH, length, sizeof length)) {
        return false;
    }
    const uint32_t bytes = length[0] | (uint32_t)(length[1] & 0x3F) << 8;
    *waiting = bytes / SENSOR_SAMPLE_BYTES;
    *dropped = *waiting < FIFO_SAMPLES ? HARMCU_IMU_DROPPED_NONE : HARMCU_IMU_DROPPED_PERHAPS;
    return true;
}

static bool take(uint8_t *data, size_t samples) {
    return sensor_read(BMI270.address, FIFO_DATA, data, samples * SENSOR_SAMPLE_BYTES);
}

static int16_t negated(int16_t value) {
    return value == INT16_MIN ? INT16_MAX : (int16_t)-value;
}

/* 8192 steps a g and 16.384 a degree a second, as counts are. The sensor sits turned against the
 * first revision's: -y, -x, z, as the library has it, are that one's axes. */
static void convert(const int16_t raw[6], int16_t counts[6]) {
    const int16_t *parts[2] = {&raw[3], &raw[0]};
    for (size_t part = 0; part < 2; ++part) {
        counts[3 * part] = negated(parts[part][1]);
        counts[3 * part + 1] = negated(parts[part][0]);
        counts[3 * part + 2] = parts[part][2];
    }
}

const SensorDriver SENSOR = {
    &BMI270,
    &LSM9DS1,
    99800,
    "no IMU answers: this sketch is for the Nano 33 BLE Sense Rev2, which has a BMI270",
    "an LSM9DS1 answers, so this is a Nano 33 BLE Sense without Rev2: generate with --board "
    "nano33ble",
    begin,
    look,
    take,
    convert,
};
