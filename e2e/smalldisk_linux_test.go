package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// inNamespace is set for a test that runs again where it may mount.
const inNamespace = "RIVULET_E2E_NAMESPACE"

// smallDisk is a file system of a few megabytes.
type smallDisk struct {
	t   *testing.T
	dir string
}

// withSmallDisk runs a test with a file system of its own. Who may not mount
// one runs the test again in a user namespace, as its root.
func withSmallDisk(t *testing.T, size string, test func(*testing.T, *smallDisk)) {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("rivulet-e2e", dir, "tmpfs", 0, "size="+size)
	switch {
	case err == nil:
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount %s: %v", dir, err)
			}
		})
		test(t, &smallDisk{t: t, dir: dir})
	case os.Getenv(inNamespace) != "":
		t.Fatalf("this test needs a small file system: mount tmpfs: %v, in a user namespace too", err)
	default:
		again(t)
	}
}

// again runs the test in a child that is root of its own namespaces.
func again(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "unshare", "--map-root-user", "--mount",
		os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in a user namespace, since this is not root: %v\n%s", err, out)
	}
	t.Logf("ran in a user namespace:\n%s", out)
}

// fill writes a file that leaves only some bytes free. It returns a function
// that removes it.
func (d *smallDisk) fill(leave int64) (release func()) {
	d.t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &fs); err != nil {
		d.t.Fatal(err)
	}
	size := int64(fs.Bavail)*fs.Bsize - leave
	if size <= 0 {
		d.t.Fatalf("only %d bytes are free on a disk that should have more than %d", size+leave, leave)
	}
	ballast := filepath.Join(d.dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
		d.t.Fatal(fmt.Errorf("fallocate %d bytes: %w", size, err))
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			d.t.Error(err)
		}
	}
}
