package replica_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// simServer is a server of one document by the rules of the protocol, written
// for being looked through: everything is derived from the log each time, and
// what a mutation read is compared by value in two plain documents.
type simServer struct {
	t      *testing.T
	random *rand.Rand
	log    []simRecord
	queue  []simPush // what waits for the next record
	conns  []*simConn
	number uint32 // names the document, anew after each restart
	issued byte   // client ids given out

	rewritten, refused int // named edits
	folds              int
}

type simRecord struct {
	at    record.Position // after it
	rec   record.Record
	data  []byte
	state any // after it
	sum   doc.Checksum
}

// simEvery is after how many records a checksum is sent.
const simEvery = 3

// sumOf is the checksum of a plain document, computed afresh.
func sumOf(t testing.TB, state any) doc.Checksum {
	t.Helper()
	d, err := doc.Parse([]byte(plain(state)))
	if err != nil {
		t.Fatal(err)
	}
	return d.Checksum()
}

type simPush struct {
	from *simConn
	push *wire.Push
	args []byte // of a named edit, else nil
}

// simConn is a connection: what is on its way in each direction, in order.
type simConn struct {
	up, down [][]byte
	client   record.ClientID
	open     bool
}

func (s *simServer) head() simRecord {
	if len(s.log) == 0 {
		return simRecord{at: record.Position{Epoch: 0xe}, state: map[string]any{}, sum: doc.New().Checksum()}
	}
	return s.log[len(s.log)-1]
}

// sayChecksum sends that of the head.
func (s *simServer) sayChecksum(c *simConn) {
	head := s.head()
	s.say(c, &wire.Checksum{Doc: s.number, Revision: head.at.Revision, Hi: head.sum.Hi, Lo: head.sum.Lo})
}

func (s *simServer) say(c *simConn, f wire.Frame) { c.down = append(c.down, wire.Encode(f)) }

// receive handles the first message that is on its way from a client.
func (s *simServer) receive(c *simConn) {
	message := c.up[0]
	c.up = c.up[1:]
	for len(message) > 0 {
		f, rest, err := wire.Decode(message)
		if err != nil {
			s.t.Fatal(err)
		}
		s.handle(c, f)
		message = rest
	}
}

func (s *simServer) handle(c *simConn, f wire.Frame) {
	switch f := f.(type) {
	case *wire.Hello:
		if c.client = f.Client; c.client.IsZero() {
			s.issued++
			c.client = record.ClientID{5: 1, 6: s.issued}
		}
		w := welcome()
		w.Client = c.client
		s.say(c, w)
	case *wire.Open:
		s.openDocument(c, f)
	case *wire.Leave:
		c.open = false
	case *wire.Push:
		if c.open {
			s.queue = append(s.queue, simPush{c, f, nil})
		}
	case *wire.Invoke:
		if c.open {
			s.queue = append(s.queue, simPush{c, asPush(f), f.Args})
		}
	case *wire.Ping:
		s.say(c, &wire.Pong{Number: f.Number})
	default:
		s.t.Fatalf("a client sent %T", f)
	}
}

// openDocument lets a client go on from a position of the log, or else, and at
// times all the same, sends a snapshot, of the head or of before it. At times the
// records that follow, or the first of them, are folded.
func (s *simServer) openDocument(c *simConn, f *wire.Open) {
	if s.random.IntN(15) == 0 {
		c.open = false
		s.say(c, &wire.Fault{Request: f.Request, Key: f.Key, Code: wire.CodeUnavailable})
		return
	}
	from := slices.IndexFunc(s.log, func(r simRecord) bool { return r.at == f.At }) + 1
	opened := wire.Opened{Request: f.Request, Doc: s.number, At: f.At, Head: s.head().at.Revision}
	if from == 0 || s.random.IntN(4) == 0 {
		if from = len(s.log); s.random.IntN(3) == 0 {
			from = s.random.IntN(len(s.log) + 1)
		}
		at := simRecord{at: record.Position{Epoch: 0xe}, state: map[string]any{}}
		if from > 0 {
			at = s.log[from-1]
		}
		opened.At, opened.Snapshot = at.at, []byte(plain(at.state))
	}
	c.open = true
	if n := len(s.log) - from; n > 0 && len(opened.Snapshot) == 0 && s.random.IntN(3) > 0 {
		to := from + 1 + s.random.IntN(n)
		opened.Last = s.lastOf(c.client, s.log[:to], nil)
		s.say(c, s.fold(opened, s.log[from:to]))
		from = to
	} else {
		opened.Last = s.lastOf(c.client, s.log[:from], nil)
		s.say(c, &opened)
	}
	for _, r := range s.log[from:] {
		s.say(c, &wire.Commit{Doc: s.number, Revision: r.at.Revision, Record: r.data})
	}
	s.sayChecksum(c)
}

// fold returns the answer that leads over records in one.
func (s *simServer) fold(opened wire.Opened, records []simRecord) *wire.Opened {
	s.folds++
	var deltas []string
	for _, r := range records {
		for _, m := range r.rec.Mutations {
			deltas = append(deltas, string(m.Delta))
		}
	}
	opened.At = records[len(records)-1].at
	return folded(s.t, opened, deltas...)
}

// folded is an answer with deltas in one.
func folded(t testing.TB, opened wire.Opened, deltas ...string) *wire.Opened {
	t.Helper()
	var all []delta.Delta
	for _, text := range deltas {
		all = append(all, parseDelta(t, text))
	}
	opened.Folded, opened.Snapshot = true, wire.JoinPatches(delta.Fold(all))
	return &opened
}

// lastOf is a client's last mutation.
func (s *simServer) lastOf(client record.ClientID, log []simRecord, reserved []record.Mutation) (last record.MutationID) {
	for _, r := range log {
		for _, m := range r.rec.Mutations {
			if m.Client == client {
				last = m.ID
			}
		}
	}
	for _, m := range reserved {
		if m.Client == client {
			last = m.ID
		}
	}
	return last
}

func (s *simServer) holds(p simPush, reserved []record.Mutation) bool {
	same := func(m record.Mutation) bool {
		return m.Client == p.from.client && (m.ID == p.push.ID || p.args != nil && m.ID == p.push.ID.Rewritten())
	}
	return slices.ContainsFunc(reserved, same) ||
		slices.ContainsFunc(s.log, func(r simRecord) bool { return slices.ContainsFunc(r.rec.Mutations, same) })
}

// commit judges some of what waits, in order, and stores what passes as one
// record. What conflicts with that record is answered after it. If crash is
// set, the server ends before anybody hears of the record.
func (s *simServer) commit(crash bool) {
	late := s.late()
	if len(s.queue) == 0 {
		s.queue = late
		return
	}
	n := 1 + s.random.IntN(len(s.queue))
	batch := s.queue[:n]
	s.queue = append(slices.Clone(s.queue[n:]), late...)
	var reserved []record.Mutation
	var conflicts []simPush
	state := s.head().state
	for _, p := range batch {
		switch last := s.lastOf(p.from.client, s.log, reserved); {
		case s.holds(p, reserved):
			// Its commit tells, or has told.
		case p.push.ID.Number <= last.Number:
			s.say(p.from, &wire.Reject{Doc: s.number, ID: p.push.ID, Code: wire.CodeUnknownMutation})
		case p.args != nil && p.push.Follows.Number == last.Number &&
			(p.push.Follows != last || len(p.push.Delta) == 0 || !s.sees(p, state, reserved) || s.random.IntN(4) == 0):
			if m, ok := s.runNamed(p, state, last); ok {
				reserved = append(reserved, m)
				state = mergePatch(state, decode(s.t, m.Delta))
			}
		case p.push.Follows != last, !s.sees(p, state, reserved), s.random.IntN(12) == 0:
			conflicts = append(conflicts, p)
		default:
			reserved = append(reserved, record.Mutation{Client: p.from.client, ID: p.push.ID, Delta: p.push.Delta})
			state = mergePatch(state, decode(s.t, p.push.Delta))
		}
	}
	if len(reserved) > 0 {
		s.store(reserved, state, crash)
	}
	for _, p := range conflicts {
		s.say(p.from, &wire.Conflict{Doc: s.number, ID: p.push.ID, Head: s.head().at.Revision})
	}
}

// runNamed runs a named edit on a state. Unlike a real server this one refuses it on
// account of what is not stored yet.
func (s *simServer) runNamed(p simPush, state any, last record.MutationID) (m record.Mutation, ok bool) {
	var e namedEdit
	if err := json.Unmarshal(p.args, &e); err != nil {
		s.t.Fatal(err)
	}
	d, err := doc.Parse([]byte(plain(state)))
	if err != nil {
		s.t.Fatal(err)
	}
	change, err := d.Update(e.run)
	if err != nil {
		s.refused++
		s.say(p.from, &wire.Reject{Doc: s.number, ID: p.push.ID, Code: wire.CodeMutator, Detail: err.Error()})
		return m, false
	}
	m = record.Mutation{Client: p.from.client, ID: p.push.ID.Rewritten(), Delta: change.Delta.Bytes()}
	if p.push.Follows == last && bytes.Equal(p.push.Delta, m.Delta) {
		m.ID = p.push.ID
	} else {
		s.rewritten++
	}
	return m, true
}

// late takes out of the queue, as a rule, what is left of connections that have
// ended: it may come long after what the same clients have sent since.
func (s *simServer) late() []simPush {
	if s.random.IntN(6) == 0 {
		return nil
	}
	var late []simPush
	s.queue = slices.DeleteFunc(s.queue, func(p simPush) bool {
		if p.from.open {
			return false
		}
		late = append(late, p)
		return true
	})
	return late
}

func (s *simServer) store(mutations []record.Mutation, state any, crash bool) {
	at := s.head().at
	rec := record.Record{Epoch: at.Epoch, Prev: at.Revision, PrevChain: at.Chain, Mutations: mutations}
	data, err := rec.Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	at.Revision += record.Revision(1 + s.random.IntN(5))
	at.Chain = record.ChainOf(data)
	s.log = append(s.log, simRecord{at: at, rec: rec, data: data, state: state, sum: sumOf(s.t, state)})
	if crash {
		return
	}
	for _, c := range s.conns {
		if c.open && s.random.IntN(40) == 0 { // it reads too slowly
			c.open = false
			s.say(c, &wire.Fault{Key: board.String(), Code: wire.CodeSlow})
		}
		if c.open {
			s.say(c, &wire.Commit{Doc: s.number, Revision: at.Revision, Record: data})
			if len(s.log)%simEvery == 0 {
				s.sayChecksum(c)
			}
		}
	}
}

// sees reports whether all that a mutation read looks the same where its author
// saw it (at its base, with the author's own mutations since) and now.
func (s *simServer) sees(p simPush, now any, reserved []record.Mutation) bool {
	var seen any = map[string]any{}
	own := func(mutations []record.Mutation) {
		for _, m := range mutations {
			if m.Client == p.from.client {
				seen = mergePatch(seen, decode(s.t, m.Delta))
			}
		}
	}
	for _, r := range s.log {
		if r.at.Revision <= p.push.Base {
			seen = r.state
		} else {
			own(r.rec.Mutations)
		}
	}
	own(reserved)
	for _, r := range p.push.Reads {
		if look(seen, r) != look(now, r) {
			return false
		}
	}
	return true
}

// look is what a read returns, as text.
func look(state any, r delta.Read) string {
	for _, name := range r.Path.Names() {
		object, ok := state.(map[string]any)
		if !ok {
			return "nothing"
		}
		if state, ok = object[name]; !ok {
			return "nothing"
		}
	}
	object, isObject := state.(map[string]any)
	switch {
	case r.Kind == delta.ReadValue:
		return plain(state)
	case !isObject:
		return "no object"
	case r.Kind == delta.ReadExists:
		return "an object"
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return plain(names)
}

// restart ends all connections; what waits is lost, the log is not.
func (s *simServer) restart() {
	if len(s.queue) > 0 && s.random.IntN(2) == 0 {
		s.commit(true)
	}
	s.queue, s.conns = nil, nil
	s.number++
}
