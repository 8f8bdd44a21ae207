package natsd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// LockedError reports a data directory that another process is using, or
// another Node of this one.
type LockedError struct {
	Dir string
	PID int // of the holder; 0 when it is not known
}

func (e *LockedError) Error() string {
	holder := "another process"
	if e.PID != 0 {
		holder = "process " + strconv.Itoa(e.PID)
	}
	return fmt.Sprintf("natsd: data directory %s is in use by %s: stop it or choose another directory", e.Dir, holder)
}

// dirLock is the lock on a data directory: an flock on a file in it, which the
// kernel releases when the process ends in whatever way. The file stays, for
// its removal would let two processes lock two files of one name.
type dirLock struct{ file *os.File }

func lockDir(dir string) (*dirLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("natsd: lock the data directory: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		pid := readPID(file)
		file.Close()
		return nil, &LockedError{Dir: dir, PID: pid}
	}
	if err == nil {
		err = writePID(file, os.Getpid())
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("natsd: lock the data directory: %w", err)
	}
	return &dirLock{file: file}, nil
}

// release lets go of the directory. Closing the file drops the flock.
func (l *dirLock) release() error {
	if err := errors.Join(l.file.Truncate(0), l.file.Close()); err != nil {
		return fmt.Errorf("natsd: release the data directory: %w", err)
	}
	return nil
}

func writePID(file *os.File, pid int) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
	return err
}

// readPID returns 0 for the moment in which the holder has the lock but has
// not yet written its id.
func readPID(file *os.File) int {
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
