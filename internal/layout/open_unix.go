//go:build !windows

package layout

import "syscall"

// nonBlocking keeps the opening of a pipe or device from waiting for another process.
const nonBlocking = syscall.O_NONBLOCK
