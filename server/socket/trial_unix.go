//go:build unix

package socket

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// trial writes what can be written at once. One goroutine at a time uses it.
type trial struct {
	conn syscall.RawConn
	once func(fd uintptr) bool // attempt, made once

	data []byte
	n    int
	err  error
}

func newTrial(conn syscall.RawConn) *trial {
	t := &trial{conn: conn}
	t.once = t.attempt
	return t
}

// attempt is one system call. It says that it is done also when it would have to wait.
func (t *trial) attempt(fd uintptr) bool {
	t.n, t.err = syscall.Write(int(fd), t.data)
	return true
}

// write returns how many bytes were written; fewer than all when the rest would have to wait.
func (t *trial) write(data []byte) (int, error) {
	t.data, t.n, t.err = data, 0, nil
	err := t.conn.Write(t.once)
	t.data = nil
	switch {
	case err != nil:
		return 0, err
	case t.err == nil && t.n == 0:
		return 0, io.ErrUnexpectedEOF
	case t.err == nil:
		return t.n, nil
	case errors.Is(t.err, syscall.EAGAIN), errors.Is(t.err, syscall.EINTR):
		return 0, nil
	}
	return 0, os.NewSyscallError("write", t.err)
}
