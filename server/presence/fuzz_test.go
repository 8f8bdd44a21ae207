package presence

import (
	"errors"
	"reflect"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// FuzzMessage: bytes from the network are a message or a [*FormatError]; what is a message
// is the same one again when it is encoded and read, and whoever hears it does not
// keep more than may be kept.
func FuzzMessage(f *testing.F) {
	for _, m := range samples() {
		data, err := m.encode()
		if err != nil {
			f.Fatal(err)
		}
		if _, err := decode(data); err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{})
	f.Add([]byte{0x98, 1, 1, 2, 1, 0, 30, 0, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			if !errors.As(err, new(*FormatError)) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		again, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		if len(again) <= maxMessage { // data may have been shorter than it is written here
			if same, err := decode(again); err != nil || !reflect.DeepEqual(same, m) {
				t.Fatalf("%v: %+v became %+v", err, m, same)
			}
		}
		hears := newTalk(minWithin, func(record.ClientID, []byte) {})
		hears.enter(7, noon)
		hears.hear(m, noon)
		hears.hear(m, noon)
		for now := noon; now.Before(noon.Add(10 * interval)); now = now.Add(interval) {
			hears.expire(now)
			hears.say(now)
			hears.due()
		}
		if len(hears.others) > 1 || hears.away > len(m.Clients) {
			t.Fatalf("%d others, %d clients", len(hears.others), hears.away)
		}
	})
}
