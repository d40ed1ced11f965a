/* What the two IMU libraries do to the sensors' registers, as far as the drivers rely on it. */
#include "Arduino_BMI270_BMM150.h"
#undef IMU
#include "Arduino_LSM9DS1.h"
#include "scene.h"

LSM9DS1Class IMU_LSM9DS1;
BoschSensorClass IMU_BMI270_BMM150;

static bool write(uint8_t address, uint8_t reg, uint8_t value) {
    Wire1.beginTransmission(address);
    Wire1.write(reg);
    Wire1.write(value);
    return Wire1.endTransmission() == 0;
}

int LSM9DS1Class::begin() {
    Wire1.begin();
    /* CTRL_REG8: reset; CTRL_REG1_G and CTRL_REG6_XL: rates and ranges */
    return !scene_has("start_fails") && write(0x6B, 0x22, 0x05) && write(0x6B, 0x10, 0x78) &&
           write(0x6B, 0x20, 0x70);
}

void LSM9DS1Class::setContinuousMode() {
    write(0x6B, 0x23, 0x02); /* CTRL_REG9: queue on */
    write(0x6B, 0x2E, 0xC0); /* FIFO_CTRL: continuous */
}

int BoschSensorClass::begin(CfgBoshSensor_t parts) {
    Wire1.begin();
    /* CMD: reset; ACC_CONF, ACC_RANGE, GYR_CONF, GYR_RANGE, PWR_CTRL */
    return !scene_has("start_fails") && parts == BOSCH_ACCELEROMETER_ONLY &&
           write(0x68, 0x7E, 0xB6) && write(0x68, 0x40, 0xA8) && write(0x68, 0x41, 0x01) &&
           write(0x68, 0x42, 0xA8) && write(0x68, 0x43, 0x00) && write(0x68, 0x7D, 0x06);
}
