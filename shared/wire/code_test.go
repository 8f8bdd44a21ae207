package wire_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestCodes is the closed set: numbers, names and what to do are protocol.
func TestCodes(t *testing.T) {
	for _, c := range []struct {
		code  wire.Code
		name  string
		retry wire.Retry
	}{
		{1, "bad_frame", wire.RetryNever},
		{2, "bad_version", wire.RetryNever},
		{3, "too_large", wire.RetryNever},
		{4, "bad_key", wire.RetryNever},
		{5, "bad_delta", wire.RetryNever},
		{6, "not_open", wire.RetryNever},
		{7, "too_many", wire.RetryNever},
		{8, "unavailable", wire.RetryLater},
		{9, "slow_reader", wire.RetryLater},
		{10, "draining", wire.RetryLater},
		{11, "unknown_mutation", wire.RetryResync},
		{12, "damaged", wire.RetryNever},
		{13, "internal", wire.RetryLater},
		{14, "bad_client", wire.RetryNever},
		{15, "idle", wire.RetryLater},
		{16, "conflict", wire.RetryNever},
		{17, "diverged", wire.RetryNever},
		{18, "mutator", wire.RetryNever},
		{19, "unknown_mutator", wire.RetryNever},
		{20, "mutators_only", wire.RetryNever},
		{21, "bad_args", wire.RetryNever},
	} {
		if c.code.String() != c.name || c.code.Retry() != c.retry {
			t.Errorf("code %d is %s, retry %d", uint16(c.code), c.code, c.code.Retry())
		}
		if back, ok := wire.CodeOfStatus(c.code.CloseStatus()); !ok || back != c.code {
			t.Errorf("%s closes with %d, which is code %d", c.code, c.code.CloseStatus(), uint16(back))
		}
	}
	if later := wire.Code(999); later.String() != "code_999" || later.Retry() != wire.RetryLater {
		t.Errorf("a code of a later version: %s, retry %d", later, later.Retry())
	}
	for _, status := range []int{0, 1000, 1006, 3999, 4000, 4999, 4000 + 65536 + 1, -61535} {
		if c, ok := wire.CodeOfStatus(status); ok {
			t.Errorf("close status %d is %s", status, c)
		}
	}
}
