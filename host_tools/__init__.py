"""The harmcu command, and everything that talks to a board, real or emulated."""
