/* A test of the library's own, which would bring a second main(). */
int main() {
    return 1;
}
