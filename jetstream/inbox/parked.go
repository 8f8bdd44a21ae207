package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Parked is an event that was not applied, and will not be.
type Parked struct {
	Key    record.Key      `json:"doc"`
	ID     string          `json:"id"`
	Prev   string          `json:"prev"`
	Reason Reason          `json:"reason"`
	Detail string          `json:"detail"`
	Time   time.Time       `json:"time"` // when it was parked
	Delta  json.RawMessage `json:"delta"`
}

// ErrManyParked says that [Config.MaxParked] events are parked.
var ErrManyParked = errors.New("inbox: too many events are parked")

// park keeps an event that cannot be applied. It is stored before the ledger says so.
func (b *Inbox) park(ctx context.Context, k *book, d decision) error {
	if err := b.cfg.step("park"); err != nil {
		return err
	}
	b.mu.Lock()
	full := b.parks >= b.cfg.MaxParked
	b.mu.Unlock()
	if full {
		return ErrManyParked
	}
	data, err := json.Marshal(Parked{
		Key: k.key, ID: d.event.ID, Prev: d.event.Prev, Reason: d.reason, Detail: d.detail,
		Time: b.cfg.Now().UTC(), Delta: d.event.Delta.Bytes(),
	})
	if err != nil {
		return err
	}
	subject := fmt.Sprintf("%s.%s.%016x", parkedRoot, tokens(k.key), uint64(d.event.id))
	if _, err := b.cfg.JetStream.Publish(ctx, subject, data); err != nil {
		return fmt.Errorf("inbox: %s: %w", subject, err)
	}
	k.add(d.event.id, entry{prev: d.event.prev})
	k.fresh = append(k.fresh, settled{d.event, false})
	b.mu.Lock()
	b.parks++
	b.mu.Unlock()
	return b.cfg.step("parked")
}

// Parked returns events that are parked, those first that have been for longest, at most limit.
func (b *Inbox) Parked(ctx context.Context, limit int) ([]Parked, error) {
	if is, err := b.open(ctx, false); !is || err != nil {
		return nil, err
	}
	var list []Parked
	for at := uint64(1); len(list) < limit; {
		m, err := b.parked.GetMsg(ctx, at, jetstream.WithGetMsgSubject(parkedRoot+".>"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("inbox: what is parked: %w", err)
		}
		var p Parked
		if err := json.Unmarshal(m.Data, &p); err != nil {
			return nil, fmt.Errorf("inbox: what is parked cannot be read: %w", err)
		}
		list = append(list, p)
		at = m.Sequence + 1
	}
	return list, nil
}
