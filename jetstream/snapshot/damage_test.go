package snapshot_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// TestL11_EveryByte changes each byte of a stored snapshot, in one bit and in all,
// and cuts it at each.
func TestL11_EveryByte(t *testing.T) {
	t.Parallel()
	store, n := newStore(t)
	subject := snapshot.Subject(board)
	put(t, store, board, sample(3, 100))
	whole := stored(t, n)[subject]
	refuse := func(what string, at int, data []byte) {
		t.Helper()
		publish(t, n, subject, data)
		_, err := store.Get(testContext(t), board)
		if !errors.As(err, new(*snapshot.DamagedError)) && !errors.As(err, new(*snapshot.VersionError)) {
			t.Errorf("byte %d of %d %s: %T %v", at, len(whole), what, err, err)
		}
	}
	for at := range whole {
		for _, change := range []byte{1, 0x10, 0x80, 0xff} {
			data := bytes.Clone(whole)
			data[at] ^= change
			refuse("changed", at, data)
		}
		refuse("cut off", at, whole[:at])
	}
	refuse("behind the end", len(whole), append(bytes.Clone(whole), 0))
	publish(t, n, subject, whole)
	wantSame(t, store, board, sample(3, 100))
}

// TestL11_Parts: a part is missing, cut short, changed, out of place, of another
// generation, one too many, or of another document.
func TestL11_Parts(t *testing.T) {
	t.Parallel()
	store, n := newStore(t)
	put(t, store, board, sample(4, 3<<20))
	before := partsOf(t, stored(t, n))
	want := sample(3, 3<<20)
	put(t, store, board, want)
	put(t, store, notes, want)
	whole := stored(t, n)
	head := snapshot.Subject(board)
	parts := partsOf(t, whole)
	equal(t, "parts", len(parts), 4)
	if bytes.Equal(before[1].data, parts[1].data) {
		t.Fatal("both generations are the same")
	}
	otherHead := whole[snapshot.Subject(notes)]

	for what, damage := range map[string]func(){
		"the first is missing":                func() { purge(t, n, parts[0].subject) },
		"one is missing":                      func() { purge(t, n, parts[2].subject) },
		"all are missing":                     func() { purge(t, n, head+".>") },
		"one is empty":                        func() { publish(t, n, parts[1].subject, nil) },
		"the last is cut short":               func() { publish(t, n, parts[3].subject, parts[3].data[:len(parts[3].data)-1]) },
		"one is changed":                      func() { publish(t, n, parts[1].subject, flipped(parts[1].data)) },
		"one is that of another generation":   func() { publish(t, n, parts[1].subject, before[1].data) },
		"one is in another's place":           func() { publish(t, n, parts[1].subject, parts[2].data) },
		"the head is that of another":         func() { publish(t, n, head, otherHead) },
		"the head names more":                 func() { publish(t, n, head, changed(t, whole[head], func(h *snapshot.Head) { h.Parts++ })) },
		"the head names fewer":                func() { publish(t, n, head, changed(t, whole[head], func(h *snapshot.Head) { h.Parts-- })) },
		"the head names very many":            func() { publish(t, n, head, changed(t, whole[head], func(h *snapshot.Head) { h.Parts = 65535 })) },
		"the head names another generation":   func() { publish(t, n, head, changed(t, whole[head], func(h *snapshot.Head) { h.Generation = "1-2" })) },
		"the head names all generations":      func() { publish(t, n, head, changed(t, whole[head], func(h *snapshot.Head) { h.Generation = "*" })) },
		"the head names the other's document": func() { publish(t, n, head, changed(t, whole[head], func(h *snapshot.Head) { h.Generation = "x.>" })) },
		"the head has contents, too": func() {
			publish(t, n, head, changed(t, whole[head], func(h *snapshot.Head) { h.Contents = []byte("x") }))
		},
		"the head has a generation, no parts": func() { publish(t, n, head, changed(t, whole[head], func(h *snapshot.Head) { h.Parts = 0 })) },
	} {
		damage()
		_, err := store.Get(testContext(t), board)
		if damaged := new(*snapshot.DamagedError); !errors.As(err, damaged) {
			t.Errorf("%s: %T %v", what, err, err)
		} else if (*damaged).Key != board {
			t.Errorf("%s: it is of %s", what, (*damaged).Key)
		}
		now := stored(t, n)
		for subject, data := range whole {
			if got, there := now[subject]; !there || !bytes.Equal(got, data) {
				publish(t, n, subject, data)
			}
		}
		wantSame(t, store, board, want)
	}
}

type part struct {
	subject string
	data    []byte
}

// partsOf returns the parts of the board's snapshot in order.
func partsOf(t testing.TB, all map[string][]byte) (parts []part) {
	t.Helper()
	head, err := snapshot.DecodeHead(board, all[snapshot.Subject(board)])
	if err != nil {
		t.Fatal(err)
	}
	for n := range int(head.Parts) {
		subject := snapshot.Subject(board) + "." + head.Generation + "." + string(rune('0'+n))
		parts = append(parts, part{subject, all[subject]})
	}
	return parts
}

func flipped(data []byte) []byte {
	data = bytes.Clone(data)
	data[len(data)/2] ^= 1
	return data
}

func changed(t testing.TB, data []byte, change func(*snapshot.Head)) []byte {
	t.Helper()
	h, err := snapshot.DecodeHead(board, data)
	if err != nil {
		t.Fatal(err)
	}
	change(&h)
	return must[[]byte](t)(h.Encode())
}

// TestL11_AnotherDocument: what was put for one document is no snapshot of another.
func TestL11_AnotherDocument(t *testing.T) {
	store, n := newStore(t)
	put(t, store, notes, sample(1, 100))
	publish(t, n, snapshot.Subject(board), stored(t, n)[snapshot.Subject(notes)])
	_, err := store.Get(testContext(t), board)
	if damaged := wantError[*snapshot.DamagedError](t, err); !strings.Contains(damaged.Reason, "another document") {
		t.Error(err)
	}
	wantSame(t, store, notes, sample(1, 100))
}

// TestL11_FutureVersion is named, whatever else is in it, and replaced by the next
// snapshot.
func TestL11_FutureVersion(t *testing.T) {
	store, n := newStore(t)
	publish(t, n, snapshot.Subject(board), []byte{0x9f, snapshot.Version + 1, 0xc1})
	_, err := store.Get(testContext(t), board)
	future := wantError[*snapshot.VersionError](t, err)
	equal(t, "version", future.Version, snapshot.Version+1)
	equal(t, "key", future.Key, board)
	put(t, store, board, sample(1, 100))
	wantSame(t, store, board, sample(1, 100))
}

// TestL9_TooLarge: what is above the bound is not stored, and what was stored above
// it is not read: neither a document that was large all along, nor a small message
// that becomes large.
func TestL9_TooLarge(t *testing.T) {
	const bound = 1 << 20
	large, n := newStore(t)
	bounded := openStore(t, n, func(c *snapshot.Config) { c.MaxSize = bound })
	zeros := sample(0, 100)
	zeros.Document = append(append([]byte(`{"a":"`), bytes.Repeat([]byte("0"), 32<<20)...), `"}`...)
	zeros.Checksum = doc.Open(zeros.Document).Checksum()
	for what, s := range map[string]snapshot.Snapshot{"large": sample(0, 3<<20), "zeros": zeros} {
		err := bounded.Put(testContext(t), board, s)
		refused := wantError[*snapshot.TooLargeError](t, err)
		if refused.Max != bound || refused.Size < len(s.Document) {
			t.Errorf("%s: %v", what, err)
		}
		wantNone(t, large, board)
		put(t, large, board, s)
		wantSame(t, large, board, s)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = bounded.Get(testContext(t), board)
		runtime.ReadMemStats(&after)
		wantError[*snapshot.DamagedError](t, err)
		// The messages on their way, and what is joined of them.
		if took := after.TotalAlloc - before.TotalAlloc; took > 16*bound {
			t.Errorf("%s: %d KB were allocated", what, took>>10)
		}
		if err := large.Delete(testContext(t), board); err != nil {
			t.Fatal(err)
		}
	}
}
