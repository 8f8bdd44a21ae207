package snapshot_test

import (
	"fmt"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// cards returns a snapshot of a board of about so many bytes.
func cards(size int) snapshot.Snapshot {
	text := []byte(`{"cards":{`)
	for i := 0; len(text) < size; i++ {
		text = fmt.Appendf(text, `"c%07d":{"at":%d,"done":%v,"owner":"u%x","title":"review the notes of release %d"},`,
			i, i*7919%1000, i%3 == 0, uint32(i*0x9e3779b9), i*31%997)
	}
	s := sample(3, 0)
	s.Document = append(text[:len(text)-1], "}}"...)
	for i := range 200 {
		s.Clients[record.ClientID{byte(i)}] = snapshot.Client{Last: record.MutationID{Number: uint64(i), Nonce: uint64(i) * 0x9e3779b97f4a7c15}}
	}
	return s
}

// BenchmarkStore puts and gets snapshots with 200 clients, up to one in parts.
func BenchmarkStore(b *testing.B) {
	store, _ := newStore(b)
	for _, size := range []int{10 << 10, 100 << 10, 1 << 20, 5 << 20} {
		s := cards(size)
		b.Run(fmt.Sprintf("put/%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(s.Document)))
			b.ReportAllocs()
			for b.Loop() {
				if err := store.Put(b.Context(), board, s); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("get/%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(s.Document)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := store.Get(b.Context(), board); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
