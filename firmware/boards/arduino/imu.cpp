/* From the IMU's queue to samples, for whichever sensor the board's driver knows. */
#include "harmcu/imu.h"

#include <Arduino.h>
#include <Wire.h>

#include "harmcu/board.h"
#include "imu_begin.h"
#include "sensor.h"

/* Samples fetched in one go: 192 bytes, below the 256 of the core's Wire. */
static const size_t BURST = 16;

/* A sensor that cannot be read is looked for, and one that has fallen silent started again, so
 * often. */
static const uint32_t RETRY_MICROS = 1000000;

static const char FAILED_HINT[] = "the IMU answers, but does not start: unplug the board once";

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

static void lose(harmcu_imu_state state, const char *name, const char *hint) {
    harmcu_imu_track_stop(&track, state, name, hint, harmcu_board_ticks());
    fetched = next = 0;
}

void harmcu_imu_begin() {
    Wire1.begin();
    if (answers(SENSOR.self)) {
        if (SENSOR.begin()) {
            Wire1.setClock(BUS_HZ);
            harmcu_imu_track_start(&track, SENSOR.self->name, SENSOR.rate_millihertz,
                                   harmcu_board_tick_hz(), harmcu_board_ticks());
        } else {
            lose(HARMCU_IMU_FAILED, SENSOR.self->name, FAILED_HINT);
        }
    } else if (answers(SENSOR.other)) {
        lose(HARMCU_IMU_OTHER, SENSOR.other->name, SENSOR.other_hint);
    } else {
        lose(HARMCU_IMU_ABSENT, "none", SENSOR.absent_hint);
    }
    tried = micros();
}

static bool fetch() {
    uint32_t waiting = 0;
    harmcu_imu_dropped dropped = HARMCU_IMU_DROPPED_NONE;
    const bool looked = SENSOR.look(&waiting, &dropped);
    const uint32_t ticks = harmcu_board_ticks();
    const uint32_t taken = waiting < BURST ? waiting : (uint32_t)BURST;
    if (!looked || (taken > 0 && !SENSOR.take(burst, taken))) {
        lose(HARMCU_IMU_ABSENT, "none", SENSOR.absent_hint);
        tried = micros();
        return false;
    }
    harmcu_imu_track_burst(&track, ticks, taken, waiting - taken, dropped);
    fetched = taken;
    next = 0;
    return taken > 0;
}

/* Gives the next of the fetched samples. */
static void hand_on(harmcu_imu_sample *sample) {
    const uint8_t *bytes = &burst[next++ * SENSOR_SAMPLE_BYTES];
    int16_t raw[HARMCU_AXES];
    for (size_t axis = 0; axis < HARMCU_AXES; ++axis) {
        raw[axis] = (int16_t)(uint16_t)(bytes[2 * axis] | (bytes[2 * axis + 1] << 8));
    }
    SENSOR.convert(raw, sample->counts);
    harmcu_imu_track_sample(&track, sample);
}

static bool is_started() {
    return track.report.state == HARMCU_IMU_OK || track.report.state == HARMCU_IMU_STUCK;
}

bool harmcu_board_imu_read(harmcu_imu_sample *sample) {
    if (is_started() && (next < fetched || fetch())) {
        hand_on(sample);
        return true;
    }
    const bool can_be_read = is_started() && !harmcu_imu_track_is_silent(&track);
    if (!can_be_read && micros() - tried > RETRY_MICROS) {
        harmcu_imu_begin();
    }
    return false;
}

const harmcu_imu_report *harmcu_board_imu_report(void) {
    return &track.report;
}
