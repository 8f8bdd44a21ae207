package feed

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
)

// Config is what a Feed works with. Log and JetStream are required.
type Config struct {
	Log       *deltalog.Log
	JetStream jetstream.JetStream
	// Replicas of the stream if it does not exist yet; 0 stands for 1.
	Replicas int
	// MaxDocument is the size of the largest document in bytes; 0 stands for the default of
	// snapshots.
	MaxDocument int
	// Exclusive says that no other process can use this JetStream: a subscription is taken
	// over at once from one that was killed.
	Exclusive bool
	// Lease is how long a subscription that gives no sign of life is left to who runs it; 0
	// stands for 10 s. A sign is given five times as often.
	Lease time.Duration
	// Logger is told of failures; nil discards that.
	Logger *slog.Logger
	// Now is the clock; nil stands for time.Now.
	Now func() time.Time
}

// Feed is the feed of a log.
type Feed struct {
	cfg    Config
	codec  *snapshot.Codec
	stream jetstream.Stream
	// log is Config.Log, or what has taken its place.
	log      atomic.Pointer[deltalog.Log]
	renewing sync.Mutex
}

// renew opens the log anew, if that is still the one whose streams were found to be replaced.
func (f *Feed) renew(ctx context.Context, old *deltalog.Log) error {
	f.renewing.Lock()
	defer f.renewing.Unlock()
	if f.log.Load() != old {
		return nil
	}
	anew, err := old.Reopen(ctx)
	if err == nil {
		f.log.Store(anew)
	}
	return err
}

// replaced reports whether an error says that the log is not the one that was read: its
// streams were replaced, or one has lost its end.
func replaced(err error) bool {
	return errors.As(err, new(*deltalog.EpochError)) || errors.As(err, new(*deltalog.CutError))
}

// The stream of what subscriptions have come to.
const (
	// Stream is its name. It keeps the last value of each subject.
	Stream        = "RV_FEED"
	root          = "rvf"
	metaFormat    = "rivulet-format"
	formatVersion = "1"
)

// Open creates the stream that is needed if it is missing. A stream of that name that was
// not made by this program is an error.
func Open(ctx context.Context, cfg Config) (*Feed, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Lease <= 0 {
		cfg.Lease = 10 * time.Second
	}
	if cfg.MaxDocument == 0 {
		cfg.MaxDocument = snapshot.DefaultMaxSize
	}
	codec, err := snapshot.NewCodec(cfg.MaxDocument)
	if err != nil {
		return nil, err
	}
	f := &Feed{cfg: cfg, codec: codec}
	f.log.Store(cfg.Log)
	want := jetstream.StreamConfig{
		Name: Stream, Description: "Rivulet feed: how far subscriptions have come",
		Subjects: []string{root + ".>"}, Storage: jetstream.FileStorage, Replicas: max(1, cfg.Replicas),
		Discard: jetstream.DiscardOld, MaxMsgsPerSubject: 1, Duplicates: time.Second,
		Metadata: map[string]string{metaFormat: formatVersion},
	}
	f.stream, err = cfg.JetStream.Stream(ctx, Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		f.stream, err = cfg.JetStream.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			f.stream, err = cfg.JetStream.Stream(ctx, Stream)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("feed: open stream %s: %w", Stream, err)
	}
	got := f.stream.CachedInfo().Config
	if got.AllowDirect { // of an earlier version
		// A replica that lags would say that somebody else is the owner.
		got.AllowDirect = false
		if f.stream, err = cfg.JetStream.UpdateStream(ctx, got); err != nil {
			return nil, fmt.Errorf("feed: update stream %s: %w", Stream, err)
		}
	}
	if got.Metadata[metaFormat] != formatVersion || !slices.Equal(got.Subjects, want.Subjects) || got.MaxMsgsPerSubject != 1 {
		return nil, fmt.Errorf("feed: stream %s is not of this version of Rivulet (format %q): move it away", Stream, got.Metadata[metaFormat])
	}
	return f, nil
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// newOwner returns an identity for one run of a subscription.
func newOwner() string {
	var b [8]byte
	rand.Read(b[:]) //nolint:errcheck // never fails
	return hex.EncodeToString(b[:])
}
