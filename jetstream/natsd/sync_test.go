package natsd_test

import (
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
)

func TestParseSync(t *testing.T) {
	for text, want := range map[string]natsd.Sync{
		"always":         {Always: true},
		"interval:2s":    {Interval: 2 * time.Second},
		"interval:100ms": {Interval: 100 * time.Millisecond},
	} {
		got, err := natsd.ParseSync(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%q is written %q", text, got.String())
		}
	}
	if text := (natsd.Sync{}).String(); text != "always" {
		t.Errorf("the zero value is %q", text)
	}
	for _, bad := range []string{"", "Always", "interval", "interval:", "interval:2", "interval:0s", "interval:-1s", "never"} {
		if got, err := natsd.ParseSync(bad); err == nil {
			t.Errorf("%q is accepted as %s", bad, got)
		}
	}
}
