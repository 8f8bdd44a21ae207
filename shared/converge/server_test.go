package converge_test

import (
	"math/rand/v2"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// server is the host of one document by the rules of the real one: group commit
// with one append in flight, the conflict test by what was read and written, and a
// window of recent records. Its log outlives it.
type server struct {
	random *rand.Rand
	calm   bool // nothing goes wrong
	log    []entry

	// What follows is memory: it is lost in a crash.
	doc     *doc.Doc
	floor   int // the first record of the window
	effects [][]effect
	clients map[record.ClientID]record.MutationID
	queue   []submission
	flight  *flight
	conns   []*conn
	number  uint32

	issued byte // client ids given out

	folding bool // what a client lacks is folded, as a rule

	conflicts, duplicates, snapshots, resumes int
	folds, folded                             int // how often, and records
}

// entry is a record of the log.
type entry struct {
	at   record.Position // after it
	rec  record.Record
	data []byte
}

type effect struct {
	client record.ClientID
	id     record.MutationID
	writes []delta.Write
}

type submission struct {
	from *conn
	push *wire.Push
}

// flight is the append in flight.
type flight struct {
	members []submission
	effects []effect
	rec     record.Record
}

// conn is a connection: what is on its way in each direction, in order.
type conn struct {
	up, down [][]byte
	client   record.ClientID
	open     bool
}

const epoch = 0xe

func newServer() *server {
	s := &server{}
	s.load()
	return s
}

func (s *server) head() record.Position {
	if len(s.log) == 0 {
		return record.Position{Epoch: epoch}
	}
	return s.log[len(s.log)-1].at
}

// load begins anew with what the log says.
func (s *server) load() {
	s.doc = doc.New()
	s.clients = make(map[record.ClientID]record.MutationID)
	s.queue, s.flight, s.conns = nil, nil, nil
	s.floor, s.effects = 0, nil
	s.number++
	for _, e := range s.log {
		s.effects = append(s.effects, s.apply(&e.rec))
	}
}

func (s *server) apply(rec *record.Record) []effect {
	var effects []effect
	for _, m := range rec.Mutations {
		done := s.doc.Apply(mustParse(m.Delta))
		effects = append(effects, effect{m.Client, m.ID, done.Writes})
		s.clients[m.Client] = m.ID
	}
	return effects
}

// accident happens one time in n.
func (s *server) accident(n int) bool { return !s.calm && s.random.IntN(n) == 0 }

// forget moves the window: older positions get a snapshot, older bases a conflict.
func (s *server) forget() {
	if n := s.random.IntN(len(s.effects) + 1); n > 0 {
		s.effects = s.effects[n:]
		s.floor += n
	}
}

// crash ends the server, all connections, and the append in flight, one way or the
// other; then it begins again.
func (s *server) crash() {
	if s.flight != nil && s.random.IntN(2) == 0 {
		s.store(s.flight.rec)
	}
	s.load()
	if s.random.IntN(2) == 0 && !s.folding {
		s.forget()
	}
}

func (s *server) say(c *conn, f wire.Frame) {
	if slices.Contains(s.conns, c) {
		c.down = append(c.down, wire.Encode(f))
	}
}

// receive handles the first message that is on its way from a client.
func (s *server) receive(c *conn) {
	message := c.up[0]
	c.up = c.up[1:]
	for len(message) > 0 {
		f, rest, err := wire.Decode(message)
		if err != nil {
			failf("the server cannot read: %v", err)
		}
		s.handle(c, f)
		message = rest
	}
}

func (s *server) handle(c *conn, f wire.Frame) {
	switch f := f.(type) {
	case *wire.Hello:
		if c.client = f.Client; c.client.IsZero() {
			s.issued++
			c.client = record.ClientID{5: 1, 6: s.issued}
		}
		s.say(c, &wire.Welcome{Protocol: wire.Protocol, Client: c.client, Heartbeat: 15000, MaxMessage: wire.MaxMessage, MaxDelta: wire.MaxDelta})
	case *wire.Open:
		s.subscribe(c, f)
	case *wire.Push:
		if !c.open {
			return
		}
		s.queue = append(s.queue, submission{c, f})
		if s.accident(20) {
			s.queue = append(s.queue, submission{c, f})
		}
	case *wire.Ping:
		s.say(c, &wire.Pong{Number: f.Number})
	default:
		failf("a client sent %T", f)
	}
}

// subscribe lets a client go on from its position if that is in the window, and at
// times not even then.
func (s *server) subscribe(c *conn, f *wire.Open) {
	if s.accident(20) {
		s.say(c, &wire.Fault{Request: f.Request, Key: f.Key, Code: wire.CodeUnavailable})
		return
	}
	opened := wire.Opened{Request: f.Request, Doc: s.number, At: f.At, Head: s.head().Revision, Last: s.clients[c.client]}
	from, held := s.floor, f.At == s.positionAt(s.floor)
	for i := s.floor; i < len(s.log) && !held; i++ {
		from, held = i+1, s.log[i].at == f.At
	}
	if held && !s.accident(6) {
		s.resumes++
		if n := len(s.log) - from; s.folding && n > 0 && !s.accident(8) {
			// Now and then the last records are sent as they are.
			to := len(s.log)
			if s.accident(3) {
				to = from + 1 + s.random.IntN(n)
			}
			s.sayFolded(c, opened, from, to)
			from = to
		} else {
			s.say(c, &opened)
		}
		for _, e := range s.log[from:] {
			s.sayCommit(c, e)
		}
	} else {
		s.snapshots++
		opened.At, opened.Snapshot = s.head(), s.doc.Canonical()
		s.say(c, &opened)
	}
	s.sayChecksum(c)
	c.open = true
}

// positionAt returns the position before the i-th record.
func (s *server) positionAt(i int) record.Position {
	if i == 0 {
		return record.Position{Epoch: epoch}
	}
	return s.log[i-1].at
}

func (s *server) sayCommit(c *conn, e entry) {
	s.say(c, &wire.Commit{Doc: s.number, Revision: e.at.Revision, Record: e.data})
}

// sayFolded sends records from one to before another.
func (s *server) sayFolded(c *conn, opened wire.Opened, from, to int) {
	s.folds++
	s.folded += to - from
	opened.At, opened.Last = s.positionAt(to), record.MutationID{}
	var deltas []delta.Delta
	for i, e := range s.log[:to] {
		for _, m := range e.rec.Mutations {
			if m.Client == c.client {
				opened.Last = m.ID
			}
			if i >= from {
				deltas = append(deltas, mustParse(m.Delta))
			}
		}
	}
	opened.Folded, opened.Snapshot = true, wire.JoinPatches(delta.Fold(deltas))
	s.say(c, &opened)
}

func (s *server) sayChecksum(c *conn) {
	sum := s.doc.Checksum()
	s.say(c, &wire.Checksum{Doc: s.number, Revision: s.head().Revision, Hi: sum.Hi, Lo: sum.Lo})
}

type verdict uint8

const (
	accepted verdict = iota
	duplicate
	conflicting
	deferred
	unknown
	refused
)

// flush judges what waits, in order, and begins to append what passes.
func (s *server) flush() {
	if s.flight != nil || len(s.queue) == 0 {
		return
	}
	next := &flight{}
	last := make(map[record.ClientID]record.MutationID)
	held := make(map[record.ClientID]bool)
	var wait []submission
	var inverses []delta.Delta
	queue, late := s.late()
	s.queue = nil
	over := make(map[answer]bool)
	for _, p := range queue {
		if over[answer{p.from, p.push.ID}] {
			continue // what has come twice on one connection is answered once
		}
		v := deferred
		if !held[p.from.client] {
			v = s.judge(p, next, last)
		}
		switch v {
		case accepted:
			done := s.doc.Apply(mustParse(p.push.Delta))
			inverses = append(inverses, done.Inverse)
			next.members = append(next.members, p)
			next.effects = append(next.effects, effect{p.from.client, p.push.ID, done.Writes})
			last[p.from.client] = p.push.ID
		case deferred:
			held[p.from.client] = true
			wait = append(wait, p)
		case conflicting:
			s.conflicts++
			s.say(p.from, &wire.Conflict{Doc: s.number, ID: p.push.ID, Head: s.head().Revision})
		case unknown:
			s.say(p.from, &wire.Reject{Doc: s.number, ID: p.push.ID, Code: wire.CodeUnknownMutation})
		case refused:
			over[answer{p.from, p.push.ID}] = true
			s.say(p.from, &wire.Reject{Doc: s.number, ID: p.push.ID, Code: wire.CodeTooLarge})
		case duplicate:
			s.duplicates++
		}
	}
	for _, inverse := range slices.Backward(inverses) {
		s.doc.Apply(inverse)
	}
	s.queue = append(wait, late...)
	if len(next.members) == 0 {
		return
	}
	next.rec = s.recordOf(nil)
	for _, p := range next.members {
		next.rec.Mutations = append(next.rec.Mutations, record.Mutation{Client: p.from.client, ID: p.push.ID, Delta: p.push.Delta})
	}
	s.flight = next
}

// answer is what a client is told of a submission, on the connection on which that came.
type answer struct {
	to *conn
	id record.MutationID
}

// late divides the queue: another server may have what came on a connection that is gone,
// and take longer than this one with what has come since.
func (s *server) late() (queue, late []submission) {
	for _, p := range s.queue {
		if !slices.Contains(s.conns, p.from) && s.accident(2) {
			late = append(late, p)
		} else {
			queue = append(queue, p)
		}
	}
	return queue, late
}

func (s *server) recordOf(mutations []record.Mutation) record.Record {
	at := s.head()
	return record.Record{Epoch: at.Epoch, Prev: at.Revision, PrevChain: at.Chain, Time: 1, Mutations: mutations}
}

func (s *server) judge(p submission, next *flight, reserved map[record.ClientID]record.MutationID) verdict {
	client, id := p.from.client, p.push.ID
	last, isReserved := reserved[client]
	if !isReserved {
		last = s.clients[client]
	}
	if id.Number <= last.Number {
		switch {
		case isReserved && id == last, holds(next.effects, client, id):
			return deferred
		case id == last, slices.ContainsFunc(s.effects, func(e []effect) bool { return holds(e, client, id) }):
			return duplicate
		}
		return unknown
	}
	if p.push.Base > s.head().Revision {
		return unknown
	}
	if p.push.Follows != last || p.push.Base < s.positionAt(s.floor).Revision {
		return conflicting
	}
	reads := delta.NewReadSet(p.push.Reads)
	for i, effects := range s.effects {
		if s.log[s.floor+i].at.Revision > p.push.Base && conflicts(effects, client, reads) {
			return conflicting
		}
	}
	if conflicts(next.effects, client, reads) {
		return deferred
	}
	if !s.calm && id.Nonce%64 == 0 && s.doc.Size()%4 > 0 {
		return refused // for good; but another copy of it may come when there is room
	}
	return accepted
}

func holds(effects []effect, client record.ClientID, id record.MutationID) bool {
	return slices.ContainsFunc(effects, func(e effect) bool { return e.client == client && e.id == id })
}

func conflicts(effects []effect, client record.ClientID, reads *delta.ReadSet) bool {
	return slices.ContainsFunc(effects, func(e effect) bool { return e.client != client && reads.ConflictsWith(e.writes) })
}

// land ends the append in flight: it is in the log, or another server was first.
func (s *server) land() {
	if s.flight == nil {
		return
	}
	f := s.flight
	s.flight = nil
	if s.accident(13) {
		s.queue = append(f.members, s.queue...)
		s.outsider()
		return
	}
	s.committed(s.store(f.rec))
}

// outsider is another server that stores a record of a client of its own.
func (s *server) outsider() {
	patch := []string{`{"plain":{"outside":{"n":1}}}`, `{"plain":{"outside":null}}`, `{"plain":{"a":{"b":"outside"}}}`, `{"cards":{"c0":{"lane":"todo"}}}`}
	m := record.Mutation{
		Client: record.ClientID{5: 1, 6: 255}, ID: record.MutationID{Number: uint64(len(s.log) + 1), Nonce: 1},
		Delta: []byte(patch[s.random.IntN(len(patch))]),
	}
	s.committed(s.store(s.recordOf([]record.Mutation{m})))
}

// store appends a record to the log.
func (s *server) store(rec record.Record) entry {
	data, err := rec.Encode()
	if err != nil {
		failf("encode: %v", err)
	}
	at := s.head()
	at.Revision += record.Revision(1 + s.random.IntN(5))
	at.Chain = record.ChainOf(data)
	s.log = append(s.log, entry{at: at, rec: rec, data: data})
	return s.log[len(s.log)-1]
}

// committed tells all of a record that is in the log.
func (s *server) committed(e entry) {
	s.effects = append(s.effects, s.apply(&e.rec))
	for _, c := range s.conns {
		if c.open {
			s.sayCommit(c, e)
			if len(s.log)%4 == 0 {
				s.sayChecksum(c)
			}
		}
	}
}
