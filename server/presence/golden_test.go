package presence

import (
	"bytes"
	"flag"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/rivulet-sync/rivulet/internal/golden"
	"github.com/rivulet-sync/rivulet/shared/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// samples are a message of each kind.
func samples() map[string]message {
	known := entry{Client: record.ClientID{0x01, 0x9a, 0x2b, 0x3c, 0x4d, 0x5e, 15: 1}, Since: 1_770_000_000_000, State: []byte(`{"cursor":12}`)}
	return map[string]message{
		"beat":   {Origin: 0x1122334455667788, Kind: kindBeat, Count: 3, Within: 15000, Ask: everybody},
		"bye":    {Origin: 0x1122334455667788, Kind: kindBye, Count: 4, Within: 15000},
		"change": {Origin: 0x1122334455667788, Kind: kindChange, Count: 5, Within: 15000, Clients: []entry{known, {Client: record.ClientID{15: 2}}}},
		"part":   {Origin: 0x1122334455667788, Kind: kindPart, Count: 6, Begun: 6, Within: 15000, Clients: []entry{known}},
		"whole":  {Origin: 0x1122334455667788, Kind: kindWhole, Count: 7, Begun: 6, Within: 15000, Ask: 42, Clients: []entry{known}},
	}
}

// TestGolden: servers of different builds on one NATS understand each other.
func TestGolden(t *testing.T) {
	for name, want := range samples() {
		data, err := want.encode() // sets the version
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", fmt.Sprintf("v%d", version), name+".golden")
		stored := golden.Bytes(t, *update, file, fmt.Sprintf("A message of presence, %s, in version %d.", name, version), data, want)
		if !bytes.Equal(stored, data) {
			t.Errorf("%s: encoded as\n%s", name, golden.Dump(t, data, want))
		}
		got, err := decode(stored)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.Clients {
			if len(got.Clients[i].State) == 0 {
				got.Clients[i].State = nil
			}
		}
		if len(got.Clients) == 0 {
			got.Clients = nil
		}
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: decoded as %+v", name, got)
		}
	}
}
