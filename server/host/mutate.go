package host

import (
	"bytes"
	"errors"
	"runtime/debug"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Policy says what a space takes of its clients. A Go program that embeds the server is
// not bound by it.
type Policy uint8

const (
	// Trust takes the delta of a named mutation as its client has made it, unless what
	// it read has changed. Plain mutations are taken as well, and those whose name the
	// server does not know are plain.
	Trust Policy = iota
	// Verify runs every named mutation and takes what comes of it. The name must be
	// known. Plain mutations are taken as well.
	Verify
	// Only is Verify, and no plain mutation is taken.
	Only
)

// Call makes a submission a named mutation.
type Call struct {
	Name string
	// Args is a valid JSON value.
	Args []byte
	// Offered is set if the delta of the submission is what the function did at its
	// author's. If not, there is none.
	Offered bool
}

// made is what the host has made of a named mutation.
type made struct {
	id    record.MutationID
	delta delta.Delta
}

// stored returns what the log gets of a submission that was accepted.
func (s *Submission) stored() (record.MutationID, delta.Delta) {
	if s.made != nil {
		return s.made.id, s.made.delta
	}
	return s.ID, s.Delta
}

// is reports whether the log's or the record's mutation id is this one.
func (s *Submission) is(id record.MutationID) bool {
	return s.ID == id || s.Call != nil && s.ID == id.Rewritten()
}

func (h *Host) policy() Policy {
	if h.cfg.Policy == nil {
		return Trust
	}
	return h.cfg.Policy(h.key.Space)
}

// take judges a submission that is next of its client. It is exact if it follows the
// very attempt that is the last, so that its delta was computed on that one's delta.
//
// A named mutation that was computed on something else than there is, be it in the log,
// be it reserved, is run on what is reserved so far, in this very record.
func (b *batch) take(client record.ClientID, s Submission, exact bool) verdict {
	h := b.host
	if s.Call == nil {
		if b.policy == Only {
			return plain
		}
		return b.takeDelta(client, s)
	}
	fn := h.cfg.Mutators.Lookup(s.Call.Name)
	switch {
	case fn == nil && (b.policy != Trust || !s.Call.Offered):
		return nameless
	case fn == nil && !exact && len(b.members) > 0:
		return deferred
	case fn == nil && !exact:
		return conflicting
	case fn == nil:
		return b.takeDelta(client, s)
	case exact && b.policy == Trust && s.Call.Offered && b.reads(client, s) == accepted:
		return b.apply(s)
	}
	return b.call(s, fn, exact)
}

func (b *batch) takeDelta(client record.ClientID, s Submission) verdict {
	if v := b.reads(client, s); v != accepted {
		return v
	}
	return b.apply(s)
}

// call runs a named mutation at the head, and reserves what it changes.
//
// The id under which that is stored says whether it is the client's very delta, on the
// very delta of the mutation before it: only then may what follows rely on it.
func (b *batch) call(s Submission, fn mutator.Func, exact bool) verdict {
	h := b.host
	before := h.doc.Size()
	change, err := h.invoke(s.Call, fn)
	if err != nil {
		if len(b.members) > 0 {
			return deferred // it may be the fault of what is reserved, and that may come to nothing
		}
		h.reject(s, wire.CodeMutator, reason(err))
		return over
	}
	s.made = &made{id: s.ID.Rewritten(), delta: change.Delta}
	if exact && s.Call.Offered && bytes.Equal(change.Delta.Bytes(), s.Delta.Bytes()) {
		s.made.id = s.ID
	}
	size, after := change.Delta.Len()+mutationPadding, h.doc.Size()
	if tooMuch := size > maxBatchBytes; tooMuch || b.size+size > maxBatchBytes || after > h.cfg.MaxDocument && after > before {
		h.doc.Apply(change.Inverse)
		switch {
		case len(b.members) > 0:
			return deferred
		case tooMuch:
			h.reject(s, wire.CodeTooLarge, "the mutator changes more than a record holds")
			return over
		}
		return oversize
	}
	b.reserve(s, change.Effect)
	return accepted
}

// invoke runs a named function on the document.
func (h *Host) invoke(c *Call, fn mutator.Func) (doc.Change, error) {
	return mutator.Run(h.doc, func(tx *doc.Tx, args []byte) error {
		defer func() {
			if v := recover(); v != nil {
				h.log.Error("a mutator panicked", "mutator", c.Name, "panic", v, "stack", string(debug.Stack()))
				panic(v)
			}
		}()
		return fn(tx, args)
	}, c.Args)
}

// reject refuses a submission for good.
func (h *Host) reject(s Submission, code wire.Code, detail string) {
	s.From.Send(wire.Encode(&wire.Reject{Doc: h.number, ID: s.ID, Code: code, Detail: detail}))
}

// maxReason bounds how much of an error's text a client is told.
const maxReason = 512

// reason returns what a client is told of a function's error: its text, which is for
// the users of the application, but not what a panic says.
func reason(err error) string {
	var panicked *mutator.PanicError
	if errors.As(err, &panicked) {
		return "the mutator failed"
	}
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
}
