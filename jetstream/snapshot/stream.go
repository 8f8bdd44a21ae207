package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Metadata of the stream.
const (
	metaFormat  = "rivulet-format"  // decimal
	metaCreated = "rivulet-created" // RFC 3339
)

// formatVersion is that of the stream: subjects and configuration. Snapshots have
// their own.
const formatVersion = "1"

const (
	// partSize is the most of a snapshot that goes into one message. A NATS server
	// refuses more than 1 MiB by default.
	partSize = 900 << 10
	// maxMessage is the largest message: the contents or a part, the head around it,
	// and headers.
	maxMessage = partSize + 4<<10
)

func streamConfig(replicas int, now time.Time) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              Stream,
		Description:       "Rivulet snapshots: a cache that may be deleted",
		Subjects:          []string{root + ".>"},
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardOld,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxMsgsPerSubject: 1,
		MaxConsumers:      -1,
		MaxMsgSize:        maxMessage,
		Storage:           jetstream.FileStorage,
		Replicas:          replicas,
		Duplicates:        time.Second, // message ids are not used
		AllowDirect:       true,
		Metadata: map[string]string{
			metaFormat:  formatVersion,
			metaCreated: now.UTC().Format(time.RFC3339),
		},
	}
}

// checkStream returns a *StreamError when an existing stream would not return what
// was put into it. Limits by which it forgets are the operator's business.
func checkStream(replicas int, c jetstream.StreamConfig) error {
	refuse := func(format string, args ...any) error {
		return &StreamError{Stream: c.Name, Reason: fmt.Sprintf(format, args...)}
	}
	switch v := c.Metadata[metaFormat]; {
	case v == "":
		return refuse("it was not made by Rivulet (metadata %s is missing)", metaFormat)
	case v != formatVersion:
		return refuse("its format version is %.20q, this program's is %s", v, formatVersion)
	case !slices.Equal(c.Subjects, []string{root + ".>"}):
		return refuse("its subjects are %q", c.Subjects)
	case c.Storage != jetstream.FileStorage:
		return refuse("it is not stored in files")
	case c.Retention != jetstream.LimitsPolicy:
		return refuse("its retention is not by limits")
	case c.MaxMsgsPerSubject != 1:
		return refuse("it keeps %d messages of a subject, not the last one", c.MaxMsgsPerSubject)
	case c.NoAck:
		return refuse("it does not acknowledge")
	case c.Sealed || c.DenyPurge:
		return refuse("it is sealed or cannot be purged")
	case c.Mirror != nil || len(c.Sources) > 0 || c.SubjectTransform != nil || c.AllowMsgCounter:
		return refuse("it is a mirror, has sources or changes what is published")
	case !c.AllowDirect:
		return refuse("it does not allow direct gets")
	case c.MaxMsgSize > 0 && c.MaxMsgSize < maxMessage:
		return refuse("it takes messages of up to %d bytes, %d are needed", c.MaxMsgSize, maxMessage)
	case c.Replicas < replicas:
		return refuse("it has %d replicas, %d are asked for", c.Replicas, replicas)
	}
	return nil
}

// openStream returns the stream, which it creates if it is missing.
func openStream(ctx context.Context, cfg Config) (jetstream.Stream, error) {
	s, err := cfg.JetStream.Stream(ctx, Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = cfg.JetStream.CreateStream(ctx, streamConfig(cfg.Replicas, cfg.Clock()))
		if err == nil {
			cfg.Logger.Info("snapshot stream created", "stream", Stream, "replicas", cfg.Replicas)
		}
		// Another process may have been faster. What was created may not be what this
		// one asked for.
		if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			s, err = cfg.JetStream.Stream(ctx, Stream)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("snapshot: open stream %s: %w", Stream, err)
	}
	return s, checkStream(cfg.Replicas, s.CachedInfo().Config)
}
