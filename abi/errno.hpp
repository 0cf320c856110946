// SPDX-License-Identifier: Apache-2.0
// Error numbers that hypercalls return, as negative values, in rax.
#pragma once

namespace abi {

/// Xen's error numbers (public/errno.h). They equal Linux's for the values used here.
/// A hypercall returns `-static_cast<int>(e)`.
enum class Errno : int {
    Perm = 1,
    NoEntry = 2,
    Search = 3,
    Interrupted = 4,
    Io = 5,
    NoDeviceOrAddress = 6,
    TooBig = 7,
    NoExec = 8,
    BadFile = 9,
    NoChild = 10,
    Again = 11,
    NoMemory = 12,
    Access = 13,
    Fault = 14,
    Busy = 16,
    Exists = 17,
    CrossDevice = 18,
    NoDevice = 19,
    NotDirectory = 20,
    IsDirectory = 21,
    Invalid = 22,
    TooManyFiles = 23,
    TooManyOpen = 24,
    NoSpace = 28,
    ReadOnly = 30,
    TooManyLinks = 31,
    Domain = 33,
    Range = 34,
    Deadlock = 35,
    NameTooLong = 36,
    NoLock = 37,
    NoSys = 38,
    NotEmpty = 39,
    NoData = 61,
    Time = 62,
    BadMessage = 74,
    Overflow = 75,
    IllegalSequence = 84,
    /// Toolstack-visible only for domctl destroydomain and claims; elsewhere it means "continue".
    Restart = 85,
    NotSocket = 88,
    MessageSize = 90,
    NotSupported = 95,
    AddressInUse = 98,
    AddressNotAvailable = 99,
    NoBuffers = 105,
    IsConnected = 106,
    NotConnected = 107,
    TimedOut = 110,
    ConnectionRefused = 111,
};

} // namespace abi
