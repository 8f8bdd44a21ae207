package inbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Receipt says what has become of what was put.
type Receipt struct {
	// Stored events are durable. They are on their way into the log, or are there.
	Stored int `json:"stored"`
	// Refused lines are no events; Errors has the first MaxErrors of them.
	Refused int          `json:"refused"`
	Errors  []*LineError `json:"-"`
	// Until is the position of the last event that was stored, by partition. When Status has
	// come so far, all were looked at.
	Until [Partitions]uint64 `json:"until"`
}

// MaxErrors bounds the errors of a Receipt.
const MaxErrors = 100

const (
	// window is how many events may be under way to the stream.
	window = 1_000
	// ackWithin is how long the stream may take to acknowledge one.
	ackWithin = 10 * time.Second
	// ahead is how much is read at once, in bytes.
	ahead = 64 << 10
	// roomEvery is after how many bytes it is looked whether there is room.
	roomEvery = 4 << 20
)

// Put stores events, one a line of JSON; empty lines are passed over. A line that is no event is
// refused, and the others are taken. It returns when all that is stored is durable. With an
// error that holds for the Receipt as well, but not for what came behind; that may be put again,
// with what is stored. The name is for [Inbox.Outcome]; it may be empty. The error is ErrName,
// ErrFull, that of ctx or of the reader, or of NATS.
func (b *Inbox) Put(ctx context.Context, name string, lines io.Reader) (Receipt, error) {
	p := putting{inbox: b, name: name}
	if err := checkImport(name); err != nil {
		return p.receipt, err
	}
	if _, err := b.open(ctx, true); err != nil {
		return p.receipt, err
	}
	err := p.read(ctx, lines)
	for len(p.waiting) > 0 {
		if failed := p.settle(ctx); err == nil {
			err = failed
		}
	}
	for partition, until := range p.receipt.Until {
		if until > 0 {
			b.hint(partition)
		}
	}
	return p.receipt, err
}

// putting is one call of Put.
type putting struct {
	inbox   *Inbox
	name    string // of the import
	receipt Receipt
	waiting []published // in the order in which they were
	bytes   int         // since it was looked for room
}

type published struct {
	partition int
	ack       jetstream.PubAckFuture
}

func (p *putting) read(ctx context.Context, lines io.Reader) error {
	in := bufio.NewReaderSize(lines, ahead)
	p.bytes = roomEvery
	for number := 1; ; number++ {
		line, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, ErrLarge) {
			return err
		}
		if text := bytes.TrimSpace(line); len(text) > 0 || errors.Is(err, ErrLarge) {
			if failed := p.line(ctx, number, text, err); failed != nil {
				return failed
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// readLine returns a line of its own memory. The error is that of the reader, io.EOF with the
// last line, or ErrLarge for one that is, which is passed over.
func readLine(in *bufio.Reader) (line []byte, err error) {
	large := false
	for {
		part, err := in.ReadSlice('\n')
		if large = large || len(line)+len(part) > MaxLine+2; large {
			line = nil
		} else {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil && large:
			return nil, fmt.Errorf("%w: it has more than %d bytes", ErrLarge, MaxLine)
		default:
			return line, err
		}
	}
}

// line stores a line, or refuses it.
func (p *putting) line(ctx context.Context, number int, text []byte, err error) error {
	var e Event
	if !errors.Is(err, ErrLarge) {
		e, err = Parse(text)
	}
	if err != nil {
		p.receipt.Refused++
		if len(p.receipt.Errors) < MaxErrors {
			p.receipt.Errors = append(p.receipt.Errors, &LineError{Line: number, Err: err})
		}
		return nil
	}
	if p.bytes += len(text); p.bytes >= roomEvery {
		if err := p.inbox.room(ctx); err != nil {
			return err
		}
		p.bytes = 0
	}
	e.by = p.name
	m := e.message()
	ack, err := p.inbox.cfg.JetStream.PublishMsgAsync(m)
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	p.waiting = append(p.waiting, published{partitionOf(m.Subject), ack})
	if len(p.waiting) >= window {
		return p.settle(ctx)
	}
	return nil
}

// message returns an event as it is stored.
func (e *Event) message() *nats.Msg {
	m := &nats.Msg{Subject: eventSubject(e.Key), Data: e.line}
	if e.by != "" {
		m.Header = nats.Header{importHeader: {e.by}}
	}
	return m
}

// settle waits for the first that is under way.
func (p *putting) settle(ctx context.Context) error {
	first := p.waiting[0]
	p.waiting = p.waiting[1:]
	stored := func(ack *jetstream.PubAck) error {
		p.receipt.Stored++
		p.receipt.Until[first.partition] = max(p.receipt.Until[first.partition], ack.Sequence)
		return nil
	}
	select {
	case ack := <-first.ack.Ok(): // it is there already as a rule
		return stored(ack)
	default:
	}
	late := time.NewTimer(ackWithin)
	defer late.Stop()
	select {
	case ack := <-first.ack.Ok():
		return stored(ack)
	case err := <-first.ack.Err():
		return fmt.Errorf("inbox: storing: %w", err)
	case <-late.C:
		return errors.New("inbox: storing: the stream does not answer")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// room returns ErrFull if there is none.
func (b *Inbox) room(ctx context.Context) error {
	for partition, stream := range b.streams {
		info, err := stream.Info(ctx)
		if err != nil {
			return fmt.Errorf("inbox: %s: %w", EventStream(partition), err)
		}
		if info.State.Bytes >= b.cfg.MaxBytes {
			return fmt.Errorf("%w (partition %02X)", ErrFull, partition)
		}
	}
	return nil
}

func hintSubject(partition int) string { return fmt.Sprintf("%s.%02X", hintRoot, partition) }

// hint tells who runs the inbox that a partition has grown. If that is lost, it is looked now
// and then.
func (b *Inbox) hint(partition int) {
	if err := b.cfg.Conn.Publish(hintSubject(partition), nil); err != nil {
		b.cfg.Logger.Debug("inbox: a hint is lost", "error", err)
	}
}
