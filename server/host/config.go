package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/server/presence"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Log is what a host needs of the delta log; [*deltalog.Log] is one.
type Log interface {
	Epoch(key record.Key) record.Epoch
	Replay(ctx context.Context, key record.Key, from deltalog.Tail, fn func(deltalog.Entry) error) (deltalog.Tail, error)
	Resume(ctx context.Context, key record.Key, from record.Position, fn func(deltalog.Entry) error) (deltalog.Tail, error)
	Append(ctx context.Context, key record.Key, tail deltalog.Tail, data []byte) (deltalog.Tail, error)
	AppendTogether(ctx context.Context, all []deltalog.Addition) ([]deltalog.Tail, error)
	AppendBase(ctx context.Context, key record.Key, tail deltalog.Tail, base deltalog.Base) (deltalog.Tail, error)
	Watch(key record.Key) (*deltalog.Watch, error)
}

// Config has the bounds of hosts. Zero values stand for the defaults.
type Config struct {
	Log Log
	// Snapshots shorten the replay of cold documents; nil: all is replayed.
	Snapshots Snapshots
	Logger    *slog.Logger
	// Presence is how servers tell each other who is on a document; nil: clients see those of
	// this server.
	Presence *presence.Network
	// Mutators are the functions of named mutations; nil: there are none.
	Mutators *mutator.Registry
	// Policy says what a space takes; nil: all are [Trust]. It is asked for every
	// record, by many goroutines, and must be quick.
	Policy func(space string) Policy
	// Clock dates records; nil stands for time.Now.
	Clock func() time.Time

	// Horizon is how long a client may be away and still have each of its mutations
	// stored once: 90 days. What it did is remembered for so long; after that it is
	// told that it has expired.
	Horizon time.Duration
	// MaxDocument bounds the canonical size of a document, in bytes: 8 MiB.
	MaxDocument int
	// KeepRecords and KeepBytes bound the records that a host keeps in memory to
	// judge mutations on older bases and to let clients resume: 4096 records,
	// 4 MiB. A client further back gets a snapshot.
	KeepRecords int
	KeepBytes   int
	// ChecksumEvery is after how many records of a document its subscribers are sent
	// a checksum, beside the one that each gets when it opens: 256.
	ChecksumEvery int
	// SnapshotEvery and SnapshotBytes are after how many records, or bytes of records,
	// a snapshot is made: 1000, 1 MiB; more for a document larger than SnapshotBytes.
	// SnapshotIdle is after how many one is made when the document leaves memory: 16.
	SnapshotEvery int
	SnapshotBytes int
	SnapshotIdle  int
	// AtticBytes bounds what is kept of documents that have left memory, so that they
	// come back quickly: 16 MiB. It is about the size of their JSON. Negative: nothing is;
	// nor is it without Snapshots, or of a document larger than a sixteenth of this.
	AtticBytes int
	// MaxQueue bounds the mutations that wait for the append in flight: 4096.
	MaxQueue int
	// Patience is how long who submits waits for a place in a full queue: 1 s.
	// All that time it holds up the other documents of its connection.
	Patience time.Duration
	// ReserveFor is how long what a client has read is kept from being written by others,
	// after it has lost to them three times in a row: 250 ms. It is long enough for the
	// answer of a client half the world away, and how long others may be held up by one
	// that does not answer.
	ReserveFor time.Duration
	// MaxLive bounds the documents in memory: 10,000. At the bound those that
	// nobody has open leave at once; if there are none, no other can be opened.
	MaxLive int
	// IdleAfter is how long a document without subscribers stays in memory: 1 min.
	IdleAfter time.Duration
	// CheckEvery is how long a document that somebody has open goes without a look
	// at where its log ends, in case that news of another server's append was lost:
	// 5 s. After it was loaded, and after a reconnect, it is a tenth of that.
	CheckEvery time.Duration
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	setDefault(&c.MaxDocument, 8<<20)
	setDefault(&c.KeepRecords, 4096)
	setDefault(&c.KeepBytes, 4<<20)
	setDefault(&c.ChecksumEvery, 256)
	setDefault(&c.SnapshotEvery, 1000)
	setDefault(&c.SnapshotBytes, 1<<20)
	setDefault(&c.SnapshotIdle, 16)
	if c.AtticBytes == 0 {
		c.AtticBytes = 16 << 20
	}
	setDefault(&c.MaxQueue, 4096)
	setDefault(&c.MaxLive, 10_000)
	if c.Horizon <= 0 {
		c.Horizon = 90 * 24 * time.Hour
	}
	if c.Patience <= 0 {
		c.Patience = time.Second
	}
	if c.ReserveFor <= 0 {
		c.ReserveFor = 250 * time.Millisecond
	}
	if c.CheckEvery <= 0 {
		c.CheckEvery = 5 * time.Second
	}
	if c.IdleAfter <= 0 {
		c.IdleAfter = time.Minute
	}
	return c
}

func setDefault(v *int, value int) {
	if *v <= 0 {
		*v = value
	}
}

// Subscriber is a connection that has a document open. Its methods are called by
// the goroutines of several hosts and must not block.
type Subscriber interface {
	// Client is who submits by this connection.
	Client() record.ClientID
	// Send queues frames, as a rule one. The bytes are shared: nobody may change
	// them. What to do with a reader that is too slow is the subscriber's matter.
	Send(frames []byte)
	// Answer queues what the document begins with, or goes on with, as its answer to a
	// subscription: frames, which may be compressed.
	Answer(a *payload.Answer)
}
