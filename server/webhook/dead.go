package webhook

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Letter is an event that a webhook has given up.
type Letter struct {
	Webhook string `json:"webhook"`
	// ID is the webhook-id that it was sent with.
	ID       string          `json:"id"`
	Doc      record.Key      `json:"doc"`
	Event    string          `json:"event"`
	Revision record.Revision `json:"revision"`
	Cursor   string          `json:"cursor"`
	Time     time.Time       `json:"time"` // of the last attempt
	Attempts int             `json:"attempts"`
	Reason   string          `json:"reason"`
	// Body is what was sent; nil if that is too large to be kept even compressed.
	Body json.RawMessage `json:"body,omitempty"`
	// Packed is the body of a stored letter, as gzip, if it is large.
	Packed []byte `json:"packed,omitempty"`

	sequence uint64
}

// The stream of dead letters: a message each, on a subject of its own, so that one that is
// stored again takes the place of itself.
const (
	deadStream    = "RV_DEAD"
	deadRoot      = "rvd"
	metaFormat    = "rivulet-format"
	formatVersion = "1"
	// MaxLetters is how many there are at most. When there are more, events are not given
	// up but tried on, until some are delivered or dropped.
	MaxLetters = 100_000
	// around is what a letter has beside its body, at most.
	around = 16 << 10
)

// DeadLetters stores what webhooks have given up.
type DeadLetters struct {
	js     jetstream.JetStream
	stream jetstream.Stream
	most   int // bytes of a message
}

// OpenDead opens the stream of dead letters, and creates it if it is missing, with so many
// replicas.
func OpenDead(ctx context.Context, js jetstream.JetStream, replicas int) (*DeadLetters, error) {
	want := jetstream.StreamConfig{
		Name: deadStream, Description: "Rivulet webhooks: events that were given up",
		Subjects: []string{deadRoot + ".>"}, Storage: jetstream.FileStorage, Replicas: max(1, replicas),
		Discard: jetstream.DiscardNew, MaxMsgs: MaxLetters, MaxMsgsPerSubject: 1, AllowDirect: true, Duplicates: time.Second,
		Metadata: map[string]string{metaFormat: formatVersion},
	}
	stream, err := js.Stream(ctx, deadStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = js.Stream(ctx, deadStream)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("webhook: open stream %s: %w", deadStream, err)
	}
	if got := stream.CachedInfo().Config; got.Metadata[metaFormat] != formatVersion || got.MaxMsgsPerSubject != 1 {
		return nil, fmt.Errorf("webhook: stream %s is not of this version of Rivulet (format %q): move it away", deadStream, got.Metadata[metaFormat])
	}
	return &DeadLetters{js: js, stream: stream, most: int(js.Conn().MaxPayload())}, nil
}

// Put stores a letter. The error says that it is not stored.
func (d *DeadLetters) Put(ctx context.Context, l Letter) error {
	if len(l.Body) > d.most/2 {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write(l.Body)
		if err := errors.Join(err, z.Close()); err != nil {
			return err
		}
		l.Body = nil
		if packed.Len()/3*4 < d.most-around {
			l.Packed = packed.Bytes()
		}
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := d.js.Publish(ctx, deadRoot+"."+l.Webhook+"."+l.ID, data); err != nil {
		return fmt.Errorf("the dead letter cannot be stored: %w", err)
	}
	return nil
}

// Count returns how many letters a webhook has.
func (d *DeadLetters) Count(ctx context.Context, name string) (int, error) {
	info, err := d.stream.Info(ctx, jetstream.WithSubjectFilter(deadRoot+"."+name+".>"))
	if err != nil {
		return 0, fmt.Errorf("webhook: dead letters: %w", err)
	}
	return len(info.State.Subjects), nil
}

// All returns the letters of a webhook, or with an empty name of all, in the order in which they
// were given up. An error is the last of it.
func (d *DeadLetters) All(ctx context.Context, name string) iter.Seq2[Letter, error] {
	filter := deadRoot + ".>"
	if name != "" {
		filter = deadRoot + "." + name + ".>"
	}
	return func(yield func(Letter, error) bool) {
		for next := uint64(1); ; {
			m, err := d.stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(filter))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				return
			}
			if err != nil {
				yield(Letter{}, fmt.Errorf("webhook: dead letters: %w", err))
				return
			}
			next = m.Sequence + 1
			l, err := letter(m)
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// letter reads a stored letter.
func letter(m *jetstream.RawStreamMsg) (Letter, error) {
	l := Letter{sequence: m.Sequence}
	if err := json.Unmarshal(m.Data, &l); err != nil {
		return Letter{}, fmt.Errorf("webhook: the dead letter %d cannot be read: %w", m.Sequence, err)
	}
	if l.Packed != nil {
		z, err := gzip.NewReader(bytes.NewReader(l.Packed))
		if err == nil {
			l.Body, err = io.ReadAll(z)
		}
		if err != nil {
			return Letter{}, fmt.Errorf("webhook: the dead letter %d cannot be read: %w", m.Sequence, err)
		}
		l.Packed = nil
	}
	return l, nil
}

// at reads a letter again; it reports false if that is gone.
func (d *DeadLetters) at(ctx context.Context, sequence uint64) (Letter, bool, error) {
	m, err := d.stream.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Letter{}, false, nil
	}
	if err != nil {
		return Letter{}, false, fmt.Errorf("webhook: dead letters: %w", err)
	}
	l, err := letter(m)
	return l, err == nil, err
}

func (d *DeadLetters) remove(ctx context.Context, sequence uint64) error {
	err := d.stream.DeleteMsg(ctx, sequence)
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("webhook: a dead letter cannot be removed: %w", err)
	}
	return nil
}

// Drop removes the letters of a webhook, and returns how many there were.
func (d *DeadLetters) Drop(ctx context.Context, name string) (int, error) {
	n := 0
	for l, err := range d.All(ctx, name) {
		if err == nil {
			err = d.remove(ctx, l.sequence)
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
