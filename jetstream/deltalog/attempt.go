package deltalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// verdict is what one attempt to publish says about the record.
type verdict int

const (
	// unknown: it may be stored, now or later, or not. The attempt is repeated.
	unknown verdict = iota
	// unsent: this attempt did not store it. The attempt is repeated.
	unsent
	// acknowledged: a server says that it is stored.
	acknowledged
	// outdated: a server says that the expectation is wrong, or may be as soon as
	// what is on its way is stored. Whose message is in the way, if one is there
	// already, is to be found out.
	outdated
	// refused: the bytes can never be stored.
	refused
)

// attempt is the result of one publish: a sequence when acknowledged, otherwise
// the cause.
type attempt struct {
	verdict  verdict
	sequence uint64
	cause    error
}

// Error codes of JetStream that the client has no names for.
const (
	codeMessageTooLarge = 10054
	codeHeaderTooLarge  = 10097
	// codeInFlight is "wrong last sequence" without naming one: another message
	// of the subject is on its way through the cluster, maybe our own.
	codeInFlight = 10164
)

// publish sends a record once.
func (l *Log) publish(ctx context.Context, subject string, expected uint64, data []byte) attempt {
	msg := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{
		jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(expected, 10)},
	}}
	reply, err := l.request(ctx, msg)
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return attempt{verdict: refused, cause: err}
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrReconnectBufExceeded):
		return attempt{verdict: unsent, cause: err}
	case err != nil:
		return attempt{verdict: unknown, cause: err}
	}
	return judge(reply.Data)
}

// judge reads a publish acknowledgement.
func judge(reply []byte) attempt {
	if sequence, ok := sequenceOf(reply); ok {
		return attempt{verdict: acknowledged, sequence: sequence}
	}
	var ack struct {
		Error    *jetstream.APIError `json:"error"`
		Sequence uint64              `json:"seq"`
	}
	if err := json.Unmarshal(reply, &ack); err != nil {
		return attempt{verdict: unknown, cause: fmt.Errorf("malformed acknowledgement: %w", err)}
	}
	if ack.Error == nil {
		return attempt{verdict: unknown, cause: errors.New("acknowledgement without a sequence")}
	}
	a := attempt{verdict: unknown, cause: ack.Error}
	switch ack.Error.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence:
		a.verdict = outdated
	case codeMessageTooLarge, codeHeaderTooLarge:
		a.verdict = refused
	case codeInFlight:
		// Repeating it alone might never end: while others append without a pause,
		// there is always a message on its way.
		a.verdict = outdated
	}
	return a
}

// sequenceOf reads an acknowledgement that names a sequence and no error, without what
// reflection costs: a tenth of an append.
func sequenceOf(reply []byte) (sequence uint64, ok bool) {
	if jsontext.ValidateObject(reply) != nil {
		return 0, false
	}
	for name, raw := range jsontext.Members(reply) {
		switch name {
		case "error":
			return 0, false
		case "seq":
			sequence, _ = strconv.ParseUint(string(raw), 10, 64)
		}
	}
	return sequence, sequence > 0
}
