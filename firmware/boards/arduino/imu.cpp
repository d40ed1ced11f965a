/* From the IMU's queue to samples, for whichever sensor the board's driver knows. */
#include "harmcu/imu.h"

#include <Arduino.h>
#include <Wire.h>

#include "harmcu/board.h"
#include "imu_begin.h"
#include "sensor.h"

/* Samples fetched in one go: 192 bytes, below the 256 of the core's Wire. */
static const size_t BURST = 16;

/* A sensor that has fallen off the bus is looked for so often. */
static const uint32_t RETRY_MICROS = 1000000;

static const uint32_t BUS_HZ = 400000; /* fast mode; both sensors allow it */

static harmcu_imu_track track;
static uint8_t burst[BURST * SENSOR_SAMPLE_BYTES];
static size_t fetched;
static size_t next;
static uint32_t tried;

bool sensor_read(uint8_t address, uint8_t first_register, uint8_t *data, size_t size) {
    Wire1.beginTransmission(address);
    Wire1.write(first_register);
    if (Wire1.endTransmission(false) != 0 || Wire1.requestFrom(address, size) != size) {
        return false;
    }
    for (size_t i = 0; i < size; ++i) {
        data[i] = (uint8_t)Wire1.read();
    }
    return true;
}

bool sensor_write(uint8_t address, uint8_t reg, uint8_t value) {
    Wire1.beginTransmission(address);
    Wire1.write(reg);
    Wire1.write(value);
    return Wire1.endTransmission() == 0;
}

static bool answers(const SensorIdentity *identity) {
    uint8_t id = 0;
    return sensor_read(identity->address, identity->id_register, &id, 1) && id == identity->id;
}

static void lose() {
    harmcu_imu_track_stop(&track, HARMCU_IMU_ABSENT, "none", SENSOR.absent_hint);
    fetched = next = 0;
    tried = micros();
}

void harmcu_imu_begin() {
    lose();
    Wire1.begin();
    if (answers(SENSOR.self) && SENSOR.begin()) {
        Wire1.setClock(BUS_HZ);
        harmcu_imu_track_start(&track, SENSOR.self->name, SENSOR.rate_millihertz,
                               harmcu_board_tick_hz(), harmcu_board_ticks());
    } else if (answers(SENSOR.other)) {
        harmcu_imu_track_stop(&track, HARMCU_IMU_OTHER, SENSOR.other->name, SENSOR.other_hint);
    }
}

static bool fetch() {
    uint32_t waiting = 0;
    bool overrun = false;
    if (!SENSOR.look(&waiting, &overrun)) {
        lose();
        return false;
    }
    const uint32_t taken = waiting < BURST ? waiting : (uint32_t)BURST;
    harmcu_imu_track_burst(&track, harmcu_board_ticks(), taken, waiting - taken, overrun);
    if (taken > 0 && !SENSOR.take(burst, taken)) {
        lose();
        return false;
    }
    fetched = taken;
    next = 0;
    return taken > 0;
}

bool harmcu_board_imu_read(harmcu_imu_sample *sample) {
    if (track.report.state == HARMCU_IMU_OTHER) {
        return false;
    }
    if (track.report.state == HARMCU_IMU_ABSENT) {
        if (micros() - tried > RETRY_MICROS) {
            harmcu_imu_begin();
        }
        return false;
    }
    if (next == fetched && !fetch()) {
        return false;
    }
    const uint8_t *bytes = &burst[next++ * SENSOR_SAMPLE_BYTES];
    int16_t raw[HARMCU_AXES];
    for (size_t axis = 0; axis < HARMCU_AXES; ++axis) {
        raw[axis] = (int16_t)(uint16_t)(bytes[2 * axis] | (bytes[2 * axis + 1] << 8));
    }
    SENSOR.convert(raw, sample->counts);
    harmcu_imu_track_sample(&track, sample);
    return true;
}

const harmcu_imu_report *harmcu_board_imu_report(void) {
    return &track.report;
}
