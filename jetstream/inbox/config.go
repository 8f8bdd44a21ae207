package inbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Front is the head of a document, which waits while the inbox decides what to write there.
type Front interface {
	// Revision is that of the head, Deleted that of the last deletion, 0 without one.
	Revision() record.Revision
	Deleted() record.Revision
	// Last is the inbox's last mutation.
	Last() record.MutationID
	// After passes the mutations after a revision, in order, and reports false if that is not
	// known here.
	After(rev record.Revision, yield func(record.Revision, record.Mutation)) bool
	// Add adds a mutation. The error is ErrNoRoom if it goes into another record only; with
	// any other one it never will.
	Add(id record.MutationID, patch delta.Delta) error
}

// Documents is where events are committed.
type Documents interface {
	// Commit lends the head of a document to fn, and stores what that adds in one record, of
	// which it returns the revision when it is durable. fn may be called again, on a later
	// head; nothing has come of the call before then. The error is that of fn, ErrMoved,
	// that of ctx, or another one after which it may be tried again; the record may be in the
	// log then.
	Commit(ctx context.Context, key record.Key, client record.ClientID, fn func(Front) error) (record.Revision, error)
}

var (
	// ErrNoRoom is returned by a Front.
	ErrNoRoom = errors.New("inbox: the record is full")
	// ErrMoved is returned by Documents when somebody else has written the document.
	ErrMoved = errors.New("inbox: the document has moved")
	// ErrTaken ends Run when another process has taken the inbox over.
	ErrTaken = errors.New("inbox: it was taken over by another process")
	// ErrFull says that a stream of the inbox has [Config.MaxBytes].
	ErrFull = errors.New("inbox: it is full: events wait that have to be put in order first")
)

// Log is what the inbox reads; [*deltalog.Log] is one.
type Log interface {
	Epoch(key record.Key) record.Epoch
	History(ctx context.Context, key record.Key, after uint64, bytes int) (deltalog.Scanned, error)
}

// Config is what an Inbox works with. The first four are required.
type Config struct {
	Documents Documents
	Log       Log
	Conn      *nats.Conn
	JetStream jetstream.JetStream
	// Replicas of the streams if they do not exist yet; 0 stands for 1.
	Replicas int
	// Exclusive says that no other process can use this JetStream: the inbox is taken over
	// at once from one that was killed.
	Exclusive bool
	// MaxBytes is how much may be stored and not be settled, in bytes, in each of the 16
	// streams; 1 GiB. Past it Put fails with ErrFull.
	MaxBytes uint64
	// MaxParked is how many events may be parked; 1,000,000. Past it events that would be
	// are tried again, later and later.
	MaxParked uint64
	// Order bounds memory, deliveries and pauses; the fields about the store are set by this
	// package.
	Order order.Config
	// Logger is told of failures; nil discards that.
	Logger *slog.Logger
	// Now is the clock; nil stands for time.Now.
	Now func() time.Time

	// step is called before each step of a delivery; an error is as a crash there.
	step func(name string) error
	// within is commitWithin.
	within time.Duration
	// remember bounds what is remembered of documents, in bytes; 64 MiB.
	remember int
}

// Names in JetStream: a stream of events for each partition, one for the ledger, the marks and
// the owner, one for what is parked. Marks have sequences of the first; those of the others,
// which keep the last value of each subject, are nothing to anybody for long.
const (
	Partitions    = deltalog.Partitions
	eventPrefix   = "RV_INBOX_"
	eventRoot     = "rvi"
	LedgerStream  = "RV_INBOX"
	ledgerRoot    = "rvl"
	ParkedStream  = "RV_INBOX_PARKED"
	parkedRoot    = "rvp"
	hintRoot      = "rvih"
	metaFormat    = "rivulet-format"
	formatVersion = "1"
)

// Inbox is the inbox of a log.
type Inbox struct {
	cfg     Config
	api     string
	streams [Partitions]jetstream.Stream
	ledger  jetstream.Stream
	parked  jetstream.Stream
	count   counters
	opening sync.Mutex    // held while the streams are opened
	opened  chan struct{} // closed when they are

	mu      sync.Mutex
	orderer *order.Orderer[string, *Event]
	last    [Partitions]uint64 // where the streams ended when that was last looked at
	parks   uint64             // parked events
	running bool
	caught  bool
	changed chan struct{} // closed when Status has changed; nil while nobody waits for that
	imports imports
}

// New returns an inbox, which does nothing and costs nothing before something is put.
func New(cfg Config) *Inbox {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 1 << 30
	}
	if cfg.MaxParked == 0 {
		cfg.MaxParked = 1_000_000
	}
	if cfg.within == 0 {
		cfg.within = commitWithin
	}
	if cfg.remember == 0 {
		cfg.remember = 64 << 20
	}
	if cfg.step == nil {
		cfg.step = func(string) error { return nil }
	}
	return &Inbox{cfg: cfg, api: apiPrefix(cfg.JetStream.Options()), opened: make(chan struct{})}
}

// open has the streams ready, and reports whether they are: those that are missing are created
// if create is set, or the ledger, which is the last one, is there. A stream of one of their
// names that was not made by this program is an error.
func (b *Inbox) open(ctx context.Context, create bool) (bool, error) {
	b.opening.Lock()
	defer b.opening.Unlock()
	if b.isOpen() {
		return true, nil
	}
	if !create {
		_, err := b.cfg.JetStream.Stream(ctx, LedgerStream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("inbox: open stream %s: %w", LedgerStream, err)
		}
	}
	var all sync.WaitGroup
	errs := make([]error, Partitions+1)
	for p := range Partitions {
		all.Go(func() {
			b.streams[p], errs[p] = b.stream(ctx, EventStream(p), "events in no order", fmt.Sprintf("%s.%02X.>", eventRoot, p), -1)
		})
	}
	all.Go(func() {
		b.parked, errs[Partitions] = b.stream(ctx, ParkedStream, "events that could not be applied", parkedRoot+".>", 1)
	})
	all.Wait()
	err := errors.Join(errs...)
	if err == nil {
		b.ledger, err = b.stream(ctx, LedgerStream, "what was settled", ledgerRoot+".>", 1)
	}
	if err != nil {
		return false, err
	}
	close(b.opened)
	return true, nil
}

func (b *Inbox) isOpen() bool {
	select {
	case <-b.opened:
		return true
	default:
		return false
	}
}

// EventStream returns the name of the stream of a partition, from 0 to [Partitions]-1.
func EventStream(partition int) string { return fmt.Sprintf("%s%02X", eventPrefix, partition) }

// GapSubject returns a subject of the stream of a partition that is no document's: what is
// stored there is nothing to anybody.
func GapSubject(partition int) string { return fmt.Sprintf("%s.%02X.gap", eventRoot, partition) }

func apiPrefix(o jetstream.JetStreamOptions) string {
	switch {
	case o.APIPrefix != "":
		return o.APIPrefix + "."
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	}
	return jetstream.DefaultAPIPrefix
}

func (b *Inbox) stream(ctx context.Context, name, about, subject string, perSubject int64) (jetstream.Stream, error) {
	// Of the ledger only what its leader has counts.
	want := jetstream.StreamConfig{
		Name: name, Description: "Rivulet inbox: " + about, Subjects: []string{subject},
		Storage: jetstream.FileStorage, Replicas: max(1, b.cfg.Replicas), Discard: jetstream.DiscardOld,
		MaxMsgsPerSubject: perSubject, AllowDirect: name != LedgerStream, Duplicates: time.Second,
		Metadata: map[string]string{metaFormat: formatVersion},
	}
	stream, err := b.cfg.JetStream.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = b.cfg.JetStream.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = b.cfg.JetStream.Stream(ctx, name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("inbox: open stream %s: %w", name, err)
	}
	got := stream.CachedInfo().Config
	if got.Metadata[metaFormat] != formatVersion || !slices.Equal(got.Subjects, want.Subjects) {
		return nil, fmt.Errorf("inbox: stream %s is not of this version of Rivulet (format %q): move it away", name, got.Metadata[metaFormat])
	}
	return stream, nil
}

// tokens are what the subjects about a document end in: its partition, space and id.
func tokens(key record.Key) string {
	const logPrefix = len("rv.00.")
	return deltalog.Subject(key)[logPrefix:]
}

func newOwner() string {
	var b [8]byte
	rand.Read(b[:]) //nolint:errcheck // never fails
	return hex.EncodeToString(b[:])
}
