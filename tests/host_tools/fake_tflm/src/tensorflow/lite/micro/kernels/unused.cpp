/* A kernel that no model of the tests needs, and that does not compile. */
#error "nobody needs this file"
