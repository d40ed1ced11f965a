#include "harmcu/board.h"
#include "harmcu/session.h"

int main(void) {
    harmcu_board_init();
    harmcu_session_start();
    while (harmcu_session_poll()) {
        harmcu_board_idle();
    }
    return 0;
}
