#define HARMCU_BOARD_NAME "nano33ble_rev2"
