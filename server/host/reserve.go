package host

import (
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

const (
	// reserveAfter is after how many conflicts in a row what a client reads is reserved
	// for it.
	reserveAfter = 3
	// reserveFor bounds that: long enough for the answer of a client half the world away,
	// and how long others may be held up by one that does not answer.
	reserveFor = 250 * time.Millisecond
	// maxLosers bounds the clients whose conflicts are counted.
	maxLosers = 1024
)

// reservation keeps what one client has read from being written by others for a while. A
// function that only its client can run would lose for ever against clients that are
// nearer: what it read is outdated when its answer comes. (A named mutation does not need
// it: the server runs that.) There is one at a time, and then none for as long, so that it
// is the exception; what the program itself does at the head is not held up.
type reservation struct {
	client record.ClientID // zero: there is none
	reads  *delta.ReadSet
	over   *time.Timer
	next   time.Time // when there may be another one

	lost map[record.ClientID]int // conflicts in a row
}

func newReservation() reservation {
	return reservation{over: stoppedTimer(), lost: make(map[record.ClientID]int)}
}

// conflicted notes a conflict, and may reserve what was read.
func (r *reservation) conflicted(client record.ClientID, reads []delta.Read) {
	if len(r.lost) >= maxLosers {
		clear(r.lost)
	}
	r.lost[client]++
	now := time.Now()
	if r.lost[client] < reserveAfter || !r.client.IsZero() || now.Before(r.next) {
		return
	}
	r.client, r.reads = client, delta.NewReadSet(reads)
	r.over.Reset(reserveFor)
}

// stored notes that a mutation of a client is on its way into the log.
func (r *reservation) stored(client record.ClientID) {
	delete(r.lost, client)
	if client == r.client {
		r.end()
	}
}

func (r *reservation) end() {
	if r.client.IsZero() {
		return
	}
	r.client, r.reads = record.ClientID{}, nil
	r.next = time.Now().Add(reserveFor)
	r.over.Stop()
}

// holds reports whether what a client writes is reserved for another one.
func (r *reservation) holds(client record.ClientID, writes []delta.Write) bool {
	return !r.client.IsZero() && client != r.client && r.reads.ConflictsWith(writes)
}
