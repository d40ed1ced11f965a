/* CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected. Python's binascii.crc_hqx
 * with the same start value gives the same. */
#ifndef HARMCU_CRC_H
#define HARMCU_CRC_H

#include <stddef.h>
#include <stdint.h>

#define HARMCU_CRC_START 0xFFFFU

/* Returns the CRC of what `crc` covers and one byte more. */
uint16_t harmcu_crc_byte(uint16_t crc, uint8_t byte);

/* Returns the CRC of what `crc` covers and `size` bytes more. */
uint16_t harmcu_crc(uint16_t crc, const void *data, size_t size);

#endif
