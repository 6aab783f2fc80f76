// Windows' own header, as small as it can be had.
#pragma once

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
// Before windows.h, which would bring its predecessor.
#include <winsock2.h>
// After it.
#include <windows.h>
