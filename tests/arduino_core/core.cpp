/* Arduino's core on the peripherals of the machine mps2-an386, which firmware/boards/mps2_an386
 * explains. The clock begins where the scene says, so that micros() can wrap within a test. */
#include "Arduino.h"
#include "scene.h"

extern "C" {
#include "semihost.h"
}

struct Uart {
    volatile uint32_t data, state, control, interrupt, divider;
};
struct Timer {
    volatile uint32_t control, value, reload, interrupt;
};

#define UART0 ((Uart *)0x40004000UL)
#define TIMER0 ((Timer *)0x40000000UL)
#define TIMER1 ((Timer *)0x40001000UL)
#define NVIC_ENABLE (*(volatile uint32_t *)0xE000E100UL)
#define NVIC_CLEAR_PENDING (*(volatile uint32_t *)0xE000E280UL)

static const uint32_t LINES = (1UL << 0) | (1UL << 9); /* UART 0 received, timer 1 */
static const uint32_t TICKS_A_MICROSECOND = 25;

arduino::USBSerial _SerialUSB;

static char command_line[512];
static int recording = SEMIHOST_NO_FILE;
static int led = SEMIHOST_NO_FILE;
static uint64_t clock_start;

/* What has arrived: 256 bytes, as many as the core's port keeps. */
static uint8_t received[256];
static uint8_t received_first;
static uint32_t received_size;

static const char *find_word(const char *name) {
    const size_t size = strlen(name);
    for (const char *word = command_line; word != nullptr; word = strchr(word, '\n')) {
        word += *word == '\n';
        const char end = word[size];
        if (strncmp(word, name, size) == 0 && (end == '=' || end == '\n' || end == '\0')) {
            return word + size;
        }
    }
    return nullptr;
}

bool scene_has(const char *name) {
    return find_word(name) != nullptr;
}

uint64_t scene_number(const char *name, uint64_t otherwise) {
    const char *text = find_word(name);
    if (text == nullptr || *text != '=') {
        return otherwise;
    }
    uint64_t value = 0;
    for (++text; *text >= '0' && *text <= '9'; ++text) {
        value = value * 10 + (uint64_t)(*text - '0');
    }
    return value;
}

bool scene_sample(int16_t raw[6]) {
    const size_t size = 6 * sizeof raw[0];
    if (recording == SEMIHOST_NO_FILE) {
        return false;
    }
    if (semihost_read(recording, raw, size) != size) {
        semihost_rewind(recording);
        return semihost_read(recording, raw, size) == size;
    }
    return true;
}

uint64_t machine_micros(void) {
    static uint32_t last = UINT32_MAX; /* the timer counts down */
    static uint64_t ticks;
    const uint32_t value = TIMER0->value;
    ticks += last - value;
    last = value;
    return ticks / TICKS_A_MICROSECOND;
}

unsigned long micros() {
    return (unsigned long)(uint32_t)(clock_start + machine_micros());
}

unsigned long millis() {
    return (unsigned long)(machine_micros() / 1000);
}

void delayMicroseconds(unsigned int microseconds) {
    const uint64_t until = machine_micros() + microseconds;
    while (machine_micros() < until) {
    }
}

static void receive() {
    while ((UART0->state & 2) != 0 && received_size < sizeof received) {
        received[(uint8_t)(received_first + received_size++)] = (uint8_t)UART0->data;
    }
}

void delay(unsigned long milliseconds) {
    static bool was_busy;
    uint64_t until = machine_micros() + milliseconds * 1000ULL;
    if (!was_busy && machine_micros() >= 1000 * scene_number("busy_from", UINT32_MAX)) {
        was_busy = true;
        until += 1000 * scene_number("busy_for", 0);
    }
    while (machine_micros() < until) {
        __asm__ volatile("wfi" ::: "memory");
        UART0->interrupt = 2;
        TIMER1->interrupt = 1;
        NVIC_CLEAR_PENDING = LINES;
        receive();
    }
}

void pinMode(int, int) {
}

/* What the LED does is written to a file: milliseconds and level, as two words of 32 bits. */
void digitalWrite(int pin, int level) {
    const uint32_t change[2] = {(uint32_t)millis(), (uint32_t)level};
    if (pin == LED_BUILTIN && led != SEMIHOST_NO_FILE) {
        semihost_write(led, change, sizeof change);
    }
}

void arduino::USBSerial::begin(unsigned long) {
}

bool arduino::USBSerial::connected() {
    return true;
}

int arduino::USBSerial::available() {
    receive();
    return (int)received_size;
}

int arduino::USBSerial::read() {
    if (available() == 0) {
        return -1;
    }
    received_size--;
    return received[received_first++];
}

void arduino::USBSerial::send_nb(uint8_t *data, uint32_t size, uint32_t *taken, bool) {
    static bool is_on_its_way; /* a packet that was just sent, and the next must wait */
    *taken = 0;
    is_on_its_way = !is_on_its_way && size > 0;
    if (machine_micros() < 1000 * scene_number("deaf_until", 0) || !is_on_its_way) {
        return;
    }
    for (; *taken < size && *taken < 64; ++*taken) {
        while ((UART0->state & 1) != 0) {
        }
        UART0->data = data[*taken];
    }
}

static int open_file(const char *name, semihost_mode mode) {
    char path[256];
    const char *text = find_word(name);
    if (text == nullptr) {
        return SEMIHOST_NO_FILE;
    }
    size_t size = 0;
    for (++text; text[size] != '\n' && text[size] != '\0' && size + 1 < sizeof path; ++size) {
        path[size] = text[size];
    }
    path[size] = '\0';
    const int file = semihost_open(path, mode);
    if (file == SEMIHOST_NO_FILE) {
        semihost_exit(false);
    }
    return file;
}

int main() {
    UART0->divider = 16;
    UART0->control = 3 | 8; /* send, receive, interrupt on receive */
    TIMER0->reload = UINT32_MAX;
    TIMER0->value = UINT32_MAX;
    TIMER0->control = 1;
    /* Interrupts only end the sleep in delay(): masked, they are never taken. */
    __asm__ volatile("cpsid i" ::: "memory");
    NVIC_ENABLE = LINES;
    TIMER1->reload = 1000 * TICKS_A_MICROSECOND;
    TIMER1->value = 1000 * TICKS_A_MICROSECOND;
    TIMER1->control = 1 | 8;
    if (!semihost_command_line(command_line, sizeof command_line)) {
        semihost_exit(false);
    }
    clock_start = scene_number("clock", 0);
    recording = open_file("recording", SEMIHOST_READ);
    led = open_file("led", SEMIHOST_WRITE);
    setup();
    for (;;) {
        loop();
    }
}
