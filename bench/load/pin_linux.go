package load

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// startOnFirst starts a process on the first processor that this one may use, and binds
// this one to the others. What a thread may use is inherited by what it starts.
func startOnFirst(command *exec.Cmd) error {
	var one, others unix.CPUSet
	all, err := allowed()
	if err != nil {
		return command.Start()
	}
	for cpu := range len(all) * 64 {
		switch {
		case !all.IsSet(cpu):
		case one.Count() == 0:
			one.Set(cpu)
		default:
			others.Set(cpu)
		}
	}
	if others.Count() == 0 {
		return command.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	err = command.Start()
	for _, thread := range threads() {
		unix.SchedSetaffinity(thread, &others) //nolint:errcheck // it may have ended
	}
	runtime.GOMAXPROCS(others.Count()) // more would wait for each other
	return err
}

// allowed returns the processors that this process could use when it began: it gives up the
// first one for the first server, and that is for the next ones, too.
var allowed = sync.OnceValues(func() (all unix.CPUSet, err error) {
	err = unix.SchedGetaffinity(0, &all)
	return all, err
})

// threads returns those of this process.
func threads() (ids []int) {
	entries, _ := os.ReadDir("/proc/self/task")
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}
