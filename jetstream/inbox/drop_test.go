package inbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// TestL10_InboxGapDoesNotFillTheStream: an event that waits for ever does not keep in the stream
// what is settled behind it, so that the inbox takes much more than it holds; and it is still
// there when its predecessor comes.
func TestL10_InboxGapDoesNotFillTheStream(t *testing.T) {
	b := newBench(t)
	const room = 256 << 10
	r := b.prepare(b.documents, Config{Exclusive: true, MaxBytes: room, Order: order.Config{SaveEvery: 5 * time.Millisecond}})
	r.start()
	r.put(line(board, "a", "", `{"n":1}`), line(board, "c", "b", `{"n":3}`), line(board, "d", "c", `{"n":4}`), line(board, "a", "", `{"n":1}`))
	var others []string // of the same partition
	for i := 0; len(others) < 8; i++ {
		if doc := fmt.Sprint("demo/d", i); partitionOf(eventSubject(key(t, doc))) == partitionOf(eventSubject(key(t, board))) {
			others = append(others, doc)
		}
	}
	stored, n := 0, 0
	text := strings.Repeat("x", 500)
	last := map[string]string{}
	late := time.After(30 * time.Second)
	for stored < 4*room {
		var lines []string
		for _, doc := range others {
			for range 4 {
				id := fmt.Sprint("e", n)
				lines = append(lines, line(doc, id, last[doc], fmt.Sprintf(`{"m":"%s"}`, text[:100+n%400])))
				last[doc], n = id, n+1
			}
		}
		part := strings.Join(lines, "\n")
		for {
			receipt, err := r.Put(t.Context(), "", strings.NewReader(part))
			if err == nil {
				r.settled(receipt)
				break
			}
			select { // it is full, and what is settled is about to be dropped
			case <-late:
				t.Fatalf("after %d events: %v", n, err)
			default:
				r.wait()
			}
		}
		stored += len(part)
	}
	r.wantGaps(board + ": b")
	r.stop()
	r = b.run(b.newDocuments(), nil)
	r.put(line(board, "b", "a", `{"n":2}`))
	b.want(board, `{"n":4}`, "a", "b", "c", "d")
	r.wantGaps()
	r.wantParked()
}
