package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// Timing of owning the inbox.
const (
	beatEvery = 2 * time.Second
	// lease is how long an owner that gives no sign of life is waited for.
	lease = 5 * beatEvery
	// lookEvery is how often it is looked whether the streams have grown, in case that a
	// hint got lost.
	lookEvery = 2 * time.Second
)

const ownerSubject = ledgerRoot + ".owner"

func markSubject(partition int) string { return fmt.Sprintf("%s.mark.%02X", ledgerRoot, partition) }

// header is the message that says who runs the inbox.
type header struct {
	Format int    `json:"format"`
	Owner  string `json:"owner"` // empty: nobody
	// Beat counts the signs of life.
	Beat uint64 `json:"beat"`
}

// mark is how far a partition was settled.
type mark struct {
	Format    int               `json:"format"`
	Owner     string            `json:"owner"`
	Position  uint64            `json:"position"`
	Suspended []order.Suspended `json:"suspended,omitempty"`
}

// owner is a process that runs the inbox, or wants to.
type owner struct {
	inbox  *Inbox
	header header
	at     uint64             // sequence of the header
	marks  [Partitions]uint64 // of the marks
	name   string
}

func (o *owner) load(ctx context.Context) (header, error) {
	var h header
	data, sequence, err := o.inbox.get(ctx, ownerSubject)
	if err != nil {
		return h, err
	}
	o.at = sequence
	if data == nil {
		return header{Format: 1}, nil
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return h, fmt.Errorf("inbox: its owner cannot be read: %w", err)
	}
	if h.Format != 1 {
		return h, fmt.Errorf("inbox: it was stored by a later version of Rivulet (format %d)", h.Format)
	}
	return h, nil
}

// own waits until nobody else runs the inbox, and takes it.
func (o *owner) own(ctx context.Context) error {
	var seen header
	now := o.inbox.cfg.Now
	since := now()
	for {
		h, err := o.load(ctx)
		if err != nil {
			return err
		}
		if h.Owner != seen.Owner || h.Beat != seen.Beat {
			seen, since = h, now()
		}
		if h.Owner == "" || o.inbox.cfg.Exclusive || now().Sub(since) >= lease {
			o.header = header{Format: 1, Owner: o.name, Beat: h.Beat + 1}
			switch err := o.write(ctx); {
			case err == nil:
				return nil
			case !errors.Is(err, errOutdated):
				return err
			}
			continue // somebody was faster
		}
		if err := pause(ctx, beatEvery/4); err != nil {
			return err
		}
	}
}

func (o *owner) write(ctx context.Context) error {
	data, err := json.Marshal(o.header)
	if err != nil {
		return err
	}
	sequence, err := o.inbox.put(ctx, ownerSubject, data, o.at)
	if err == nil {
		o.at = sequence
	}
	return err
}

// beat gives signs of life, until the context ends or somebody else is the owner.
func (o *owner) beat(ctx context.Context) error {
	for {
		if err := pause(ctx, beatEvery); err != nil {
			return err
		}
		o.header.Beat++
		bounded, cancel := context.WithTimeout(ctx, beatEvery)
		err := o.write(bounded)
		if errors.Is(err, errOutdated) { // it may be our own, of which we did not hear
			var h header
			if h, err = o.load(bounded); err == nil && h.Owner != o.name {
				err = ErrTaken
			}
		}
		cancel()
		if errors.Is(err, ErrTaken) {
			return err
		}
	}
}

// disown lets others take the inbox at once.
func (o *owner) disown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
	defer cancel()
	o.header.Owner = ""
	if err := o.write(ctx); err != nil {
		o.inbox.cfg.Logger.Warn("inbox: it could not be given back; another server waits before it takes over", "error", err)
	}
}

// maxMark bounds a mark that is not compressed, in bytes.
const maxMark = 16 << 20

// loadMarks returns the marks, and remembers what the next ones replace.
func (o *owner) loadMarks(ctx context.Context) ([]order.Mark, error) {
	unzip, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxMark))
	if err != nil {
		return nil, err
	}
	defer unzip.Close()
	var marks []order.Mark
	for p := range Partitions {
		data, sequence, err := o.inbox.get(ctx, markSubject(p))
		if err != nil {
			return nil, err
		}
		if o.marks[p] = sequence; data == nil {
			continue
		}
		var m mark
		if data, err = unzip.DecodeAll(data, nil); err == nil {
			err = json.Unmarshal(data, &m)
		}
		if err != nil {
			return nil, fmt.Errorf("inbox: the mark of partition %02X cannot be read: %w", p, err)
		}
		marks = append(marks, order.Mark{Partition: p, Position: m.Position, Suspended: m.Suspended})
	}
	return marks, nil
}

// maxErr is how much of an error's text a mark has, in bytes.
const maxErr = 120

// saveMark writes a mark. The error is ErrTaken if somebody else has.
func (o *owner) saveMark(ctx context.Context, zip *zstd.Encoder, m order.Mark) error {
	for i := range m.Suspended {
		s := &m.Suspended[i]
		s.Err = s.Err[:min(len(s.Err), maxErr)]
	}
	data, err := json.Marshal(mark{Format: 1, Owner: o.name, Position: m.Position, Suspended: m.Suspended})
	if err != nil {
		return err
	}
	subject := markSubject(m.Partition)
	data = zip.EncodeAll(data, nil)
	sequence, err := o.inbox.put(ctx, subject, data, o.marks[m.Partition])
	if errors.Is(err, errOutdated) {
		// It may be our own, of which we did not hear, or the last one of who was owner before
		// us; the next attempt writes then.
		h, failed := o.loadOwner(ctx)
		switch {
		case failed != nil:
			return failed
		case h.Owner != o.name:
			return ErrTaken
		}
		_, last, failed := o.inbox.get(ctx, subject)
		if failed != nil {
			return failed
		}
		o.marks[m.Partition] = last
		return err
	}
	if err == nil {
		o.marks[m.Partition] = sequence
	}
	return err
}

// loadOwner returns who is owner, beside what beat does.
func (o *owner) loadOwner(ctx context.Context) (header, error) {
	other := owner{inbox: o.inbox}
	return other.load(ctx)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
