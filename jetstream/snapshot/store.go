package snapshot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// requestWithin bounds one request.
const requestWithin = 2 * time.Second

// Store holds the snapshots of all documents.
type Store struct {
	cfg    Config
	codec  *Codec
	stream jetstream.Stream
}

// Open creates the stream if it is missing. An existing one that cannot hold
// snapshots is a [*StreamError].
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if limit := cfg.JetStream.Conn().MaxPayload(); limit < maxMessage {
		return nil, fmt.Errorf("snapshot: the NATS server takes messages of up to %d bytes, %d are needed: raise its max_payload", limit, maxMessage)
	}
	s := &Store{cfg: cfg}
	if s.codec, err = NewCodec(cfg.MaxSize); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	if s.stream, err = openStream(ctx, cfg); err != nil {
		return nil, err
	}
	return s, nil
}

// Get returns the snapshot of a document. Without one the error is [ErrNone]; one
// that is of no use is a [*DamagedError] or a [*VersionError]. Other errors say
// that JetStream did not answer.
func (s *Store) Get(ctx context.Context, key record.Key) (Snapshot, error) {
	subject := Subject(key)
	for before := uint64(0); ; {
		stored, err := s.last(ctx, subject)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return Snapshot{}, ErrNone
		case err != nil:
			return Snapshot{}, fmt.Errorf("snapshot: get %s: %w", key, err)
		}
		h, err := decodeHead(key, stored.Data)
		if err != nil {
			return Snapshot{}, err
		}
		all := h.Contents
		if h.Parts > 0 {
			all, err = s.join(ctx, key, h)
			var missing *missingError
			if errors.As(err, &missing) && stored.Sequence != before {
				// Maybe another snapshot has replaced this one while it was read.
				before = stored.Sequence
				continue
			}
			if errors.As(err, &missing) {
				return Snapshot{}, &DamagedError{Key: key, Reason: missing.Error()}
			}
			if err != nil {
				return Snapshot{}, err
			}
		}
		return s.codec.decode(key, all)
	}
}

// Put stores the snapshot of a document in place of any other. It returns nil, too,
// when another one was put meanwhile and stays: the package comment says why. The
// error is a [*TooLargeError], or says that JetStream did not take it; it may have
// been stored then nevertheless.
func (s *Store) Put(ctx context.Context, key record.Key, snapshot Snapshot) error {
	all, err := s.codec.encode(key, &snapshot)
	if err != nil {
		return err
	}
	if len(all) > partSize {
		err = s.divide(ctx, key, all)
	} else {
		err = s.publishHead(ctx, key, &head{Contents: all})
	}
	if err != nil {
		return fmt.Errorf("snapshot: put %s: %w", key, err)
	}
	return nil
}

// Delete removes the snapshot of a document and all parts that were left behind. A
// Put that is under way at the same time may come after it: who wants a document
// gone for good stops its writers first.
func (s *Store) Delete(ctx context.Context, key record.Key) error {
	subject := Subject(key)
	for _, filter := range []string{subject, subject + ".>"} {
		if err := s.purge(ctx, filter); err != nil {
			return fmt.Errorf("snapshot: delete %s: %w", key, err)
		}
	}
	return nil
}

func (s *Store) last(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	return s.stream.GetLastMsgForSubject(ctx, subject)
}

func (s *Store) publishHead(ctx context.Context, key record.Key, h *head, opts ...jetstream.PublishOpt) error {
	data, err := h.encode()
	if err != nil {
		return err
	}
	return s.publish(ctx, Subject(key), data, opts...)
}

func (s *Store) publish(ctx context.Context, subject string, data []byte, opts ...jetstream.PublishOpt) error {
	ctx, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	opts = append(opts, jetstream.WithRetryAttempts(0), jetstream.WithExpectStream(Stream))
	_, err := s.cfg.JetStream.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: data}, opts...)
	return err
}

func (s *Store) purge(ctx context.Context, filter string) error {
	ctx, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	return s.stream.Purge(ctx, jetstream.WithPurgeSubject(filter))
}
