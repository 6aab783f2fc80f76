// Marks what the library exports, so that everything else can stay hidden. The build defines
// TREEHOLD_SHARED for users of the shared library and TREEHOLD_BUILDING while making it.
#pragma once

#if defined(_WIN32)
#if !defined(TREEHOLD_SHARED)
#define TREEHOLD_EXPORT
#elif defined(TREEHOLD_BUILDING)
#define TREEHOLD_EXPORT __declspec(dllexport)
#else
#define TREEHOLD_EXPORT __declspec(dllimport)
#endif
#else
// Visible in the static library as well: exceptions must be caught across shared-library boundaries
// even when the archive was linked into one of them.
#define TREEHOLD_EXPORT __attribute__((visibility("default")))
#endif
