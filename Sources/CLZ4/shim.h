// The system's LZ4 as a Clang module. Nothing is declared here.
#include <lz4.h>
