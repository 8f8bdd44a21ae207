package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// divide stores contents in parts, under a generation of their own, and the head
// last, if it is still the one that was there at first. So nobody ever sees a head
// without its parts, and of several writers one stores its own.
func (s *Store) divide(ctx context.Context, key record.Key, all []byte) error {
	subject := Subject(key)
	var replaces uint64
	switch stored, err := s.last(ctx, subject); {
	case err == nil:
		replaces = stored.Sequence
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return err
	}
	h := head{Generation: generation(replaces, s.cfg.Rand())}
	for rest := all; len(rest) > 0; h.Parts++ {
		n := min(partSize, len(rest))
		if err := s.publish(ctx, partSubject(subject, h.Generation, int(h.Parts)), rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	err := s.publishHead(ctx, key, &h, jetstream.WithExpectLastSequencePerSubject(replaces))
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return nil // another one was put meanwhile
	}
	if err != nil {
		return err
	}
	return s.sweep(ctx, subject, h.Generation, replaces)
}

// sweep removes the parts of all others who found the head that was replaced, or an
// earlier one: no head names them any more, and none of them can store one.
func (s *Store) sweep(ctx context.Context, subject, own string, replaced uint64) error {
	ctx, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(subject+".>"))
	if err != nil {
		return err
	}
	swept := make(map[string]bool)
	for part := range info.State.Subjects {
		of, _, _ := strings.Cut(strings.TrimPrefix(part, subject+"."), ".")
		found, ok := replacedBy(of)
		if of == own || ok && found > replaced || swept[of] {
			continue
		}
		swept[of] = true
		if err := s.purge(ctx, subject+"."+of+".>"); err != nil {
			return err
		}
	}
	return nil
}

// missingError reports a part that is not there.
type missingError struct{ part, parts int }

func (e *missingError) Error() string {
	return fmt.Sprintf("part %d of %d is missing", e.part, e.parts)
}

// join reads the parts that a head names. The error is a *missingError, a
// *DamagedError, or says that JetStream did not answer.
func (s *Store) join(ctx context.Context, key record.Key, h head) ([]byte, error) {
	var all []byte
	for part := range int(h.Parts) {
		stored, err := s.last(ctx, partSubject(Subject(key), h.Generation, part))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return nil, &missingError{part + 1, int(h.Parts)}
		case err != nil:
			return nil, fmt.Errorf("snapshot: get %s: %w", key, err)
		case len(all)+len(stored.Data) > s.codec.maxContents():
			return nil, &DamagedError{Key: key, Reason: "its parts are too large"}
		}
		all = append(all, stored.Data...)
	}
	return all, nil
}
