package deltalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stored is a message as the stream's leader returns it.
type stored struct {
	Subject  string `json:"subject"`
	Sequence uint64 `json:"seq"`
	Data     []byte `json:"data"`
}

// errNoMessage reports that the leader has no such message.
var errNoMessage = errors.New("no such message")

// getRequest selects a message: the last on a subject, the next on a subject
// from a sequence on, or the one at a sequence.
type getRequest struct {
	Seq      uint64 `json:"seq,omitempty"`
	LastFor  string `json:"last_by_subj,omitempty"`
	NextFor  string `json:"next_by_subj,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	MaxBytes int    `json:"max_bytes,omitempty"`
}

// leaderGet asks the leader of a stream. In a cluster a leader that does not
// know yet that it was deposed may answer too: what it returns is committed,
// but that it finds nothing proves nothing. Only the expectation of an append
// does.
func (l *Log) leaderGet(ctx context.Context, s *stream, req getRequest) (stored, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return stored{}, err
	}
	reply, err := l.request(ctx, &nats.Msg{Subject: l.api + "STREAM.MSG.GET." + s.name, Data: body})
	if err != nil {
		return stored{}, fmt.Errorf("get from %s: %w", s.name, err)
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *stored             `json:"message"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return stored{}, fmt.Errorf("get from %s: %w", s.name, err)
	}
	switch {
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return stored{}, errNoMessage
	case answer.Error != nil:
		return stored{}, fmt.Errorf("get from %s: %w", s.name, answer.Error)
	case answer.Message == nil:
		return stored{}, fmt.Errorf("get from %s: the answer has no message", s.name)
	}
	return *answer.Message, nil
}

// leaderLast returns the sequence of the last message on a subject, 0 if there
// is none.
func (l *Log) leaderLast(ctx context.Context, s *stream, subject string) (uint64, error) {
	m, err := l.leaderGet(ctx, s, getRequest{LastFor: subject})
	if errors.Is(err, errNoMessage) {
		return 0, nil
	}
	return m.Sequence, err
}

// verify compares the epoch of a stream with the one that was opened, and
// returns the last sequence of the stream.
func (l *Log) verify(ctx context.Context, s *stream) (uint64, error) {
	state, err := l.verified(ctx, s)
	return state.LastSeq, err
}

// verified is verify, and returns what the stream's leader says of it.
func (l *Log) verified(ctx context.Context, s *stream) (jetstream.StreamState, error) {
	verified, reconnects := s.reconnects.Load(), l.reconnects()
	var info *jetstream.StreamInfo
	err := l.attempt(ctx, func(ctx context.Context) (err error) {
		info, err = l.streamInfo(ctx, s.name)
		return err
	})
	if err != nil {
		return jetstream.StreamState{}, fmt.Errorf("verify %s: %w", s.name, err)
	}
	epoch, err := epochOf(info.Config)
	if err != nil || epoch != s.epoch {
		s.reconnects.Store(doubtful) // for good: it does not come back
		return jetstream.StreamState{}, &EpochError{Stream: s.name, Opened: s.epoch, Found: epoch}
	}
	// Unless somebody has begun to doubt meanwhile.
	s.reconnects.CompareAndSwap(verified, reconnects)
	return info.State, nil
}

// verifyAfterReconnect verifies the epoch if the connection was lost since the
// last time, as the server may have come back with other data, or if there is
// another reason to doubt it.
func (l *Log) verifyAfterReconnect(ctx context.Context, s *stream) error {
	if s.reconnects.Load() == l.reconnects() {
		return nil
	}
	_, err := l.verify(ctx, s)
	return err
}
