#include <string.h>

#include "harmcu/crc.h"
#include "harmcu/line.h"

static const size_t CHECK_SIZE = 5;
static const size_t TYPE_SIZE = 3;
static const size_t SEQUENCE_SIZE = 5;

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* True when the text ends in `*` and the CRC of what stands between `$` and `*`. */
static bool check_matches(const char *text, size_t size) {
    if (size < 1 + CHECK_SIZE || text[size - CHECK_SIZE] != '*') {
        return false;
    }
    uint32_t stated = 0;
    for (size_t i = size - CHECK_SIZE + 1; i < size; ++i) {
        const int digit = hex_digit(text[i]);
        if (digit < 0) {
            return false;
        }
        stated = (stated << 4) | (uint32_t)digit;
    }
    return harmcu_crc(HARMCU_CRC_START, &text[1], size - CHECK_SIZE - 1) == stated;
}

/* Ends the field that starts at `start` and returns the start of the next one, or NULL. */
static char *end_field(char *start) {
    char *comma = strchr(start, ',');
    if (comma == NULL) {
        return NULL;
    }
    *comma = '\0';
    return comma + 1;
}

static bool is_type(const char *text) {
    if (strlen(text) != TYPE_SIZE) {
        return false;
    }
    for (size_t i = 0; i < TYPE_SIZE; ++i) {
        if (text[i] < 'A' || text[i] > 'Z') {
            return false;
        }
    }
    return true;
}

static bool split(char *text, harmcu_line *line) {
    line->type = text;
    line->fields = 0;
    char *next = end_field(text);
    if (next == NULL || !is_type(text)) {
        return false;
    }
    const char *sequence = next;
    next = end_field(next);
    uint32_t value = 0;
    if (strlen(sequence) > SEQUENCE_SIZE || !harmcu_field_unsigned(sequence, UINT16_MAX, &value)) {
        return false;
    }
    line->sequence = (uint16_t)value;
    while (next != NULL) {
        if (line->fields == HARMCU_FIELDS_MAX) {
            return false;
        }
        line->field[line->fields++] = next;
        next = end_field(next);
    }
    return true;
}

static harmcu_line_result finish(harmcu_line_reader *reader, harmcu_line *line) {
    const size_t size = reader->size;
    const bool started = reader->started;
    reader->size = 0;
    reader->started = false;
    if (size == 0) {
        return HARMCU_LINE_MORE;
    }
    if (!started || !check_matches(reader->text, size)) {
        return HARMCU_LINE_DAMAGED;
    }
    reader->text[size - CHECK_SIZE] = '\0';
    return split(&reader->text[1], line) ? HARMCU_LINE_GOOD : HARMCU_LINE_DAMAGED;
}

harmcu_line_result harmcu_line_take(harmcu_line_reader *reader, uint8_t byte, harmcu_line *line) {
    if (byte == '\n' || byte == '\r') {
        return finish(reader, line);
    }
    if (byte == '$') {
        /* A line may start in the middle of a damaged one; the rest of that one is lost. */
        const bool interrupted = reader->size > 0;
        reader->started = true;
        reader->text[0] = '$';
        reader->size = 1;
        return interrupted ? HARMCU_LINE_DAMAGED : HARMCU_LINE_MORE;
    }
    if (byte < ' ' || byte > '~' || reader->size == HARMCU_LINE_MAX) {
        reader->started = false;
    }
    if (reader->size < HARMCU_LINE_MAX) {
        reader->text[reader->size++] = (char)byte;
    }
    return HARMCU_LINE_MORE;
}

bool harmcu_field_unsigned(const char *field, uint32_t most, uint32_t *value) {
    uint64_t read = 0;
    if (*field == '\0') {
        return false;
    }
    for (const char *c = field; *c != '\0'; ++c) {
        if (*c < '0' || *c > '9') {
            return false;
        }
        read = read * 10U + (uint64_t)(*c - '0');
        if (read > most) {
            return false;
        }
    }
    *value = (uint32_t)read;
    return true;
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+') {
        return 62;
    }
    return c == '/' ? 63 : -1;
}

/* Decodes four characters into `out`, which has room for three bytes. Returns the bytes that they
 * hold, or 0. Padding, and so fewer than three bytes, is allowed in the last group only. */
static size_t base64_group(const char *c, bool last, uint8_t *out) {
    size_t bytes = 3;
    if (last && c[3] == '=') {
        bytes = c[2] == '=' ? 1 : 2;
    }
    uint32_t group = 0;
    for (size_t i = 0; i < 4; ++i) {
        const int value = i <= bytes ? base64_value(c[i]) : 0;
        if (value < 0) {
            return 0;
        }
        group = (group << 6) | (uint32_t)value;
    }
    if ((group & ((1UL << (8U * (3U - bytes))) - 1U)) != 0U) {
        return 0;
    }
    for (size_t i = 0; i < bytes; ++i) {
        out[i] = (uint8_t)(group >> (16U - 8U * i));
    }
    return bytes;
}

size_t harmcu_field_base64(const char *field, uint8_t *out, size_t capacity) {
    const size_t length = strlen(field);
    size_t written = 0;
    if (length == 0 || length % 4 != 0) {
        return 0;
    }
    for (size_t i = 0; i < length; i += 4) {
        uint8_t group[3];
        const size_t bytes = base64_group(&field[i], i + 4 == length, group);
        if (bytes == 0 || written + bytes > capacity) {
            return 0;
        }
        memcpy(&out[written], group, bytes);
        written += bytes;
    }
    return written;
}
