package deltalog

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Metadata of a stream.
const (
	metaEpoch   = "rivulet-epoch"   // hexadecimal, not zero
	metaFormat  = "rivulet-format"  // decimal
	metaCreated = "rivulet-created" // RFC 3339
)

// formatVersion is that of the streams: subjects, sharding, configuration.
// Records have their own.
const formatVersion = "1"

// maxMessage is the largest message of a stream: a record and its headers.
const maxMessage = record.MaxSize + 4<<10

// stream is one shard.
type stream struct {
	name  string
	epoch record.Epoch

	// acknowledged is the highest sequence seen so far: an append that starts
	// now gets a higher one, or the stream was replaced.
	acknowledged atomic.Uint64
	// reconnects is the count of the connection's reconnects at which the epoch
	// was last verified, or doubtful.
	reconnects atomic.Uint64
}

// doubtful as the count of reconnects has the epoch verified by whoever is next.
const doubtful = math.MaxUint64

// raise notes that the stream has reached sequence.
func (s *stream) raise(sequence uint64) {
	for {
		old := s.acknowledged.Load()
		if sequence <= old || s.acknowledged.CompareAndSwap(old, sequence) {
			return
		}
	}
}

func streamConfig(shard byte, replicas int, epoch record.Epoch, now time.Time) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               streamName(shard),
		Description:        "Rivulet delta log: the documents' only truth",
		Subjects:           []string{shardFilter(shard)},
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew, // if somebody sets a limit: refuse, do not forget
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgsPerSubject:  -1,
		MaxConsumers:       -1,
		MaxMsgSize:         maxMessage,
		Storage:            jetstream.FileStorage,
		Replicas:           replicas,
		Duplicates:         time.Second, // message ids are not used
		AllowDirect:        true,
		AllowAtomicPublish: true,
		RePublish:          republish(shard),
		Metadata: map[string]string{
			metaEpoch:   strconv.FormatUint(uint64(epoch), 16),
			metaFormat:  formatVersion,
			metaCreated: now.UTC().Format(time.RFC3339),
		},
	}
}

// checkStream returns the epoch of an existing stream, or a *StreamError when
// it would lose, change or not take records.
func checkStream(shard byte, replicas int, c jetstream.StreamConfig) (record.Epoch, error) {
	refuse := func(format string, args ...any) (record.Epoch, error) {
		return 0, &StreamError{Stream: c.Name, Reason: fmt.Sprintf(format, args...)}
	}
	if v := c.Metadata[metaFormat]; v != formatVersion {
		if v == "" {
			return refuse("it was not made by Rivulet (metadata %s is missing)", metaFormat)
		}
		return refuse("its format version is %.20q, this program's is %s", v, formatVersion)
	}
	epoch, err := epochOf(c)
	if err != nil {
		return 0, err
	}
	switch {
	case !slices.Equal(c.Subjects, []string{shardFilter(shard)}):
		return refuse("its subjects are %q", c.Subjects)
	case c.Storage != jetstream.FileStorage:
		return refuse("it is not stored in files")
	case c.PersistMode != jetstream.DefaultPersistMode:
		return refuse("it acknowledges before it stores")
	case c.Retention != jetstream.LimitsPolicy || c.MaxAge != 0 || c.MaxMsgsPerSubject > 0 || c.AllowMsgTTL || c.AllowRollup:
		return refuse("it forgets messages (retention, age, rollup or a limit per subject)")
	case (c.MaxBytes > 0 || c.MaxMsgs > 0) && c.Discard != jetstream.DiscardNew:
		return refuse("it forgets messages at a limit (set discard to new)")
	case c.NoAck:
		return refuse("it does not acknowledge")
	case c.Sealed:
		return refuse("it is sealed")
	case c.Mirror != nil || len(c.Sources) > 0 || c.SubjectTransform != nil || c.AllowMsgCounter:
		return refuse("it is a mirror, has sources or changes what is published")
	case !c.AllowDirect:
		return refuse("it does not allow direct gets")
	case !c.AllowAtomicPublish:
		return refuse("it does not allow atomic publishing")
	case c.RePublish == nil || *c.RePublish != *republish(shard):
		return refuse("it does not publish what it stores again, from %s to %s", republish(shard).Source, republish(shard).Destination)
	case c.MaxMsgSize > 0 && c.MaxMsgSize < maxMessage:
		return refuse("it takes messages of up to %d bytes, %d are needed", c.MaxMsgSize, maxMessage)
	case c.Replicas < replicas:
		return refuse("it has %d replicas, %d are asked for", c.Replicas, replicas)
	}
	return epoch, nil
}

func epochOf(c jetstream.StreamConfig) (record.Epoch, error) {
	text := c.Metadata[metaEpoch]
	epoch, err := strconv.ParseUint(text, 16, 64)
	if err != nil || epoch == 0 {
		return 0, &StreamError{Stream: c.Name, Reason: fmt.Sprintf("its metadata %s is %.20q, not an epoch", metaEpoch, text)}
	}
	return record.Epoch(epoch), nil
}
