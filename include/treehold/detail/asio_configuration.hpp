// Fails at link time where the host compiles Boost.Asio otherwise than the library was compiled:
// its types are shared between the two, and would differ without a word.
#pragma once

#include <boost/asio/detail/config.hpp>
#include <boost/version.hpp>

#include <treehold/export.hpp>

namespace treehold::inline v0::detail {

#if defined(BOOST_ASIO_HAS_EPOLL)
inline constexpr bool asio_has_epoll = true;
#else
inline constexpr bool asio_has_epoll = false;
#endif

#if defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT)
inline constexpr bool asio_uses_io_uring = true;
#else
inline constexpr bool asio_uses_io_uring = false;
#endif

#if defined(BOOST_ASIO_HAS_THREADS)
inline constexpr bool asio_has_threads = true;
#else
inline constexpr bool asio_has_threads = false;
#endif

/// The library defines `require` for its own configuration only.
template <int BoostVersion, bool Epoll, bool IoUring, bool Threads>
struct TREEHOLD_EXPORT AsioConfigurationOf {
  static void require() noexcept;
};

using AsioConfiguration =
    AsioConfigurationOf<BOOST_VERSION / 100, asio_has_epoll, asio_uses_io_uring, asio_has_threads>;

}  // namespace treehold::inline v0::detail
