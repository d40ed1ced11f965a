#include <string.h>

#include "harmcu/board.h"
#include "harmcu/crc.h"
#include "harmcu/line.h"

static const char HEX[] = "0123456789ABCDEF";
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* `*` and four digits of CRC follow the fields. */
static const size_t CHECK_SIZE = 5;

static void put(harmcu_line_writer *line, char character) {
    if (line->size < HARMCU_LINE_MAX - CHECK_SIZE) {
        line->text[line->size++] = character;
    }
}

static void put_digits(harmcu_line_writer *line, uint32_t value) {
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10U);
        value /= 10U;
    } while (value > 0);
    while (count > 0) {
        put(line, digits[--count]);
    }
}

void harmcu_line_begin(harmcu_line_writer *line, const char *type, uint16_t sequence) {
    line->size = 0;
    put(line, '$');
    for (const char *c = type; *c != '\0'; ++c) {
        put(line, *c);
    }
    put(line, ',');
    put_digits(line, sequence);
}

void harmcu_line_text(harmcu_line_writer *line, const char *text) {
    put(line, ',');
    for (const char *c = text; *c != '\0'; ++c) {
        put(line, *c);
    }
}

static bool is_plain(char c) {
    return c >= ' ' && c <= '~' && c != '%' && c != ',' && c != '*' && c != '$';
}

void harmcu_line_escaped(harmcu_line_writer *line, const char *utf8) {
    put(line, ',');
    for (const char *c = utf8; *c != '\0'; ++c) {
        if (is_plain(*c)) {
            put(line, *c);
        } else {
            put(line, '%');
            put(line, HEX[((uint8_t)*c) >> 4]);
            put(line, HEX[((uint8_t)*c) & 0x0FU]);
        }
    }
}

void harmcu_line_integer(harmcu_line_writer *line, int32_t value) {
    put(line, ',');
    if (value < 0) {
        put(line, '-');
    }
    put_digits(line, value < 0 ? 0U - (uint32_t)value : (uint32_t)value);
}

void harmcu_line_unsigned(harmcu_line_writer *line, uint32_t value) {
    put(line, ',');
    put_digits(line, value);
}

void harmcu_line_base64(harmcu_line_writer *line, const void *data, size_t size) {
    const uint8_t *bytes = (const uint8_t *)data;
    put(line, ',');
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t group = ((uint32_t)bytes[i] << 16) |
                               (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0U) |
                               (left > 2 ? (uint32_t)bytes[i + 2] : 0U);
        put(line, BASE64[group >> 18]);
        put(line, BASE64[(group >> 12) & 0x3FU]);
        put(line, left > 1 ? BASE64[(group >> 6) & 0x3FU] : '=');
        put(line, left > 2 ? BASE64[group & 0x3FU] : '=');
    }
}

static void end(harmcu_line_writer *line) {
    memcpy(&line->text[line->size], "\r\n", 2);
    harmcu_board_write(line->text, line->size + 2);
}

void harmcu_line_send(harmcu_line_writer *line) {
    const uint16_t crc = harmcu_crc(HARMCU_CRC_START, &line->text[1], line->size - 1);
    line->text[line->size++] = '*';
    for (int shift = 12; shift >= 0; shift -= 4) {
        line->text[line->size++] = HEX[(crc >> shift) & 0x0FU];
    }
    end(line);
}

void harmcu_text_begin(harmcu_line_writer *line) {
    line->size = 0;
    harmcu_text_add(line, "# ");
}

void harmcu_text_add(harmcu_line_writer *line, const char *utf8) {
    for (const char *c = utf8; *c != '\0'; ++c) {
        const uint8_t byte = (uint8_t)*c;
        put(line, byte < ' ' || byte == 0x7F || byte == '$' ? '?' : *c);
    }
}

void harmcu_text_unsigned(harmcu_line_writer *line, uint32_t value) {
    put_digits(line, value);
}

void harmcu_text_percent(harmcu_line_writer *line, uint8_t percent) {
    put_digits(line, percent / 100U);
    put(line, '.');
    put_digits(line, percent / 10U % 10U);
    put_digits(line, percent % 10U);
}

void harmcu_text_send(harmcu_line_writer *line) {
    end(line);
}
